//! `PasswordResetStore`: spends a link, replaces the hash and ends every session in one transaction.
//!
//! Locks are taken in the order of the other operations: failure counters, the account, waiting mails, and
//! then the secret of the link.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::{Account, AccountId, AccountKind};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::password_reset::{
    PasswordResetResult, PasswordResetStore, PasswordResetUpdate,
};
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::MailSecret;
use portcullis_flows::sign_in::StoredCredentials;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::node::mail_secret;
use crate::node::outbox::WaitingResetLinks;
use crate::schema::{accounts, sign_in_failures};
use crate::sign_in::{device, lockout, pipeline, sign_out};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

const PURPOSE: SecretPurpose = SecretPurpose::ResetPassword;

impl PasswordResetStore for Store {
    fn account_of_reset_link(
        &self,
        secret: &Digest,
    ) -> Result<Option<StoredCredentials>, StoreError> {
        self.read(|connection| {
            let found = mail_secret::find(connection, PURPOSE, secret)?;
            match found.as_ref().and_then(account_of) {
                Some(account) => pipeline::credentials_of(connection, account),
                None => Ok(None),
            }
        })
    }

    fn reset_password(
        &self,
        reset: &PasswordResetUpdate<'_>,
    ) -> Result<PasswordResetResult, StoreError> {
        self.write_recorded(reset.effects, |connection| {
            // Only a valid link resets the counters, which are locked before the account.
            if mail_secret::find(connection, PURPOSE, reset.secret)?.is_none() {
                return Ok(PasswordResetResult::Refused(Outcome::Superseded));
            }
            forget_failures(connection, reset.counters)?;
            lockout::end_permanent(connection, reset.factors)?;
            sign_out::lock_account(connection, reset.account)?;
            let waiting = WaitingResetLinks::lock(connection, reset.account)?;
            let before = match spend(connection, reset)? {
                Ok(before) => before,
                Err(outcome) => return Ok(PasswordResetResult::Refused(outcome)),
            };
            let Some(after) = replace_hash(connection, reset)? else {
                return Ok(PasswordResetResult::Refused(Outcome::Deactivated));
            };
            waiting.withdraw(connection)?;
            mail_secret::revoke(connection, SecretSubject::Account(reset.account))?;
            device::forget_all(connection, reset.account, None)?;
            let revoked = sign_out::end_all(connection, reset.account, None, reset.ending)?;
            let (before, after) = (Box::new(before), Box::new(after));
            Ok(PasswordResetResult::Done { before, after, revoked })
        })
    }

    fn refuse_password_reset(&self, effects: &Effects) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), effects.clone())))
    }
}

fn account_of(secret: &MailSecret) -> Option<AccountId> {
    match secret.subject {
        SecretSubject::Account(account) => Some(account),
        SecretSubject::Registration(_)
        | SecretSubject::EmailChange(_)
        | SecretSubject::Invitation(_)
        | SecretSubject::Message { .. } => None,
    }
}

fn forget_failures(connection: &mut Connection, counters: &[Digest]) -> Result<(), Failure> {
    for counter in counters {
        let forget = diesel::delete(sign_in_failures::table.find(counter.as_bytes().as_slice()));
        dispatch!(connection, inner => forget.execute(inner))?;
    }
    Ok(())
}

/// Spends the link, and returns the account that it was sent to. The row of the account is locked, so its
/// address does not change.
fn spend(
    connection: &mut Connection,
    reset: &PasswordResetUpdate<'_>,
) -> Result<Result<Account, Outcome>, Failure> {
    let Some(secret) = mail_secret::redeem(connection, PURPOSE, reset.secret)? else {
        return Ok(Err(Outcome::Superseded));
    };
    let account = account::find(connection, reset.account)?;
    let account = account.filter(|account| {
        account_of(&secret) == Some(account.id) && account.email == secret.address
    });
    Ok(account.ok_or(Outcome::Superseded))
}

/// Replaces the hash, unless the account is deactivated, and returns the account. The link went to the address
/// of the account, so the address is verified.
fn replace_hash(
    connection: &mut Connection,
    reset: &PasswordResetUpdate<'_>,
) -> Result<Option<Account>, Failure> {
    let active = accounts::table
        .find(Key::from(reset.account))
        .filter(accounts::is_active)
        .filter(accounts::kind.ne(AccountKind::Service.as_str()));
    let replace = diesel::update(active).set((
        accounts::password_hash.eq(reset.new.as_str()),
        accounts::password_epoch.eq(accounts::password_epoch + 1),
        accounts::password_must_change.eq(false),
        accounts::email_verified.eq(true),
        accounts::is_blocked.eq(false),
        accounts::updated_at.eq(Instant::from(reset.ending.at)),
    ));
    if dispatch!(connection, inner => replace.execute(inner))? == 0 {
        return Ok(None);
    }
    account::find(connection, reset.account)
}
