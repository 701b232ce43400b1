//! A bare actix-web handler that answers JSON: what any answer of an actix-web server costs.
//!
//! It runs as a process of its own, with the worker count of the server (actix-web's default, one
//! per core), and gets the very same requests. Its body has the fields and the size of an account.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::{App, HttpResponse, HttpServer, web};
use hyper::StatusCode;
use serde::Serialize;

use crate::Result;
use crate::bench::Bench;
use crate::client::{Client, get};
use crate::comparison::{Contender, Round};
use crate::crowd::Tokens;
use crate::load::{Load, Repeat};
use crate::measurement::me;
use crate::options::Handler;
use crate::server::{Server, free_address};

/// The route it answers, which is the one it is compared with.
pub(crate) const PATH: &str = "/api/auth/me";

/// The running handler and its clients.
pub(crate) struct BareHandler {
    server: Server,
    load: Load<Repeat>,
}

impl BareHandler {
    /// Starts this program as the bare handler, with answers as long as those of `server`.
    pub(crate) async fn start(
        bench: &Bench,
        server: SocketAddr,
        tokens: &[Tokens],
    ) -> Result<Self> {
        let bytes = body_size(server, tokens).await?.to_string();
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["baseline", "--address", &address.to_string(), "--bytes", &bytes]);
        let server = Server::start(command, address, PATH, &bench.log()).await?;
        let load = me::load(address, tokens, bench.options.connections)?;
        Ok(Self { server, load })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

impl Contender for BareHandler {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        self.load.round(length).await
    }
}

async fn body_size(server: SocketAddr, tokens: &[Tokens]) -> Result<usize> {
    let token = tokens.first().map(|tokens| tokens.access_token.as_str());
    let mut client = Client::connect(server, IpAddr::V4(Ipv4Addr::LOCALHOST)).await?;
    let answer = client.send(get(server, PATH, token)?).await?;
    Ok(answer.expect(StatusCode::OK)?.body.len())
}

/// Serves until the process is told to end.
pub(crate) fn serve(handler: &Handler) -> Result<()> {
    let account = web::Data::new(Account::of_size(handler.bytes)?);
    let server = HttpServer::new(move || {
        App::new().app_data(account.clone()).route(PATH, web::get().to(answer))
    });
    let running = server.bind(handler.address)?;
    System::new().block_on(running.run())?;
    Ok(())
}

async fn answer(account: web::Data<Account>) -> HttpResponse {
    HttpResponse::Ok().json(&account)
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the wire")]
struct Account {
    id: &'static str,
    username: &'static str,
    email: &'static str,
    display_name: String,
    kind: &'static str,
    role: &'static str,
    is_active: bool,
    email_verified: bool,
    password_must_change: bool,
    mfa_enabled: bool,
    created_at: &'static str,
    last_sign_in_at: &'static str,
}

impl Account {
    /// An account whose JSON has so many bytes: its display name fills up what is missing.
    fn of_size(bytes: usize) -> Result<Self> {
        let mut account = Self {
            id: "01997f3e-0000-7000-8000-000000000000",
            username: "somebody",
            email: "somebody@example.com",
            display_name: String::new(),
            kind: "user",
            role: "msa",
            is_active: true,
            email_verified: false,
            password_must_change: false,
            mfa_enabled: false,
            created_at: "2026-01-01T00:00:00.000000Z",
            last_sign_in_at: "2026-01-01T00:00:00.000000Z",
        };
        let least = serde_json::to_string(&account)?.len();
        let missing = bytes
            .checked_sub(least)
            .ok_or_else(|| format!("an account takes {least} bytes, not {bytes}"))?;
        account.display_name = "x".repeat(missing);
        Ok(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_the_size_that_was_asked_for() {
        let account = Account::of_size(512).unwrap();
        assert_eq!(serde_json::to_vec(&account).unwrap().len(), 512);
        assert!(Account::of_size(40).is_err());
    }

    /// The whole way of a load, against the handler on a thread of this process.
    #[tokio::test]
    async fn the_handler_answers_everybody_who_asks() {
        let address = free_address().unwrap();
        std::thread::spawn(move || serve(&Handler { address, bytes: 400 }));
        while tokio::net::TcpStream::connect(address).await.is_err() {}

        let request = get(address, PATH, Some("token")).unwrap();
        let clients = (0..4).map(|_| Repeat::new(vec![request.clone()]));
        let mut load = Load::new(address, clients);
        for _ in 0..2 {
            let round = load.round(Duration::from_millis(100)).await.unwrap();
            assert!(round.rate > 0.0 && !round.latencies.is_empty());
        }
        assert_eq!(load.into_scripts().count(), 4);
    }
}
