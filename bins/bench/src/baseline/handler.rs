//! Baseline: a bare actix-web handler that answers JSON, the minimum cost of an actix-web server.
//!
//! The handler runs in a separate process with as many workers as the server (the default of actix-web, one
//! per core). It gets the same requests, reads their bodies without parsing, and answers with bodies of the
//! same size.

mod body;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::{App, HttpResponse, HttpServer, web};
use clap::ValueEnum;
use hyper::StatusCode;

use self::body::Body;
use crate::bench::Bench;
use crate::client::{Client, Request, source};
use crate::comparison::{MeasuredWork, Round};
use crate::load::{Load, Repeat};
use crate::options::{Handler, Route};
use crate::outcome::Result;
use crate::questions::{BATCH, CHECK, ME};
use crate::server::{Server, free_address};

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
        let route = route.to_possible_value().ok_or("a route without a name")?;
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["baseline", "--address", &address.to_string()]).args([
            "--route",
            route.get_name(),
            "--bytes",
            &bytes.to_string(),
        ]);
        let server = Server::start(command, address, READY, &bench.log()).await?;
        Ok(Self { server, load: load(address)? })
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
    let server = HttpServer::new(move || {
        let app = App::new()
            .app_data(body.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .route(READY, web::get().to(HttpResponse::Ok));
        match route {
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

async fn read_and_answer(body: web::Data<Body>, _read: web::Bytes) -> HttpResponse {
    HttpResponse::Ok().json(&body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{get, post};

    /// A complete load test against the handler, in a thread of this process.
    async fn loaded(route: Route, request: impl Fn(SocketAddr) -> Request) {
        let address = free_address().unwrap();
        std::thread::spawn(move || serve(&Handler { address, route, bytes: 400 }));
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
