use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use portcullis_api::{Parts, Services, Upkeep, application};
use portcullis_domain::{
    Clock, Moderation, ReservedNames, Role, SecretString, SecureRandom, Severity, SystemRandom,
};
use portcullis_flows::audit::recording::RecordingPolicy;
use portcullis_flows::identity::candidate::{AccountRequest, AccountRules, RegistrationMode};
use portcullis_flows::node::revocation::RevocationPolicy;
use portcullis_flows::sign_in::lockout::LockoutPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_password::{Argon2Params, Hasher, HashingPool, Policy, PoolSettings};
use portcullis_token::{Digest, KeyPairAlgorithm, SecretKey};
use portcullis_web::{Running, ServiceCredentials, Settings};

use crate::{TestClock, TestDatabase, samples};

/// What a test may want different from the defaults.
pub struct TestSettings {
    /// Lifetimes, rotation and what ends on reuse.
    pub sessions: SessionPolicy,
    /// How revocations are followed and asked.
    pub revocation: RevocationPolicy,
    /// The Redis by which nodes wake each other.
    pub redis: Option<String>,
    /// How failed sign-ins slow further ones down.
    pub lockout: LockoutPolicy,
    /// What access tokens are signed with; HS256 when `None`.
    pub algorithm: Option<KeyPairAlgorithm>,
    /// The queue before the hashing threads.
    pub hashing: PoolSettings,
    /// How permission checks are recorded: strictly by default, so that what was answered can be
    /// read, although the clock stands still.
    pub recording: RecordingPolicy,
    /// What is done for the audit trail in the background.
    pub upkeep: Upkeep,
    /// Who may register.
    pub registration: RegistrationMode,
    /// Whether cookies are `Secure` and carry the `__Host-` prefix.
    pub secure_cookies: bool,
    /// Further allowed origins.
    pub cors_origins: Vec<String>,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<String>,
    /// Whether `/api/docs` is served.
    pub docs: bool,
}

impl Default for TestSettings {
    fn default() -> Self {
        let admin = Role::parse("admin").expect("a role");
        Self {
            sessions: SessionPolicy {
                absolute_lifetime_by_role: BTreeMap::from([(admin, Duration::from_secs(43_200))]),
                ..SessionPolicy::default()
            },
            // The clock of a test may jump; no follower can keep up with that.
            revocation: RevocationPolicy {
                staleness: Duration::MAX,
                ..RevocationPolicy::default()
            },
            redis: None,
            lockout: LockoutPolicy::default(),
            algorithm: None,
            hashing: PoolSettings { deadline: Duration::from_secs(60), ..PoolSettings::default() },
            recording: RecordingPolicy { strict: true, ..RecordingPolicy::default() },
            upkeep: Upkeep::default(),
            registration: RegistrationMode::Open,
            secure_cookies: false,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            docs: true,
        }
    }
}

/// A whole server in this process: real sockets, real database, real hashing, a clock that obeys.
pub struct TestServer {
    running: Option<Running>,
    hashing: Arc<HashingPool>,
    address: String,
    clock: Arc<TestClock>,
    database: TestDatabase,
    settings: TestSettings,
}

impl TestServer {
    /// A server with the defaults on a free port.
    pub fn start(database: TestDatabase) -> Self {
        Self::with(database, TestSettings::default())
    }

    /// A server with these settings on a free port.
    pub fn with(database: TestDatabase, settings: TestSettings) -> Self {
        let clock = database.clock().clone();
        let mut server = Self {
            running: None,
            hashing: hashing(&settings, &clock),
            address: String::new(),
            clock,
            database,
            settings,
        };
        server.run();
        server
    }

    /// Stops without warning and starts again on the same database, with nothing remembered.
    pub fn restart(&mut self) {
        self.running = None;
        self.hashing = hashing(&self.settings, &self.clock);
        self.run();
    }

    fn run(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        self.address = format!("http://{address}");
        let services = self.assemble(self.hashing.clone());
        let settings = Settings {
            origin: self.address.clone(),
            cors_origins: self.settings.cors_origins.clone(),
            trusted_proxies: parse_all(&self.settings.trusted_proxies),
            secure_cookies: self.settings.secure_cookies,
            workers: Some(2),
            shutdown_delay: Duration::ZERO,
            log_lines_lost: Arc::default(),
        };
        let application = application(services, self.settings.docs);
        let running = portcullis_web::spawn(listener, application, settings);
        self.running = Some(running.expect("the server starts"));
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.address
    }

    /// The clock that the server goes by.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The database behind it.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Where it hashes passwords; a job of the test's own can keep it busy.
    pub fn hashing(&self) -> &HashingPool {
        &self.hashing
    }

    /// A second set of use cases on the same database, as another node has them.
    pub fn services(&self) -> Services {
        self.assemble(hashing(&self.settings, &self.clock))
    }

    fn assemble(&self, hashing: Arc<HashingPool>) -> Services {
        let random: Arc<dyn SecureRandom> = Arc::new(SystemRandom);
        let clock: Arc<dyn Clock> = self.clock.clone();
        let services = Services::new(Parts {
            store: Arc::new(self.database.store().clone()),
            hashing,
            secret: SecretKey::parse(&SecretString::from(SECRET)).expect("the secret is strong"),
            previous_secret: None,
            algorithm: self.settings.algorithm,
            issuer: "https://auth.example.test".to_owned(),
            audience: "portcullis".to_owned(),
            sessions: self.settings.sessions.clone(),
            revocation: self.settings.revocation,
            redis: self.settings.redis.as_deref().map(SecretString::from),
            credentials: ServiceCredentials::from_iter([(
                SERVICE.0.to_owned(),
                Digest::of(SERVICE.1),
            )]),
            lockout: self.settings.lockout.clone(),
            accounts: rules(self.settings.registration),
            passwords: Policy { context_words: vec!["portcullis".to_owned()], ..Policy::default() },
            audit_keys: TestDatabase::audit_keys(),
            matrix: samples::matrix(),
            recording: self.settings.recording,
            upkeep: self.settings.upkeep,
            clock,
            random,
        });
        let services = services.expect("the parts fit together");
        services
            .matrices
            .start(samples::MATRIX, &samples::operator())
            .expect("the matrix comes into force");
        services.keys.start(&samples::origin()).expect("the database answers");
        services
    }

    /// Starts the bootstrap as `serve` does; see [`portcullis_flows::identity::bootstrap`].
    pub fn bootstrap(
        &self,
        configured: Option<&AccountRequest>,
    ) -> portcullis_flows::identity::bootstrap::Start {
        self.services().bootstrap.start(configured).expect("bootstrap can run")
    }
}

/// The name and the secret of the one service that every server knows.
pub const SERVICE: (&str, &str) = ("scheduling", "tEsT-fFa7YcXhR2mWq9Lk4JvZs8Bn1Gd5Pu3Ty6EoA0");

/// Known to nobody but the tests, and random enough to be accepted.
const SECRET: &str = "n5Q0c1tVb8mZ3xK7rW2yL9pD4sH6gJfA";

fn hashing(settings: &TestSettings, clock: &Arc<TestClock>) -> Arc<HashingPool> {
    let hasher = Hasher::new(Argon2Params::default(), &SystemRandom);
    let pool = HashingPool::new(settings.hashing, hasher, clock.clone());
    Arc::new(pool.expect("the system gives threads"))
}

fn rules(mode: RegistrationMode) -> AccountRules {
    AccountRules {
        mode,
        reserved_names: ReservedNames::parse("admin\nroot\nsupport\n"),
        moderation: Some(Moderation::new(Severity::Severe)),
    }
}

fn parse_all<T: std::str::FromStr>(texts: &[String]) -> Vec<T> {
    texts.iter().map(|text| text.parse().ok().expect("the test's text is well-formed")).collect()
}
