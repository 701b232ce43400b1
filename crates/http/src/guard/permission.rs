//! Routes of the server itself that the access matrix guards, as it guards those of the services
//! around it: every check is recorded, and whoever is refused learns the decision's id.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use portcullis_flows::decision::{self, Question};

use super::requirement::{Audience, Requirement};
use super::{Caller, Guard, informed, services};
use crate::decision::decide;
use crate::problem::Problem;

/// What a caller must be allowed.
pub(crate) trait Permission: 'static {
    /// Pairs of resource and action, of which all must be granted.
    const NEEDED: &'static [(&'static str, &'static str)];
}

/// To read the audit trail and the reasons of decisions.
pub(crate) struct ReadAudit;

impl Permission for ReadAudit {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("audit_log", "read")];
}

/// To take the audit trail away as a file.
pub(crate) struct ExportAudit;

impl Permission for ExportAudit {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("audit_log", "export")];
}

/// To see an account of somebody else.
pub(crate) struct ReadUsers;

impl Permission for ReadUsers {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("user", "read")];
}

/// To decide about an account of somebody else.
pub(crate) struct ChangeUsers;

impl Permission for ChangeUsers {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("user", "update")];
}

/// To read the whole access matrix, and to try others.
pub(crate) struct ReadSettings;

impl Permission for ReadSettings {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("settings", "read")];
}

/// To try an access matrix against what the audit trail holds.
pub(crate) struct ReplayAudit;

impl Permission for ReplayAudit {
    const NEEDED: &'static [(&'static str, &'static str)] =
        &[("settings", "read"), ("audit_log", "read")];
}

/// To put another access matrix in force.
pub(crate) struct ChangeSettings;

impl Permission for ChangeSettings {
    const NEEDED: &'static [(&'static str, &'static str)] = &[("settings", "update")];
}

/// A caller whom the access matrix grants `P`. A node that does not know what is revoked by now asks
/// nobody and lets nobody in.
pub(crate) struct Permitted<P> {
    /// Who calls.
    pub(crate) caller: decision::Caller,
    permission: PhantomData<P>,
}

impl<P: Permission> Guard for Permitted<P> {
    const REQUIREMENT: Requirement =
        Requirement { permissions: P::NEEDED, ..Requirement::of(Audience::Settled) };
}

impl<P: Permission> FromRequest for Permitted<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let services = services(request).cloned();
        let caller = Caller::of(request);
        Box::pin(async move {
            let (services, Caller(caller)) = (services?, caller.await?);
            informed(&services.revocations)?;
            let questions =
                P::NEEDED.iter().map(|(resource, action)| Question::own(resource, action));
            let answers = decide(&services, caller.clone(), questions.collect()).await?;
            match answers.iter().find(|answer| !answer.allowed) {
                Some(refused) => Err(Problem::forbidden(refused.decision)),
                None => Ok(Self { caller, permission: PhantomData }),
            }
        })
    }
}
