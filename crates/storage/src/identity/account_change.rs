//! `AccountChangeStore`: accounts, sessions and revocations in one transaction.

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId, DisplayName, Role, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::account_change::{
    AccountChange, AccountChangeResult, AccountChangeStore, AccountPart, AccountRuleResult,
    AccountState, AccountUpdate, ChangeKind,
};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::session_tokens::{AccountSnapshot, SessionEnd};
use portcullis_password::PasswordHash;
use portcullis_token::{Revocation, RevocationEntry};

use crate::access::matrix;
use crate::connection::{Connection, Inner, Lock, dispatch};
use crate::failure::Failure;
use crate::identity::{account, email_change};
use crate::machine::api_key;
use crate::node::outbox::{delete_mails, lock_mails};
use crate::node::{mail_secret, revocation};
use crate::principal;
use crate::schema::{accounts, outbox, sessions};
use crate::sign_in::challenge;
use crate::sign_in::device;
use crate::sign_in::factor;
use crate::sign_in::lockout;
use crate::sign_in::reauthentication;
use crate::sign_in::session;
use crate::sign_in::sign_out;
use crate::sign_in::unlock;
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl AccountChangeStore for Store {
    fn read_account(
        &self,
        id: AccountId,
        effects: &Effects,
    ) -> Result<Option<Account>, StoreError> {
        self.write_with(|connection| {
            let found = account::find(connection, id)?;
            let effects = effects.only_if(found.is_some());
            Ok((found, effects))
        })
    }

    fn change_account(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeResult, StoreError> {
        self.write_with(|connection| {
            // A change of a role holds the lock of the matrix that defines the role. The lock also
            // makes changes by two administrators sequential, so that each one is checked against
            // the result of the other.
            Lock::Matrix.take(connection)?;
            if matrix::revision(connection)? != change.revision {
                return Ok((AccountChangeResult::Superseded, Effects::default()));
            }
            if change.kind == ChangeKind::Deletion {
                lockout::lock_all(connection, change.account)?;
            }
            let Some(account_state) = account_state(connection, change)? else {
                return Ok((AccountChangeResult::Unknown, Effects::default()));
            };
            let AccountRuleResult { result, effects } = (change.rule)(&account_state);
            let changed = match result {
                Ok(update) => carry_out(connection, change, &account_state, update)?,
                Err(refusal) => AccountChangeResult::Refused(refusal),
            };
            let effects = effects(&changed);
            Ok((changed, effects))
        })
    }
}

/// Reads the account and the acting account, and locks both until the transaction ends.
fn account_state(
    connection: &mut Connection,
    change: &AccountChange<'_>,
) -> Result<Option<AccountState>, Failure> {
    let both = [Some(change.account), change.principal.account()];
    let both = both.into_iter().flatten().map(Key::from);
    let rows = accounts::table.filter(accounts::id.eq_any(both)).order(accounts::id);
    if let Inner::Postgres(inner) = &mut connection.inner {
        let ids = rows.select(accounts::id);
        // A deletion takes its lock at once: to strengthen a lock later could deadlock.
        match change.kind {
            ChangeKind::Update => ids.for_no_key_update().load::<Key>(inner)?,
            ChangeKind::Deletion => ids.for_update().load::<Key>(inner)?,
        };
    }
    let last_issued = lock_sessions(connection, change.account)?;
    let Some(snapshot) = account::find_snapshot(connection, change.account)? else {
        return Ok(None);
    };
    let actor = principal::find(connection, change.principal)?;
    let other_administrators =
        other_administrators(connection, change.account, change.administrators)?;
    let AccountSnapshot { account, tokens_valid_from } = snapshot;
    let unproven = match change.reauthenticated {
        Some(reauthenticated) => reauthentication::validate(connection, reauthenticated)?,
        None => None,
    };
    // The time is read after all locks, so it is later than any change that the locks waited for.
    let now = connection.now()?;
    let has_password = has_password(connection, change.account)?;
    let Some(Part { api_key_name }) = part(connection, change, now)? else { return Ok(None) };
    Ok(Some(AccountState {
        account,
        tokens_valid_from,
        last_issued,
        actor,
        api_key_name,
        has_password,
        other_administrators,
        unproven,
        now,
    }))
}

fn has_password(connection: &mut Connection, account: AccountId) -> Result<bool, Failure> {
    let row =
        accounts::table.find(Key::from(account)).select(accounts::password_hash.is_not_null());
    Ok(dispatch!(connection, inner => row.first(inner))?)
}

/// The part of the account that ends with the change: an API key has a name.
struct Part {
    api_key_name: Option<DisplayName>,
}

/// The part of the change; `None` if the account has no such part.
fn part(
    connection: &mut Connection,
    change: &AccountChange<'_>,
    now: Timestamp,
) -> Result<Option<Part>, Failure> {
    let unnamed = Part { api_key_name: None };
    Ok(match change.part {
        None => Some(unnamed),
        Some(AccountPart::Session(session)) => {
            session::is_live(connection, session, change.account, now)?.then_some(unnamed)
        }
        Some(AccountPart::ApiKey(key)) => api_key::own(connection, change.account, key)?
            .map(|key| Part { api_key_name: Some(key.name) }),
    })
}

/// Locks the live sessions of the account, and returns when the newest of their tokens was issued.
///
/// A refresh locks its session before it reads the account and the time. So it either ends before
/// this lock, or reads the changed account. A lock on the account would slow down every refresh
/// instead.
fn lock_sessions(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Option<Timestamp>, Failure> {
    let live = sessions::table
        .filter(sessions::account_id.eq(Key::from(account)))
        .filter(sessions::ended_at.is_null())
        .order(sessions::id)
        .select(sessions::rotated_at);
    let issued: Vec<Instant> = match &mut connection.inner {
        Inner::Postgres(inner) => live.for_no_key_update().load(inner)?,
        Inner::Sqlite(inner) => live.load(inner)?,
    };
    Ok(issued.into_iter().map(Timestamp::from).max())
}

fn other_administrators(
    connection: &mut Connection,
    account: AccountId,
    role: &Role,
) -> Result<u64, Failure> {
    account::active_people(connection, &[role.as_str()], Some(account))
}

/// Replaces the password. Its links of mails prove nothing any more.
fn set_password(
    connection: &mut Connection,
    account: AccountId,
    hash: &PasswordHash,
) -> Result<(), Failure> {
    let update = diesel::update(accounts::table.find(Key::from(account))).set((
        accounts::password_hash.eq(hash.as_str()),
        accounts::password_epoch.eq(accounts::password_epoch + 1),
    ));
    dispatch!(connection, inner => update.execute(inner))?;
    device::forget_all(connection, account, None)?;
    mail_secret::revoke_links(connection, account)
}

/// Deletes the account. Its sessions with their tokens go with it; its mails have no reference to it.
fn delete(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    mail_secret::delete(connection, account)?;
    email_change::end_of_account(connection, account)?;
    factor::delete_all(connection, account)?;
    api_key::delete_all(connection, account)?;
    lockout::delete_all(connection, account)?;
    let mails = outbox::table.filter(outbox::account_id.eq(Key::from(account)));
    let mails: Vec<Key> = lock_mails!(connection, mails)?;
    delete_mails(connection, &mails)?;
    let row = accounts::table.find(Key::from(account));
    dispatch!(connection, inner => diesel::delete(row).execute(inner))?;
    Ok(())
}

fn carry_out(
    connection: &mut Connection,
    change: &AccountChange<'_>,
    account_state: &AccountState,
    update: AccountUpdate,
) -> Result<AccountChangeResult, Failure> {
    let (before, now) = (&account_state.account, account_state.now);
    let revoked_until = now + change.revoked_for;
    let AccountUpdate {
        after,
        tokens_valid_from,
        ends_sessions,
        password_hash,
        removes_factors,
        opens_counters,
    } = update;
    unlock::reset(connection, &opens_counters)?;
    if let Some(AccountPart::ApiKey(key)) = change.part {
        api_key::delete(connection, key)?;
    }
    if removes_factors {
        factor::remove_all(connection, after.id)?;
    }
    if after != *before {
        let valid_from =
            tokens_valid_from.map(|time| accounts::tokens_valid_from.eq(Some(Instant::from(time))));
        let update = diesel::update(accounts::table.find(Key::from(after.id))).set((
            accounts::role.eq(after.role.as_str()),
            accounts::is_active.eq(after.is_active),
            accounts::is_blocked.eq(after.is_blocked),
            accounts::password_must_change.eq(after.password_must_change),
            accounts::allowed_networks.eq(account::stored_networks(&after.allowed_networks)),
            accounts::updated_at.eq(Instant::from(now)),
            valid_from,
        ));
        dispatch!(connection, inner => update.execute(inner))?;
        if !after.is_active {
            email_change::end_of_account(connection, after.id)?;
        }
    }
    if let Some(hash) = password_hash {
        set_password(connection, after.id, &hash)?;
    }
    if !after.is_active {
        mail_secret::revoke_links(connection, after.id)?;
        challenge::end_of_account(connection, after.id)?;
    }
    let ended = match ends_sessions {
        Some(reason) => {
            let ending = SessionEnd { reason, at: now, revoked_until };
            match change.part {
                Some(AccountPart::Session(one)) => sign_out::end_one(connection, one, ending)?,
                _ => sign_out::end_all(connection, after.id, None, ending)?,
            }
        }
        None => Revoked::default(),
    };
    let void = tokens_valid_from.map(|issued_before| RevocationEntry {
        revocation: Revocation::Subject { account: after.id, issued_before },
        until: revoked_until,
    });
    let void = revocation::record(connection, void.into_iter().collect(), now)?;
    if change.kind == ChangeKind::Deletion {
        delete(connection, after.id)?;
    }
    Ok(AccountChangeResult::Done { account: Box::new(after), revoked: ended.and(void) })
}
