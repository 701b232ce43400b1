//! Test server: a whole server in the process of the test.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis::assembly::{self, Assembled, Foundation};
use portcullis::config::{Config, Risk};
use portcullis_domain::{Ambient, Clock, Moderation, ReservedNames, Role, SecretString, Severity};
use portcullis_flows::audit::recording::RecordingPolicy;
use portcullis_flows::identity::account_request::{AccountRequest, AccountRules, RegistrationMode};
use portcullis_flows::identity::bootstrap::{Bootstrap, BootstrapState};
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_flows::machine::api_key::ApiKeyUses;
use portcullis_flows::node::job::Jobs;
use portcullis_flows::node::revocation::RevocationPolicy;
use portcullis_flows::sign_in::RiskFiles;
use portcullis_flows::sign_in::risk::RiskPolicy;
use portcullis_flows::sign_in::session_tokens::SessionPolicy;
use portcullis_mail::Transport;
use portcullis_mfa::passkey::RelyingParty;
use portcullis_password::{HashingPool, Policy, PoolSettings};
use portcullis_rate_limit::{BanPolicy, LockoutPolicy, Quota};
use portcullis_redis::RedisUrl;
use portcullis_token::{Digest, KeyPairAlgorithm};
use portcullis_web::quotas::{
    MAILED_LINKS, PASSKEY_OPTIONS, PASSWORD_RESET, REGISTRATION, SECOND_FACTOR, SIGN_IN, TEST_MAILS,
};
use portcullis_web::{
    CertificateFiles, Configure, ConnectionLimits, ForwardingHeader, Listeners, Operations,
    RateLimitSettings, RequestBounds, Running, ServiceCredentials, Settings, Tls,
};

use crate::{TestClock, TestDatabase};

/// The settings of a test server; the defaults suit most tests.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct TestSettings {
    /// Lifetimes, rotation and the effect of a reused refresh token.
    pub sessions: SessionPolicy,
    /// The polling and the staleness rules of revocations.
    pub revocation: RevocationPolicy,
    /// The Redis for wake signals between nodes.
    pub redis: Option<String>,
    /// The lockout after failed sign-ins.
    pub lockout: LockoutPolicy,
    /// The assessment of the risk of sign-ins; none when `None`.
    pub risk: Option<RiskPolicy>,
    /// The rate limits: by default so wide that no test reaches them.
    pub rate_limits: RateLimitSettings,
    /// The bans of clients that ignore the rate limits.
    pub bans: BanPolicy,
    /// The signature algorithm of access tokens; HS256 when `None`.
    pub algorithm: Option<KeyPairAlgorithm>,
    /// The limits of the hashing pool.
    pub hashing: PoolSettings,
    /// The recording of permission checks: strict by default, so that answered checks can be read
    /// while the clock stands still.
    pub recording: RecordingPolicy,
    /// The retention of the audit log; unlimited when `None`.
    pub audit_retention: Option<Duration>,
    /// The directory in which each checkpoint is also written as a file.
    pub checkpoint_directory: Option<PathBuf>,
    /// The way of mails; they wait in the outbox, where a test finds them, when `None`.
    pub mails: Option<Transport>,
    /// The registration mode.
    pub registration: RegistrationMode,
    /// True if holders may delete their own accounts.
    pub own_deletion: bool,
    /// The answer to registrations.
    pub registration_answer: RegistrationAnswer,
    /// True if accounts that must verify their address get no session before that.
    pub requires_verified_email: bool,
    /// True if a job prints the mails. Otherwise they wait in the outbox, where a test takes them:
    /// see [`TestDatabase::mails`].
    pub prints_mails: bool,
    /// True if the origin has the name `localhost` instead of an address, as pages with passkeys need it.
    pub named: bool,
    /// Whether cookies are `Secure` and carry the `__Host-` prefix.
    pub secure_cookies: bool,
    /// Further allowed origins.
    pub cors_origins: Vec<String>,
    /// Trusted proxies.
    pub trusted_proxies: Vec<String>,
    /// The header in which they forward the client address.
    pub forwarding_header: ForwardingHeader,
    /// True if they begin connections with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// The limits of open connections.
    pub connections: ConnectionLimits,
    /// The limits of requests under way.
    pub requests: RequestBounds,
    /// The TLS certificate and its key; plain HTTP when `None`.
    pub tls: Option<CertificateFiles>,
    /// Whether `/api/docs` is served.
    pub docs: bool,
    /// Adds routes before those of the server.
    pub routes: Option<Configure>,
}

impl Default for TestSettings {
    fn default() -> Self {
        let admin = Role::parse("admin").expect("a role");
        Self {
            sessions: SessionPolicy {
                absolute_lifetime_by_role: BTreeMap::from([(admin, Duration::from_secs(43_200))]),
                ..SessionPolicy::default()
            },
            // The clock of a test may jump, which no follower of revocations can tolerate.
            revocation: RevocationPolicy {
                staleness: Duration::MAX,
                ..RevocationPolicy::default()
            },
            redis: None,
            lockout: LockoutPolicy::default(),
            risk: Some(RiskPolicy::default()),
            rate_limits: wide_rate_limits(),
            bans: BanPolicy::default(),
            algorithm: None,
            hashing: PoolSettings { deadline: Duration::from_secs(60), ..PoolSettings::default() },
            recording: RecordingPolicy { strict: true, ..RecordingPolicy::default() },
            audit_retention: None,
            checkpoint_directory: None,
            mails: None,
            registration: RegistrationMode::Open,
            own_deletion: true,
            registration_answer: RegistrationAnswer::Immediate,
            requires_verified_email: false,
            prints_mails: false,
            named: false,
            secure_cookies: false,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarding_header: ForwardingHeader::default(),
            proxy_protocol: false,
            connections: wide_connection_limits(),
            requests: WIDE_REQUEST_BOUNDS,
            tls: None,
            docs: true,
            routes: None,
        }
    }
}

fn wide_rate_limits() -> RateLimitSettings {
    let second = Duration::from_secs(1);
    let wide = |name| Quota::gcra(name, 1_000_000, second).expect("a quota");
    RateLimitSettings {
        requests: wide("requests"),
        account_requests: wide("account_requests"),
        key_requests: wide("key_requests"),
        routes: [
            &SIGN_IN,
            &SECOND_FACTOR,
            &REGISTRATION,
            &PASSWORD_RESET,
            &MAILED_LINKS,
            &PASSKEY_OPTIONS,
            &TEST_MAILS,
        ]
        .map(|limit| wide(limit.quota().name()))
        .into(),
        exempt_networks: Vec::new(),
    }
}

const WIDE_REQUEST_BOUNDS: RequestBounds = RequestBounds { total: 100_000, per_address: 100_000 };

const fn wide_connection_limits() -> ConnectionLimits {
    ConnectionLimits { total: 100_000, per_address: 100_000, exempt_networks: Vec::new() }
}

/// A whole server in this process: real sockets, real database, real hashing, and a manual clock.
pub struct TestServer {
    running: Option<Running>,
    hashing: Option<Arc<HashingPool>>,
    key_uses: Option<Arc<ApiKeyUses>>,
    address: String,
    operations: String,
    redirect: String,
    clock: Arc<TestClock>,
    database: TestDatabase,
    settings: TestSettings,
}

impl TestServer {
    /// Starts a server with the defaults on a free port.
    pub fn start(database: TestDatabase) -> Self {
        Self::with(database, TestSettings::default())
    }

    /// Starts a server with these settings on a free port.
    pub fn with(database: TestDatabase, settings: TestSettings) -> Self {
        let clock = database.clock().clone();
        let mut server = Self {
            running: None,
            hashing: None,
            key_uses: None,
            address: String::new(),
            operations: String::new(),
            redirect: String::new(),
            clock,
            database,
            settings,
        };
        server.run();
        server
    }

    /// Stops without warning and starts again on the same database, with an empty memory.
    pub fn restart(&mut self) {
        self.running = None;
        self.run();
    }

    fn run(&mut self) {
        let (listener, address) = listener_of_loopback();
        let tls = self.settings.tls.clone();
        self.address = match tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None if self.settings.named => format!("http://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let mut application = self.assemble().application;
        if let Some(routes) = self.settings.routes.clone() {
            let configure = application.configure;
            application.configure = Arc::new(move |app, limits| {
                routes(app, limits);
                configure(app, limits);
            });
        }
        self.hashing = application.data.get();
        self.key_uses = application.data.get();
        let settings = Settings {
            cors_origins: self.settings.cors_origins.clone(),
            trusted_proxies: parse_all(&self.settings.trusted_proxies),
            forwarding_header: self.settings.forwarding_header,
            proxy_protocol: self.settings.proxy_protocol,
            connections: self.settings.connections.clone(),
            requests: self.settings.requests,
            secure_cookies: self.settings.secure_cookies,
            tls: tls.map(|files| load(files, &*self.clock)),
            ..settings(&self.address)
        };
        let (operations, operations_address) = listener_of_loopback();
        self.operations = format!("http://{operations_address}");
        let configure = portcullis_api::operations();
        let operations = Some(Operations { listener: operations, configure });
        let redirect = self.settings.tls.as_ref().map(|_| {
            let (redirect, address) = listener_of_loopback();
            self.redirect = address.to_string();
            redirect
        });
        let listeners = Listeners { public: listener, redirect, operations };
        let running = portcullis_web::spawn(listeners, application, settings);
        self.running = Some(running.expect("the server starts"));
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.address
    }

    /// Scheme, host and port of the listener for operators and monitors.
    pub fn operations(&self) -> &str {
        &self.operations
    }

    /// Address and port of the listener that redirects to TLS; empty without TLS.
    pub fn redirect(&self) -> &str {
        &self.redirect
    }

    /// True if it publishes the keys of its tokens.
    pub(crate) const fn has_key_pair(&self) -> bool {
        self.settings.algorithm.is_some()
    }

    /// The clock of the server.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The database of the server.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The hashing pool; a test can occupy it with a job.
    pub fn hashing(&self) -> &HashingPool {
        self.hashing.as_deref().expect("the server has a pool")
    }

    /// Writes the uses of API keys, as a job of the server does every minute.
    pub fn record_key_uses(&self) {
        let uses = self.key_uses.as_deref().expect("the server counts them");
        uses.write().expect("the database takes them");
    }

    /// Builds a second node on the same database.
    pub fn node(&self) -> Assembled {
        self.assemble()
    }

    /// Returns a use case of a second node on the same database.
    pub fn of_node<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.node().application.data.get().expect("every use case is shared")
    }

    /// The exclusive jobs, for a test that runs them itself.
    pub fn jobs(&self) -> Jobs {
        assembly::worker(&self.foundation())
    }

    fn assemble(&self) -> Assembled {
        // The jobs of a node are scheduled by the system clock.
        let assembled =
            assembly::server(&self.foundation(), RiskFiles::default(), Ambient::system().clock);
        assembled.unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn foundation(&self) -> Foundation {
        let settings = &self.settings;
        let mut config = Config {
            sessions: settings.sessions.clone(),
            revocation: settings.revocation,
            redis: settings.redis.as_deref().map(redis_url),
            services: ServiceCredentials::from_iter([(
                SERVICE.0.to_owned(),
                Digest::of(SERVICE.1),
            )]),
            risk: Risk { policy: settings.risk, bad_addresses: None, positions: None },
            lockout: settings.lockout.clone(),
            hashing: settings.hashing,
            accounts: rules(settings.registration),
            own_deletion: settings.own_deletion,
            passwords: Policy { context_words: vec!["portcullis".to_owned()], ..Policy::default() },
            ..Config::default()
        };
        config.registration.answer = settings.registration_answer;
        config.registration.requires_verified_email = settings.requires_verified_email;
        if !settings.prints_mails {
            config.mail.transport = None;
        }
        config.tokens.issuer = Some(ISSUER.to_owned());
        config.tokens.algorithm = settings.algorithm;
        config.audit.recording = settings.recording;
        config.audit.retention = settings.audit_retention;
        config.audit.checkpoint_directory.clone_from(&settings.checkpoint_directory);
        config.mail.transport.clone_from(&settings.mails);
        config.server.docs = settings.docs;
        config.relying_party = RelyingParty::of_origin(&self.address, "Portcullis").ok();
        config.server.trusted_proxies = parse_all(&settings.trusted_proxies);
        config.bans.policy = settings.bans.clone();
        config.rate_limits.quotas = Some(settings.rate_limits.clone());
        Foundation {
            config,
            store: Arc::new(self.database.store().clone()),
            secret: TestDatabase::secret(),
            ambient: self.database.ambient(),
        }
    }

    /// Starts the bootstrap as `serve` does; see [`portcullis_flows::identity::bootstrap`].
    pub fn bootstrap(&self, configured: Option<&AccountRequest>) -> BootstrapState {
        self.of_node::<Bootstrap>().start(configured).expect("bootstrap can run")
    }
}

/// The settings of a test server at this origin.
pub fn settings(origin: &str) -> Settings {
    Settings {
        connections: wide_connection_limits(),
        requests: WIDE_REQUEST_BOUNDS,
        secure_cookies: false,
        tls: None,
        workers: Some(2),
        // A test runs them itself: they remove old rows, and the clock of a test jumps.
        exclusive_jobs_delay: Duration::MAX,
        ..Settings::new(origin.to_owned())
    }
}

/// The issuer of the tokens of every test server.
pub(crate) const ISSUER: &str = "https://auth.example.test";

/// The name and the secret of the only service that every test server knows.
pub const SERVICE: (&str, &str) = ("scheduling", "tEsT-fFa7YcXhR2mWq9Lk4JvZs8Bn1Gd5Pu3Ty6EoA0");

fn listener_of_loopback() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    (listener, address)
}

fn load(files: CertificateFiles, clock: &dyn Clock) -> Arc<Tls> {
    Arc::new(Tls::load(files, clock.now()).expect("the test's certificate is valid"))
}

fn redis_url(text: &str) -> RedisUrl {
    RedisUrl::parse(&SecretString::from(text)).expect("the test's URL is well-formed")
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
