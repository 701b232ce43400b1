//! `MatrixStore`: versions and activations of the access matrix, tables `matrix_versions` and
//! `matrix_activations`.

use diesel::dsl::max;
use diesel::prelude::*;
use portcullis_audit::{Actor, Fingerprint};
use portcullis_domain::{Role, Username};
use portcullis_flows::StoreError;
use portcullis_flows::access::matrix::{
    AccountWithUnknownRole, Activated, Activation, ActivationRefusal, ActivationRequest, Added,
    ListedVersion, MatrixStore, Version,
};
use portcullis_flows::effects::EffectsOf;
use portcullis_flows::principal::Principal;

use crate::access::role_move;
use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::principal::is_entitled;
use crate::schema::{accounts, matrix_activations, matrix_versions};
use crate::sql_type::{Instant, Key, bigint, natural};
use crate::store::Store;

impl MatrixStore for Store {
    fn newest_activation(&self) -> Result<Option<Activation>, StoreError> {
        Ok(self.activations(1)?.pop())
    }

    fn activations(&self, most: u32) -> Result<Vec<Activation>, StoreError> {
        let query =
            matrix_activations::table.order(matrix_activations::revision.desc()).limit(most.into());
        self.read(|connection| {
            let rows: Vec<ActivationRow> = dispatch!(connection, inner => {
                query.select(ActivationRow::as_select()).load(inner)
            })?;
            rows.into_iter().map(Activation::try_from).collect()
        })
    }

    fn version(&self, number: u32) -> Result<Option<Version>, StoreError> {
        let query = matrix_versions::table.find(i64::from(number));
        self.read(|connection| {
            let row = dispatch!(connection, inner => {
                query.select(VersionRow::as_select()).first(inner).optional()
            })?;
            row.map(Version::try_from).transpose()
        })
    }

    fn versions(&self, most: u32) -> Result<Vec<ListedVersion>, StoreError> {
        let query = matrix_versions::table.order(matrix_versions::number.desc()).limit(most.into());
        self.read(|connection| {
            let rows: Vec<ListedVersionRow> = dispatch!(connection, inner => {
                query.select(ListedVersionRow::as_select()).load(inner)
            })?;
            rows.into_iter().map(ListedVersion::try_from).collect()
        })
    }

    fn add_version(
        &self,
        text: &str,
        principal: &Principal,
        effects: EffectsOf<'_, Added>,
    ) -> Result<Added, StoreError> {
        let digest = Fingerprint::of(text.as_bytes());
        let digest = digest.as_bytes().as_slice();
        self.write_recorded(effects, |connection| {
            Lock::Matrix.take(connection)?;
            if !is_entitled(connection, principal)? {
                return Ok(Added::CallerChanged);
            }
            let same = matrix_versions::table
                .filter(matrix_versions::digest.eq(digest))
                .select(matrix_versions::number);
            let same: Option<i64> = dispatch!(connection, inner => same.first(inner).optional())?;
            if let Some(number) = same {
                return version_number(number).map(Added::Known);
            }
            let newest = matrix_versions::table.select(max(matrix_versions::number));
            let newest: Option<i64> = dispatch!(connection, inner => newest.first(inner))?;
            let number = newest.unwrap_or(0).saturating_add(1);
            let insert = diesel::insert_into(matrix_versions::table).values((
                matrix_versions::number.eq(number),
                matrix_versions::digest.eq(digest),
                matrix_versions::file.eq(text),
                matrix_versions::actor.eq(principal.actor.to_string()),
                matrix_versions::at.eq(Instant::from(connection.now()?)),
            ));
            dispatch!(connection, inner => insert.execute(inner))?;
            version_number(number).map(Added::New)
        })
    }

    fn activate(&self, activating: &ActivationRequest<'_>) -> Result<Activated, StoreError> {
        self.write_with(|connection| {
            Lock::Matrix.take(connection)?;
            let activated = activate(connection, activating)?;
            // Read after all locks.
            let at = connection.now()?;
            if matches!(activated, Activated::Done(_)) {
                insert(connection, &Activation { at, ..activating.activation })?;
            }
            let effects = (activating.effects)(&activated, at);
            Ok((activated, effects))
        })
    }

    fn accounts_with_unknown_role(
        &self,
        roles: &[&str],
        most: u32,
    ) -> Result<(Vec<AccountWithUnknownRole>, u64), StoreError> {
        let beyond = || accounts::table.filter(accounts::role.ne_all(roles));
        self.read(|connection| {
            let first = beyond().order(accounts::id).limit(most.into()).select((
                accounts::id,
                accounts::username,
                accounts::role,
            ));
            let rows: Vec<(Key, String, String)> =
                dispatch!(connection, inner => first.load(inner))?;
            let all = beyond().count();
            let all: i64 = dispatch!(connection, inner => all.get_result(inner))?;
            let corrupt = |column| Failure::Corrupt { table: "accounts", column };
            let rows = rows.into_iter().map(|(id, username, role)| {
                Ok(AccountWithUnknownRole {
                    id: id.into(),
                    username: Username::parse(&username).map_err(|_| corrupt("username"))?,
                    role: Role::parse(&role).map_err(|_| corrupt("role"))?,
                })
            });
            Ok((rows.collect::<Result<_, Failure>>()?, natural(all)))
        })
    }
}

fn activate(
    connection: &mut Connection,
    activating: &ActivationRequest<'_>,
) -> Result<Activated, Failure> {
    let ActivationRequest { activation, roles, moves, administrators, principal, rule, .. } =
        activating;
    if !is_entitled(connection, principal)? {
        return Ok(Activated::Refused(ActivationRefusal::CallerChanged));
    }
    let actor = match activation.by {
        Actor::Account(id) => account::find(connection, id)?,
        _ => None,
    };
    if let Err(reason) = rule(actor.as_ref()) {
        return Ok(Activated::Refused(reason));
    }
    let moving: Vec<&str> = moves.iter().map(|it| it.from.as_str()).collect();
    let lacking = roles_beyond(connection, &[roles, moving.as_slice()].concat())?;
    if !lacking.is_empty() {
        return Ok(Activated::RolesInUse(lacking));
    }
    if revision(connection)? >= activation.revision {
        return Ok(Activated::Superseded);
    }
    let moved = role_move::move_accounts(connection, moves, *administrators)?;
    Ok(moved.map_or_else(Activated::Refused, Activated::Done))
}

/// Returns the revision of the active matrix; 0 before the first activation.
pub(crate) fn revision(connection: &mut Connection) -> Result<u64, Failure> {
    let newest = matrix_activations::table.select(max(matrix_activations::revision));
    let newest: Option<i64> = dispatch!(connection, inner => newest.first(inner))?;
    Ok(newest.map_or(0, natural))
}

/// Returns the roles of accounts that are not in `roles`.
fn roles_beyond(connection: &mut Connection, roles: &[&str]) -> Result<Vec<Role>, Failure> {
    let query = accounts::table
        .filter(accounts::role.ne_all(roles))
        .order(accounts::role)
        .select(accounts::role)
        .distinct();
    let roles: Vec<String> = dispatch!(connection, inner => query.load(inner))?;
    let corrupt = |_| Failure::Corrupt { table: "accounts", column: "role" };
    roles.iter().map(|role| Role::parse(role).map_err(corrupt)).collect()
}

fn insert(connection: &mut Connection, activation: &Activation) -> Result<(), Failure> {
    let insert = diesel::insert_into(matrix_activations::table).values((
        matrix_activations::revision.eq(bigint(activation.revision)),
        matrix_activations::version.eq(i64::from(activation.version)),
        matrix_activations::actor.eq(activation.by.to_string()),
        matrix_activations::at.eq(Instant::from(activation.at)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = matrix_versions)]
struct VersionRow {
    number: i64,
    file: String,
    actor: String,
    at: Instant,
}

impl TryFrom<VersionRow> for Version {
    type Error = Failure;

    fn try_from(row: VersionRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "matrix_versions", column: "actor" };
        Ok(Self {
            number: version_number(row.number)?,
            text: row.file,
            by: row.actor.parse().map_err(corrupt)?,
            at: row.at.into(),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = matrix_versions)]
struct ListedVersionRow {
    number: i64,
    actor: String,
    at: Instant,
}

impl TryFrom<ListedVersionRow> for ListedVersion {
    type Error = Failure;

    fn try_from(row: ListedVersionRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "matrix_versions", column: "actor" };
        let (number, by) = (version_number(row.number)?, row.actor.parse().map_err(corrupt)?);
        Ok(Self { number, by, at: row.at.into() })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = matrix_activations)]
struct ActivationRow {
    revision: i64,
    version: i64,
    actor: String,
    at: Instant,
}

impl TryFrom<ActivationRow> for Activation {
    type Error = Failure;

    fn try_from(row: ActivationRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "matrix_activations", column: "actor" };
        Ok(Self {
            revision: natural(row.revision),
            version: version_number(row.version)?,
            by: row.actor.parse().map_err(corrupt)?,
            at: row.at.into(),
        })
    }
}

fn version_number(number: i64) -> Result<u32, Failure> {
    u32::try_from(number)
        .map_err(|_| Failure::Corrupt { table: "matrix_versions", column: "number" })
}
