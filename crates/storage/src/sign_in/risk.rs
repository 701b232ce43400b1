//! `RiskStore`: what the risk of a sign-in is assessed from. Tables `sessions`, `sign_in_failures`,
//! `network_failures`.

use std::collections::BTreeSet;

use diesel::dsl::exists;
use diesel::prelude::*;
use portcullis_audit::EventKind;
use portcullis_domain::{AccountId, NetworkPrefix, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::sign_in::risk::{FailureCounts, History, PastSignIn};
use portcullis_flows::sign_in::{RiskInputs, RiskQuery, RiskStore};
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::{accounts, network_failures, sessions, sign_in_failures};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl RiskStore for Store {
    fn risk_inputs(&self, query: &RiskQuery<'_>) -> Result<RiskInputs, StoreError> {
        self.read(|connection| {
            let since = connection.now()? - query.recent;
            let failures = FailureCounts {
                account: account_failures(connection, query.counter, since)?,
                ..network(connection, query.network, since)?
            };
            Ok(RiskInputs { history: history(connection, query)?, failures })
        })
    }
}

/// The latest sign-ins of the account, without the sessions that the reuse of a refresh token has ended.
fn history(connection: &mut Connection, query: &RiskQuery<'_>) -> Result<History, Failure> {
    let reused = EventKind::RefreshTokenReuse.as_str();
    let latest = sessions::table
        .filter(sessions::account_id.eq(Key::from(query.account)))
        .filter(sessions::opened_from.is_not_null())
        .filter(sessions::end_reason.is_null().or(sessions::end_reason.ne(reused)))
        .order(sessions::id.desc())
        .limit(query.most.into())
        .select((sessions::authenticated_at, sessions::opened_from.assume_not_null()));
    let rows: Vec<(Instant, String)> = dispatch!(connection, inner => latest.load(inner))?;
    let corrupt = |_| Failure::Corrupt { table: "sessions", column: "opened_from" };
    let past = |(at, address): (Instant, String)| {
        Ok(PastSignIn { at: at.into(), address: address.parse().map_err(corrupt)? })
    };
    let sign_ins = rows.into_iter().map(past).collect::<Result<_, Failure>>()?;
    let known = accounts::table
        .find(Key::from(query.account))
        .filter(accounts::last_sign_in_at.is_not_null());
    let look = diesel::select(exists(known));
    let has_signed_in = dispatch!(connection, inner => look.get_result(inner))?;
    Ok(History::new(sign_ins, has_signed_in))
}

/// Forgets the addresses that an account has signed in from. Its next sign-in is from an unknown network.
pub(crate) fn forget_history(
    connection: &mut Connection,
    account: AccountId,
) -> Result<(), Failure> {
    let of_account = sessions::table.filter(sessions::account_id.eq(Key::from(account)));
    let forget = diesel::update(of_account).set(sessions::opened_from.eq(None::<String>));
    dispatch!(connection, inner => forget.execute(inner))?;
    Ok(())
}

fn account_failures(
    connection: &mut Connection,
    counter: &Digest,
    since: Timestamp,
) -> Result<u32, Failure> {
    let recent = sign_in_failures::table
        .find(counter.as_bytes().as_slice())
        .filter(sign_in_failures::last_failed_at.ge(Instant::from(since)))
        .select(sign_in_failures::recent);
    let recent: Option<i32> = dispatch!(connection, inner => recent.first(inner).optional())?;
    Ok(recent.unwrap_or_default().unsigned_abs())
}

/// The failures of a network, and the number of their names, both up to a bound far above every weight.
fn network(
    connection: &mut Connection,
    network: NetworkPrefix,
    since: Timestamp,
) -> Result<FailureCounts, Failure> {
    const MAX_ROWS: i64 = 5_000;
    let recent = network_failures::table
        .filter(network_failures::network.eq(network.to_string()))
        .filter(network_failures::bucket_at.ge(Instant::from(since)))
        .limit(MAX_ROWS)
        .select((network_failures::counter, network_failures::failures));
    let rows: Vec<(Vec<u8>, i32)> = dispatch!(connection, inner => recent.load(inner))?;
    let add = |sum: u32, (_, failures): &(_, i32)| sum.saturating_add(failures.unsigned_abs());
    let failures = rows.iter().fold(0, add);
    let names: BTreeSet<_> = rows.into_iter().map(|(counter, _)| counter).collect();
    Ok(FailureCounts {
        account: 0,
        network: failures,
        network_names: u32::try_from(names.len()).unwrap_or(u32::MAX),
    })
}

/// Counts a failure of a network for a name, by the counter of the name, in the bucket of the present time.
pub(crate) fn count_failure(
    connection: &mut Connection,
    network: NetworkPrefix,
    counter: &Digest,
) -> Result<(), Failure> {
    let now = connection.now()?.as_seconds();
    let bucket = Timestamp::from_seconds(now - now.rem_euclid(BUCKET_SECONDS));
    let count = diesel::insert_into(network_failures::table)
        .values((
            network_failures::network.eq(network.to_string()),
            network_failures::bucket_at.eq(Instant::from(bucket)),
            network_failures::counter.eq(counter.as_bytes().as_slice()),
            network_failures::failures.eq(1),
        ))
        .on_conflict((
            network_failures::network,
            network_failures::bucket_at,
            network_failures::counter,
        ))
        .do_update()
        .set(network_failures::failures.eq(network_failures::failures + 1));
    dispatch!(connection, inner => count.execute(inner))?;
    Ok(())
}

/// The length of a bucket. A failure counts until the start of its bucket is an hour ago.
const BUCKET_SECONDS: i64 = 5 * 60;
