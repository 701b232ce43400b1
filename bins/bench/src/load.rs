//! Closed-loop load: many concurrent clients, each of which sends the next request after the answer.
//!
//! Only answers inside the window count. The window opens shortly after the clients start, and the clients
//! finish open requests after it closes. So neither the filling nor the draining of queues is measured, and
//! no request is left for the next measurement.

use std::iter::Cycle;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use std::vec::IntoIter;

use hyper::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::client::{Answer, Client, Request, source};
use crate::comparison::{MeasuredWork, Round, Window};
use crate::outcome::Result;

/// The requests of one client.
pub(crate) trait Script: Send + 'static {
    /// The next request.
    fn request(&mut self) -> Result<Request>;

    /// Takes the answer, and its latency if it came inside the window.
    ///
    /// # Errors
    ///
    /// When the answer is not an expected one, which ends the run.
    fn answer(&mut self, answer: Answer, latency: Option<Duration>) -> Result<()>;

    /// The pause before the next request.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// Clients of one server. They connect again for each round, and keep the state of their scripts.
pub(crate) struct Load<S> {
    server: SocketAddr,
    users: Vec<User<S>>,
}

/// Sends the same requests in turn. Each must be answered 200.
#[derive(Clone)]
pub(crate) struct Repeat {
    requests: Cycle<IntoIter<Request>>,
    /// All answers so far, inside and outside the window.
    pub answered: u64,
}

struct User<S> {
    source: IpAddr,
    script: S,
}

impl<S: Script> Load<S> {
    /// One client per script, each from a different address.
    pub(crate) fn new(server: SocketAddr, scripts: impl IntoIterator<Item = S>) -> Self {
        let sources = (0..).map(source);
        let users = sources.zip(scripts).map(|(source, script)| User { source, script }).collect();
        Self { server, users }
    }

    /// The scripts of the clients, with their state.
    pub(crate) fn into_scripts(self) -> impl Iterator<Item = S> {
        self.users.into_iter().map(|user| user.script)
    }
}

impl<S: Script> MeasuredWork for Load<S> {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        let window = Window::opening_soon(length);
        let mut running = JoinSet::new();
        for user in self.users.drain(..) {
            running.spawn(user.act(self.server, window));
        }
        let mut latencies = Vec::new();
        while let Some(ended) = running.join_next().await {
            let (user, measured) = ended??;
            self.users.push(user);
            latencies.extend(measured);
        }
        Ok(Round::new(latencies.len(), length, latencies))
    }
}

impl<S: Script> User<S> {
    async fn act(mut self, server: SocketAddr, window: Window) -> Result<(Self, Vec<Duration>)> {
        let mut client = Client::connect(server, self.source).await?;
        let mut latencies = Vec::new();
        loop {
            let begun = Instant::now();
            if begun >= window.closes {
                return Ok((self, latencies));
            }
            let answer = client.send(self.script.request()?).await?;
            let ended = Instant::now();
            let latency = window.contains(ended).then(|| ended - begun);
            latencies.extend(latency);
            self.script.answer(answer, latency)?;
            let pause = self.script.pause();
            if !pause.is_zero() {
                sleep_until((ended + pause).min(window.closes)).await;
            }
        }
    }
}

impl Repeat {
    pub(crate) fn new(requests: Vec<Request>) -> Self {
        Self { requests: requests.into_iter().cycle(), answered: 0 }
    }
}

impl Script for Repeat {
    fn request(&mut self) -> Result<Request> {
        self.requests.next().ok_or_else(|| "a client without requests".into())
    }

    fn answer(&mut self, answer: Answer, _latency: Option<Duration>) -> Result<()> {
        answer.expect(StatusCode::OK)?;
        self.answered += 1;
        Ok(())
    }
}
