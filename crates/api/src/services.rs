use std::io;
use std::sync::Arc;

use portcullis_access::Matrix;
use portcullis_audit::AuditKeys;
use portcullis_domain::{Clock, SecretString, SecureRandom};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::matrix::{ActiveMatrix, Matrices, MatrixStore, UnusableMatrix};
use portcullis_flows::audit::checkpoint::{CheckpointStore, Checkpoints};
use portcullis_flows::audit::recording::{DecisionStore, Recorder, RecordingPolicy};
use portcullis_flows::audit::trail::{Trail, TrailStore};
use portcullis_flows::identity::account::{AccountStore, Accounts};
use portcullis_flows::identity::account_change::{AccountChangeStore, AccountChanges};
use portcullis_flows::identity::bootstrap::{Bootstrap, BootstrapStore};
use portcullis_flows::identity::candidate::{AccountChecker, AccountRules};
use portcullis_flows::identity::new_password::NewPasswords;
use portcullis_flows::identity::password_change::{PasswordChange, PasswordChangeStore};
use portcullis_flows::identity::registration::{Registration, RegistrationStore};
use portcullis_flows::machine::introspection::{Introspection, IntrospectionStore};
use portcullis_flows::node::clock_watch::{ClockWatch, TimeStore};
use portcullis_flows::node::health::{Health, HealthStore};
use portcullis_flows::node::job::{JobStore, Jobs};
use portcullis_flows::node::retention::RetentionStore;
use portcullis_flows::node::revocation::{
    FollowError, RevocationPolicy, RevocationStore, Revocations,
};
use portcullis_flows::node::signing_key::{KeyRing, SigningKeyStore, SigningKeys};
use portcullis_flows::sign_in::hash_cost::{HashCostStore, HashCosts};
use portcullis_flows::sign_in::lockout::{FailureCounters, LockoutPolicy};
use portcullis_flows::sign_in::mass_sign_out::{MassSignOut, MassSignOutStore};
use portcullis_flows::sign_in::refresh::{Refresh, RefreshStore};
use portcullis_flows::sign_in::session::{SessionStore, Sessions};
use portcullis_flows::sign_in::session_tokens::{SessionPolicy, TokenIssuer};
use portcullis_flows::sign_in::sign_out::{SignOut, SignOutStore};
use portcullis_flows::sign_in::step_up::StepUp;
use portcullis_flows::sign_in::{SignIn, SignInStore};
use portcullis_password::{HashingPool, Policy};
use portcullis_redis::{WakeSignal, WakeSignalError};
use portcullis_token::{
    CsrfKey, KeyPairAlgorithm, Lifetimes, Purpose, SealingKey, SecretKey, TokenAuthority,
    TokenSettings,
};
use portcullis_web::{Authenticator, Lifecycle, ServiceCredentials};

use crate::machine::feed::Feed;
use crate::node::jobs::{self, Upkeep};

/// Everything the routes of this version need from storage.
pub trait Storage:
    RegistrationStore
    + SignInStore
    + HashCostStore
    + RefreshStore
    + SignOutStore
    + SessionStore
    + AccountChangeStore
    + RevocationStore
    + IntrospectionStore
    + PasswordChangeStore
    + AccountStore
    + BootstrapStore
    + DecisionStore
    + MatrixStore
    + TrailStore
    + CheckpointStore
    + SigningKeyStore
    + MassSignOutStore
    + RetentionStore
    + JobStore
    + HealthStore
    + TimeStore
    + 'static
{
}

impl<S> Storage for S where
    S: RegistrationStore
        + SignInStore
        + HashCostStore
        + RefreshStore
        + SignOutStore
        + SessionStore
        + AccountChangeStore
        + RevocationStore
        + IntrospectionStore
        + PasswordChangeStore
        + AccountStore
        + BootstrapStore
        + DecisionStore
        + MatrixStore
        + TrailStore
        + CheckpointStore
        + SigningKeyStore
        + MassSignOutStore
        + RetentionStore
        + JobStore
        + HealthStore
        + TimeStore
        + 'static
{
}

/// What the use cases are made of.
pub struct Parts<S> {
    /// The database.
    pub store: Arc<S>,
    /// The pool that hashes passwords.
    pub hashing: Arc<HashingPool>,
    /// The one secret; every key is derived from it.
    pub secret: SecretKey,
    /// The secret before it, whose tokens go on to work.
    pub previous_secret: Option<SecretKey>,
    /// What access tokens are signed with; HS256 under the secret when `None`.
    pub algorithm: Option<KeyPairAlgorithm>,
    /// What the audit trail is sealed with: the very keys that the store has.
    pub audit_keys: Arc<AuditKeys>,
    /// The JWT claim `iss`.
    pub issuer: String,
    /// The JWT claim `aud` of access tokens.
    pub audience: String,
    /// How long sessions and tokens live.
    pub sessions: SessionPolicy,
    /// How revocations are followed and asked.
    pub revocation: RevocationPolicy,
    /// The Redis by which nodes wake each other when something is revoked.
    pub redis: Option<SecretString>,
    /// Who may follow revocations and ask about tokens.
    pub credentials: ServiceCredentials,
    /// How failed sign-ins slow further ones down.
    pub lockout: LockoutPolicy,
    /// The rules for new accounts.
    pub accounts: AccountRules,
    /// What passwords must be like.
    pub passwords: Policy,
    /// The access matrix until [`Matrices::start`] has taken over the one in force.
    pub matrix: Matrix,
    /// How permission checks are recorded.
    pub recording: RecordingPolicy,
    /// What the jobs go by.
    pub upkeep: Upkeep,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn SecureRandom>,
}

impl<S: Storage> Parts<S> {
    /// What signs and seals under the secret, and still knows the one before it.
    fn keys(&self) -> (TokenAuthority, CsrfKey, SealingKey) {
        let settings = TokenSettings {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            lifetimes: Lifetimes {
                access: self.sessions.access_lifetime,
                refresh: self.sessions.refresh_lifetime,
                device: portcullis_flows::sign_in::device::DEVICE_LIFETIME,
            },
        };
        let authority = TokenAuthority::new(&self.secret, &settings).remembering(REMEMBERED_TOKENS);
        let (csrf, sealing) = (CsrfKey::new(&self.secret), SealingKey::new(&self.secret));
        match &self.previous_secret {
            Some(previous) => (
                authority.accepting(previous),
                csrf.accepting(previous),
                sealing.accepting(previous),
            ),
            None => (authority, csrf, sealing),
        }
    }

    /// What the audit trail was sealed with under the secret before.
    fn previous_audit_keys(&self) -> Option<Arc<AuditKeys>> {
        let secret = self.previous_secret.as_ref()?;
        Some(Arc::new(AuditKeys::from_secret(secret.as_secret())))
    }

    fn wake_signal(&self) -> Result<Option<WakeSignal>, WakeSignalError> {
        self.redis.as_ref().map(|url| WakeSignal::new(url, &self.issuer)).transpose()
    }

    fn recorder(&self) -> io::Result<Arc<Recorder>> {
        let recorder = Recorder::start(
            self.store.clone(),
            self.audit_keys.clone(),
            self.recording,
            self.clock.clone(),
            self.random.clone(),
        );
        recorder.map(Arc::new)
    }
}

/// The use cases behind the routes, and what the guards check with.
pub struct Services {
    /// `register`.
    pub registration: Registration,
    /// `login`.
    pub sign_in: SignIn,
    /// `refresh`.
    pub refresh: Refresh,
    /// `logout`.
    pub sign_out: SignOut,
    /// The end of everybody's sessions.
    pub mass_sign_out: Arc<MassSignOut>,
    /// `sessions`.
    pub sessions: Sessions,
    /// How recent a sign-in must be.
    pub step_up: Arc<StepUp>,
    /// What administrators decide about accounts.
    pub account_changes: AccountChanges,
    /// `password/change`.
    pub password_change: PasswordChange,
    /// `me`.
    pub accounts: Arc<Accounts>,
    /// `setup`.
    pub bootstrap: Bootstrap,
    /// `authz/check`, and the permissions that guards ask for.
    pub decisions: Arc<Decisions>,
    /// The life of the access matrix.
    pub matrices: Arc<Matrices>,
    /// The audit trail.
    pub trail: Arc<Trail>,
    /// What seals its cursors.
    pub(crate) audit_keys: Arc<AuditKeys>,
    /// Its checkpoints.
    pub checkpoints: Arc<Checkpoints>,
    /// The jobs of this node.
    pub jobs: Jobs,
    /// Where passwords are hashed.
    pub hashing: Arc<HashingPool>,
    /// `health/ready`.
    pub health: Arc<Health>,
    /// Whether the clock of this node is right.
    pub clock_watch: Arc<ClockWatch>,
    /// The key pairs that sign access tokens.
    pub keys: Arc<KeyRing>,
    /// Verifies access tokens.
    pub authority: Arc<TokenAuthority>,
    /// The access tokens that are revoked.
    pub revocations: Arc<Revocations>,
    /// The feed by which services follow revocations.
    pub(crate) feed: Arc<Feed>,
    /// `introspect` and `revoke`.
    pub introspection: Introspection,
    /// Verifies credentials.
    pub authenticator: Arc<Authenticator>,
    /// Where the server is in its life.
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for nonces and request ids.
    pub random: Arc<dyn SecureRandom>,
}

/// Why the parts do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The access matrix would lock the server up.
    #[error("the access matrix does not fit: {0}")]
    Matrix(#[from] UnusableMatrix),
    /// The operating system gives no thread for what is done in the background.
    #[error("no thread for the work in the background: {0}")]
    Thread(#[from] io::Error),
    /// What is revoked cannot be followed.
    #[error(transparent)]
    Revocations(#[from] FollowError),
    /// Redis cannot be used as it is configured.
    #[error(transparent)]
    Redis(#[from] WakeSignalError),
}

impl Services {
    /// The name of a thread that has ended although the server needs it; see
    /// [`Supervised`](portcullis_domain::Supervised).
    pub(crate) fn ended_thread(&self) -> Option<&'static str> {
        let threads = [
            ("recorder", self.decisions.recorder().is_running()),
            ("revocations", self.revocations.is_followed()),
            ("accounts", self.accounts.is_running()),
            ("hashing", self.hashing.is_running()),
            ("jobs", self.jobs.is_running()),
        ];
        threads.into_iter().find(|(_, is_running)| !is_running).map(|(name, _)| name)
    }

    /// Puts the parts together, and starts the threads that record decisions, follow revocations
    /// and renew accounts; what is revoked is known when it answers.
    pub fn new<S: Storage>(parts: Parts<S>) -> Result<Self, AssemblyError> {
        let (authority, csrf, sealing) = parts.keys();
        let (authority, recorder) = (Arc::new(authority), parts.recorder()?);
        let signal = parts.wake_signal()?;
        let former = parts.previous_audit_keys();
        let Parts { store, secret, audit_keys, sessions, clock, random, .. } = parts;
        let hashing = Arc::clone(&parts.hashing);
        let keys = SigningKeys::new(store.clone(), sealing, clock.clone(), random.clone());
        // Before the first token of this life: revocations of it are kept for as long, under whatever
        // settings they are made.
        store.note_access_lifetime(sessions.access_lifetime).map_err(FollowError::from)?;
        let (feed, revocations) =
            Feed::start(signal, store.clone(), clock.clone(), parts.revocation)?;
        let matrix = Arc::new(ActiveMatrix::new(parts.matrix)?);
        let (followed, life) = (Some(revocations.clone()), sessions.access_lifetime);
        let (now, chance) = (clock.clone(), random.clone());
        let everybody =
            MassSignOut::new(store.clone(), matrix.clone(), followed, life, now, chance);
        let issuer =
            TokenIssuer::new(authority.clone(), revocations.clone(), matrix.clone(), sessions);
        let costs = hash_costs(store.clone());
        let counters = FailureCounters::new(secret.derive(Purpose::SignInFailures));
        let new_passwords = NewPasswords::new(parts.passwords, hashing.clone(), random.clone());
        let candidates = candidates(parts.accounts, &new_passwords, &clock, &random);
        let accounts = Arc::new(Accounts::start(store.clone())?);
        let (now, chance) = (clock.clone(), random.clone());
        let checkpoints =
            Arc::new(Checkpoints::new(store.clone(), audit_keys.clone(), former, now, chance));
        let decisions = Decisions::new(matrix.clone(), accounts.clone(), recorder, clock.clone());
        let jobs = jobs::list(&store, &checkpoints, &revocations, &costs, parts.upkeep);
        let (now, chance) = (clock.clone(), random.clone());
        Ok(Self {
            authenticator: Arc::new(Authenticator {
                authority: authority.clone(),
                revocations: revocations.clone(),
                csrf,
                services: parts.credentials,
                clock: clock.clone(),
            }),
            registration: Registration::new(store.clone(), candidates.clone(), matrix.clone()),
            sign_in: SignIn::new(
                store.clone(),
                hashing.clone(),
                issuer.clone(),
                costs.clone(),
                counters.clone(),
                parts.lockout.clone(),
                clock.clone(),
                random.clone(),
            ),
            refresh: Refresh::new(store.clone(), issuer.clone(), clock.clone(), random.clone()),
            introspection: Introspection::new(store.clone(), issuer.clone(), now, chance),
            mass_sign_out: Arc::new(everybody),
            sign_out: SignOut::new(store.clone(), issuer.clone(), clock.clone(), random.clone()),
            sessions: Sessions::new(store.clone(), issuer.clone(), clock.clone(), random.clone()),
            step_up: Arc::new(StepUp::new(store.clone(), clock.clone(), random.clone())),
            account_changes: AccountChanges::new(
                store.clone(),
                matrix.clone(),
                issuer.clone(),
                clock.clone(),
                random.clone(),
            ),
            password_change: PasswordChange::new(
                store.clone(),
                hashing,
                new_passwords,
                issuer,
                counters,
                parts.lockout,
                clock.clone(),
                random.clone(),
            ),
            bootstrap: Bootstrap::new(
                store.clone(),
                candidates,
                matrix.clone(),
                clock.clone(),
                random.clone(),
            ),
            decisions: Arc::new(decisions),
            accounts,
            matrices: matrices(&store, matrix, &clock, &random),
            trail: Arc::new(Trail::new(store.clone(), clock.clone(), random.clone())),
            checkpoints,
            jobs: Jobs::new(jobs, store.clone(), clock.clone(), random.clone()),
            audit_keys,
            hashing: parts.hashing,
            clock_watch: Arc::new(ClockWatch::new(store.clone(), clock.clone())),
            health: Arc::new(Health::new(store, clock.clone())),
            keys: Arc::new(KeyRing::new(keys, authority.clone(), parts.algorithm)),
            authority,
            revocations,
            feed,
            lifecycle: Arc::default(),
            clock,
            random,
        })
    }
}

fn candidates(
    rules: AccountRules,
    new_passwords: &NewPasswords,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn SecureRandom>,
) -> Arc<AccountChecker> {
    Arc::new(AccountChecker::new(rules, new_passwords.clone(), clock.clone(), random.clone()))
}

fn matrices<S: Storage>(
    store: &Arc<S>,
    matrix: Arc<ActiveMatrix>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn SecureRandom>,
) -> Arc<Matrices> {
    let (versions, trail) = (store.clone(), store.clone());
    Arc::new(Matrices::new(versions, trail, matrix, clock.clone(), random.clone()))
}

/// Access tokens whose signatures are verified once: 0.6 MiB.
const REMEMBERED_TOKENS: usize = 16 * 1024;

/// The costs in use, known before the first sign-in where the database answers; the worker looks again.
fn hash_costs(store: Arc<dyn HashCostStore>) -> Arc<HashCosts> {
    let costs = HashCosts::new(store);
    if let Err(error) = costs.follow() {
        tracing::warn!(%error, "the costs of stored password hashes are not known yet");
    }
    Arc::new(costs)
}
