//! `MailDelivery`: delivers due mails of the outbox; a job on every node calls it.
//!
//! A mail server that cannot be reached is told from a mail that is refused. Only the mail that was
//! tried counts the attempt; the node gives back its other mails and pauses, so an outage makes no
//! dead letters out of a long queue.
//!
//! A mail that takes long occupies one of the senders of the node until its timeout. The batch it
//! came with ends without it, and the other senders continue with the next batch.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use portcullis_domain::{Ambient, ExposeSecret, MessageId, SecretString, SecureRandom};
use portcullis_mfa::BackupCode;
use portcullis_token::{Digest, OpaqueSecret};

use super::retry;
use super::{
    Attempt, AttemptResult, ClaimedMessage, LONGEST_LEASE, Lease, MailSender, MessageClaim,
    NewSecret, OutboxStore, OutgoingMail, SendError,
};
use crate::StoreError;
use crate::node::job::BatchResult;
use crate::node::mail::SecretPurpose;

/// The settings of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverySettings {
    /// The number of attempts after which a mail is a dead letter.
    pub max_attempts: u32,
    /// The number of mails that a node sends at the same time.
    pub concurrency: usize,
    /// The maximum duration of one call of the sender, at most eight minutes.
    pub send_timeout: Duration,
    /// The lifetimes of secrets.
    pub lifetimes: SecretLifetimes,
}

/// The lifetimes of secrets, from the delivery of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretLifetimes {
    /// Registration, verification of an address, and confirmation of a new one.
    pub email: Duration,
    /// Reset of a password.
    pub reset: Duration,
    /// Invitations.
    pub invitation: Duration,
    /// Alerts, which their holders can disavow.
    pub disavowal: Duration,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        let lifetimes = SecretLifetimes::default();
        Self { max_attempts: 140, concurrency: 4, send_timeout: MINUTE, lifetimes }
    }
}

impl Default for SecretLifetimes {
    fn default() -> Self {
        Self { email: DAY, reset: 30 * MINUTE, invitation: 7 * DAY, disavowal: 7 * DAY }
    }
}

impl SecretLifetimes {
    /// The lifetime of a secret for this purpose.
    pub const fn of(&self, purpose: SecretPurpose) -> Duration {
        match purpose {
            SecretPurpose::VerifyRegistration
            | SecretPurpose::VerifyEmail
            | SecretPurpose::ConfirmNewEmail => self.email,
            SecretPurpose::ResetPassword => self.reset,
            SecretPurpose::Invitation => self.invitation,
            SecretPurpose::Disavow | SecretPurpose::DisavowNetworks => self.disavowal,
            SecretPurpose::SignInCode => SIGN_IN_CODE_LIFETIME,
        }
    }
}

/// The lifetime of the code that completes a sign-in, from its delivery.
const SIGN_IN_CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The results of this node since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Mails that the mail server accepted.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Mails that became dead letters.
    pub dead: u64,
}

/// Delivers mails.
pub struct MailDelivery {
    store: Arc<dyn OutboxStore>,
    sender: Arc<dyn MailSender>,
    settings: DeliverySettings,
    ambient: Ambient,
    outage: Mutex<Outage>,
    /// The senders at work, those of earlier batches included.
    senders: AtomicUsize,
    delivered: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
}

/// The consecutive failures of the mail server.
#[derive(Default)]
struct Outage {
    failures: u32,
    /// The end of the pause, on the monotonic clock.
    until: Duration,
}

/// The messages of one batch that no sender has taken yet.
struct Batch {
    lease: Lease,
    /// The time on the monotonic clock after which no sender takes another one.
    end: Duration,
    left: Mutex<VecDeque<ClaimedMessage>>,
    /// The numbers of the senders that have ended.
    ended: Mutex<Vec<usize>>,
    changed: Condvar,
}

/// A sender at work. Its drop tells the batch that it ended, also by a panic.
struct Sender {
    number: usize,
    delivery: Arc<MailDelivery>,
    batch: Arc<Batch>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.delivery.senders.fetch_sub(1, Ordering::Relaxed);
        lock(&self.batch.ended).push(self.number);
        self.batch.changed.notify_one();
    }
}

impl MailDelivery {
    /// Creates the use case from its dependencies.
    pub fn new(
        store: Arc<dyn OutboxStore>,
        sender: Arc<dyn MailSender>,
        settings: DeliverySettings,
        ambient: Ambient,
    ) -> Self {
        let (delivered, failed, dead) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (outage, senders) = (Mutex::default(), AtomicUsize::new(0));
        Self { store, sender, settings, ambient, outage, senders, delivered, failed, dead }
    }

    /// Claims a batch of due mails and sends them. Returns the number of delivered ones, and whether
    /// more may be due. It begins no further mail after a second, so that a node can stop. One job
    /// calls it, never two at the same time.
    ///
    /// # Errors
    ///
    /// If the database fails. Mails that were not attempted are due again when their lease ends.
    pub fn deliver(self: &Arc<Self>) -> Result<BatchResult, StoreError> {
        let busy = self.senders.load(Ordering::Relaxed);
        let free = self.settings.concurrency.max(1).saturating_sub(busy);
        if free == 0 || !self.is_sending() {
            return Ok(BatchResult::default());
        }
        let mut lease = Lease::default();
        self.ambient.random.fill(&mut lease);
        // Until a server has answered again, one mail at a time tries it.
        let most = if lock(&self.outage).failures > 0 { 1 } else { BATCH };
        let claim = MessageClaim { lease, hold: self.hold(), most };
        let claimed = self.store.claim_messages(&claim)?;
        let count = claimed.len();
        if count == 0 {
            return Ok(BatchResult::default());
        }
        // The time after the claim: a slow database must not use up the time of the batch.
        let end = self.ambient.clock.monotonic() + BATCH_TIME;
        let (left, ended, changed) = (Mutex::new(claimed.into()), Mutex::default(), Condvar::new());
        let batch = Arc::new(Batch { lease, end, left, ended, changed });
        let before = self.delivered.load(Ordering::Relaxed);
        let result = self.deliver_batch(&batch, free.min(count));
        let left: Vec<_> = lock(&batch.left).drain(..).map(|message| message.id).collect();
        if !left.is_empty() {
            self.store.release_messages(&lease, &left)?;
        }
        result?;
        let done = self.delivered.load(Ordering::Relaxed) - before;
        let is_reachable = lock(&self.outage).failures == 0;
        let is_full = u32::try_from(count).is_ok_and(|count| count == most);
        Ok(BatchResult { done, more: is_full && is_reachable })
    }

    /// The results of this node since its start.
    pub fn counts(&self) -> DeliveryCounts {
        DeliveryCounts {
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
        }
    }

    /// The duration of a lease: a batch, one mail that is being sent at its end, and a reserve.
    fn hold(&self) -> Duration {
        (BATCH_TIME + self.settings.send_timeout + LEASE_RESERVE).min(LONGEST_LEASE)
    }

    /// Sends the batch with this many senders. A sender whose mail takes longer than the others is
    /// left alone with it.
    fn deliver_batch(self: &Arc<Self>, batch: &Arc<Batch>, count: usize) -> Result<(), StoreError> {
        let started = (0..count).map(|number| self.start_sender(number, batch));
        let mut started: Vec<_> = started.collect::<Result<_, _>>()?;
        let is_incomplete = |ended: &mut Vec<usize>| ended.len() < count;
        let most = BATCH_TIME + SLOW_AFTER;
        let waited = batch.changed.wait_timeout_while(lock(&batch.ended), most, is_incomplete);
        let ended = mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0);
        let mut result = Ok(());
        for sender in ended.into_iter().filter_map(|number| started.get_mut(number)?.take()) {
            // A panic of a sender ends the run: the job reports it.
            let other = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(other);
        }
        result
    }

    fn start_sender(
        self: &Arc<Self>,
        number: usize,
        batch: &Arc<Batch>,
    ) -> Result<Option<JoinHandle<Result<(), StoreError>>>, StoreError> {
        self.senders.fetch_add(1, Ordering::Relaxed);
        let sender = Sender { number, delivery: Arc::clone(self), batch: Arc::clone(batch) };
        let work = move || {
            let result = sender.delivery.deliver_next(&sender.batch);
            if let Err(error) = &result {
                // The batch of a slow sender has ended, and nobody else would report the error.
                tracing::warn!(%error, "the state of a mail is not recorded");
            }
            result
        };
        let started = thread::Builder::new().name("mail-sender".to_owned()).spawn(work);
        started.map(Some).map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Sends mail after mail of the batch.
    fn deliver_next(&self, batch: &Batch) -> Result<(), StoreError> {
        while self.ambient.clock.monotonic() < batch.end && self.is_sending() {
            let Some(message) = lock(&batch.left).pop_front() else { break };
            self.attempt(&message, &batch.lease)?;
        }
        Ok(())
    }

    /// False while the mail server is known to be unavailable; the first mail of a batch tries it.
    fn is_sending(&self) -> bool {
        self.ambient.clock.monotonic() >= lock(&self.outage).until
    }

    fn attempt(&self, message: &ClaimedMessage, lease: &Lease) -> Result<(), StoreError> {
        let secret = message.mail.purpose().zip(message.subject).map(|(purpose, subject)| {
            let (text, digest) = minted(purpose, &*self.ambient.random);
            let lifetime = self.settings.lifetimes.of(purpose);
            (text, NewSecret { purpose, subject, digest, lifetime })
        });
        let new = secret.as_ref().map(|(_, new)| *new);
        let begin = Attempt { message, lease, hold: self.hold(), secret: new };
        if !self.store.begin_attempt(&begin)? {
            return Ok(());
        }
        let text = secret.as_ref().map(|(text, new)| (text, new.lifetime));
        let outgoing = OutgoingMail { message, secret: text, now: self.ambient.now() };
        let result = self.sender.send(&outgoing);
        self.note_server(result.as_ref().err());
        let attempts = message.attempts.saturating_add(1);
        let result = match result {
            Ok(()) => AttemptResult::Delivered,
            Err(error) => {
                // A server may repeat the text of the mail in its reply.
                let secret = secret.as_ref().map(|(text, _)| text);
                self.failed(message, attempts, &error, secret)
            }
        };
        let is_held = self.end_attempt(message.id, lease, &result)?;
        let counter = match &result {
            AttemptResult::Delivered => &self.delivered,
            AttemptResult::Retry { .. } => &self.failed,
            AttemptResult::Dead { .. } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                &self.dead
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if !is_held {
            tracing::warn!(message = %message.id, "the lease of a mail ended while it was sent");
        }
        Ok(())
    }

    /// Records the result of an attempt. A database that is busy is asked again: a mail that was sent
    /// and is not marked would be sent a second time.
    fn end_attempt(
        &self,
        message: MessageId,
        lease: &Lease,
        result: &AttemptResult,
    ) -> Result<bool, StoreError> {
        let mut tries = 1;
        loop {
            match self.store.end_attempt(message, lease, result) {
                Err(StoreError::Unavailable(_)) if tries < MAX_TRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    fn failed(
        &self,
        message: &ClaimedMessage,
        attempts: u32,
        error: &SendError,
        secret: Option<&SecretString>,
    ) -> AttemptResult {
        let failure = storable(&error.to_string(), secret);
        let (id, kind) = (message.id, message.mail.kind());
        let is_refused = matches!(error, SendError::Refused(_));
        if is_refused || attempts >= self.settings.max_attempts {
            tracing::error!(message = %id, kind, attempts, failure, "a mail is not delivered");
            return AttemptResult::Dead { failure };
        }
        tracing::debug!(message = %id, kind, attempts, failure, "a mail is retried");
        AttemptResult::Retry { after: retry::delay(attempts, &*self.ambient.random), failure }
    }

    /// Begins or ends a pause. Logs once that the server is unavailable, and once that it answers.
    fn note_server(&self, error: Option<&SendError>) {
        let mut outage = lock(&self.outage);
        let was_available = outage.failures == 0;
        if let Some(SendError::Unavailable(problem)) = error {
            outage.failures = outage.failures.saturating_add(1);
            let pause = retry::pause(outage.failures, &*self.ambient.random);
            outage.until = self.ambient.clock.monotonic() + pause;
            if was_available {
                tracing::error!(problem, "the mail server is unavailable; mails wait");
            }
        } else {
            *outage = Outage::default();
            if !was_available {
                tracing::info!("the mail server answers again");
            }
        }
    }
}

/// The text of a failure as it is stored: one line of at most 300 characters, without the secret.
fn storable(text: &str, secret: Option<&SecretString>) -> String {
    let text = match secret {
        Some(secret) => text.replace(secret.expose_secret(), "[REDACTED]"),
        None => text.to_owned(),
    };
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// A new secret for a mail, and its digest. A code has 80 random bits, because a person types it.
fn minted(purpose: SecretPurpose, random: &dyn SecureRandom) -> (SecretString, Digest) {
    if purpose.is_code() {
        let code = BackupCode::generate(random);
        return (code.to_groups(), Digest::of(code.expose()));
    }
    let secret = OpaqueSecret::mint(random);
    (SecretString::from(secret.expose()), secret.digest())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Transactions to record the result of an attempt. With the waits for a connection, they fit into
/// [`LEASE_RESERVE`].
const MAX_TRIES: u32 = 5;

/// Messages of one claim.
const BATCH: u32 = 64;

/// The time after which a batch begins no further mail.
const BATCH_TIME: Duration = Duration::from_secs(1);

/// The time after the end of a batch after which a sender at work is slow.
const SLOW_AFTER: Duration = Duration::from_secs(1);

/// The part of a lease for the transactions around a delivery.
const LEASE_RESERVE: Duration = Duration::from_secs(15);
