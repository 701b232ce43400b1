//! Rate limits: the quotas of client addresses and accounts, checked before the guard and the body.
//!
//! Each request counts under the general quota of its client address, and after authentication under
//! that of its account. A route may name a further quota for addresses, such as that of sign-in. IPv6
//! addresses count by their /64 network. The general quotas are those of this node, so that a request
//! needs no other process; the quotas of routes are shared between nodes by Redis, if there is one.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use portcullis_domain::{AccountId, ApiKeyId, Clock};
use portcullis_flows::node::ban::Bans;
use portcullis_rate_limit::{BreakerState, Demand, Limiter, Quota, States, Subject, headers};

use crate::ban;
use crate::client_address::AddressOwner;
use crate::problem::{Code, Problem};
use crate::request::RequestContext;

/// The rate limit of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// The general request limit of the client address and of the account.
    General,
    /// The general request limit, and this one for the client address.
    Of(&'static RateLimit),
    /// No limit, for this reason.
    Exempt(&'static str),
}

/// A rate limit that routes name. Routes with the same one share it.
#[derive(Debug, PartialEq, Eq)]
pub struct RateLimit {
    quota: Quota,
    starts_bans: bool,
}

impl RateLimit {
    /// An exact limit for client addresses or for accounts. In a `static`, numbers that make no quota do not
    /// compile.
    ///
    /// # Panics
    ///
    /// If the numbers make no quota.
    #[expect(clippy::panic, reason = "limits of routes are statics: it panics at compile time")]
    pub const fn new(name: &'static str, limit: u32, window: Duration) -> Self {
        match Quota::sliding(name, limit, window) {
            Ok(quota) => Self { quota, starts_bans: true },
            Err(_) => panic!("the numbers make no quota"),
        }
    }

    /// The same limit, whose refusals are no offences: for requests that a browser sends by itself, without
    /// waiting as long as it is told.
    #[must_use]
    pub const fn without_bans(self) -> Self {
        Self { starts_bans: false, ..self }
    }

    /// The quota, with the name that clients see in `RateLimit-Policy` and the default numbers.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }
}

/// The limit of requests with a wrong API key, on all routes together.
pub static WRONG_API_KEYS: RateLimit =
    RateLimit::new("wrong_api_keys", 20, Duration::from_secs(60));

/// The limit of wrong API keys that a service introspects, for all of its clients together.
pub static WRONG_INTROSPECTED_KEYS: RateLimit =
    RateLimit::new("wrong_introspected_keys", 200, Duration::from_secs(60));

/// The configuration of the rate limits.
#[derive(Clone, Debug)]
pub struct RateLimitSettings {
    /// The general quota of a client address.
    pub requests: Quota,
    /// The general quota of an account.
    pub account_requests: Quota,
    /// The quota of an API key.
    pub key_requests: Quota,
    /// The quotas of the rate limits that routes name.
    pub routes: Vec<Quota>,
    /// The networks whose requests are not limited by their address: services of the deployment.
    pub exempt_networks: Vec<IpNet>,
}

/// The rate limit of a route with the configured numbers.
pub(crate) enum RouteRate {
    Exempt,
    General,
    Quota { quota: Quota, starts_bans: bool },
}

/// The rate limits of this node.
pub struct RateLimits {
    settings: Option<RateLimitSettings>,
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    bans: Option<Arc<Bans>>,
    refused: BTreeMap<&'static str, AtomicU64>,
}

impl RateLimits {
    /// Rate limits; without settings nothing is limited.
    pub fn new(
        settings: Option<RateLimitSettings>,
        limiter: Limiter,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let quotas = settings.iter().flat_map(|settings| {
            let RateLimitSettings { requests, account_requests, key_requests, routes, .. } =
                settings;
            routes.iter().chain([requests, account_requests, key_requests])
        });
        let refused = quotas.map(|quota| (quota.name(), AtomicU64::new(0))).collect();
        Self { settings, limiter, clock, bans: None, refused }
    }

    /// The same rate limits, with a report of each refusal to these bans.
    #[must_use]
    pub fn reporting_to(self, bans: Arc<Bans>) -> Self {
        Self { bans: Some(bans), ..self }
    }

    /// The rate limit of a route, with the configured numbers.
    pub(crate) fn of_route(&self, rate: Rate) -> RouteRate {
        match rate {
            Rate::Exempt(_) => RouteRate::Exempt,
            Rate::General => RouteRate::General,
            Rate::Of(rate) => {
                let configured = self.settings.iter().flat_map(|settings| &settings.routes);
                let mut configured = configured.filter(|quota| quota.name() == rate.quota.name());
                let quota = *configured.next().unwrap_or(&rate.quota);
                RouteRate::Quota { quota, starts_bans: rate.starts_bans }
            }
        }
    }

    /// Counts a request under the general quota of its client address, or refuses it.
    pub(crate) fn admit_address(
        &self,
        context: &RequestContext,
        rate: &RouteRate,
    ) -> Result<(), Problem> {
        let Some(settings) = self.limits_of(context) else { return Ok(()) };
        if matches!(rate, RouteRate::Exempt) {
            return Ok(());
        }
        let demand = Demand { quota: &settings.requests, subject: context.address.into() };
        // The time of arrival saves a look at the clock.
        let states = self.limiter.local().acquire(context.begun, &[demand]);
        let states = states.map_err(|_| Problem::new(Code::Internal))?;
        self.answer(states, Some(context.address)).map(drop)
    }

    /// Counts a request under the quota of its route, or refuses it. Returns the state of that quota.
    pub(crate) async fn admit_to_route(
        &self,
        context: &RequestContext,
        rate: &RouteRate,
    ) -> Result<Option<States>, Problem> {
        let RouteRate::Quota { quota, starts_bans } = rate else { return Ok(None) };
        if self.limits_of(context).is_none() {
            return Ok(None);
        }
        let address = context.address;
        let demand = Demand { quota, subject: Subject::from(address) };
        let states = self.limiter.acquire(|| self.clock.monotonic(), &[demand]).await;
        let states = states.map_err(|_| Problem::new(Code::Internal))?;
        self.answer(states, Some(address).filter(|_| *starts_bans)).map(Some)
    }

    /// The settings, if the requests of the client address are limited. An exempt address that is a
    /// trusted proxy stands for every client, and is limited.
    fn limits_of(&self, context: &RequestContext) -> Option<&RateLimitSettings> {
        self.settings.as_ref().filter(|settings| {
            let mut exempt = settings.exempt_networks.iter();
            context.owner == AddressOwner::Proxy
                || !exempt.any(|network| network.contains(&context.address))
        })
    }

    /// Counts a request for the account that has sent it, or refuses it. The refusal is no offence of
    /// its address: the account may be used from many.
    pub(crate) fn admit_account(&self, account: AccountId) -> Result<(), Problem> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let subject = Subject::Id(*account.as_uuid().as_bytes());
        let states = self.acquire_local(Demand { quota: &settings.account_requests, subject })?;
        self.answer(states, None).map(drop)
    }

    /// Counts a request under a rate limit for accounts, or refuses it.
    pub(crate) async fn admit_account_to(
        &self,
        rate: &'static RateLimit,
        account: AccountId,
    ) -> Result<(), Problem> {
        if self.settings.is_none() {
            return Ok(());
        }
        let RouteRate::Quota { quota, .. } = self.of_route(Rate::Of(rate)) else { return Ok(()) };
        let subject = Subject::Id(*account.as_uuid().as_bytes());
        let demand = Demand { quota: &quota, subject };
        let states = self.limiter.acquire(|| self.clock.monotonic(), &[demand]).await;
        let states = states.map_err(|_| Problem::new(Code::Internal))?;
        self.answer(states, None).map(drop)
    }

    /// Counts a request with an API key, or refuses it.
    pub(crate) fn admit_key(&self, key: ApiKeyId) -> Result<(), Problem> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let subject = Subject::Id(*key.as_uuid().as_bytes());
        let states = self.acquire_local(Demand { quota: &settings.key_requests, subject })?;
        self.answer(states, None).map(drop)
    }

    /// Counts a request with a wrong API key for its client address, or refuses it.
    pub(crate) async fn admit_wrong_key(&self, context: &RequestContext) -> Result<(), Problem> {
        let rate = self.of_route(Rate::Of(&WRONG_API_KEYS));
        self.admit_to_route(context, &rate).await.map(drop)
    }

    /// Counts a wrong API key that a service introspects, or refuses it: for the service by its address, and
    /// for its client as if the client had sent the key to this server.
    ///
    /// No refusal is an offence: the service does not choose the keys of its clients, and a service could
    /// name the address of a client that sent none.
    pub(crate) async fn admit_introspected_key(
        &self,
        context: &RequestContext,
        client: Option<IpAddr>,
    ) -> Result<(), Problem> {
        if self.settings.is_none() {
            return Ok(());
        }
        let rates = [&WRONG_INTROSPECTED_KEYS, &WRONG_API_KEYS];
        let quotas = rates.map(|rate| match self.of_route(Rate::Of(rate)) {
            RouteRate::Quota { quota, .. } => quota,
            RouteRate::Exempt | RouteRate::General => rate.quota,
        });
        let addresses = [Some(context.address), client];
        let demands: Vec<_> = quotas
            .iter()
            .zip(addresses)
            .filter_map(|(quota, address)| Some(Demand { quota, subject: address?.into() }))
            .collect();
        let states = self.limiter.acquire(|| self.clock.monotonic(), &demands).await;
        let states = states.map_err(|_| Problem::new(Code::Internal))?;
        self.answer(states, None).map(drop)
    }

    fn acquire_local(&self, demand: Demand<'_>) -> Result<States, Problem> {
        let states = self.limiter.local().acquire(self.clock.monotonic(), &[demand]);
        states.map_err(|_| Problem::new(Code::Internal))
    }

    /// Refuses a request beyond its quota. The refusal may be an offence of this client.
    fn answer(&self, states: States, client: Option<IpAddr>) -> Result<States, Problem> {
        if let (Some(bans), Some(client), Some(seconds)) =
            (&self.bans, client, headers::retry_after(&states))
        {
            ban::report(bans, client, seconds);
        }
        for state in states.refused() {
            if let Some(count) = self.refused.get(state.quota.name()) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        if states.is_allowed() { Ok(states) } else { Err(Problem::rate_limited(states)) }
    }

    /// Removes expired entries; a job calls this.
    pub fn sweep(&self) {
        self.limiter.local().sweep(self.clock.monotonic());
    }

    /// The number of refused requests by the name of the quota.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.refused.iter().map(|(name, count)| (*name, count.load(Ordering::Relaxed)))
    }

    /// The limiter, for metrics.
    pub const fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// True if the shared limiter decides at the moment; `None` without one.
    pub fn is_shared(&self) -> Option<bool> {
        let state = self.limiter.breaker_state(self.clock.monotonic())?;
        Some(state == BreakerState::Closed)
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits").field("settings", &self.settings).finish_non_exhaustive()
    }
}
