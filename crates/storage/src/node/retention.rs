//! `RetentionStore`: deletes expired rows of `sessions`, `refresh_tokens`, `sign_in_failures`, `outbox`,
//! `mail_secrets`, `pending_registrations`, `invitations`, `email_changes`, `mail_allowances`,
//! `sign_in_challenges`, `passkey_challenges`, `totp_enrolments`, `network_failures`, `api_keys`, `devices` and `bans` in
//! batches.

use std::time::Duration;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use portcullis_flows::StoreError;
use portcullis_flows::identity::mail_limit::MailLimit;
use portcullis_flows::node::retention::RetentionStore;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::node::outbox::{delete_mails, lock_mails};
use crate::schema::{
    api_keys, bans, devices, email_changes, former_emails, invitations, mail_allowances,
    mail_secrets, network_failures, outbox, passkey_challenges, pending_registrations,
    refresh_tokens, sessions, sign_in_challenges, sign_in_failures, totp_enrolments,
};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl RetentionStore for Store {
    fn remove_sessions(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            // A family may be large: tokens are deleted first, in batches, then sessions without
            // tokens.
            let tokens = remove_tokens(connection, before, most)?;
            if tokens > 0 {
                return Ok(tokens);
            }
            remove_empty(connection, before, most)
        })
    }

    fn remove_failures(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            let before = Instant::from(now - age);
            let is_old = sign_in_failures::last_failed_at.lt(before);
            let is_open = sign_in_failures::closed_until.le(Instant::from(now));
            let some = sign_in_failures::table
                .filter(is_old)
                .filter(is_open)
                .order(sign_in_failures::last_failed_at)
                .limit(most.into())
                .select(sign_in_failures::counter);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: another failure may have been counted
            // since.
            let gone = sign_in_failures::table
                .filter(sign_in_failures::counter.eq_any(some))
                .filter(is_old)
                .filter(is_open);
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_messages(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = outbox::table
                .filter(outbox::delivered_at.is_null())
                .filter(outbox::created_at.lt(before))
                .limit(most.into());
            let some: Vec<Key> = lock_mails!(connection, some)?;
            delete_mails(connection, &some).map(count)
        })
    }

    fn remove_delivered_messages(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = outbox::table.filter(outbox::delivered_at.lt(before)).limit(most.into());
            let some: Vec<Key> = lock_mails!(connection, some)?;
            delete_mails(connection, &some).map(count)
        })
    }

    fn remove_mail_secrets(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = mail_secrets::table
                .filter(mail_secrets::expires_at.lt(before))
                .order(mail_secrets::expires_at)
                .limit(most.into())
                .select(mail_secrets::digest);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            // A replaced secret has another digest, so a new one is never deleted.
            let gone = mail_secrets::table.filter(mail_secrets::digest.eq_any(some));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_former_emails(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = former_emails::table
                .filter(former_emails::replaced_at.lt(before))
                .limit(most.into())
                .select((former_emails::account_id, former_emails::email_key));
            let some: Vec<(Key, String)> = dispatch!(connection, inner => some.load(inner))?;
            let mut removed = 0;
            for (account, email_key) in some {
                // The statement checks the condition again: the address may have been replaced again.
                let gone = former_emails::table
                    .find((account, email_key))
                    .filter(former_emails::replaced_at.lt(before));
                removed +=
                    count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?);
            }
            Ok(removed)
        })
    }

    fn remove_pending_registrations(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let is_over =
                pending_registrations::expires_at.lt(Instant::from(connection.now()? - age));
            let some = pending_registrations::table
                .filter(is_over)
                .order(pending_registrations::expires_at)
                .limit(most.into())
                .select(pending_registrations::id);
            let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: the lifetime may have begun again since.
            let gone = pending_registrations::table
                .filter(pending_registrations::id.eq_any(some))
                .filter(is_over);
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_invitations(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = invitations::table
                .filter(invitations::expires_at.lt(before))
                .order(invitations::expires_at)
                .limit(most.into())
                .select(invitations::id);
            let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
            let gone = invitations::table.filter(invitations::id.eq_any(some));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_email_changes(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = email_changes::table
                .filter(email_changes::expires_at.lt(before))
                .order(email_changes::expires_at)
                .limit(most.into())
                .select(email_changes::id);
            let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
            let gone = email_changes::table.filter(email_changes::id.eq_any(some));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_mail_allowances(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            let before = Instant::from(now - age);
            // A clock that was wrong dated the end of the window.
            let after = Instant::from(now + MailLimit::LONGEST_WINDOW + age);
            let ends = mail_allowances::window_ends_at;
            let is_over = ends.lt(before).or(ends.gt(after));
            let some = mail_allowances::table
                .filter(is_over)
                .limit(most.into())
                .select(mail_allowances::counter);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: another window may have begun since.
            let gone = mail_allowances::table
                .filter(mail_allowances::counter.eq_any(some))
                .filter(is_over);
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_challenges(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = sign_in_challenges::table
                .filter(sign_in_challenges::expires_at.lt(before))
                .order(sign_in_challenges::expires_at)
                .limit(most.into())
                .select(sign_in_challenges::token);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            let gone = sign_in_challenges::table.filter(sign_in_challenges::token.eq_any(some));
            let gone = dispatch!(connection, inner => diesel::delete(gone).execute(inner))?;
            if gone > 0 {
                return Ok(count(gone));
            }
            let some = passkey_challenges::table
                .filter(passkey_challenges::expires_at.lt(before))
                .order(passkey_challenges::expires_at)
                .limit(most.into())
                .select(passkey_challenges::digest);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            let gone = passkey_challenges::table.filter(passkey_challenges::digest.eq_any(some));
            let gone = dispatch!(connection, inner => diesel::delete(gone).execute(inner))?;
            if gone > 0 {
                return Ok(count(gone));
            }
            let some = totp_enrolments::table
                .filter(totp_enrolments::expires_at.lt(before))
                .order(totp_enrolments::expires_at)
                .limit(most.into())
                .select(totp_enrolments::account_id);
            let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: another enrolment may have started since.
            let gone = totp_enrolments::table
                .filter(totp_enrolments::account_id.eq_any(some))
                .filter(totp_enrolments::expires_at.lt(before));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_api_keys(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = api_keys::table
                .filter(api_keys::expires_at.lt(before))
                .order(api_keys::expires_at)
                .limit(most.into())
                .select(api_keys::id);
            let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
            let gone = api_keys::table.filter(api_keys::id.eq_any(some));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_network_failures(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            let some = network_failures::table
                .filter(network_failures::bucket_at.lt(before))
                .limit(most.into())
                .select((
                    network_failures::network,
                    network_failures::bucket_at,
                    network_failures::counter,
                ));
            let some: Vec<(String, Instant, Vec<u8>)> =
                dispatch!(connection, inner => some.load(inner))?;
            let mut removed = 0;
            for row in some {
                let gone = diesel::delete(network_failures::table.find(row));
                removed += count(dispatch!(connection, inner => gone.execute(inner))?);
            }
            Ok(removed)
        })
    }

    fn remove_devices(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let before = Instant::from(connection.now()? - age);
            // A refresh of one of its sessions is a use too.
            let refreshed = sessions::table
                .filter(sessions::account_id.eq(devices::account_id))
                .filter(sessions::device_id.eq(devices::id.nullable()))
                .filter(sessions::rotated_at.ge(before));
            let some = devices::table
                .filter(devices::rotated_at.lt(before))
                .filter(not(exists(refreshed)))
                .order(devices::rotated_at)
                .limit(most.into())
                .select(devices::id);
            let some: Vec<Vec<u8>> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: a sign-in may have rotated one since.
            let gone = devices::table
                .filter(devices::id.eq_any(some))
                .filter(devices::rotated_at.lt(before));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }

    fn remove_bans(&self, age: Duration, most: u32) -> Result<u64, StoreError> {
        self.write(|connection| {
            let now = connection.now()?;
            let (before, after) = (Instant::from(now - age), Instant::from(now + age));
            let some = bans::table
                .filter(is_forgotten(before, after))
                .limit(most.into())
                .select(bans::addresses);
            let some: Vec<String> = dispatch!(connection, inner => some.load(inner))?;
            // The statement checks the condition again: another ban may have started since.
            let gone = bans::table
                .filter(bans::addresses.eq_any(some))
                .filter(is_forgotten(before, after));
            Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
        })
    }
}

/// Returns whether a ban ended before the one time, or a clock that was wrong dated it after the other.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_forgotten(ended_before: Instant, started_after: Instant) -> _ {
    bans::ends_at.lt(ended_before).or(bans::started_at.gt(started_after))
}

/// Returns whether a session ended, or expired without being ended, before this time.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_over(before: Instant) -> _ {
    sessions::ended_at
        .is_null()
        .and(sessions::expires_at.lt(before))
        .or(sessions::ended_at.lt(before))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn tokens_of_session() -> _ {
    refresh_tokens::table.filter(refresh_tokens::session_id.eq(sessions::id))
}

fn remove_tokens(connection: &mut Connection, before: Instant, most: u32) -> Result<u64, Failure> {
    let over = sessions::table
        .filter(is_over(before))
        .filter(exists(tokens_of_session()))
        .limit(most.into())
        .select(sessions::id);
    let over: Vec<Key> = dispatch!(connection, inner => over.load(inner))?;
    if over.is_empty() {
        return Ok(0);
    }
    let some = refresh_tokens::table
        .filter(refresh_tokens::session_id.eq_any(over))
        .limit(most.into())
        .select(refresh_tokens::id);
    let some: Vec<Key> = dispatch!(connection, inner => some.load(inner))?;
    let gone = refresh_tokens::table.filter(refresh_tokens::id.eq_any(some));
    Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
}

fn remove_empty(connection: &mut Connection, before: Instant, most: u32) -> Result<u64, Failure> {
    let over = sessions::table.filter(is_over(before)).limit(most.into()).select(sessions::id);
    let over: Vec<Key> = dispatch!(connection, inner => over.load(inner))?;
    let gone = sessions::table.filter(sessions::id.eq_any(over));
    Ok(count(dispatch!(connection, inner => diesel::delete(gone).execute(inner))?))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
