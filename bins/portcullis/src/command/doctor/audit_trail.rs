//! Checks that the audit log is readable and signed with this secret. `audit verify` verifies it.

use std::time::Duration;

use portcullis_audit::{AuditKeys, Checkpoint, Filter};
use portcullis_domain::Ambient;
use portcullis_flows::StoreError;
use portcullis_flows::audit::checkpoint::CheckpointStore;
use portcullis_flows::audit::trail::AuditLogStore;
use portcullis_flows::audit::verification::WholeAuditLogStore;
use portcullis_storage::Store;

use super::check::Check;
use crate::config::Config;

pub(super) const NAME: &str = "audit log";

/// The age of the latest checkpoint that is reported. A server in use makes one about every minute.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of entries above which a retention is recommended.
const MANY: u64 = 10_000_000;

/// `former` are the keys of the previous secret, which may have signed the latest checkpoint.
pub(super) fn check(
    store: &Store,
    keys: &AuditKeys,
    former: Option<&AuditKeys>,
    config: &Config,
) -> Check {
    read(store, keys, former, config).unwrap_or_else(|error| {
        Check::failed(NAME, error.to_string(), "run `portcullis audit verify`, which reports more")
    })
}

fn read(
    store: &Store,
    keys: &AuditKeys,
    former: Option<&AuditKeys>,
    config: &Config,
) -> Result<Check, StoreError> {
    let entries = store.entries()?;
    store.events(&Filter::default(), None, 1)?;
    let Some(checkpoint) = latest(store)? else {
        if entries == 0 {
            return Ok(Check::ok(NAME, "is empty"));
        }
        let detail = "has no checkpoint yet, which the server makes soon after its start";
        return Ok(Check::warning(NAME, detail, "`portcullis audit checkpoint` makes one now"));
    };
    let (number, at) = (checkpoint.number(), checkpoint.at());
    let is_former = |keys: &AuditKeys| checkpoint.verify(&keys.checkpoint_key()).is_ok();
    if let Err(error) = checkpoint.verify(&keys.checkpoint_key())
        && !former.is_some_and(is_former)
    {
        let remedy = "set SECRET_KEY or SECRET_KEY_PREVIOUS to the secret of this audit log, or \
                      verify it with `portcullis audit verify --former-secret FILE`";
        return Ok(Check::failed(NAME, format!("checkpoint {number} {error}"), remedy));
    }
    let detail = format!("{entries} entries, the latest checkpoint is {number} of {at}");
    let now = Ambient::system().now();
    if at > now + Checkpoint::CLOCK_TOLERANCE {
        let remedy = "fix the clock of the nodes or of the database; until that time new entries \
                      get this time";
        return Ok(Check::warning(NAME, format!("{detail}, which is in the future"), remedy));
    }
    if now.since(at) > OLD {
        let remedy = "if the server was used since, look for errors in its log; \
                      `portcullis audit checkpoint` makes one now";
        return Ok(Check::warning(NAME, detail, remedy));
    }
    if config.audit.retention.is_none() && entries > MANY {
        let remedy = "set audit.retention_days, unless all entries must be kept";
        return Ok(Check::warning(NAME, detail, remedy));
    }
    Ok(Check::ok(NAME, detail))
}

/// The latest stored checkpoint, verified or not.
fn latest(store: &Store) -> Result<Option<Checkpoint>, StoreError> {
    let mut latest = None;
    store.walk_back(&mut |stored| {
        latest = Some(stored);
        false
    })?;
    let unreadable = StoreError::Corrupt { table: "audit_checkpoints", column: "file" };
    latest.map(|stored| Checkpoint::from_file(&stored.file)).transpose().map_err(|_| unreadable)
}
