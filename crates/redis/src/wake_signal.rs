//! Wake signal over Redis: informs the other nodes of new revocations, or new bans, in the database.
//!
//! The signal has no content; the nodes read the database. So a Redis that is lost, flushed or hostile
//! can neither forge nor hide a revocation or a ban. It can only make nodes read without need, or wait
//! for their next poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_redis::redis::aio::PubSub;
use deadpool_redis::redis::cmd;
use futures_util::StreamExt;
use portcullis_token::Digest;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::connection::{Endpoint, Pool, SetupError, pool, query};
use crate::fault::Fault;
use crate::url::RedisUrl;

/// Sends the wake signal to other nodes and receives it from them.
pub struct WakeSignal {
    endpoint: Arc<Endpoint>,
    pool: Pool,
    topic: &'static str,
    channel: String,
    wanted: Notify,
    is_up: AtomicBool,
}

impl WakeSignal {
    /// Creates the signal for changes of this kind, such as `revocations`, without connecting.
    /// Deployments with different issuers do not receive each other's signals, even on one Redis.
    ///
    /// # Errors
    ///
    /// When the URL cannot be used.
    pub fn new(url: &RedisUrl, issuer: &str, topic: &'static str) -> Result<Self, SetupError> {
        let endpoint = Arc::new(Endpoint::new(url)?);
        Ok(Self {
            pool: pool(endpoint.clone(), 1)?,
            endpoint,
            topic,
            channel: format!("portcullis:{}:{topic}", Digest::of(issuer)),
            wanted: Notify::new(),
            is_up: AtomicBool::new(false),
        })
    }

    /// Requests a signal to the other nodes. Never blocks; [`run`](Self::run) retries failures.
    pub fn send(&self) {
        self.wanted.notify_one();
    }

    /// Returns whether signals are sent and received at the moment.
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Sends signals, and calls `woken` for each received signal and whenever signals may have been
    /// missed. Never ends; a failure is retried after a pause.
    pub async fn run(&self, woken: impl Fn()) {
        let topic = self.topic;
        let mut pause = MIN_PAUSE;
        let mut is_known_lost = false;
        loop {
            let fault = match timeout(ANSWER_TIMEOUT, self.subscribe()).await {
                Ok(Ok(subscription)) => {
                    self.is_up.store(true, Ordering::Relaxed);
                    tracing::info!("redis is there: {topic} reach other nodes at once");
                    is_known_lost = false;
                    let since = Instant::now();
                    woken();
                    let fault = self.exchange(subscription, &woken).await;
                    // A connection that accepts subscriptions and then drops them counts as a
                    // failure.
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
                tracing::warn!(%fault, "redis is lost: {topic} reach other nodes by polling");
            }
            is_known_lost = true;
            sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn subscribe(&self) -> Result<PubSub, Fault> {
        Ok(self.endpoint.subscribe(&self.channel).await?)
    }

    /// Sends and receives signals until sending or receiving fails. A regular check detects a
    /// silent connection.
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
                        // The signal has not been sent yet.
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
        let mut publish = cmd("PUBLISH");
        publish.arg(&self.channel).arg("");
        timeout(ANSWER_TIMEOUT, query(&self.pool, &publish)).await?
    }
}

/// The timeout for a response of Redis.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The interval between two checks of the subscription.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Signals within this time after the first one count as one. This limits how often signals can
/// wake a node.
const GATHER_TIME: Duration = Duration::from_millis(5);

const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
