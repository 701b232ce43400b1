//! What every node follows by itself, a few times a second: the access matrix, the signing keys, hints.
//! It ends with the server, and so do the [`jobs`](crate::jobs), which are started here.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::{rt, web};
use portcullis_audit::Origin;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use crate::services::Services;

/// Does all of it, and has the jobs done in threads of their own, until one part, or a thread that the
/// server cannot be without, ends although it must not; answers which.
pub(crate) async fn run(services: web::Data<Services>) -> &'static str {
    if let Err(error) = services.jobs.start() {
        tracing::error!(%error, "no threads for the jobs");
        return "jobs";
    }
    let mut tasks = start(&services);
    let mut second = every(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = tasks.join_next() => return "what happens without a request",
            _ = second.tick() => if let Some(thread) = services.ended_thread() {
                return thread;
            },
        }
    }
}

/// Starts them on this thread's runtime; none of them ever ends.
fn start(services: &web::Data<Services>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn_local(beat(services.clone()));
    tasks.spawn_local(watch_the_database(services.clone()));
    tasks.spawn_local(watch_the_clock(services.clone()));
    if services.feed.hint.is_some() {
        tasks.spawn_local(exchange_hints(services.clone()));
    }
    tasks.spawn_local(follow_the_matrix(services.clone()));
    tasks.spawn_local(follow_the_keys(services.clone()));
    tasks.spawn_local(follow_the_hash_costs(services.clone()));
    tasks
}

/// Says when the database is lost, or takes no writes, and when it is back: once each.
async fn watch_the_database(services: web::Data<Services>) {
    let mut moment = every(Duration::from_secs(2));
    let mut state = State::new("using the database");
    loop {
        moment.tick().await;
        let health = services.health.clone();
        state.note(web::block(move || health.check()).await);
    }
}

/// Compares the clock of this node with that of the database.
async fn watch_the_clock(services: web::Data<Services>) {
    let mut moment = every(Duration::from_secs(2));
    let mut state = State::new("comparing the clocks");
    loop {
        moment.tick().await;
        let watch = services.clock_watch.clone();
        state.note(web::block(move || watch.compare()).await);
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

/// Looks which costs the stored hashes have. They change as owners of old ones sign in.
async fn follow_the_hash_costs(services: web::Data<Services>) {
    let mut moment = every(Duration::from_secs(10 * 60));
    let mut state = State::new("counting the costs of password hashes");
    loop {
        moment.tick().await;
        let costs = services.hash_costs.clone();
        state.note(web::block(move || costs.follow()).await);
    }
}

/// Where events come from that nobody asked for.
pub(crate) fn own_origin(work: &str) -> Origin {
    Origin {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(work.to_owned()),
        request_id: None,
    }
}

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
