//! `EmailVerificationStore`: verifies addresses of accounts, and finds the recipients of new links.
//! Tables `accounts` and `pending_registrations`.

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId, Email};
use portcullis_flows::StoreError;
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::identity::email_verification::{
    EmailVerificationStore, LinkRecipient, LinkRenewal, VerifiedEmail,
};
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::MailSecret;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::{account, mail_allowance};
use crate::node::mail_secret;
use crate::schema::{accounts, pending_registrations};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// The purpose of the links.
const PURPOSE: SecretPurpose = SecretPurpose::VerifyEmail;

impl EmailVerificationStore for Store {
    fn verify_email(
        &self,
        link: &Digest,
        effects: EffectsOf<'_, Option<VerifiedEmail>>,
    ) -> Result<Option<VerifiedEmail>, StoreError> {
        self.write_recorded(effects, |connection| {
            let Some(secret) = mail_secret::find(connection, PURPOSE, link)? else {
                return Ok(None);
            };
            let SecretSubject::Account(id) = secret.subject else { return Ok(None) };
            // The account is locked before the secret, as by a change of the password.
            sign_out::lock_account(connection, id)?;
            let Some(secret) = mail_secret::hold(connection, PURPOSE, link)? else {
                return Ok(None);
            };
            let Some(before) = account::find(connection, id)? else { return Ok(None) };
            if !mark_verified(connection, id, &secret)? {
                return Ok(None);
            }
            mail_secret::redeem(connection, PURPOSE, link)?;
            let after = Account { email_verified: true, ..before.clone() };
            Ok(Some(VerifiedEmail { before, after }))
        })
    }

    fn renew_link(&self, renewal: &LinkRenewal<'_>) -> Result<LinkRecipient, StoreError> {
        self.write_recorded(renewal.effects, |connection| {
            if !mail_allowance::take(connection, &renewal.allowance)? {
                return Ok(LinkRecipient::Limited);
            }
            let unverified = accounts::table
                .filter(accounts::email_key.eq(renewal.email.key()))
                .filter(accounts::is_active)
                .filter(accounts::email_verified.eq(false))
                .select(accounts::id);
            let account: Option<Key> =
                dispatch!(connection, inner => unverified.first(inner).optional())?;
            if let Some(account) = account {
                return Ok(LinkRecipient::Account(account.into()));
            }
            renew_registration(connection, renewal)
        })
    }
}

/// Marks the address as verified, if the account is active and still has it.
fn mark_verified(
    connection: &mut Connection,
    id: AccountId,
    secret: &MailSecret,
) -> Result<bool, Failure> {
    let now = Instant::from(connection.now()?);
    let unverified = accounts::table
        .find(Key::from(id))
        .filter(accounts::is_active)
        .filter(accounts::email_verified.eq(false))
        .filter(accounts::email.eq(secret.address.as_str()));
    let mark = diesel::update(unverified)
        .set((accounts::email_verified.eq(true), accounts::updated_at.eq(now)));
    Ok(dispatch!(connection, inner => mark.execute(inner))? == 1)
}

/// Begins the lifetime of the newest live registration of the address again.
fn renew_registration(
    connection: &mut Connection,
    renewal: &LinkRenewal<'_>,
) -> Result<LinkRecipient, Failure> {
    let now = connection.now()?;
    let newest = pending_registrations::table
        .filter(pending_registrations::email_key.eq(renewal.email.key()))
        .filter(pending_registrations::expires_at.gt(Instant::from(now)))
        .order(pending_registrations::id.desc())
        .select(pending_registrations::id);
    let newest: Option<Key> = dispatch!(connection, inner => newest.first(inner).optional())?;
    let Some(id) = newest else { return Ok(LinkRecipient::Nobody) };
    let renew = diesel::update(pending_registrations::table.find(id))
        .set(pending_registrations::expires_at.eq(Instant::from(now + renewal.lifetime)))
        .returning((pending_registrations::username, pending_registrations::email));
    let renewed: Option<(String, String)> =
        dispatch!(connection, inner => renew.get_result(inner).optional())?;
    // The registration may have become an account meanwhile.
    let Some((username, email)) = renewed else { return Ok(LinkRecipient::Nobody) };
    let corrupt = Failure::Corrupt { table: "pending_registrations", column: "email" };
    let email = Email::stored(&email).map_err(|_| corrupt)?;
    Ok(LinkRecipient::Registration { id: id.into(), username, email })
}
