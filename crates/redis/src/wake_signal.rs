//! A signal to the other nodes that there is something new in the database.
//!
//! The signal has no content; what is new is read from the database. So a Redis that is lost, flushed or
//! hostile can neither forge nor hide a revocation: it can only make nodes read when there is nothing
//! new, or wait for their next poll.

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

/// Wakes other nodes, and is woken by them.
pub struct WakeSignal {
    client: Client,
    pool: Pool,
    channel: String,
    wanted: Notify,
    is_up: AtomicBool,
}

/// Why the signal cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum WakeSignalError {
    /// The URL is not one of Redis.
    #[error("redis.url: {0}")]
    Url(#[from] RedisError),
    /// The pool of connections cannot be made.
    #[error("redis: {0}")]
    Pool(#[from] BuildError),
}

/// Why the signal does not work at the moment.
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

impl WakeSignal {
    /// Connects to nothing yet. Deployments with different issuers do not hear each other, even on
    /// one Redis.
    ///
    /// # Errors
    ///
    /// When the URL cannot be used.
    pub fn new(url: &SecretString, issuer: &str) -> Result<Self, WakeSignalError> {
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

    /// Asks for the other nodes to be woken. Never blocks; what fails is tried again by [`run`](Self::run).
    pub fn send(&self) {
        self.wanted.notify_one();
    }

    /// Whether signals are sent and received at the moment.
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Sends signals, and calls `woken` for each that is received and whenever some may have been missed.
    /// Never ends; what fails is begun again after a pause.
    pub async fn run(&self, woken: impl Fn()) {
        let mut pause = MIN_PAUSE;
        let mut is_known_lost = false;
        loop {
            let fault = match timeout(ANSWER_TIMEOUT, self.subscribe()).await {
                Ok(Ok(subscription)) => {
                    self.is_up.store(true, Ordering::Relaxed);
                    tracing::info!("redis is there: revocations reach other nodes at once");
                    is_known_lost = false;
                    let since = Instant::now();
                    woken();
                    let fault = self.exchange(subscription, &woken).await;
                    // One that takes subscriptions and drops them is no better than one that is gone.
                    if since.elapsed() > MAX_PAUSE {
                        pause = MIN_PAUSE;
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
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn subscribe(&self) -> Result<PubSub, Fault> {
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(&self.channel).await?;
        Ok(subscription)
    }

    /// Sends and receives signals until one of the two fails. A connection that has fallen silent shows
    /// when it is asked.
    async fn exchange(&self, subscription: PubSub, woken: impl Fn()) -> Fault {
        let (mut asking, mut signals) = subscription.split();
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due: Option<Instant> = None;
        loop {
            let wake_at = due.unwrap_or_else(Instant::now);
            tokio::select! {
                signal = signals.next() => match signal {
                    Some(_) => drop(due.get_or_insert(Instant::now() + GATHER_TIME)),
                    None => return Fault::Ended,
                },
                () = sleep_until(wake_at), if due.is_some() => {
                    due = None;
                    woken();
                }
                () = self.wanted.notified() => {
                    if let Err(fault) = self.publish().await {
                        // Somebody is still to be told.
                        self.wanted.notify_one();
                        return fault;
                    }
                }
                _ = check.tick() => match timeout(ANSWER_TIMEOUT, asking.ping::<()>()).await {
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
        timeout(ANSWER_TIMEOUT, publish).await?
    }
}

/// For an answer of Redis.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Between two checks of the subscription.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Signals within this time of the first count as one: a million of them wake a node no more often than
/// this allows.
const GATHER_TIME: Duration = Duration::from_millis(5);

const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
