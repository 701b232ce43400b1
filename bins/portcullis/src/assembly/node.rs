//! Assembly of a node: keys, the proof of the secret, limits, bans, health, clocks and reports of browsers.

use std::sync::Arc;

use portcullis_api::{CspViolations, DatabaseCheck};
use portcullis_domain::Ambient;
use portcullis_flows::node::ban::{BanAdministration, Bans};
use portcullis_flows::node::clock_watch::ClockWatch;
use portcullis_flows::node::health::Health;
use portcullis_flows::node::outbox::{
    DeadLetterAdministration, MailDelivery, OutboxAdministration, OutboxWatch,
};
use portcullis_flows::node::overview::Overview;
use portcullis_flows::node::secret::SecretProof;
use portcullis_flows::node::signing_key::{KeyRing, SigningKeys};
use portcullis_flows::sign_in::device::DEVICE_LIFETIME;
use portcullis_mail::{Mailer, MailerSettings};
use portcullis_rate_limit::{BreakerSettings, Limiter, LocalLimiter};
use portcullis_redis::{RedisLimiter, WakeSignal};
use portcullis_storage::Store;
use portcullis_token::{CsrfKey, Lifetimes, SealingKey, SecretKey, TokenAuthority, TokenSettings};
use portcullis_web::{AppData, RateLimits};

use super::foundation::Foundation;
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;

/// Verified access tokens in the cache: 0.3 MiB, and up to 6 MiB when all of them are in use.
const REMEMBERED_TOKENS: usize = 16 * 1024;

/// The keys of access tokens, loaded.
pub(super) fn keys(foundation: &Foundation, data: &mut AppData) -> Result<Arc<KeyRing>, Failure> {
    let Foundation { config, store, secret, ambient } = foundation;
    let settings = TokenSettings {
        // The configured address, not the bound one: with port 0 the bound port changes with each
        // start, and tokens must stay valid.
        issuer: config.issuer(),
        audience: config.tokens.audience.clone(),
        lifetimes: Lifetimes {
            access: config.sessions.access_lifetime,
            refresh: config.sessions.refresh_lifetime,
            device: DEVICE_LIFETIME,
        },
    };
    let authority = TokenAuthority::new(secret, &settings).remembering(REMEMBERED_TOKENS);
    let authority = match &config.tokens.previous {
        Some(previous) => authority.accepting(previous),
        None => authority,
    };
    let keys = signing_keys(store, config, secret, ambient);
    let ring = KeyRing::start(keys, authority, config.tokens.algorithm, &operator("serve"))?;
    let ring = Arc::new(ring);
    data.share(Arc::clone(ring.authority()));
    data.share(Arc::clone(&ring));
    Ok(ring)
}

/// Issues and verifies CSRF tokens.
pub(super) fn csrf_key(foundation: &Foundation) -> Arc<CsrfKey> {
    let key = CsrfKey::new(&foundation.secret);
    Arc::new(match &foundation.config.tokens.previous {
        Some(previous) => key.accepting(previous),
        None => key,
    })
}

/// The use cases of operators for the key pairs that sign access tokens.
pub(crate) fn signing_keys(
    store: &Arc<Store>,
    config: &Config,
    secret: &SecretKey,
    ambient: &Ambient,
) -> SigningKeys {
    let sealing = SealingKey::new(secret);
    let sealing = match &config.tokens.previous {
        Some(previous) => sealing.accepting(previous),
        None => sealing,
    };
    SigningKeys::new(store.clone(), sealing, ambient.clone())
}

/// The proof that the data is sealed under this secret.
pub(crate) fn secret_proof(
    store: &Arc<Store>,
    config: &Config,
    secret: &SecretKey,
    ambient: &Ambient,
) -> SecretProof {
    let previous = config.tokens.previous.as_ref();
    SecretProof::new(store.clone(), secret, previous, ambient.clone())
}

/// The limiter that the nodes share, if Redis is configured.
pub(super) fn shared_limiter(
    foundation: &Foundation,
) -> Result<Option<Arc<RedisLimiter>>, Failure> {
    let config = &foundation.config;
    let limiter = config.redis.as_ref().map(|url| RedisLimiter::new(url, &config.issuer()));
    let limiter = limiter.transpose().map_err(|error| Failure::failed(error, "fix redis.url"))?;
    Ok(limiter.map(Arc::new))
}

/// The limiter in the memory of this node.
pub(super) fn local_limiter(foundation: &Foundation) -> Arc<LocalLimiter> {
    Arc::new(LocalLimiter::new(foundation.config.rate_limits.max_bytes))
}

/// The bans, read from the database, and the signal of their changes.
pub(super) fn bans(
    foundation: &Foundation,
    limiter: Arc<LocalLimiter>,
    data: &mut AppData,
) -> Result<(Arc<Bans>, Option<Arc<WakeSignal>>), Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let signal = config.redis.as_ref().map(|url| WakeSignal::new(url, &config.issuer(), "bans"));
    let signal = signal.transpose().map_err(|error| Failure::failed(error, "fix redis.url"))?;
    let signal = signal.map(Arc::new);
    let sender = signal.clone();
    let announce = move || sender.iter().for_each(|signal| signal.send());
    let settings = config.ban_settings();
    let bans = Bans::new(store.clone(), ambient.clone(), limiter, settings, Box::new(announce));
    let bans = bans.map_err(|error| Failure::failed(error, "fix rate_limit.ban_offences"))?;
    bans.synchronize()?;
    let bans = Arc::new(bans);
    let administration = ban_administration(store, config, Some(bans.clone()), ambient);
    data.share(Arc::new(administration));
    data.share(bans.clone());
    Ok((bans, signal))
}

/// The use cases of operators for bans, at a running node or without one.
pub(crate) fn ban_administration(
    store: &Arc<Store>,
    config: &Config,
    node: Option<Arc<Bans>>,
    ambient: &Ambient,
) -> BanAdministration {
    BanAdministration::new(store.clone(), config.ban_settings(), node, ambient.clone())
}

/// The rate limits of this node.
pub(super) fn rate_limits(
    foundation: &Foundation,
    local: Arc<LocalLimiter>,
    shared: Option<Arc<RedisLimiter>>,
    bans: Arc<Bans>,
) -> Arc<RateLimits> {
    let Foundation { config, ambient, .. } = foundation;
    let limiter = match shared {
        Some(shared) => Limiter::shared(shared, local, BreakerSettings::default()),
        None => Limiter::local_only(local),
    };
    let quotas = config.rate_limits.quotas.clone();
    Arc::new(RateLimits::new(quotas, limiter, ambient.clock.clone()).reporting_to(bans))
}

/// The delivery of mails; `None` if they wait for a mail server.
pub(super) fn mail_delivery(foundation: &Foundation) -> Result<Option<Arc<MailDelivery>>, Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let mailer = mailer(config)?;
    let settings = config.mail.delivery;
    let delivery = mailer.map(|mailer| {
        MailDelivery::new(store.clone(), Arc::new(mailer), settings, ambient.clone())
    });
    Ok(delivery.map(Arc::new))
}

/// The way of the mails; `None` if they wait for a mail server.
pub(crate) fn mailer(config: &Config) -> Result<Option<Mailer>, Failure> {
    let mail = config.mail.clone();
    let (Some(sender), Some(templates), Some(transport)) =
        (mail.sender, mail.templates, mail.transport)
    else {
        return Ok(None);
    };
    let mailer = Mailer::new(MailerSettings { sender, templates, transport });
    mailer.map(Some).map_err(|error| Failure::failed(error, "fix the section [mail]"))
}

/// The use cases of operators for mails that cannot be delivered.
pub(crate) fn dead_letters(store: &Arc<Store>, ambient: &Ambient) -> DeadLetterAdministration {
    DeadLetterAdministration::new(store.clone(), ambient.clone())
}

/// The use cases of administrators for the outbox, and the watch of its state.
pub(super) fn share_outbox(foundation: &Foundation, data: &mut AppData) -> Arc<OutboxWatch> {
    let Foundation { store, ambient, .. } = foundation;
    data.share(Arc::new(OutboxAdministration::new(store.clone(), ambient.clone())));
    data.share(Arc::new(Overview::new(store.clone(), store.clone())));
    Arc::new(OutboxWatch::new(store.clone()))
}

pub(super) fn health(foundation: &Foundation, data: &mut AppData) -> Arc<Health> {
    let Foundation { store, ambient, .. } = foundation;
    let health = Arc::new(Health::new(store.clone(), ambient.clock.clone()));
    data.share(Arc::new(DatabaseCheck::new(health.clone(), ambient.clock.clone())));
    health
}

/// The violations of the content policy that browsers report.
pub(super) fn csp_violations(foundation: &Foundation, data: &mut AppData) -> Arc<CspViolations> {
    let violations = Arc::new(CspViolations::new(foundation.ambient.clock.clone()));
    data.share(violations.clone());
    violations
}

pub(super) fn clock_watch(foundation: &Foundation, data: &mut AppData) -> Arc<ClockWatch> {
    let Foundation { store, ambient, .. } = foundation;
    let watch = Arc::new(ClockWatch::new(store.clone(), ambient.clock.clone()));
    data.share(watch.clone());
    watch
}
