//! The bridge from async handlers to blocking use cases, with its timeout.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use actix_web::{FromRequest, HttpRequest, dev, rt, web};
use portcullis_domain::{Ambient, SecureRandom};
use portcullis_flows::node::deadline::RequestDeadline;
use portcullis_password::{HashingError, HashingPool};
use tokio::sync::oneshot;
use tokio::time;
use tracing::Span;

use crate::problem::{Code, Problem};

/// The maximum wait of a request for its use case, including hashing and its queue.
const USE_CASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The extra wait for a commit under way.
const COMMIT_TIMEOUT: Duration = Duration::from_millis(150);

/// Runs one use case on the pool for blocking work. This is the only bridge between async and sync
/// code.
///
/// A cancelled use case commits nothing more: see [`RequestDeadline`].
pub async fn blocking<T, E>(
    use_case: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    let deadline = Arc::new(RequestDeadline::new());
    let working = Arc::clone(&deadline);
    // Its log lines have the trace of the request.
    let span = Span::current();
    let mut running = pin!(web::block(move || span.in_scope(|| working.run(use_case))));
    let limit = time::Instant::now() + USE_CASE_TIMEOUT;
    let mut wake_at = time::Instant::now() + RequestDeadline::TIMEOUT;
    let mut is_last = false;
    loop {
        match time::timeout_at(wake_at, &mut running).await {
            Ok(Ok(outcome)) => return outcome.map_err(Problem::from),
            Ok(Err(_)) => return Err(Problem::new(Code::Internal)),
            Err(_) if is_last => return Err(Problem::outcome_unknown()),
            Err(_) => {}
        }
        let now = time::Instant::now();
        let remaining = deadline.remaining();
        if remaining > Duration::ZERO && now < limit {
            wake_at = limit.min(now + remaining);
        } else if deadline.cancel() {
            return Err(Problem::unavailable());
        } else {
            is_last = true;
            wake_at = now + COMMIT_TIMEOUT;
        }
    }
}

/// Runs a use case that may take minutes on a thread of its own. Unlike for the pool, a stopping
/// server does not wait for it: it must be safe to interrupt anywhere.
pub async fn detached<T: Send + 'static>(
    use_case: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (report, outcome) = oneshot::channel();
    let span = Span::current();
    let work = move || drop(report.send(span.in_scope(use_case)));
    thread::Builder::new().name("detached".to_owned()).spawn(work)?;
    outcome.await.map_err(io::Error::other)
}

/// Runs use cases that hash a password; an argument of handlers.
pub struct Hashing {
    pool: web::Data<HashingPool>,
    ambient: web::Data<Ambient>,
}

impl Hashing {
    /// Runs one use case, if a permit for this address is available: a flood is refused here,
    /// before its requests take threads and query the database.
    ///
    /// # Errors
    ///
    /// [`Code::Overloaded`] without a permit, else the errors of the use case and of [`blocking`].
    pub async fn run<T, E>(
        &self,
        address: IpAddr,
        use_case: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Send + 'static,
        Problem: From<E>,
    {
        let outcome = match self.pool.enter(address) {
            Err(overloaded) => Err(HashingError::from(overloaded).into()),
            Ok(place) => {
                let use_case = move || {
                    let outcome = use_case();
                    drop(place);
                    outcome
                };
                blocking(use_case).await
            }
        };
        if matches!(&outcome, Err(problem) if problem.code == Code::Overloaded) {
            rt::time::sleep(overload_pause(&*self.ambient.random)).await;
        }
        outcome
    }
}

impl FromRequest for Hashing {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let pool = request.app_data::<web::Data<HashingPool>>().cloned();
        let parts = pool.zip(request.app_data::<web::Data<Ambient>>().cloned());
        let hashing = parts.map(|(pool, ambient)| Self { pool, ambient });
        ready(hashing.ok_or_else(|| Problem::new(Code::Internal)))
    }
}

/// The pause before a response of overload. Clients that retry at once and ignore `Retry-After`
/// would use up the processor with refusals; the pause costs them time and the server nothing. It
/// is random, from 12 to 54 ms, so that simultaneous clients are answered, and return, at different
/// moments.
pub(crate) fn overload_pause(random: &dyn SecureRandom) -> Duration {
    let mut draw = [0];
    random.fill(&mut draw);
    let [draw] = draw;
    Duration::from_millis(12 + u64::from(draw / 6))
}
