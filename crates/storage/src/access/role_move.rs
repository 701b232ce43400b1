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
use crate::identity::account::{self, AccountSnapshotRow};
use crate::node::revocation;
use crate::schema::{accounts, invitations, sessions};
use crate::sign_in::sign_out;
use crate::sql_type::{Instant, Key};

/// The maximum of rows in one statement.
const ROWS: usize = 1_000;

/// The moved accounts, or why none is.
type Moved = Result<Vec<MovedAccount>, ActivationRefusal>;

/// Moves accounts and invitations. Access tokens of the accounts become invalid, because they name the former role;
/// their sessions stay. A refusal has changed nothing.
pub(super) fn move_accounts(
    connection: &mut Connection,
    moves: &[RoleMove],
    administrators: [&Role; 2],
) -> Result<Moved, Failure> {
    if moves.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    // The lock on the matrix keeps every account in its role.
    if let Err(invalid) = check(connection, moves, administrators)? {
        return Ok(Err(ActivationRefusal::InvalidMove(invalid)));
    }
    let from: Vec<&str> = moves.iter().map(|it| it.from.as_str()).collect();
    let last_issued = lock(connection, &from)?;
    let found = accounts::table.filter(accounts::role.eq_any(&from)).order(accounts::id);
    let found: Vec<AccountSnapshotRow> = dispatch!(connection, inner => {
        found.select(AccountSnapshotRow::as_select()).load(inner)
    })?;
    // Read after all locks, so that it is later than any token that the locks waited for.
    let now = connection.now()?;
    let mut planned = Vec::new();
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
        planned.push((MovedAccount { before, after, sessions_ended: 0 }, valid_from));
    }
    carry_out(connection, &mut planned, &last_issued, now)?;
    move_invitations(connection, moves)?;
    Ok(Ok(planned.into_iter().map(|(account, _)| account).collect()))
}

fn check(
    connection: &mut Connection,
    moves: &[RoleMove],
    [former, next]: [&Role; 2],
) -> Result<Result<(), InvalidMove>, Failure> {
    let from: Vec<&str> = moves.iter().map(|it| it.from.as_str()).collect();
    let count = accounts::table.filter(accounts::role.eq_any(&from)).count();
    let count: i64 = dispatch!(connection, inner => count.get_result(inner))?;
    if usize::try_from(count).is_ok_and(|count| count > MAX_MOVED) {
        return Ok(Err(InvalidMove::TooMany));
    }
    let administrators = moves.iter().filter(|it| it.to == *next).map(|it| it.from.as_str());
    let administrators: Vec<&str> = administrators.chain([next.as_str()]).collect();
    let loses_the_last = from.contains(&former.as_str())
        && account::active_people(connection, &administrators, None)? == 0
        && account::active_people(connection, &[former.as_str()], None)? > 0;
    Ok(if loses_the_last { Err(InvalidMove::NoAdministrator(next.clone())) } else { Ok(()) })
}

/// Writes the new roles, and makes the former tokens invalid. A session with tokens that are dated ahead ends.
fn carry_out(
    connection: &mut Connection,
    planned: &mut [(MovedAccount, Option<Timestamp>)],
    last_issued: &HashMap<Key, Timestamp>,
    now: Timestamp,
) -> Result<(), Failure> {
    let until = revocation::until(connection, now)?;
    let ending = SessionEnd { reason: EventKind::RoleChanged, at: now, revoked_until: until };
    let mut void = Vec::new();
    let mut groups: BTreeMap<(Role, Option<Timestamp>), Vec<Key>> = BTreeMap::new();
    for (account, valid_from) in planned {
        let id = account.after.id;
        if valid_from.is_some() && valid_from.as_ref() < last_issued.get(&id.into()) {
            let ended = sign_out::end_all(connection, id, None, ending)?;
            account.sessions_ended = ended.session_count();
        }
        void.extend(valid_from.map(|issued_before| RevocationEntry {
            revocation: Revocation::Subject { account: id, issued_before },
            until,
        }));
        groups.entry((account.after.role.clone(), *valid_from)).or_default().push(id.into());
    }
    for ((role, valid_from), ids) in &groups {
        give(connection, ids, role, *valid_from, now)?;
    }
    for entries in void.chunks(ROWS) {
        // A command of the operator accepts no tokens itself. The nodes read the feed.
        drop(revocation::record(connection, entries.to_vec(), now)?);
    }
    Ok(())
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
