//! Invitations: an administrator, or the operator, invites the owner of an address to register.
//!
//! An invitation has an address, a role and a kind. Its mailed link works once; a newer invitation
//! for the same address replaces it. Nobody invites above their own role, and the rule is checked
//! twice: in the transaction that stores the invitation, and in the one that accepts it, against
//! the inviting account and the matrix of that moment. So an invitation ends with the deactivation
//! of its inviter, and with a role of the inviter that does not reach the invited one any more.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{Actor, Details, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, AccountKind, Ambient, Email, ExposeSecret, InvitationId, Role,
    SecretString, Timestamp,
};
use portcullis_token::{Digest, OpaqueSecret};

use crate::StoreError;
use crate::access::matrix::{ActiveMatrix, MatrixInForce};
use crate::access::permission;
use crate::effects::{Effects, EffectsOf, Message, Recipient, event_now};
use crate::identity::account_change::Refusal;
use crate::identity::account_request::{
    AccountChecker, AccountRequest, FieldError, NameRules, RegistrationError,
};
use crate::identity::creation::{Creation, NewAccount};
use crate::identity::provisioning::PersonKind;
use crate::node::mail::{Mail, MailText};
use crate::principal::Principal;

/// The port of invitations.
pub trait InvitationStore: Send + Sync {
    /// Passes the account of the principal to the rule. Stores the invitation in place of an earlier
    /// one for the same address, unless the rule refuses it or the address has an account. The
    /// effects are recorded in every case.
    fn invite(&self, request: &InvitationRequest<'_>) -> Result<InvitationResult, StoreError>;

    /// The invitations that have not expired, the latest first, from before this one.
    fn invitations(
        &self,
        before: Option<InvitationId>,
        most: u32,
    ) -> Result<Vec<Invitation>, StoreError>;

    /// Deletes an invitation and its link, unless the rule refuses it; `None` if there is none.
    fn revoke_invitation(
        &self,
        revocation: &InvitationRevocation<'_>,
    ) -> Result<Option<Result<Invitation, Refusal>>, StoreError>;

    /// The invitation of a valid link, which stays valid.
    fn invitation_of(&self, link: &Digest) -> Result<Option<Invitation>, StoreError>;

    /// Spends the link and creates the account, or does neither. The inviting account must be
    /// active, and the rule must accept it.
    fn accept_invitation(
        &self,
        acceptance: &Acceptance<'_>,
    ) -> Result<AcceptanceResult, StoreError>;
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id, the subject of its link.
    pub id: InvitationId,
    /// The address, which the link proves.
    pub email: Email,
    /// The role of the account.
    pub role: Role,
    /// The kind of the account.
    pub kind: AccountKind,
    /// The inviting account; `None` for the operator.
    pub inviter: Option<AccountId>,
    /// The time of the invitation.
    pub created_at: Timestamp,
    /// The end of the invitation.
    pub expires_at: Timestamp,
}

/// Returns whether the account of the principal may invite to a role, or revoke an invitation to
/// it. The argument is `None` for the operator.
pub type InviterRule<'a> = &'a dyn Fn(Option<&Account>, &Role) -> Result<(), Refusal>;

/// An invitation about to be stored.
pub struct InvitationRequest<'a> {
    /// The address, the role and the kind; the times are those of the transaction.
    pub invitation: &'a NewInvitation,
    /// The principal that invites.
    pub principal: &'a Principal,
    /// The activation of the matrix that the rule uses.
    pub revision: u64,
    /// The rule.
    pub rule: InviterRule<'a>,
    /// The lifetime.
    pub lifetime: Duration,
    /// The effects to record.
    pub effects: EffectsOf<'a, InvitationResult>,
}

/// An invitation without its times.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// The address.
    pub email: Email,
    /// The role.
    pub role: Role,
    /// The kind.
    pub kind: AccountKind,
}

/// The result of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationResult {
    /// Stored; with the name of the inviting account.
    Stored {
        /// The invitation.
        invitation: Box<Invitation>,
        /// The user name of the inviting account.
        inviter: Option<String>,
    },
    /// A rule refuses it.
    Refused(Refusal),
    /// The address has an account.
    EmailTaken(AccountId),
    /// Another matrix was activated; nothing was checked.
    Superseded,
}

/// A revocation about to be carried out.
pub struct InvitationRevocation<'a> {
    /// The invitation.
    pub id: InvitationId,
    /// The principal that revokes it.
    pub principal: &'a Principal,
    /// The rule.
    pub rule: InviterRule<'a>,
    /// The effects to record.
    pub effects: EffectsOf<'a, Option<Result<Invitation, Refusal>>>,
}

/// An acceptance about to be stored.
pub struct Acceptance<'a> {
    /// The digest of the secret of the link.
    pub link: &'a Digest,
    /// The account to create.
    pub new: NewAccount<'a>,
    /// The rule for the inviting account.
    pub rule: InviterRule<'a>,
}

/// The result of an acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptanceResult {
    /// The link is valid; the account was created, or could not be.
    Tried(Creation),
    /// The link is not valid, or the inviter could not invite any more.
    Invalid,
}

/// The reason why nobody was invited, or nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// Registration is closed, so that an invitation would have no effect; or a field is malformed,
    /// or the address has an account.
    #[error(transparent)]
    Account(#[from] RegistrationError),
    /// The active matrix has no such role; these are its roles.
    #[error("there is no such role")]
    UnknownRole(Vec<String>),
    /// A rule refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such invitation.
    #[error("there is no such invitation")]
    Unknown,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason why an invitation was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptanceError {
    /// The invitation was used or revoked, has expired, or a newer one replaced it.
    #[error("the invitation is not valid")]
    InvalidInvitation,
    /// The account cannot be created.
    #[error(transparent)]
    Account(#[from] RegistrationError),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The account that an invited person wants, as typed.
#[derive(Debug)]
pub struct InvitedAccount {
    /// The secret of the link.
    pub invitation: SecretString,
    /// The wanted name.
    pub username: String,
    /// The address, if the client sends it: that of the invitation.
    pub email: Option<String>,
    /// The wanted password.
    pub password: SecretString,
    /// The display name.
    pub display_name: Option<String>,
    /// The source of the request.
    pub origin: Origin,
}

/// A page of invitations, the latest first.
#[derive(Debug)]
pub struct InvitationPage {
    /// The invitations.
    pub invitations: Vec<Invitation>,
    /// The cursor of the next page.
    pub next: Option<InvitationId>,
}

/// Invites people, and creates their accounts.
pub struct Invitations {
    store: Arc<dyn InvitationStore>,
    candidates: Arc<AccountChecker>,
    matrix: Arc<ActiveMatrix>,
    lifetime: Duration,
    ambient: Ambient,
}

impl Invitations {
    /// Creates the use case from its dependencies; invitations have that lifetime.
    pub fn new(
        store: Arc<dyn InvitationStore>,
        candidates: Arc<AccountChecker>,
        matrix: Arc<ActiveMatrix>,
        lifetime: Duration,
        ambient: Ambient,
    ) -> Self {
        Self { store, candidates, matrix, lifetime, ambient }
    }

    /// Stores an invitation and mails its link.
    pub fn invite(
        &self,
        principal: &Principal,
        email: &str,
        role: &str,
        kind: PersonKind,
    ) -> Result<Invitation, InvitationError> {
        self.candidates.rules().mode.permit_invited()?;
        let matrix = self.matrix.load();
        let role = known_role(&matrix, role)?;
        let email = Email::parse(email)
            .map_err(|error| RegistrationError::Invalid(vec![FieldError::from(error)]))?;
        let random = &*self.ambient.random;
        let id = InvitationId::generate(self.ambient.now(), random);
        let new = NewInvitation { id, email, role, kind: kind.into() };
        let details = Details::of_invitation(new.id, &new.email, &new.role, new.kind);
        let (kind, origin) = (EventKind::InvitationCreated, &principal.origin);
        let event = event_now(kind, Outcome::Success, origin, &self.ambient)
            .by(principal.actor)
            .with(details);
        let refused = |outcome| SecurityEvent { outcome, ..event.clone() }.into();
        let effects = |result: &InvitationResult| match result {
            InvitationResult::Stored { invitation, inviter } => {
                let inviter = inviter.as_deref().unwrap_or(OPERATOR);
                let mail = Mail::Invitation { invitation: id, inviter: MailText::new(inviter) };
                let email = invitation.email.clone();
                let recipient = Recipient::Address { email, account: None };
                let message = Message::about(&event, recipient, mail, random);
                Effects { events: vec![event.clone()], messages: vec![message] }
            }
            InvitationResult::Refused(refusal) => refused(refusal.outcome()),
            InvitationResult::EmailTaken(_) => refused(Outcome::EmailTaken),
            InvitationResult::Superseded => Effects::default(),
        };
        let result = self.store.invite(&InvitationRequest {
            invitation: &new,
            principal,
            revision: matrix.revision,
            rule: &|actor, role| may_invite(&matrix, principal, actor, role),
            lifetime: self.lifetime,
            effects: &effects,
        })?;
        match result {
            InvitationResult::Stored { invitation, .. } => Ok(*invitation),
            InvitationResult::Refused(refusal) => Err(refusal.into()),
            InvitationResult::EmailTaken(_) => Err(RegistrationError::EmailTaken.into()),
            InvitationResult::Superseded => Err(RegistrationError::Superseded.into()),
        }
    }

    /// The invitations that have not expired, the latest first, from before a cursor.
    pub fn list(
        &self,
        before: Option<InvitationId>,
        most: u32,
    ) -> Result<InvitationPage, StoreError> {
        let mut invitations = self.store.invitations(before, most.saturating_add(1))?;
        let is_more = u32::try_from(invitations.len()).is_ok_and(|found| found > most);
        if is_more {
            invitations.pop();
        }
        let next = invitations.last().filter(|_| is_more).map(|last| last.id);
        Ok(InvitationPage { invitations, next })
    }

    /// Revokes an invitation to a role that the principal reaches.
    pub fn revoke(
        &self,
        principal: &Principal,
        id: InvitationId,
    ) -> Result<Invitation, InvitationError> {
        let matrix = self.matrix.load();
        let (kind, origin) = (EventKind::InvitationRevoked, &principal.origin);
        let event = event_now(kind, Outcome::Success, origin, &self.ambient).by(principal.actor);
        let effects = |result: &Option<Result<Invitation, Refusal>>| match result {
            Some(Ok(revoked)) => {
                let Invitation { id, email, role, kind, .. } = revoked;
                event.clone().with(Details::of_invitation(*id, email, role, *kind)).into()
            }
            Some(Err(refusal)) => {
                SecurityEvent { outcome: refusal.outcome(), ..event.clone() }.into()
            }
            None => Effects::default(),
        };
        let revoked = self.store.revoke_invitation(&InvitationRevocation {
            id,
            principal,
            rule: &|actor, role| may_invite(&matrix, principal, actor, role),
            effects: &effects,
        })?;
        Ok(revoked.ok_or(InvitationError::Unknown)??)
    }

    /// Creates the account of an invited person. All checks come before the link is spent.
    pub fn accept(&self, wanted: InvitedAccount) -> Result<Account, AcceptanceError> {
        self.candidates.rules().mode.permit_invited()?;
        let link = OpaqueSecret::parse(wanted.invitation.expose_secret())
            .map_err(|_| AcceptanceError::InvalidInvitation)?
            .digest();
        let found = self.store.invitation_of(&link)?;
        let invitation = found.ok_or(AcceptanceError::InvalidInvitation)?;
        if let Some(email) = &wanted.email
            && !Email::parse(email).is_ok_and(|email| email.key() == invitation.email.key())
        {
            return Err(RegistrationError::Invalid(vec![FieldError::EmailNotInvited]).into());
        }
        let matrix = self.matrix.load();
        let request = AccountRequest {
            username: wanted.username,
            email: invitation.email.as_str().to_owned(),
            password: wanted.password,
            display_name: wanted.display_name,
            origin: wanted.origin,
        };
        let checked =
            self.candidates.admit(&request, invitation.role.clone(), NameRules::Strict)?;
        let account = Account { kind: invitation.kind, email_verified: true, ..checked.account };
        let event = self.candidates.event(EventKind::Registration, &account, &request.origin);
        let Invitation { id, email, role, kind, .. } = &invitation;
        let accepted = SecurityEvent::new(
            EventKind::InvitationAccepted,
            Outcome::Success,
            &request.origin,
            account.created_at,
            &*self.ambient.random,
        );
        let accepted = accepted
            .about(account.id)
            .by(Actor::Account(account.id))
            .with(Details::of_invitation(*id, email, role, *kind));
        let accepted = self.store.accept_invitation(&Acceptance {
            link: &link,
            new: NewAccount {
                account: &account,
                password_hash: Some(&checked.password_hash),
                revision: matrix.revision,
                must_verify_email: false,
                effects: &vec![event, accepted].into(),
            },
            rule: &|inviter, role| match inviter {
                Some(inviter) => check_role(&matrix, &inviter.role, role),
                None => Ok(()),
            },
        })?;
        match accepted {
            AcceptanceResult::Invalid => Err(AcceptanceError::InvalidInvitation),
            AcceptanceResult::Tried(creation) => {
                Result::from(creation)?;
                Ok(account)
            }
        }
    }
}

/// The inviter in the mail of an invitation by the operator.
const OPERATOR: &str = "An administrator";

fn known_role(matrix: &MatrixInForce, word: &str) -> Result<Role, InvitationError> {
    let known = matrix.matrix.role(word).and_then(|_| Role::parse(word).ok());
    known.ok_or_else(|| {
        InvitationError::UnknownRole(matrix.matrix.roles().map(ToString::to_string).collect())
    })
}

/// The operator may invite to every role. An account must still have the role of its credential,
/// and reach the invited role.
fn may_invite(
    matrix: &MatrixInForce,
    principal: &Principal,
    actor: Option<&Account>,
    role: &Role,
) -> Result<(), Refusal> {
    if principal.is_operator() {
        return Ok(());
    }
    let actor = actor.filter(|actor| actor.is_active && principal.role == Some(actor.role.clone()));
    let actor = actor.ok_or(Refusal::CallerChanged)?;
    check_role(matrix, &actor.role, role)
}

/// A role invites to itself and to its juniors, if it has the permission at all.
fn check_role(matrix: &MatrixInForce, inviter: &Role, role: &Role) -> Result<(), Refusal> {
    if matrix.allows(inviter, permission::INVITE) && matrix.reaches(inviter, role) {
        Ok(())
    } else {
        Err(Refusal::AboveOwnRole)
    }
}
