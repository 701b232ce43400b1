//! What happens without a request: forgetting what has expired, following the access matrix and the
//! signing keys, making checkpoints, removing what is past its retention. All of it ends with the server.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::{rt, web};
use portcullis_audit::Origin;
use tokio::time::{Interval, MissedTickBehavior};

use crate::blocking::detached;
use crate::services::Services;

/// What is done for the audit trail in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// How often a checkpoint is made, if anything has happened.
    pub checkpoint_every: Duration,
    /// How long entries are kept; `None` for ever.
    pub retention: Option<Duration>,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { checkpoint_every: Duration::from_secs(60), retention: None }
    }
}

/// Starts them on this thread's runtime.
pub(crate) fn start(services: &web::Data<Services>) {
    rt::spawn(forget_expired(services.clone()));
    rt::spawn(beat(services.clone()));
    if services.feed.hint.is_some() {
        rt::spawn(exchange_hints(services.clone()));
    }
    rt::spawn(follow_the_matrix(services.clone()));
    rt::spawn(follow_the_keys(services.clone()));
    rt::spawn(make_checkpoints(services.clone()));
    if let Some(keep) = services.upkeep.retention {
        rt::spawn(purge(services.clone(), keep));
    }
}

/// Drops the revocations that no living token needs any more.
async fn forget_expired(services: web::Data<Services>) {
    let mut minute = every(Duration::from_secs(60));
    let mut state = State::new("forgetting revocations");
    loop {
        minute.tick().await;
        let revocations = services.revocations.clone();
        state.note(detached(move || revocations.purge()).await);
    }
}

/// Tells those who follow revocations every second how far this node knows them.
async fn beat(services: web::Data<Services>) {
    let mut second = every(Duration::from_secs(1));
    loop {
        second.tick().await;
        services.feed.tail.beat(services.revocations.standing());
    }
}

/// Wakes other nodes, and is woken by them.
async fn exchange_hints(services: web::Data<Services>) {
    if let Some(hint) = &services.feed.hint {
        hint.work(|| services.revocations.wake()).await;
    }
}

/// Takes over what another node has activated, well within the second that is promised.
async fn follow_the_matrix(services: web::Data<Services>) {
    let mut moment = every(Duration::from_millis(250));
    let mut state = State::new("following the access matrix");
    loop {
        moment.tick().await;
        let matrices = services.matrices.clone();
        state.note(web::block(move || matrices.follow()).await);
    }
}

/// Takes over what was done to the signing keys. A key that signs in a hurry begins two seconds after
/// it was made, so that every node has looked before.
async fn follow_the_keys(services: web::Data<Services>) {
    let mut moment = every(Duration::from_millis(250));
    let mut state = State::new("following the signing keys");
    loop {
        moment.tick().await;
        let keys = services.keys.clone();
        state.note(web::block(move || keys.follow(&own_origin("portcullis keys"))).await);
    }
}

async fn make_checkpoints(services: web::Data<Services>) {
    let period = services.upkeep.checkpoint_every;
    let mut due = every(period);
    let mut state = State::new("making checkpoints");
    loop {
        due.tick().await;
        let checkpoints = services.checkpoints.clone();
        // Nodes take turns: whoever comes first makes it, and half a period is no time to wait.
        state.note(web::block(move || checkpoints.make(period / 2)).await);
    }
}

async fn purge(services: web::Data<Services>, keep: Duration) {
    let mut hour = every(Duration::from_secs(60 * 60));
    let mut state = State::new("removing old audit entries");
    loop {
        hour.tick().await;
        let checkpoints = services.checkpoints.clone();
        let origin = own_origin("portcullis retention");
        state.note(detached(move || checkpoints.purge(keep, PORTION, &origin)).await);
    }
}

/// Where events come from that nobody asked for.
fn own_origin(work: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(work.to_owned()),
        request_id: None,
    }
}

/// Entries removed in one transaction.
const PORTION: u32 = 1_000;

/// Ticks at once and then after each period; what was missed is not made up for.
fn every(period: Duration) -> Interval {
    let mut interval = rt::time::interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Says once that something fails, and once that it works again.
struct State {
    work: &'static str,
    is_failing: bool,
}

impl State {
    const fn new(work: &'static str) -> Self {
        Self { work, is_failing: false }
    }

    fn note<T, E: Display, B: Display>(&mut self, outcome: Result<Result<T, E>, B>) {
        let error = match outcome {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(broken) => Some(broken.to_string()),
        };
        match (&error, self.is_failing) {
            (Some(error), false) => tracing::error!(%error, "{} fails", self.work),
            (None, true) => tracing::info!("{} works again", self.work),
            _ => {}
        }
        self.is_failing = error.is_some();
    }
}
