//! The administration of invitations by the operator, on the configured database.

use std::sync::Arc;

use portcullis_domain::Ambient;
use portcullis_flows::access::matrix::Matrices;
use portcullis_flows::identity::account_request::RegistrationError;
use portcullis_flows::identity::invitation::{InvitationError, Invitations};
use portcullis_flows::principal::Principal;

use crate::config::Config;
use crate::failure::Failure;
use crate::{assembly, opening};

/// The use cases of invitations, with the matrix in force.
pub(super) fn invitations(
    config: &Config,
    operator: &Principal,
) -> Result<(Invitations, Arc<Matrices>), Failure> {
    let (store, matrices) = opening::started(config, operator)?;
    let checker = Arc::new(assembly::identity::checker(config)?);
    let invitations = assembly::identity::invitations(
        &store,
        config,
        checker,
        matrices.active(),
        &Ambient::system(),
    );
    Ok((invitations, Arc::new(matrices)))
}

/// The failure of a command.
pub(super) fn refused(error: InvitationError) -> Failure {
    match error {
        InvitationError::Store(error)
        | InvitationError::Account(RegistrationError::Store(error)) => error.into(),
        InvitationError::Account(RegistrationError::Invalid(faults)) => Failure::Failed {
            problems: faults.iter().map(ToString::to_string).collect(),
            remedy: "nobody was invited; fix the values named above".to_owned(),
        },
        error => Failure::failed(error, "nothing was changed"),
    }
}
