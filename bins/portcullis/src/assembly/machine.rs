//! Assembly for other services: the feed of revocations, and introspection.

use std::sync::Arc;

use portcullis_api::Feed;
use portcullis_flows::machine::introspection::Introspection;
use portcullis_flows::node::revocation::{FollowError, Revocations};
use portcullis_flows::sign_in::session_tokens::TokenIssuer;
use portcullis_redis::WakeSignal;
use portcullis_web::AppData;

use super::foundation::Foundation;
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

pub(super) fn share(foundation: &Foundation, issuer: &TokenIssuer, data: &mut AppData) {
    let Foundation { store, ambient, .. } = foundation;
    let introspection = Introspection::new(store.clone(), issuer.clone(), ambient.clone());
    data.share(Arc::new(introspection));
}
