//! Assembly for other services and programs: the feed of revocations, introspection, and API keys.

use std::sync::Arc;

use portcullis_api::Feed;
use portcullis_domain::Ambient;
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::machine::api_key::{
    ApiKeyChecks, ApiKeyPolicy, ApiKeySeal, ApiKeyUses, ApiKeys,
};
use portcullis_flows::machine::introspection::Introspection;
use portcullis_flows::node::revocation::{FollowError, Revocations};
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_redis::WakeSignal;
use portcullis_storage::Store;
use portcullis_token::{Purpose, SecretKey};
use portcullis_web::AppData;

use super::foundation::{Foundation, seal};
use super::sign_in::Credentials;
use crate::config::Config;
use crate::failure::Failure;

/// Starts the revocation set of this node, and the feed that services read.
pub(super) fn revocations(
    foundation: &Foundation,
    data: &mut AppData,
) -> Result<(Arc<Feed>, Arc<Revocations>), Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let signal =
        config.redis.as_ref().map(|url| WakeSignal::new(url, &config.issuer(), "revocations"));
    let signal = signal.transpose().map_err(|error| Failure::failed(error, "fix redis.url"))?;
    let lifetime = config.sessions.access_lifetime;
    let started =
        Feed::start(signal, store.clone(), lifetime, ambient.clock.clone(), config.revocation);
    let (feed, revocations) = started.map_err(|error| match error {
        FollowError::Store(error) => error.into(),
        error @ FollowError::Thread(_) => {
            Failure::failed(error, "raise the thread limit of the server")
        }
    })?;
    data.share(feed.clone());
    data.share(revocations.clone());
    Ok((feed, revocations))
}

/// The checks of API keys, and the uses that they count.
pub(super) struct KeysInUse {
    pub(super) checks: Arc<ApiKeyChecks>,
    pub(super) uses: Arc<ApiKeyUses>,
}

/// The use cases for services and programs.
pub(super) fn share(
    foundation: &Foundation,
    issuer: &TokenIssuer,
    matrix: &Arc<ActiveMatrix>,
    credentials: &Credentials,
    data: &mut AppData,
) -> KeysInUse {
    let Foundation { config, store, ambient, .. } = foundation;
    let introspection = Introspection::new(store.clone(), issuer.clone(), ambient.clone());
    data.share(Arc::new(introspection));
    let seal = ApiKeySeal::new(Arc::new(foundation.seal(Purpose::ApiKeys)));
    let policy = ApiKeyPolicy::default();
    let keys = ApiKeys::new(store.clone(), matrix.clone(), seal.clone(), policy, ambient.clone());
    let keys = keys.for_owners(credentials.reauthentication(foundation));
    if config.tokens.previous.is_some()
        && let Err(error) = keys.reseal()
    {
        tracing::warn!(%error, "the API keys could not be sealed again");
    }
    data.share(Arc::new(keys));
    let uses = Arc::new(ApiKeyUses::new(store.clone(), ambient.clone()));
    data.share(uses.clone());
    let clock = ambient.clock.clone();
    let networks = issuer.networks().clone();
    let checks = Arc::new(ApiKeyChecks::new(store.clone(), seal, uses.clone(), networks, clock));
    data.share(checks.clone());
    KeysInUse { checks, uses }
}

/// The API keys of an account, without a server. Running servers look keys up.
pub(crate) fn keys_by_operator(
    store: &Arc<Store>,
    secret: &SecretKey,
    config: &Config,
    matrix: &Arc<ActiveMatrix>,
) -> ApiKeys {
    let seal = ApiKeySeal::new(Arc::new(seal(secret, config, Purpose::ApiKeys)));
    let policy = ApiKeyPolicy::default();
    ApiKeys::new(store.clone(), matrix.clone(), seal, policy, Ambient::system())
}
