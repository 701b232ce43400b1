//! Assembly of the audit log: recording, reading, proofs of entries, statistics, checkpoints.

use std::sync::Arc;

use portcullis_audit::AuditKeys;
use portcullis_domain::Ambient;
use portcullis_flows::audit::checkpoint::Checkpoints;
use portcullis_flows::audit::entry_proof::EntryProofs;
use portcullis_flows::audit::recording::Recorder;
use portcullis_flows::audit::sign_in_statistics::SignInStatistics;
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::audit::verification::Verification;
use portcullis_storage::Store;
use portcullis_token::SecretKey;
use portcullis_web::AppData;

use super::foundation::Foundation;
use crate::config::Config;
use crate::failure::{self, Failure};

/// The keys of the audit log.
pub(crate) fn keys(secret: &SecretKey) -> AuditKeys {
    AuditKeys::from_secret(secret.as_secret())
}

/// Starts the recorder of decisions and its thread.
pub(super) fn recorder(foundation: &Foundation) -> Result<Arc<Recorder>, Failure> {
    let Foundation { config, store, secret, ambient } = foundation;
    let (keys, policy) = (Arc::new(keys(secret)), config.audit.recording);
    let recorder = Recorder::start(store.clone(), keys, policy, ambient.clone());
    recorder.map(Arc::new).map_err(failure::no_thread)
}

pub(super) fn share(foundation: &Foundation, data: &mut AppData) -> Arc<Checkpoints> {
    let Foundation { config, store, secret, ambient } = foundation;
    let log = Arc::new(trail(store, ambient));
    data.share(log.clone());
    data.share(Arc::new(SignInStatistics::new(store.clone(), ambient.clone())));
    // The cursors of searches are sealed with these keys too.
    data.share(Arc::new(keys(secret)));
    let checkpoints = Arc::new(checkpoints(store, config, secret, ambient));
    data.share(checkpoints.clone());
    let keys = config.tokens.previous.iter().chain([secret]).map(|secret| Arc::new(keys(secret)));
    let proofs = EntryProofs::new(store.clone(), log, checkpoints.clone(), keys.collect());
    data.share(Arc::new(proofs));
    checkpoints
}

/// Searches and exports of the audit log.
pub(crate) fn trail(store: &Arc<Store>, ambient: &Ambient) -> AuditLog {
    AuditLog::new(store.clone(), ambient.clone())
}

/// Verifies the current audit log.
pub(crate) fn verification(store: &Arc<Store>) -> Verification {
    Verification::new(store.clone()).at(Ambient::system().now())
}

/// Makes and verifies checkpoints.
pub(crate) fn checkpoints(
    store: &Arc<Store>,
    config: &Config,
    secret: &SecretKey,
    ambient: &Ambient,
) -> Checkpoints {
    let previous = config.tokens.previous.as_ref().map(|secret| Arc::new(keys(secret)));
    Checkpoints::new(store.clone(), Arc::new(keys(secret)), previous, ambient.clone())
}
