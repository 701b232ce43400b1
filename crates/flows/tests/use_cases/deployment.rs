//! A database with a clock, and the nodes that work on it.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{
    Account, Ambient, Clock, ExposeSecret, Moderation, ReservedNames, SecretString, SessionId,
    Severity, SystemRandom, Timestamp, TokenId,
};
use portcullis_flows::access::matrix::{ActiveMatrix, MatrixStore};
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::account_change::AccountChanges;
use portcullis_flows::identity::account_request::{AccountChecker, AccountRules, RegistrationMode};
use portcullis_flows::identity::bootstrap::Bootstrap;
use portcullis_flows::identity::breach_check::BreachChecks;
use portcullis_flows::identity::breach_review::BreachReviews;
use portcullis_flows::identity::disavowal::Disavowals;
use portcullis_flows::identity::email_change::{EmailChange, EmailChangePolicy};
use portcullis_flows::identity::email_verification::{EmailVerification, LinkPolicy};
use portcullis_flows::identity::new_password::NewPasswords;
use portcullis_flows::identity::password_change::{PasswordChange, PasswordChangeStore};
use portcullis_flows::identity::password_reset::PasswordResets;
use portcullis_flows::identity::password_reset_request::PasswordResetRequests;
use portcullis_flows::identity::pending_registration::{
    PendingRegistrationPolicy, PendingRegistrations,
};
use portcullis_flows::identity::provisioning::{ImportableHashes, Provisioning};
use portcullis_flows::identity::registration::{
    Creation, NewAccount, Registration, RegistrationAnswer, RegistrationStore,
};
use portcullis_flows::machine::introspection::Introspection;
use portcullis_flows::node::revocation::{RevocationPolicy, Revocations};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::device::{DEVICE_LIFETIME, Devices};
use portcullis_flows::sign_in::hash_cost::HashCosts;
use portcullis_flows::sign_in::lockout::{FailureCounters, Lockout};
use portcullis_flows::sign_in::mass_sign_out::MassSignOut;
use portcullis_flows::sign_in::network_policy::NetworkAccess;
use portcullis_flows::sign_in::refresh::Refresh;
use portcullis_flows::sign_in::risk::RiskPolicy;
use portcullis_flows::sign_in::session::Sessions;
use portcullis_flows::sign_in::session_tokens::{SessionPolicy, SessionTokens, TokenIssuer};
use portcullis_flows::sign_in::sign_out::SignOut;
use portcullis_flows::sign_in::unlock::Unlock;
use portcullis_flows::sign_in::{
    IssuedChallenge, RiskAssessor, RiskFiles, SignIn, SignInError, SignInRequest, SignInResult,
    SignedIn,
};
use portcullis_password::{
    Argon2Params, Hasher, HashingPool, PasswordHash, Peppers, Policy, PoolSettings,
};
use portcullis_rate_limit::LockoutPolicy;
use portcullis_testkit::{TestClock, TestDatabase, samples};
use portcullis_token::{Lifetimes, Purpose, SecretKey, TokenAuthority, TokenSettings};

use crate::factor_use_cases::FactorUseCases;
pub(crate) use crate::requests::{
    account_request, by_name, cookies, device_cookie, guess, refreshing, refreshing_next, typing,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The state that outlives a node, and the configuration of the nodes.
pub(crate) struct Deployment {
    pub(crate) database: TestDatabase,
    pub(crate) clock: Arc<TestClock>,
    /// What the hashing pool goes by.
    pub(crate) hashing_clock: Arc<dyn Clock>,
    pub(crate) sessions: SessionPolicy,
    pub(crate) lockout: LockoutPolicy,
    pub(crate) rules: AccountRules,
    pub(crate) answer: RegistrationAnswer,
    pub(crate) requires_verified_email: bool,
    pub(crate) risk: Option<RiskPolicy>,
    pub(crate) risk_files: RiskFiles,
    pub(crate) secret: SecretKey,
    pub(crate) previous_secret: Option<SecretKey>,
}

/// The use cases of one running server.
pub(crate) struct Node {
    pub(crate) registration: Registration,
    pub(crate) verification: EmailVerification,
    pub(crate) email_change: EmailChange,
    pub(crate) candidates: Arc<AccountChecker>,
    pub(crate) provisioning: Provisioning,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) sign_in: PasswordSignIn,
    pub(crate) factors: Box<FactorUseCases>,
    pub(crate) refresh: Refresh,
    pub(crate) sign_out: SignOut,
    pub(crate) mass_sign_out: MassSignOut,
    pub(crate) introspection: Introspection,
    pub(crate) devices: Devices,
    pub(crate) sessions: Sessions,
    pub(crate) account_changes: AccountChanges,
    pub(crate) matrix: Arc<ActiveMatrix>,
    pub(crate) password_change: PasswordChange,
    pub(crate) disavowals: Disavowals,
    pub(crate) reset_requests: PasswordResetRequests,
    pub(crate) resets: PasswordResets,
    pub(crate) unlock: Unlock,
    pub(crate) accounts: Accounts,
    pub(crate) authority: Arc<TokenAuthority>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) hashing: Arc<HashingPool>,
}

/// Sign-in of accounts without a second factor, and of others.
pub(crate) struct PasswordSignIn(SignIn);

impl PasswordSignIn {
    /// Opens a session; panics if a second factor is required.
    pub(crate) fn sign_in(&self, request: &SignInRequest) -> Result<SignedIn, SignInError> {
        match self.0.sign_in(request)? {
            SignInResult::SignedIn(signed_in) => Ok(*signed_in),
            SignInResult::ChallengeIssued(_) => panic!("a second factor is required"),
        }
    }

    /// Signs in, or gets a challenge.
    pub(crate) fn sign_in_whatever(
        &self,
        request: &SignInRequest,
    ) -> Result<SignInResult, SignInError> {
        self.0.sign_in(request)
    }

    /// Gets a challenge; panics if a session is open.
    pub(crate) fn challenge(
        &self,
        request: &SignInRequest,
    ) -> Result<IssuedChallenge, SignInError> {
        match self.0.sign_in(request)? {
            SignInResult::ChallengeIssued(issued) => Ok(issued),
            SignInResult::SignedIn(_) => panic!("no second factor is required"),
        }
    }
}

/// The key of a secret.
pub(crate) fn secret_key(secret: &str) -> SecretKey {
    SecretKey::parse(&SecretString::from(secret)).unwrap()
}

impl Deployment {
    pub(crate) fn new() -> Self {
        Self::on(TestDatabase::sqlite())
    }

    pub(crate) fn on(database: TestDatabase) -> Self {
        let clock = database.clock().clone();
        Self {
            database,
            hashing_clock: clock.clone(),
            clock,
            sessions: SessionPolicy::default(),
            lockout: LockoutPolicy::default(),
            rules: AccountRules {
                mode: RegistrationMode::Open,
                reserved_names: ReservedNames::parse("admin\nroot\nsupport\n"),
                moderation: Some(Moderation::new(Severity::Moderate)),
            },
            answer: RegistrationAnswer::Immediate,
            requires_verified_email: false,
            risk: None,
            risk_files: RiskFiles::default(),
            secret: secret_key(SECRET),
            previous_secret: None,
        }
    }

    /// Starts a node, which remembers nothing but what the database does.
    pub(crate) fn node(&self) -> Node {
        self.node_over(Arc::new(self.database.store().clone()), pool())
    }

    /// A node that reaches sign-ins and password changes through this store.
    pub(crate) fn node_over(
        &self,
        passwords: Arc<dyn PasswordChangeStore>,
        pool: PoolSettings,
    ) -> Node {
        let store = Arc::new(self.database.store().clone());
        let ambient = self.ambient();
        let secret = &self.secret;
        let hasher = Hasher::new(Argon2Params::default(), &*ambient.random);
        let hashing = Arc::new(HashingPool::new(pool, hasher, self.hashing_clock.clone()).unwrap());
        let authority = Arc::new(TokenAuthority::new(secret, &self.token_settings()));
        let revocations = self.revocations();
        let matrix = Arc::new(ActiveMatrix::new(samples::matrix()).unwrap());
        let issuer = TokenIssuer::new(
            authority.clone(),
            revocations.clone(),
            matrix.clone(),
            self.sessions.clone(),
        );
        let costs = Arc::new(HashCosts::new(store.clone()));
        costs.follow().unwrap();
        let counters = FailureCounters::new(secret.derive(Purpose::SignInFailures));
        let lockout = Lockout { counters: counters.clone(), policy: self.lockout.clone() };
        let breaches = Arc::new(BreachChecks::new(None, None, ambient.clock.clone()));
        let (policy, random) = (Policy::default(), ambient.random.clone());
        let new_passwords = NewPasswords::new(policy, hashing.clone(), breaches.clone(), random);
        let candidates = Arc::new(AccountChecker::new(
            self.rules.clone(),
            new_passwords.clone(),
            ambient.clone(),
        ));
        let (registration, verification) = self.registration(&candidates, &matrix);
        let (factors, offer) =
            FactorUseCases::new(self, &passwords, &hashing, &issuer, &lockout, secret);
        Node {
            registration,
            verification,
            candidates: candidates.clone(),
            email_change: self.email_change(&factors),
            provisioning: self.provisioning(&candidates, &matrix),
            bootstrap: Bootstrap::new(store.clone(), candidates, matrix.clone(), ambient.clone()),
            sign_in: PasswordSignIn(
                SignIn::new(
                    passwords.clone(),
                    hashing.clone(),
                    issuer.clone(),
                    costs.clone(),
                    BreachReviews::new(store.clone(), breaches, ambient.clone()),
                    lockout.clone(),
                    ambient.clone(),
                )
                .offering_passkeys(offer)
                .assessing_risk(self.risk_assessor(&counters))
                .requiring_verified_email(self.requires_verified_email),
            ),
            factors: Box::new(factors),
            unlock: Unlock::new(store.clone(), counters.clone(), ambient.clone()),
            refresh: self.refresh(&issuer),
            accounts: Accounts::start(store.clone(), self.clock.clone()).unwrap(),
            devices: Devices::new(store.clone(), issuer.clone(), ambient.clone()),
            sessions: Sessions::new(store.clone(), issuer.clone(), ambient.clone()),
            account_changes: AccountChanges::new(
                store.clone(),
                matrix.clone(),
                issuer.enforcement(),
                ambient.clone(),
            ),
            mass_sign_out: MassSignOut::new(
                store.clone(),
                matrix.clone(),
                issuer.enforcement(),
                ambient.clone(),
            ),
            introspection: Introspection::new(store.clone(), issuer.clone(), ambient.clone()),
            disavowals: Disavowals::new(store.clone(), issuer.clone(), ambient.clone()),
            reset_requests: PasswordResetRequests::new(
                store.clone(),
                counters.clone(),
                3,
                ambient.clone(),
            ),
            resets: PasswordResets::new(
                store.clone(),
                new_passwords.clone(),
                issuer.clone(),
                counters.clone(),
                ambient.clone(),
            ),
            matrix,
            sign_out: SignOut::new(store, issuer.clone(), ambient.clone()),
            password_change: PasswordChange::new(
                passwords,
                hashing.clone(),
                new_passwords,
                issuer,
                lockout,
                ambient,
            ),
            authority,
            revocations,
            hashing,
        }
    }

    fn email_change(&self, factors: &FactorUseCases) -> EmailChange {
        let policy = PendingRegistrationPolicy::default();
        EmailChange::new(
            Arc::new(self.database.store().clone()),
            factors.reauthentication.clone(),
            EmailChangePolicy { lifetime: policy.lifetime, mails: policy.mails },
            self.ambient(),
        )
    }

    fn provisioning(
        &self,
        candidates: &Arc<AccountChecker>,
        matrix: &Arc<ActiveMatrix>,
    ) -> Provisioning {
        let store = Arc::new(self.database.store().clone());
        Provisioning::new(
            store.clone(),
            store,
            candidates.clone(),
            matrix.clone(),
            ImportableHashes { max_bcrypt_cost: 12, peppers: Peppers::default() },
            self.ambient(),
        )
    }

    fn registration(
        &self,
        candidates: &Arc<AccountChecker>,
        matrix: &Arc<ActiveMatrix>,
    ) -> (Registration, EmailVerification) {
        let (store, ambient) = (Arc::new(self.database.store().clone()), self.ambient());
        let policy = PendingRegistrationPolicy::default();
        let pending = Arc::new(PendingRegistrations::new(
            store.clone(),
            candidates.clone(),
            matrix.clone(),
            policy,
            ambient.clone(),
        ));
        let registration = Registration::new(
            store.clone(),
            candidates.clone(),
            matrix.clone(),
            pending.clone(),
            self.answer,
            ambient.clone(),
        );
        let links = LinkPolicy { lifetime: policy.lifetime, requests: policy.mails };
        (registration, EmailVerification::new(store, pending, links, ambient))
    }

    fn refresh(&self, issuer: &TokenIssuer) -> Refresh {
        let (store, ambient) = (Arc::new(self.database.store().clone()), self.ambient());
        let networks = self.sessions.networks.clone();
        let networks = NetworkAccess::new(networks, store.clone(), ambient.clone());
        Refresh::new(store, issuer.clone(), Arc::new(networks), ambient)
    }

    pub(crate) fn risk_assessor(&self, counters: &FailureCounters) -> Option<RiskAssessor> {
        let (store, files) = (Arc::new(self.database.store().clone()), self.risk_files.clone());
        let assessor =
            |policy| RiskAssessor::new(store, counters.clone(), policy, files, self.ambient());
        self.risk.map(assessor)
    }

    pub(crate) fn ambient(&self) -> Ambient {
        self.database.ambient()
    }

    fn revocations(&self) -> Arc<Revocations> {
        let started = Revocations::start(
            Arc::new(self.database.store().clone()),
            self.sessions.access_lifetime,
            self.clock.clone(),
            RevocationPolicy::default(),
            Arc::new(()),
        );
        Arc::new(started.unwrap())
    }

    /// Creates an account with the sample password, without hashing.
    pub(crate) fn enrol(&self, name: &str) -> Account {
        self.enrol_with(name, &samples::password_hash())
    }

    pub(crate) fn enrol_with(&self, name: &str, hash: &PasswordHash) -> Account {
        let account = samples::account(name);
        let event = samples::event(EventKind::Registration, Outcome::Success, samples::NOW);
        let store = self.database.store();
        let newest = store.newest_activation().unwrap();
        let new = NewAccount {
            account: &account,
            password_hash: Some(hash),
            revision: newest.map_or(0, |newest| newest.revision),
            effects: &event.into(),
            must_verify_email: false,
        };
        let created = store.create(&new).unwrap();
        assert_eq!(created, Creation::Done);
        account
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Sets every clock back, as no monotonic one ever goes.
    pub(crate) fn back(&self, time: Duration) {
        self.clock.set(self.clock.now() - time);
    }

    /// The recorded outcomes of events of a kind, each with how often it occurs.
    pub(crate) fn outcomes(&self, kind: &str) -> Vec<String> {
        let tally = format!(
            "SELECT outcome || ' ' || count(*) FROM security_events WHERE kind = '{kind}'
             GROUP BY outcome ORDER BY outcome"
        );
        self.database.store().texts(&tally).unwrap()
    }

    /// The details of the recorded events of a kind, in their order.
    pub(crate) fn details(&self, kind: &str) -> Vec<String> {
        let query = format!(
            "SELECT details FROM security_events WHERE kind = '{kind}' ORDER BY chain, sequence"
        );
        self.database.store().texts(&query).unwrap()
    }

    /// How many refresh tokens came back too late for a lost answer.
    pub(crate) fn late(&self) -> i64 {
        self.count("security_events WHERE kind = 'refresh_token_late'")
    }

    pub(crate) fn count(&self, from: &str) -> i64 {
        self.database.store().number(&format!("SELECT count(*) FROM {from}")).unwrap()
    }

    pub(crate) fn hash_of(&self, account: &Account) -> String {
        let name = account.username.as_str();
        let query = format!("SELECT password_hash FROM accounts WHERE username = '{name}'");
        self.database.store().texts(&query).unwrap().remove(0)
    }

    /// The holder of this access token.
    pub(crate) fn principal(&self, node: &Node, tokens: &SessionTokens) -> Principal {
        let token = tokens.access_token.expose_secret();
        let claims = node.authority.verify_access(token, self.now()).unwrap();
        Principal::of_claims(claims, samples::origin())
    }

    fn token_settings(&self) -> TokenSettings {
        TokenSettings {
            issuer: "https://auth.example.test".to_owned(),
            audience: "portcullis".to_owned(),
            lifetimes: Lifetimes {
                access: self.sessions.access_lifetime,
                refresh: self.sessions.refresh_lifetime,
                device: DEVICE_LIFETIME,
            },
        }
    }
}

impl Node {
    /// Whether it refuses the access tokens of the session.
    pub(crate) fn refuses(&self, session: SessionId) -> bool {
        let (token, account) =
            (TokenId::generate(samples::NOW, &SystemRandom), samples::account("nobody").id);
        self.revocations.set().covers(session, token, account, samples::NOW)
    }
}

/// Known to nobody but the tests, and random enough to be accepted.
const SECRET: &str = "n5Q0c1tVb8mZ3xK7rW2yL9pD4sH6gJfA";

/// Hashing that waits as long as it takes on a busy machine.
pub(crate) fn pool() -> PoolSettings {
    let deadline = Duration::from_secs(600);
    PoolSettings { threads: 2, queue: 64, deadline, ..PoolSettings::default() }
}
