//! `BootstrapStore`: the first administrator, tables `setup` and `accounts`.

use diesel::prelude::*;
use portcullis_audit::SecurityEvent;
use portcullis_domain::{AccountKind, Role, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::bootstrap::{BootstrapStore, SetupResult};
use portcullis_flows::identity::registration::{Creation, NewAccount};
use portcullis_token::Digest;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::registration;
use crate::schema::{accounts, setup};
use crate::sql_type::Instant;
use crate::store::Store;

/// The id of the only row of the table.
const ROW: i32 = 1;

impl BootstrapStore for Store {
    fn awaits_setup(&self, admin: &Role) -> Result<bool, StoreError> {
        self.read(|connection| {
            let over = setup::table.filter(setup::closed_at.is_not_null());
            let over = diesel::select(diesel::dsl::exists(over));
            let over: bool = dispatch!(connection, inner => over.get_result(inner))?;
            Ok(!over && !admin_exists(connection, admin)?)
        })
    }

    fn offer_setup(&self, token: &Digest, now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            ensure_row(connection, now)?;
            let open = setup::table.find(ROW).filter(setup::closed_at.is_null());
            let offer = diesel::update(open).set((
                setup::token_digest.eq(token.as_bytes().as_slice()),
                setup::offered_at.eq(Instant::from(now)),
            ));
            dispatch!(connection, inner => offer.execute(inner))?;
            Ok(())
        })
    }

    fn set_up(
        &self,
        token: Option<&Digest>,
        new: &NewAccount<'_>,
    ) -> Result<SetupResult, StoreError> {
        let now = new.account.created_at;
        self.write_with(|connection| {
            ensure_row(connection, now)?;
            // The setup is closed first: this locks the row, so that one of two nodes waits here.
            let closed = match token {
                None => close(connection, now)?,
                Some(token) => close_with(connection, token, now)?,
            };
            if !closed || admin_exists(connection, &new.account.role)? {
                return Ok((SetupResult::Closed, Effects::default()));
            }
            let (creation, effects) = registration::create(connection, new)?;
            if creation != Creation::Done {
                reopen(connection)?;
            }
            Ok((SetupResult::Tried(creation), effects))
        })
    }

    fn record_refusal(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        self.write_with(|_| Ok(((), event.clone().into())))
    }
}

fn admin_exists(connection: &mut Connection, admin: &Role) -> Result<bool, Failure> {
    let admins = accounts::table
        .filter(accounts::role.eq(admin.as_str()))
        .filter(accounts::kind.ne(AccountKind::Service.as_str()));
    let look = diesel::select(diesel::dsl::exists(admins));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

fn ensure_row(connection: &mut Connection, now: Timestamp) -> Result<(), Failure> {
    let insert = diesel::insert_into(setup::table)
        .values((setup::id.eq(ROW), setup::offered_at.eq(Instant::from(now))));
    dispatch!(connection, inner => insert.on_conflict_do_nothing().execute(inner))?;
    Ok(())
}

fn close(connection: &mut Connection, now: Timestamp) -> Result<bool, Failure> {
    let open = setup::table.find(ROW).filter(setup::closed_at.is_null());
    let close = diesel::update(open).set(setup::closed_at.eq(Instant::from(now)));
    Ok(dispatch!(connection, inner => close.execute(inner))? == 1)
}

fn close_with(
    connection: &mut Connection,
    token: &Digest,
    now: Timestamp,
) -> Result<bool, Failure> {
    let open = setup::table
        .find(ROW)
        .filter(setup::closed_at.is_null())
        .filter(setup::token_digest.eq(token.as_bytes().as_slice()));
    let close = diesel::update(open).set(setup::closed_at.eq(Instant::from(now)));
    Ok(dispatch!(connection, inner => close.execute(inner))? == 1)
}

fn reopen(connection: &mut Connection) -> Result<(), Failure> {
    let reopen = diesel::update(setup::table.find(ROW)).set(setup::closed_at.eq(None::<Instant>));
    dispatch!(connection, inner => reopen.execute(inner))?;
    Ok(())
}
