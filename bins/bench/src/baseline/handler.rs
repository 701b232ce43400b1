//! Baseline: a bare actix-web handler that answers JSON, the minimum cost of an actix-web server.
//!
//! The handler runs in a separate process with as many workers as the server (the default of actix-web, one
//! per core). It gets the same requests, reads their bodies without parsing, and answers with bodies of the
//! same size.

mod body;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::rt::System;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use clap::ValueEnum;
use hyper::StatusCode;
use portcullis_domain::{Clock, SystemClock};
use portcullis_token::{AccessClaims, RevocationSet, Verifier};

use self::body::Body;
use crate::bench::{Bench, ISSUER};
use crate::client::{Client, Request, get, source};
use crate::comparison::{MeasuredWork, Round};
use crate::load::{Load, Repeat};
use crate::options::{Handler, Route};
use crate::outcome::Result;
use crate::questions::{BATCH, CHECK, ME};
use crate::server::{Server, free_address};

/// The path of the keys that a server publishes.
const KEYS_PATH: &str = "/.well-known/jwks.json";

/// The path of its readiness check.
const READY: &str = "/ready";

/// The running handler and its clients.
pub(crate) struct BareHandler {
    server: Server,
    load: Load<Repeat>,
}

impl BareHandler {
    /// Starts this program as the bare handler of a route, with answers of the given size, and with the
    /// clients that `load` makes for its address.
    pub(crate) async fn start(
        bench: &Bench,
        route: Route,
        bytes: usize,
        load: impl FnOnce(SocketAddr) -> Result<Load<Repeat>>,
    ) -> Result<Self> {
        Self::start_with(bench, route, bytes, load, None).await
    }

    /// The same, with these keys of tokens.
    async fn start_with(
        bench: &Bench,
        route: Route,
        bytes: usize,
        load: impl FnOnce(SocketAddr) -> Result<Load<Repeat>>,
        keys: Option<&str>,
    ) -> Result<Self> {
        let route = route.to_possible_value().ok_or("a route without a name")?;
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["baseline", "--address", &address.to_string()]).args([
            "--route",
            route.get_name(),
            "--bytes",
            &bytes.to_string(),
        ]);
        command.args(keys.iter().flat_map(|keys| ["--keys", keys]));
        let server = Server::start(command, address, READY, &bench.log()).await?;
        Ok(Self { server, load: load(address)? })
    }

    /// Starts the bare handler that verifies the tokens of this server: `me` without the request stack.
    pub(crate) async fn verifying(
        bench: &Bench,
        server: SocketAddr,
        bytes: usize,
        load: impl FnOnce(SocketAddr) -> Result<Load<Repeat>>,
    ) -> Result<Self> {
        let mut client = Client::connect(server, source(0)).await?;
        let published = client.send(get(server, KEYS_PATH, None)?).await?.expect(StatusCode::OK)?;
        let published = String::from_utf8(published.body.to_vec())?;
        Self::start_with(bench, Route::VerifiedMe, bytes, load, Some(&published)).await
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

impl MeasuredWork for BareHandler {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        self.load.round(length).await
    }
}

/// The length of the body that answers the request.
pub(crate) async fn answer_size(server: SocketAddr, request: Request) -> Result<usize> {
    let mut client = Client::connect(server, source(0)).await?;
    Ok(client.send(request).await?.expect(StatusCode::OK)?.body.len())
}

/// Serves until a signal stops the process.
pub(crate) fn serve(handler: &Handler) -> Result<()> {
    let body = web::Data::new(Body::of_size(handler.route, handler.bytes)?);
    let route = handler.route;
    let tokens = handler.keys.as_deref().map(Tokens::of).transpose()?.map(web::Data::new);
    let server = HttpServer::new(move || {
        let mut app = App::new()
            .app_data(body.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .route(READY, web::get().to(HttpResponse::Ok));
        if let Some(tokens) = &tokens {
            app = app.app_data(tokens.clone());
        }
        match route {
            Route::VerifiedMe => app.route(ME, web::get().to(verify_and_answer)),
            Route::Me => app.route(ME, web::get().to(answer)),
            Route::Check => app.route(CHECK, web::post().to(read_and_answer)),
            Route::Batch => app.route(BATCH, web::post().to(read_and_answer)),
        }
    });
    let running = server.bind(handler.address)?;
    System::new().block_on(running.run())?;
    Ok(())
}

/// The maximum size of a request body.
const MAX_BODY_BYTES: usize = 1024 * 1024;

async fn answer(body: web::Data<Body>) -> HttpResponse {
    HttpResponse::Ok().json(&body)
}

/// Verifies access tokens as the server does: by a signature that it remembers, and by revocations.
struct Tokens {
    verifier: Verifier<AccessClaims>,
    revocations: RevocationSet,
    clock: SystemClock,
}

impl Tokens {
    fn of(keys: &str) -> Result<Self> {
        const REMEMBERED: usize = 16 * 1024;
        let verifier = Verifier::from_jwks(keys, ISSUER, "portcullis")?;
        Ok(Self {
            verifier: verifier.remembering(REMEMBERED),
            revocations: RevocationSet::new(),
            clock: SystemClock::new(),
        })
    }

    fn accept(&self, request: &HttpRequest) -> bool {
        let header = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
        let claims = header
            .and_then(|header| header.strip_prefix("Bearer "))
            .and_then(|token| self.verifier.verify(token, self.clock.now()).ok());
        claims.is_some_and(|claims| !self.revocations.is_revoked(&claims))
    }
}

async fn verify_and_answer(
    request: HttpRequest,
    tokens: web::Data<Tokens>,
    body: web::Data<Body>,
) -> HttpResponse {
    if tokens.accept(&request) { answer(body).await } else { HttpResponse::Unauthorized().finish() }
}

async fn read_and_answer(body: web::Data<Body>, _read: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().json(&body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::post;

    /// A complete load test against the handler, in a thread of this process.
    async fn loaded(route: Route, request: impl Fn(SocketAddr) -> Request) {
        let address = free_address().unwrap();
        std::thread::spawn(move || serve(&Handler { address, route, bytes: 400, keys: None }));
        while tokio::net::TcpStream::connect(address).await.is_err() {}

        assert_eq!(answer_size(address, request(address)).await.unwrap(), 400);
        let clients = (0..4).map(|_| Repeat::new(vec![request(address)]));
        let mut load = Load::new(address, clients);
        for _ in 0..2 {
            let round = load.round(Duration::from_millis(100)).await.unwrap();
            assert!(round.rate > 0.0 && !round.latencies.is_empty());
        }
        let scripts: Vec<Repeat> = load.into_scripts().collect();
        assert_eq!(scripts.len(), 4);
        assert!(scripts.iter().all(|script| script.answered > 0));
    }

    #[tokio::test]
    async fn the_handler_answers_everybody_who_asks() {
        loaded(Route::Me, |address| get(address, ME, Some("token")).unwrap()).await;
    }

    #[tokio::test]
    async fn the_handler_reads_what_is_posted() {
        let body = serde_json::json!({ "items": "x".repeat(300_000) });
        loaded(Route::Batch, |address| post(address, BATCH, &body).unwrap()).await;
    }
}
