//! `InvitationStore`: invitations that wait for their mailed link, table `invitations`.
//!
//! A row is an open invitation: its acceptance, its revocation and a newer invitation for the same
//! address delete it. Invitations are stored one after the other, under the lock of the matrix, so
//! an address has one at most. Every transaction takes that lock before it locks a secret.

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId, Email, InvitationId, Role};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account_change::Refusal;
use portcullis_flows::identity::invitation::{
    Acceptance, AcceptanceResult, Invitation, InvitationRequest, InvitationResult,
    InvitationRevocation, InvitationStore, InviterRule,
};
use portcullis_flows::identity::registration::Creation;
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_token::Digest;

use crate::access::matrix;
use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::identity::{account, registration};
use crate::node::mail_secret;
use crate::principal;
use crate::schema::invitations;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// The purpose of the links.
const PURPOSE: SecretPurpose = SecretPurpose::Invitation;

impl InvitationStore for Store {
    fn invite(&self, request: &InvitationRequest<'_>) -> Result<InvitationResult, StoreError> {
        self.write_recorded(request.effects, |connection| {
            // As a change of a role: the rule and the role stay true until the commit.
            Lock::Matrix.take(connection)?;
            if matrix::revision(connection)? != request.revision {
                return Ok(InvitationResult::Superseded);
            }
            let actor = principal::find(connection, request.principal)?;
            if let Err(refusal) = (request.rule)(actor.as_ref(), &request.invitation.role) {
                return Ok(InvitationResult::Refused(refusal));
            }
            if let Some(holder) = account::holder_of(connection, &request.invitation.email)? {
                return Ok(InvitationResult::EmailTaken(holder));
            }
            let invitation = replace(connection, request, actor.as_ref())?;
            let inviter = actor.map(|actor| actor.username.as_str().to_owned());
            Ok(InvitationResult::Stored { invitation: Box::new(invitation), inviter })
        })
    }

    fn invitations(
        &self,
        before: Option<InvitationId>,
        most: u32,
    ) -> Result<Vec<Invitation>, StoreError> {
        self.read(|connection| {
            let now = Instant::from(connection.now()?);
            let rows: Vec<InvitationRow> = dispatch!(connection, inner => {
                let mut query = invitations::table
                    .filter(invitations::expires_at.gt(now))
                    .order(invitations::id.desc())
                    .limit(most.into())
                    .into_boxed();
                if let Some(before) = before {
                    query = query.filter(invitations::id.lt(Key::from(before)));
                }
                query.select(InvitationRow::as_select()).load(inner)
            })?;
            rows.into_iter().map(Invitation::try_from).collect()
        })
    }

    fn revoke_invitation(
        &self,
        revocation: &InvitationRevocation<'_>,
    ) -> Result<Option<Result<Invitation, Refusal>>, StoreError> {
        self.write_recorded(revocation.effects, |connection| {
            Lock::Matrix.share(connection)?;
            let Some(found) = find(connection, revocation.id)? else { return Ok(None) };
            let actor = principal::find(connection, revocation.principal)?;
            if let Err(refusal) = (revocation.rule)(actor.as_ref(), &found.role) {
                return Ok(Some(Err(refusal)));
            }
            let is_revoked = remove(connection, found.id)?;
            Ok(is_revoked.then_some(Ok(found)))
        })
    }

    fn invitation_of(&self, link: &Digest) -> Result<Option<Invitation>, StoreError> {
        self.read(|connection| {
            let Some(secret) = mail_secret::find(connection, PURPOSE, link)? else {
                return Ok(None);
            };
            let SecretSubject::Invitation(id) = secret.subject else { return Ok(None) };
            find(connection, id)
        })
    }

    fn accept_invitation(
        &self,
        acceptance: &Acceptance<'_>,
    ) -> Result<AcceptanceResult, StoreError> {
        self.write_with(|connection| {
            Lock::Matrix.share(connection)?;
            accept(connection, acceptance)
        })
    }
}

fn accept(
    connection: &mut Connection,
    acceptance: &Acceptance<'_>,
) -> Result<(AcceptanceResult, Effects), Failure> {
    let invalid = || Ok((AcceptanceResult::Invalid, Effects::default()));
    let Acceptance { link, new, rule } = acceptance;
    let Some(secret) = mail_secret::hold(connection, PURPOSE, link)? else { return invalid() };
    let SecretSubject::Invitation(id) = secret.subject else { return invalid() };
    let Some(invitation) = find(connection, id)? else { return invalid() };
    let Account { email, role, kind, .. } = new.account;
    let is_of_invitation = *email == invitation.email
        && *email == secret.address
        && *role == invitation.role
        && *kind == invitation.kind;
    if !is_of_invitation || !inviter_may(connection, &invitation, *rule)? {
        return invalid();
    }
    let (creation, effects) = match account::holder_of(connection, email)? {
        Some(_) => (Creation::EmailTaken, Effects::default()),
        None => registration::create(connection, new)?,
    };
    if matches!(creation, Creation::Done | Creation::EmailTaken) {
        mail_secret::redeem(connection, PURPOSE, link)?;
        remove(connection, id)?;
    }
    Ok((AcceptanceResult::Tried(creation), effects))
}

/// Returns whether the inviting account is active and the rule accepts it. An account that is gone
/// invites nobody any more.
fn inviter_may(
    connection: &mut Connection,
    invitation: &Invitation,
    rule: InviterRule<'_>,
) -> Result<bool, Failure> {
    let Some(inviter) = invitation.inviter else {
        return Ok(rule(None, &invitation.role).is_ok());
    };
    let inviter = account::find(connection, inviter)?.filter(|account| account.is_active);
    Ok(inviter.is_some_and(|inviter| rule(Some(&inviter), &invitation.role).is_ok()))
}

/// Stores the invitation, and deletes earlier ones for the address.
fn replace(
    connection: &mut Connection,
    request: &InvitationRequest<'_>,
    inviter: Option<&Account>,
) -> Result<Invitation, Failure> {
    let new = request.invitation;
    let earlier = invitations::table
        .filter(invitations::email_key.eq(new.email.key()))
        .select(invitations::id);
    let earlier: Vec<Key> = dispatch!(connection, inner => earlier.load(inner))?;
    for id in earlier {
        remove(connection, id.into())?;
    }
    let now = connection.now()?;
    let invitation = Invitation {
        id: new.id,
        email: new.email.clone(),
        role: new.role.clone(),
        kind: new.kind,
        inviter: inviter.map(|inviter| inviter.id),
        created_at: now,
        expires_at: now + request.lifetime,
    };
    let insert = diesel::insert_into(invitations::table).values((
        invitations::id.eq(Key::from(invitation.id)),
        invitations::email.eq(invitation.email.as_str()),
        invitations::email_key.eq(invitation.email.key()),
        invitations::role.eq(invitation.role.as_str()),
        invitations::kind.eq(invitation.kind.as_str()),
        invitations::inviter_id.eq(invitation.inviter.map(Key::from)),
        invitations::created_at.eq(Instant::from(now)),
        invitations::expires_at.eq(Instant::from(invitation.expires_at)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(invitation)
}

/// Deletes an invitation with its link; returns whether it was there.
fn remove(connection: &mut Connection, id: InvitationId) -> Result<bool, Failure> {
    mail_secret::revoke(connection, SecretSubject::Invitation(id))?;
    let gone = diesel::delete(invitations::table.find(Key::from(id)));
    Ok(dispatch!(connection, inner => gone.execute(inner))? == 1)
}

/// Returns an invitation that has not expired.
fn find(connection: &mut Connection, id: InvitationId) -> Result<Option<Invitation>, Failure> {
    let now = Instant::from(connection.now()?);
    let query = invitations::table.find(Key::from(id)).filter(invitations::expires_at.gt(now));
    let row: Option<InvitationRow> = dispatch!(connection, inner => {
        query.select(InvitationRow::as_select()).first(inner).optional()
    })?;
    row.map(Invitation::try_from).transpose()
}

/// Returns the invitations that an account sent and that are stored, the latest first.
pub(crate) fn sent_by(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<Invitation>, Failure> {
    let query = invitations::table
        .filter(invitations::inviter_id.eq(Key::from(account)))
        .order(invitations::id.desc());
    let rows: Vec<InvitationRow> = dispatch!(connection, inner => {
        query.select(InvitationRow::as_select()).load(inner)
    })?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// A stored row.
#[derive(Queryable, Selectable)]
#[diesel(table_name = invitations)]
struct InvitationRow {
    id: Key,
    email: String,
    role: String,
    kind: String,
    inviter_id: Option<Key>,
    created_at: Instant,
    expires_at: Instant,
}

impl TryFrom<InvitationRow> for Invitation {
    type Error = Failure;

    fn try_from(row: InvitationRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "invitations", column };
        Ok(Self {
            id: row.id.into(),
            email: Email::stored(&row.email).map_err(|_| corrupt("email"))?,
            role: Role::parse(&row.role).map_err(|_| corrupt("role"))?,
            kind: row.kind.parse().map_err(|_| corrupt("kind"))?,
            inviter: row.inviter_id.map(AccountId::from),
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
        })
    }
}
