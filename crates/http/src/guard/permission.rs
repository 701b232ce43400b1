//! Routes of the server itself that the access matrix guards, as it guards those of the services
//! around it: every check is recorded, and whoever is refused learns the decision's id.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use portcullis_flows::decision::Question;
use portcullis_flows::permission::{self, Permission};
use portcullis_flows::principal::Principal;

use super::requirement::{Audience, Requirement};
use super::{Caller, Guard, informed, services};
use crate::decision::decide;
use crate::problem::Problem;
use crate::services::Services;

/// What a caller must be allowed.
pub(crate) trait Guarding: 'static {
    /// What must be granted, all of it.
    const NEEDED: &'static [Permission];
}

/// To read the audit trail and the reasons of decisions.
pub(crate) struct ReadAudit;

impl Guarding for ReadAudit {
    const NEEDED: &'static [Permission] = &[permission::READ_TRAIL];
}

/// To take the audit trail away as a file.
pub(crate) struct ExportAudit;

impl Guarding for ExportAudit {
    const NEEDED: &'static [Permission] = &[permission::EXPORT_TRAIL];
}

/// To see an account of somebody else.
pub(crate) struct ReadUsers;

impl Guarding for ReadUsers {
    const NEEDED: &'static [Permission] = &[permission::READ_ACCOUNT];
}

/// To end the sessions of somebody else; for those of everybody the use case asks for the most senior
/// role besides.
pub(crate) struct EndSessions;

impl Guarding for EndSessions {
    const NEEDED: &'static [Permission] = &[permission::END_SESSIONS];
}

/// To read the whole access matrix, and to try others.
pub(crate) struct ReadSettings;

impl Guarding for ReadSettings {
    const NEEDED: &'static [Permission] = &[permission::READ_MATRIX];
}

/// To try an access matrix against what the audit trail holds.
pub(crate) struct ReplayAudit;

impl Guarding for ReplayAudit {
    const NEEDED: &'static [Permission] = &[permission::READ_MATRIX, permission::READ_TRAIL];
}

/// To put another access matrix in force.
pub(crate) struct ChangeSettings;

impl Guarding for ChangeSettings {
    const NEEDED: &'static [Permission] = &[permission::ACTIVATE_MATRIX];
}

/// A caller whom the access matrix grants `P`. A node that does not know what is revoked by now asks
/// nobody and lets nobody in.
pub(crate) struct Permitted<P> {
    /// Who calls.
    pub(crate) caller: Principal,
    guarding: PhantomData<P>,
}

impl<P: Guarding> Guard for Permitted<P> {
    const REQUIREMENT: Requirement =
        Requirement { permissions: P::NEEDED, ..Requirement::of(Audience::Settled) };
}

impl<P: Guarding> FromRequest for Permitted<P> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let services = services(request).cloned();
        let caller = Caller::of(request);
        Box::pin(async move {
            let (services, Caller(caller)) = (services?, caller.await?);
            informed(&services.revocations)?;
            permit(&services, &caller, P::NEEDED).await?;
            Ok(Self { caller, guarding: PhantomData })
        })
    }
}

/// Lets the caller go on if all of this is granted; for what only the body of a request tells.
pub(crate) async fn permit(
    services: &web::Data<Services>,
    caller: &Principal,
    needed: &[Permission],
) -> Result<(), Problem> {
    let questions = needed.iter().map(|(resource, action)| Question::own(resource, action));
    let answers = decide(services, caller.clone(), questions.collect()).await?;
    match answers.iter().find(|answer| !answer.allowed) {
        Some(refused) => Err(Problem::forbidden(refused.decision)),
        None => Ok(()),
    }
}
