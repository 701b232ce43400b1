//! Assembly of the access matrix and its decisions.

use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_flows::access::decision::Decisions;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::audit::recording::Recorder;
use portcullis_flows::identity::account::Accounts;
use portcullis_storage::Store;
use portcullis_web::AppData;

use super::foundation::Foundation;
use crate::config::MatrixFile;
use crate::failure::Failure;
use crate::operator::operator;

/// The versions of the access matrix for the command line, initially the configured file.
pub(crate) fn matrices(store: &Arc<Store>, file: &MatrixFile) -> Matrices {
    Matrices::new(store.clone(), store.clone(), file.active.clone(), Ambient::system())
}

/// The access matrix in force. The first start activates the configured file.
pub(super) fn matrices_in_force(
    foundation: &Foundation,
    data: &mut AppData,
) -> Result<Arc<Matrices>, Failure> {
    let Foundation { config, store, ambient, .. } = foundation;
    let (text, operator) = (&config.matrix.text, operator("serve"));
    let matrices = Matrices::start(store.clone(), store.clone(), text, &operator, ambient.clone())?;
    let matrices = Arc::new(matrices);
    data.share(matrices.clone());
    Ok(matrices)
}

pub(super) fn decisions(
    foundation: &Foundation,
    matrices: &Matrices,
    accounts: &Arc<Accounts>,
    recorder: Arc<Recorder>,
    data: &mut AppData,
) -> Arc<Decisions> {
    let (active, clock) = (matrices.active().clone(), foundation.ambient.clock.clone());
    let decisions = Arc::new(Decisions::new(active, accounts.clone(), recorder, clock));
    data.share(decisions.clone());
    decisions
}
