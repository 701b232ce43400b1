//! What every node follows by itself, a few times a second: the access matrix, the signing keys, signals.
//! It ends with the server, and so do the [`jobs`](super::jobs), which are started here.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{rt, web};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use super::jobs::own_origin;
use crate::services::Services;

/// Does all of it, and has the jobs done in threads of their own, until one part, or a thread that the
/// server cannot be without, ends although it must not; answers which.
pub(crate) async fn run(services: web::Data<Services>) -> &'static str {
    let mut tasks = start(&services);
    rt::time::sleep(JOBS_DELAY).await;
    if let Err(error) = services.jobs.start() {
        tracing::error!(%error, "no threads for the jobs");
        return "jobs";
    }
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

/// The jobs write to the database, and the first requests come before them.
const JOBS_DELAY: Duration = Duration::from_secs(1);

/// Starts them on this thread's runtime; none of them ever ends.
fn start(services: &web::Data<Services>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn_local(beat(services.clone()));
    if services.feed.wake_signal.is_some() {
        tasks.spawn_local(exchange_signals(services.clone()));
    }
    // Well within the second that is promised. A key that signs in a hurry begins two seconds after it
    // was made, so that every node has looked before.
    let (matrices, keys) = (services.matrices.clone(), services.keys.clone());
    tasks.spawn_local(repeat(
        Duration::from_millis(250),
        [
            Chore::new("following the access matrix", move || matrices.follow()),
            Chore::new("following the signing keys", move || {
                keys.follow(&own_origin("portcullis keys"))
            }),
        ],
    ));
    let (health, watch) = (services.health.clone(), services.clock_watch.clone());
    tasks.spawn_local(repeat(
        Duration::from_secs(2),
        [
            Chore::new("using the database", move || health.check()),
            Chore::new("comparing the clocks", move || watch.compare()),
        ],
    ));
    tasks
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
async fn exchange_signals(services: web::Data<Services>) {
    if let Some(signal) = &services.feed.wake_signal {
        signal.run(|| services.revocations.wake()).await;
    }
}

/// Ticks at once and then after each period; what was missed is not made up for.
fn every(period: Duration) -> Interval {
    let mut interval = rt::time::interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// What is done again and again. A failure is said once, and once that it works again.
struct Chore {
    name: &'static str,
    run: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    is_failing: bool,
}

impl Chore {
    fn new<T, E: Display>(
        name: &'static str,
        work: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        let run = move || work().map(drop).map_err(|error| error.to_string());
        Self { name, run: Arc::new(run), is_failing: false }
    }

    async fn run(&mut self) {
        let run = Arc::clone(&self.run);
        let outcome = web::block(move || run()).await;
        let error = outcome.map_err(|error| error.to_string()).and_then(|outcome| outcome).err();
        match (&error, self.is_failing) {
            (Some(error), false) => tracing::error!(%error, "{} fails", self.name),
            (None, true) => tracing::info!("{} works again", self.name),
            _ => {}
        }
        self.is_failing = error.is_some();
    }
}

/// Does these chores, one after the other, in each period.
async fn repeat<const N: usize>(period: Duration, mut chores: [Chore; N]) {
    let mut moment = every(period);
    loop {
        moment.tick().await;
        for chore in &mut chores {
            chore.run().await;
        }
    }
}
