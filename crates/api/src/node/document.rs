//! `GET /api/openapi.json`: the API document.

use std::io;

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, Responder};
use futures_util::stream;
use portcullis_web::{Body, Guard, Limit, Method, Priority, Route};

/// The API document, rendered once.
pub(crate) struct Document(Bytes);

/// The document is sent in pieces of this size, so that a client that reads nothing holds a few pieces
/// in memory, and not a copy of it all.
const PIECE: usize = 16 * 1024;

impl Document {
    pub(crate) fn new(text: String) -> Self {
        Self(Bytes::from(text))
    }

    fn pieces(&self) -> impl Iterator<Item = Bytes> + use<> {
        let document = self.0.clone();
        (0..document.len().div_ceil(PIECE)).map(move |number| {
            let begin = number * PIECE;
            document.slice(begin..document.len().min(begin + PIECE))
        })
    }
}

pub(crate) const SERVE: Route = Route {
    method: Method::Get,
    path: "/api/openapi.json",
    guard: Guard::PUBLIC,
    limit: Limit::GENERAL.priority(Priority::Low),
    body: Body::None,
    errors: &[],
};

/// Serves the API document.
#[utoipa::path(get, path = SERVE.path, operation_id = "getApiDocument", tag = "operations",
    responses((status = 200, description = "The API document", body = serde_json::Value,
        content_type = "application/json", example = json!({ "openapi": "3.1.0" }))))]
pub(crate) async fn serve(document: web::Data<Document>) -> impl Responder {
    let length = u64::try_from(document.0.len()).unwrap_or(u64::MAX);
    let pieces = stream::iter(document.pieces().map(Ok::<_, io::Error>));
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .body(SizedStream::new(length, pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_document() {
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE - 1] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            let pieces: Vec<Bytes> = Document::new(text.clone()).pieces().collect();
            assert!(pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())), "{length}");
            assert_eq!(pieces.concat(), text.as_bytes());
        }
    }
}
