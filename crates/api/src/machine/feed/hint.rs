//! A word to the other nodes, by Redis: look into the feed now.
//!
//! The word has no content, and what it is about is read from the database. So a Redis that is lost,
//! flushed or hostile can neither forge nor hide a revocation: it can only make nodes look when there
//! is nothing, or wait for their next look.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_redis::redis::aio::PubSub;
use deadpool_redis::redis::{AsyncConnectionConfig, Client, RedisError, cmd};
use deadpool_redis::{BuildError, Manager, Pool, PoolError, Runtime, Timeouts};
use futures_util::StreamExt;
use portcullis_domain::{ExposeSecret, SecretString};
use portcullis_token::Digest;
use tokio::sync::Notify;
use tokio::time::{
    Instant, MissedTickBehavior, error::Elapsed, interval, sleep, sleep_until, timeout,
};

/// The way by which nodes wake each other.
pub(crate) struct Hint {
    client: Client,
    pool: Pool,
    channel: String,
    wanted: Notify,
    is_up: AtomicBool,
}

/// Why there is no such way.
#[derive(Debug, thiserror::Error)]
pub enum HintError {
    /// The URL is not one of Redis.
    #[error("redis.url: {0}")]
    Url(#[from] RedisError),
    /// The pool of connections cannot be made.
    #[error("redis: {0}")]
    Pool(#[from] BuildError),
}

/// Why it does not work at the moment.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Pool(#[from] PoolError),
    #[error("no answer in time")]
    Silent(#[from] Elapsed),
    #[error("the subscription ended")]
    Ended,
}

impl Hint {
    /// Connects to nothing yet. Deployments with different issuers do not hear each other, even on
    /// one Redis.
    pub(crate) fn new(url: &SecretString, issuer: &str) -> Result<Self, HintError> {
        let url = url.expose_secret();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(200)))
            .set_response_timeout(Some(Duration::from_millis(150)));
        let timeouts = Timeouts {
            wait: Some(Duration::from_millis(200)),
            create: Some(Duration::from_millis(300)),
            recycle: Some(Duration::from_millis(200)),
        };
        let pool = Pool::builder(Manager::new_with_config(url, config)?)
            .max_size(1)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self {
            client: Client::open(url)?,
            pool,
            channel: format!("portcullis:{}:revocations", Digest::of(issuer)),
            wanted: Notify::new(),
            is_up: AtomicBool::new(false),
        })
    }

    /// Has the other nodes woken. Never blocks, and never fails as far as the caller knows.
    pub(crate) fn give(&self) {
        self.wanted.notify_one();
    }

    /// Whether hints are given and heard at the moment.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Gives hints, and calls `look` for each that is heard and whenever some may have been missed.
    /// Never ends; what fails is begun again after a pause.
    pub(crate) async fn work(&self, look: impl Fn()) {
        let mut pause = FIRST_PAUSE;
        let mut is_known_lost = false;
        loop {
            let fault = match timeout(PATIENCE, self.subscribe()).await {
                Ok(Ok(subscription)) => {
                    self.is_up.store(true, Ordering::Relaxed);
                    tracing::info!("redis is there: revocations reach other nodes at once");
                    is_known_lost = false;
                    let since = Instant::now();
                    look();
                    let fault = self.exchange(subscription, &look).await;
                    // One that takes subscriptions and drops them is no better than one that is gone.
                    if since.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                    }
                    fault
                }
                Ok(Err(fault)) => fault,
                Err(elapsed) => elapsed.into(),
            };
            self.is_up.store(false, Ordering::Relaxed);
            if !is_known_lost {
                tracing::warn!(%fault, "redis is lost: revocations reach other nodes by polling");
            }
            is_known_lost = true;
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn subscribe(&self) -> Result<PubSub, Fault> {
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(&self.channel).await?;
        Ok(subscription)
    }

    /// Gives and hears hints until one of the two fails. A connection that has fallen silent shows
    /// when it is asked.
    async fn exchange(&self, subscription: PubSub, look: impl Fn()) -> Fault {
        let (mut asking, mut hints) = subscription.split();
        let mut check = interval(CHECK);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due: Option<Instant> = None;
        loop {
            let look_at = due.unwrap_or_else(Instant::now);
            tokio::select! {
                hint = hints.next() => match hint {
                    Some(_) => drop(due.get_or_insert(Instant::now() + GATHERED)),
                    None => return Fault::Ended,
                },
                () = sleep_until(look_at), if due.is_some() => {
                    due = None;
                    look();
                }
                () = self.wanted.notified() => {
                    if let Err(fault) = self.publish().await {
                        // Somebody is still to be told.
                        self.wanted.notify_one();
                        return fault;
                    }
                }
                _ = check.tick() => match timeout(PATIENCE, asking.ping::<()>()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return error.into(),
                    Err(elapsed) => return elapsed.into(),
                },
            }
        }
    }

    async fn publish(&self) -> Result<(), Fault> {
        let publish = async {
            let mut connection = self.pool.get().await?;
            cmd("PUBLISH").arg(&self.channel).arg("").query_async::<()>(&mut connection).await?;
            Ok(())
        };
        timeout(PATIENCE, publish).await?
    }
}

/// For an answer that should come at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks whether the subscription still stands.
const CHECK: Duration = Duration::from_secs(2);

/// Hints within this time of the first are one: who sends a million of them causes no more looks than
/// this allows.
const GATHERED: Duration = Duration::from_millis(5);

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
