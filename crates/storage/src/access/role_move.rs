//! Moves the accounts of roles that a matrix lacks to other roles, in the transaction of its activation.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use portcullis_audit::EventKind;
use portcullis_domain::{Account, Role, Timestamp};
use portcullis_flows::access::matrix::{
    ActivationRefusal, InvalidMove, MAX_MOVED, MovedAccount, RoleMove,
};
use portcullis_flows::identity::account_change::tokens_valid_from;
use portcullis_flows::sign_in::session_tokens::{AccountSnapshot, SessionEnd};
use portcullis_token::{Revocation, RevocationEntry};

use crate::connection::{Connection, Inner, dispatch};
use crate::failure::Failure;
use crate::identity::account::AccountSnapshotRow;
use crate::node::revocation;
use crate::schema::{accounts, invitations, sessions};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key, bigint};

/// The maximum of rows in one statement.
const ROWS: usize = 1_000;

/// The moved accounts, or why none is.
type Moved = Result<Vec<MovedAccount>, ActivationRefusal>;

/// Moves accounts and invitations. Access tokens of the accounts become invalid, because they name the former role;
/// their sessions stay.
pub(super) fn move_accounts(
    connection: &mut Connection,
    moves: &[RoleMove],
) -> Result<Moved, Failure> {
    if moves.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let from: Vec<&str> = moves.iter().map(|it| it.from.as_str()).collect();
    let last_issued = lock(connection, &from)?;
    let found = accounts::table
        .filter(accounts::role.eq_any(&from))
        .order(accounts::id)
        .limit(bigint(u64::try_from(MAX_MOVED).unwrap_or(u64::MAX)).saturating_add(1));
    let found: Vec<AccountSnapshotRow> = dispatch!(connection, inner => {
        found.select(AccountSnapshotRow::as_select()).load(inner)
    })?;
    if found.len() > MAX_MOVED {
        return Ok(Err(ActivationRefusal::InvalidMove(InvalidMove::TooMany)));
    }
    // Read after all locks, so that it is later than any token that the locks waited for.
    let now = connection.now()?;
    let until = revocation::until(connection, now)?;
    let ending = SessionEnd { reason: EventKind::RoleChanged, at: now, revoked_until: until };
    let (mut done, mut void) = (Vec::new(), Vec::new());
    let mut groups: BTreeMap<(Role, Option<Timestamp>), Vec<Key>> = BTreeMap::new();
    for row in found {
        let AccountSnapshot { account: before, tokens_valid_from: former } = row.try_into()?;
        let Some(to) = moves.iter().find(|it| it.from == before.role).map(|it| &it.to) else {
            continue;
        };
        let after = Account { role: to.clone(), ..before.clone() };
        // An inactive account has no session, and so no token to invalidate.
        let valid_from = before.is_active.then(|| tokens_valid_from(former, now)).transpose();
        let Ok(valid_from) = valid_from else {
            return Ok(Err(ActivationRefusal::RoleJustChanged));
        };
        let is_ahead =
            valid_from.is_some() && valid_from.as_ref() < last_issued.get(&before.id.into());
        let sessions_ended = if is_ahead {
            sign_out::end_all(connection, before.id, None, ending)?.session_count()
        } else {
            0
        };
        void.extend(valid_from.map(|issued_before| RevocationEntry {
            revocation: Revocation::Subject { account: before.id, issued_before },
            until,
        }));
        groups.entry((to.clone(), valid_from)).or_default().push(before.id.into());
        done.push(MovedAccount { before, after, sessions_ended });
    }
    for ((role, valid_from), ids) in &groups {
        give(connection, ids, role, *valid_from, now)?;
    }
    for entries in void.chunks(ROWS) {
        // A command of the operator accepts no tokens itself. The nodes read the feed.
        drop(revocation::record(connection, entries.to_vec(), now)?);
    }
    move_invitations(connection, moves)?;
    Ok(Ok(done))
}

/// Locks the accounts of these roles and their live sessions, in the order in which a change of one account locks
/// them. Returns when the newest token of each account was issued.
fn lock(connection: &mut Connection, from: &[&str]) -> Result<HashMap<Key, Timestamp>, Failure> {
    let of_roles = || accounts::table.filter(accounts::role.eq_any(from)).select(accounts::id);
    let live = sessions::table
        .filter(sessions::account_id.eq_any(of_roles()))
        .filter(sessions::ended_at.is_null())
        .order(sessions::id)
        .select((sessions::account_id, sessions::rotated_at));
    let issued: Vec<(Key, Instant)> = match &mut connection.inner {
        Inner::Postgres(inner) => {
            of_roles().order(accounts::id).for_no_key_update().load::<Key>(inner)?;
            live.for_no_key_update().load(inner)?
        }
        Inner::Sqlite(inner) => live.load(inner)?,
    };
    let mut last = HashMap::new();
    for (account, at) in issued {
        let latest = last.entry(account).or_insert(Timestamp::from(at));
        *latest = Timestamp::from(at).max(*latest);
    }
    Ok(last)
}

fn give(
    connection: &mut Connection,
    ids: &[Key],
    role: &Role,
    valid_from: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Failure> {
    for ids in ids.chunks(ROWS) {
        let update = diesel::update(accounts::table.filter(accounts::id.eq_any(ids))).set((
            accounts::role.eq(role.as_str()),
            accounts::updated_at.eq(Instant::from(now)),
            valid_from.map(|time| accounts::tokens_valid_from.eq(Some(Instant::from(time)))),
        ));
        dispatch!(connection, inner => update.execute(inner))?;
    }
    Ok(())
}

fn move_invitations(connection: &mut Connection, moves: &[RoleMove]) -> Result<(), Failure> {
    for RoleMove { from, to } in moves {
        let waiting = invitations::table.filter(invitations::role.eq(from.as_str()));
        let update = diesel::update(waiting).set(invitations::role.eq(to.as_str()));
        dispatch!(connection, inner => update.execute(inner))?;
    }
    Ok(())
}
