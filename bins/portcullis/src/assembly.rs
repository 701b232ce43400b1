//! Assembly: builds the server from its use cases, one function per area.
//!
//! The function of an area takes the parts of earlier areas as arguments. So a part that must start before
//! another is an argument of the other: tokens are issued only with loaded keys, and decisions are made
//! only with the access matrix in force.

pub(crate) mod access;
pub(crate) mod audit;
mod foundation;
pub(crate) mod identity;
pub(crate) mod machine;
pub(crate) mod node;
mod pages;
pub(crate) mod sign_in;

use std::sync::Arc;

use portcullis_api::{MetricSources, exchange_signals};
use portcullis_domain::{Ambient, Clock};
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::identity::account::Accounts;
use portcullis_flows::identity::bootstrap::BootstrapState;
use portcullis_flows::machine::api_key::{ApiKeyChecks, ApiKeyUses};
use portcullis_flows::node::job::Jobs;
use portcullis_flows::node::revocation::Revocations;
use portcullis_flows::sign_in::RiskFiles;
use portcullis_flows::sign_in::network_policy::NetworkAccess;
use portcullis_flows::sign_in::outcome::SignInOutcomes;
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_password::HashingPool;
use portcullis_token::TokenAuthority;
use portcullis_web::{AppData, Application, Authenticator, Part};

pub use self::foundation::Foundation;
use self::sign_in::{Credentials, SignInParts};
use crate::failure::Failure;
use crate::jobs;

/// An assembled server.
pub struct Assembled {
    /// Routes, use cases and background work.
    pub application: Application,
    /// The setup state: the first administrator exists, or can be created.
    pub setup: BootstrapState,
    /// The access matrix in force.
    pub matrices: Arc<Matrices>,
    /// The checkpoints of the audit log.
    pub checkpoints: Arc<Checkpoints>,
    /// The uses of API keys, of which the last minute is written at the end.
    pub key_uses: Arc<ApiKeyUses>,
}

/// Assembles a server that assesses sign-ins with these files. Its jobs are scheduled by `jobs_clock`.
///
/// # Errors
///
/// When the database, Redis or the operating system fail at the start of a part, and when the configured
/// administrator cannot be created.
pub fn server(
    foundation: &Foundation,
    risk_files: RiskFiles,
    jobs_clock: Arc<dyn Clock>,
) -> Result<Assembled, Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let mut data = AppData::default();
    let keys = node::keys(foundation, &mut data)?;
    let (feed, revocations) = machine::revocations(foundation, &mut data)?;
    let matrices = access::matrices_in_force(foundation, &mut data)?;
    let issuer = TokenIssuer::new(
        Arc::clone(keys.authority()),
        Arc::clone(&revocations),
        Arc::clone(matrices.active()),
        config.sessions.clone(),
    );
    let credentials = Credentials::start(foundation, &mut data)?;
    let risk = sign_in::risk_assessor(foundation, risk_files);
    let outcomes = Arc::<SignInOutcomes>::default();
    let parts = SignInParts { credentials: &credentials, risk, outcomes: &outcomes };
    let networks = sign_in::share(foundation, &issuer, parts, matrices.active(), &mut data);
    let step_up = sign_in::step_up(foundation);
    let api_keys = machine::share(foundation, &issuer, matrices.active(), &credentials, &mut data);
    let accounts = identity::accounts(foundation, &mut data)?;
    let setup = identity::share(foundation, &issuer, &credentials, matrices.active(), &mut data)?;
    let recorder = audit::recorder(foundation)?;
    let decisions = access::decisions(foundation, &matrices, &accounts, recorder, &mut data);
    let checkpoints = audit::share(foundation, &mut data);
    let health = node::health(foundation, &mut data);
    let clock_watch = node::clock_watch(foundation, &mut data);
    let shared_limiter = node::shared_limiter(foundation)?;
    let local_limiter = node::local_limiter(foundation);
    let (bans, ban_signal) = node::bans(foundation, local_limiter.clone(), &mut data)?;
    let rate_limits =
        node::rate_limits(foundation, local_limiter, shared_limiter.clone(), bans.clone());

    let mail_delivery = node::mail_delivery(foundation)?;
    let outbox = node::share_outbox(foundation, &mut data);

    let mut list = jobs::exclusive(store, &checkpoints, config);
    list.extend([
        jobs::follow_matrix(&matrices),
        jobs::follow_keys(&keys),
        jobs::check_database(&health),
        jobs::compare_clocks(&clock_watch),
        jobs::send_heartbeats(&feed, &revocations),
        jobs::forget_revocations(&revocations),
        jobs::count_hash_costs(&credentials.costs),
        jobs::sweep_rate_limits(&rate_limits),
        jobs::synchronize_bans(&bans),
        jobs::follow_outbox(&outbox),
        jobs::record_key_uses(&api_keys.uses),
    ]);
    list.extend(mail_delivery.as_ref().map(jobs::deliver_mails));
    list.extend(jobs::checkpoint_files(config, &checkpoints));
    list.extend(jobs::release_memory());
    let jobs_ambient = Ambient { clock: jobs_clock, random: ambient.random.clone() };
    let jobs = Arc::new(Jobs::new(list, store.clone(), jobs_ambient));
    data.share(jobs.clone());
    data.share(Arc::new(config.settings.clone()));
    let csp_violations = node::csp_violations(foundation, &mut data);
    data.share(Arc::new(MetricSources {
        decisions: decisions.clone(),
        matrices: matrices.clone(),
        hashing: credentials.hashing.clone(),
        breaches: credentials.breaches.clone(),
        revocations: revocations.clone(),
        feed: feed.clone(),
        clock_watch,
        rate_limits: rate_limits.clone(),
        shared_limiter,
        bans: bans.clone(),
        outbox,
        mail_delivery,
        jobs: jobs.clone(),
        checkpoints: checkpoints.clone(),
        csp_violations,
        sign_ins: outcomes,
        pools: store.clone(),
    }));

    let (keys, checks) = (Arc::clone(keys.authority()), api_keys.checks);
    let authenticator = authenticator(foundation, keys, revocations.clone(), networks, checks);
    data.share(authenticator.clone());
    let parts = required_parts(&decisions, &revocations, accounts, &credentials.hashing);
    let signals = feed.clone();
    let application = Application {
        ambient: ambient.clone(),
        lifecycle: Arc::default(),
        authenticator,
        decisions,
        step_up,
        rate_limits,
        data,
        groups: pages::GROUPS,
        configure: pages::routes(config),
        jobs,
        parts,
        background: Box::new(move || {
            Box::pin(async move {
                exchange_signals(&signals, &revocations, ban_signal.as_deref(), &bans).await;
            })
        }),
        close_streams: Box::new(move || feed.close()),
    };
    Ok(Assembled { application, setup, matrices, checkpoints, key_uses: api_keys.uses })
}

/// The authentication of requests.
fn authenticator(
    foundation: &Foundation,
    authority: Arc<TokenAuthority>,
    revocations: Arc<Revocations>,
    networks: Arc<NetworkAccess>,
    api_keys: Arc<ApiKeyChecks>,
) -> Arc<Authenticator> {
    let Foundation { config, ambient, .. } = foundation;
    let (csrf, services) = (node::csrf_key(foundation), config.services.clone());
    let clock = ambient.clock.clone();
    Arc::new(Authenticator { authority, revocations, csrf, services, networks, api_keys, clock })
}

/// The jobs of `portcullis worker`: the exclusive ones.
#[must_use]
pub fn worker(foundation: &Foundation) -> Jobs {
    let Foundation { config, store, secret, ambient } = foundation;
    let checkpoints = Arc::new(audit::checkpoints(store, config, secret, ambient));
    let mut list = jobs::exclusive(store, &checkpoints, config);
    list.extend(jobs::checkpoint_files(config, &checkpoints));
    Jobs::new(list, store.clone(), ambient.clone())
}

/// The parts without which the server stops.
fn required_parts(
    decisions: &Arc<Decisions>,
    revocations: &Arc<Revocations>,
    accounts: Arc<Accounts>,
    hashing: &Arc<HashingPool>,
) -> Vec<Part> {
    let (recording, following, hashing) = (decisions.clone(), revocations.clone(), hashing.clone());
    vec![
        part("recorder", move || recording.recorder().is_running()),
        part("revocations", move || following.is_followed()),
        part("accounts", move || accounts.is_running()),
        part("hashing", move || hashing.is_running()),
    ]
}

fn part(name: &'static str, is_running: impl Fn() -> bool + Send + 'static) -> Part {
    Part { name, is_running: Box::new(is_running) }
}
