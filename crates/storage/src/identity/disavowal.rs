//! `DisavowalStore`: spends the link of an alert, blocks the account and restores its address in one
//! transaction. Tables `mail_secrets`, `accounts`, `former_emails`, `sessions`.

use diesel::prelude::*;
use portcullis_audit::Outcome;
use portcullis_domain::{AccountId, Email};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::disavowal::{DisavowalResult, DisavowalStore, DisavowalUpdate};
use portcullis_flows::node::mail::{SecretPurpose, SecretSubject};
use portcullis_flows::node::outbox::MailSecret;
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::{account, former_email};
use crate::machine::api_key;
use crate::node::mail_secret;
use crate::schema::accounts;
use crate::sign_in::{device, risk, sign_out};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

/// An alert about a list of networks has a purpose of its own: only its link removes the list.
const PURPOSES: [SecretPurpose; 2] = [SecretPurpose::Disavow, SecretPurpose::DisavowNetworks];

impl DisavowalStore for Store {
    fn account_of_alert(&self, secret: &Digest) -> Result<Option<AccountId>, StoreError> {
        self.read(|connection| {
            for purpose in PURPOSES {
                if let Some(found) = mail_secret::find(connection, purpose, secret)? {
                    return Ok(account_of(&found));
                }
            }
            Ok(None)
        })
    }

    fn disavow(&self, disavowal: &DisavowalUpdate<'_>) -> Result<DisavowalResult, StoreError> {
        self.write_recorded(disavowal.effects, |connection| {
            sign_out::lock_account(connection, disavowal.account)?;
            let redeemed = redeem(connection, disavowal.secret)?;
            let redeemed = redeemed.filter(|secret| account_of(secret) == Some(disavowal.account));
            let found = account::find(connection, disavowal.account)?;
            let Some((secret, before)) = redeemed.zip(found) else {
                return Ok(DisavowalResult::Refused(Outcome::Superseded));
            };
            if !before.is_active {
                return Ok(DisavowalResult::Refused(Outcome::Deactivated));
            }
            let is_former = before.email != secret.address;
            if is_former && !former_email::take_back(connection, before.id, &secret.address)? {
                return Ok(DisavowalResult::Refused(Outcome::Superseded));
            }
            let has_address = !is_former || restore(connection, before.id, &secret.address)?;
            let removes_networks = secret.purpose == SecretPurpose::DisavowNetworks;
            block(connection, disavowal, has_address, removes_networks)?;
            mail_secret::revoke_links(connection, before.id)?;
            let revoked = sign_out::end_all(connection, before.id, None, disavowal.ending)?;
            let after = account::find(connection, before.id)?
                .ok_or(Failure::Corrupt { table: "sessions", column: "account_id" })?;
            let (before, after) = (Box::new(before), Box::new(after));
            Ok(DisavowalResult::Done { before, after, has_address, revoked })
        })
    }

    fn refuse_disavowal(&self, effects: &Effects) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), effects.clone())))
    }
}

fn redeem(connection: &mut Connection, secret: &Digest) -> Result<Option<MailSecret>, Failure> {
    for purpose in PURPOSES {
        if let Some(redeemed) = mail_secret::redeem(connection, purpose, secret)? {
            return Ok(Some(redeemed));
        }
    }
    Ok(None)
}

fn account_of(secret: &MailSecret) -> Option<AccountId> {
    match secret.subject {
        SecretSubject::Message { account, .. } => Some(account),
        _ => None,
    }
}

/// Restores a former address, unless another account has it.
fn restore(
    connection: &mut Connection,
    account: AccountId,
    address: &Email,
) -> Result<bool, Failure> {
    let holder = accounts::table
        .filter(accounts::email_key.eq(address.key()))
        .filter(accounts::id.ne(Key::from(account)));
    let look = diesel::select(diesel::dsl::exists(holder));
    let is_taken: bool = dispatch!(connection, inner => look.get_result(inner))?;
    if is_taken {
        return Ok(false);
    }
    // If an account takes the address at this moment, the unique index refuses the statement, and nothing of
    // the transaction happens.
    let restore = diesel::update(accounts::table.find(Key::from(account)))
        .set((accounts::email.eq(address.as_str()), accounts::email_key.eq(address.key())));
    dispatch!(connection, inner => restore.execute(inner))?;
    Ok(true)
}

/// Blocks the account, deletes its API keys, and forgets where it has signed in from: each may be those of a
/// thief. A new epoch voids the password, and with it what was proven with it: device cookies and requests
/// that wait for a link. If the account has the address that the link was sent to, it is verified.
fn block(
    connection: &mut Connection,
    disavowal: &DisavowalUpdate<'_>,
    has_address: bool,
    removes_networks: bool,
) -> Result<(), Failure> {
    let verified = has_address.then_some(accounts::email_verified.eq(true));
    let block = diesel::update(accounts::table.find(Key::from(disavowal.account))).set((
        accounts::is_blocked.eq(true),
        accounts::password_epoch.eq(accounts::password_epoch + 1),
        accounts::updated_at.eq(Instant::from(disavowal.ending.at)),
        verified,
        removes_networks.then_some(accounts::allowed_networks.eq(None::<String>)),
    ));
    dispatch!(connection, inner => block.execute(inner))?;
    device::forget_all(connection, disavowal.account, None)?;
    risk::forget_history(connection, disavowal.account)?;
    api_key::delete_all(connection, disavowal.account)
}
