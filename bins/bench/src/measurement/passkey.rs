//! Sign-in by passkey beside sign-in by password, both with a new session and a durable transaction.
//!
//! A sign-in by passkey is two requests, and each writes: the first stores the challenge, the second spends it
//! and opens the session. The processor time of the server tells what bounds each kind.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::accounts::{TestUser, in_parallel, sign_in};
use crate::authenticator::Authenticator;
use crate::bench::{Bench, Data};
use crate::client::{Answer, Request, bearing, post};
use crate::comparison::{MeasuredWork, Round, compare};
use crate::load::{Load, Repeat, Script};
use crate::outcome::Result;
use crate::processor;
use crate::quantity::time;
use crate::report::Row;

/// Accounts for each connection and each kind of sign-in.
const ACCOUNTS: u32 = 4;

/// So many sessions that no sign-in ends another session.
const SESSIONS: (&str, &str) = ("PORTCULLIS__SESSIONS__MOST", "1000");

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let server = bench.server_with(Data::Common, &[SESSIONS]).await?;
    let (address, process) = (server.address, server.process());
    let count = bench.options.connections * ACCOUNTS;
    let by_password = bench.accounts.register(address, count).await?;
    let by_passkey = bench.accounts.register(address, count).await?;
    let mut passkeys = register_passkeys(address, &by_passkey).await?.into_iter();

    let each = usize::try_from(ACCOUNTS)?;
    let scripts: Vec<PasskeySignIns> = (0..bench.options.connections)
        .map(|_| PasskeySignIns::new(address, passkeys.by_ref().take(each).collect()))
        .collect();
    let load = Load::new(address, scripts);
    let mut passkey = SignIns { load, process, requests: 2.0, spent: Duration::ZERO };
    let requests: Vec<Request> =
        by_password.iter().map(|person| person.sign_in(address)).collect::<Result<_>>()?;
    let load = Load::new(address, requests.chunks(each).map(|own| Repeat::new(own.to_vec())));
    let mut password = SignIns { load, process, requests: 1.0, spent: Duration::ZERO };

    let compared =
        compare(&mut passkey, &mut password, bench.options.rounds, bench.options.round()).await?;
    server.stop().await?;
    let note = format!(
        "of a request, two for each; processor time of the server: {} each, {} by password",
        time(passkey.each(|script| script.signed_in)?),
        time(password.each(|script| script.answered)?),
    );
    Ok(vec![Row::rate("sign-in by passkey", &compared, "by password", "").noting(&note)])
}

/// Registers a passkey for each account, on the page that a browser knows as `localhost`.
async fn register_passkeys(server: SocketAddr, people: &[TestUser]) -> Result<Vec<Authenticator>> {
    let origin = format!("http://localhost:{}", server.port());
    let tokens = sign_in(server, people).await?;
    let starts = people.iter().zip(&tokens).map(|(person, tokens)| {
        let body = json!({ "current_password": *person.password });
        bearing(post(server, "/api/auth/passkeys/options", &body)?, &tokens.access_token)
    });
    let answers = in_parallel(server, starts.collect::<Result<_>>()?, StatusCode::OK).await?;
    let (mut authenticators, mut registrations) = (Vec::new(), Vec::new());
    for (answer, tokens) in answers.iter().zip(&tokens) {
        let (authenticator, credential) = Authenticator::create(&options(answer)?, &origin)?;
        authenticators.push(authenticator);
        let body = json!({ "credential": credential, "name": "bench" });
        let request = post(server, "/api/auth/passkeys/verify", &body)?;
        registrations.push(bearing(request, &tokens.access_token)?);
    }
    in_parallel(server, registrations, StatusCode::OK).await?;
    Ok(authenticators)
}

fn options(body: &[u8]) -> Result<Value> {
    let mut body: Value = serde_json::from_slice(body)?;
    body.get_mut("public_key").map(Value::take).ok_or_else(|| "no options of a passkey".into())
}

/// Signs in with these passkeys in turn.
struct PasskeySignIns {
    server: SocketAddr,
    passkeys: Vec<Authenticator>,
    /// The options of the sign-in under way.
    options: Option<Value>,
    signed_in: u64,
}

impl PasskeySignIns {
    const fn new(server: SocketAddr, passkeys: Vec<Authenticator>) -> Self {
        Self { server, passkeys, options: None, signed_in: 0 }
    }
}

impl Script for PasskeySignIns {
    fn request(&mut self) -> Result<Request> {
        let Some(options) = &self.options else {
            let body = json!({ "delivery": "body" });
            return post(self.server, "/api/auth/login/passkey/options", &body);
        };
        let turn = usize::try_from(self.signed_in)? % self.passkeys.len().max(1);
        let passkey = self.passkeys.get(turn).ok_or("a client without passkeys")?;
        let body = json!({ "credential": passkey.assert(options)? });
        post(self.server, "/api/auth/login/passkey/verify", &body)
    }

    fn answer(&mut self, answer: Answer, _latency: Option<Duration>) -> Result<()> {
        let answer = answer.expect(StatusCode::OK)?;
        if self.options.take().is_some() {
            self.signed_in += 1;
        } else {
            self.options = Some(options(&answer.body)?);
        }
        Ok(())
    }
}

/// Sign-ins of several requests each, with the processor time that the server spends on them.
struct SignIns<S> {
    load: Load<S>,
    process: u32,
    requests: f64,
    spent: Duration,
}

impl<S: Script> SignIns<S> {
    /// The processor time of one sign-in.
    fn each(self, count: impl Fn(S) -> u64) -> Result<Duration> {
        let all: u64 = self.load.into_scripts().map(count).sum();
        Ok(self.spent / u32::try_from(all)?.max(1))
    }
}

impl<S: Script> MeasuredWork for SignIns<S> {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        let before = processor::time(self.process)?;
        let round = self.load.round(length).await?;
        self.spent += processor::time(self.process)?.saturating_sub(before);
        Ok(Round { rate: round.rate / self.requests, ..round })
    }
}
