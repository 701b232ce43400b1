//! `ApiKeyStore`: API keys, table `api_keys`.
//!
//! Keys of one account are created, rotated and revoked one after the other, under the lock on its row.

use diesel::prelude::*;
use portcullis_domain::{Account, AccountId, ApiKeyId, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::machine::api_key::{
    ApiKeyAuthority, ApiKeyCreated, ApiKeyCreation, ApiKeyError, ApiKeyRevocation, ApiKeyRotated,
    ApiKeyRotation, ApiKeyStore, RotationTimes, StoredApiKey,
};
use portcullis_flows::sign_in::reauthentication::{Reauthenticated, ReauthenticationError};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::identity::account;
use crate::machine::api_key_row::{ApiKeyRow, find};
use crate::principal;
use crate::schema::api_keys;
use crate::sign_in::{reauthentication, sign_out};
use crate::sql_type::{Instant, Key};
use crate::store::Store;

impl ApiKeyStore for Store {
    fn create_api_key(&self, creation: &ApiKeyCreation<'_>) -> Result<ApiKeyCreated, StoreError> {
        self.write_recorded(creation.effects, |connection| {
            let ApiKeyCreation { authority, reauthenticated, most, .. } = *creation;
            if !is_proven(connection, authority, reauthenticated)? {
                return Ok(ApiKeyCreated::Refused(ReauthenticationError::WrongPassword.into()));
            }
            let Some(owner) = entitled(connection, authority)? else {
                return Ok(ApiKeyCreated::Refused(ApiKeyError::NotEntitled));
            };
            if let Err(refusal) = (creation.rule)(&owner) {
                return Ok(ApiKeyCreated::Refused(refusal));
            }
            let now = connection.now()?;
            if has_as_many(connection, owner.id, now, most)? {
                return Ok(ApiKeyCreated::Refused(ApiKeyError::TooMany));
            }
            let expires_at = now + creation.lifetime;
            let key = StoredApiKey {
                id: creation.id,
                account: owner.id,
                name: creation.name.clone(),
                sealed: (creation.seal)(expires_at),
                created_at: now,
                expires_at,
                last_used_at: None,
            };
            insert(connection, &key)?;
            Ok(ApiKeyCreated::Done(key))
        })
    }

    fn api_keys(&self, account: AccountId) -> Result<Vec<StoredApiKey>, StoreError> {
        self.read(|connection| of_account(connection, account))
    }

    fn api_key(&self, id: ApiKeyId) -> Result<Option<(StoredApiKey, Account)>, StoreError> {
        self.read(|connection| {
            let Some(key) = find(connection, id)? else { return Ok(None) };
            let owner = account::find(connection, key.account)?;
            Ok(owner.map(|owner| (key, owner)))
        })
    }

    fn rotate_api_key(&self, rotation: &ApiKeyRotation<'_>) -> Result<ApiKeyRotated, StoreError> {
        self.write_recorded(rotation.effects, |connection| rotate(connection, rotation))
    }

    fn revoke_api_key(
        &self,
        revocation: &ApiKeyRevocation<'_>,
    ) -> Result<Option<StoredApiKey>, StoreError> {
        self.write_recorded(revocation.effects, |connection| {
            let Some(owner) = entitled(connection, revocation.authority)? else { return Ok(None) };
            let Some(key) = own(connection, owner.id, revocation.id)? else { return Ok(None) };
            delete(connection, key.id)?;
            Ok(Some(key))
        })
    }

    fn record_api_key_uses(
        &self,
        uses: &[(ApiKeyId, Timestamp)],
        effects: Effects,
    ) -> Result<(), StoreError> {
        self.write_with(|connection| {
            for (id, at) in uses {
                let at = Instant::from(*at);
                let is_earlier = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at));
                let earlier = api_keys::table.find(Key::from(*id)).filter(is_earlier);
                let update = diesel::update(earlier).set(api_keys::last_used_at.eq(at));
                dispatch!(connection, inner => update.execute(inner))?;
            }
            Ok(((), effects))
        })
    }

    fn sealed_api_keys(
        &self,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<(ApiKeyId, StoredApiKey)>, StoreError> {
        self.read(|connection| {
            let next = api_keys::table
                .filter(api_keys::id.gt(after.map(Key::from).unwrap_or_default()))
                .order(api_keys::id)
                .limit(limit.into());
            let rows: Vec<ApiKeyRow> =
                dispatch!(connection, inner => next.select(ApiKeyRow::as_select()).load(inner))?;
            rows.into_iter().map(|row| Ok((row.id.into(), row.try_into()?))).collect()
        })
    }

    fn reseal_api_key(&self, id: ApiKeyId, before: &[u8], after: &[u8]) -> Result<(), StoreError> {
        self.write(|connection| {
            let same = api_keys::table.find(Key::from(id)).filter(api_keys::sealed.eq(before));
            let reseal = diesel::update(same).set(api_keys::sealed.eq(after));
            dispatch!(connection, inner => reseal.execute(inner))?;
            Ok(())
        })
    }
}

fn rotate(
    connection: &mut Connection,
    rotation: &ApiKeyRotation<'_>,
) -> Result<ApiKeyRotated, Failure> {
    let refused = |error| Ok(ApiKeyRotated::Refused(error));
    if !is_proven(connection, rotation.authority, rotation.reauthenticated)? {
        return refused(ReauthenticationError::WrongPassword.into());
    }
    let Some(owner) = entitled(connection, rotation.authority)? else {
        return refused(ApiKeyError::NotEntitled);
    };
    let now = connection.now()?;
    let found = own(connection, owner.id, rotation.id)?.filter(|key| key.expires_at > now);
    let Some(former) = found else { return refused(ApiKeyError::Unknown) };
    let ends_at = former.expires_at.min(now + rotation.overlap);
    let Some(terms) = (rotation.terms)(&former, RotationTimes { now, ends_at }) else {
        return refused(ApiKeyError::Unknown);
    };
    // A key has one successor: this statement is the whole guard.
    let unreplaced =
        api_keys::table.find(Key::from(former.id)).filter(api_keys::replaced_at.is_null());
    let update = diesel::update(unreplaced).set((
        api_keys::sealed.eq(&terms.former),
        api_keys::expires_at.eq(Instant::from(ends_at)),
        api_keys::replaced_at.eq(Some(Instant::from(now))),
    ));
    if dispatch!(connection, inner => update.execute(inner))? == 0 {
        return refused(ApiKeyError::Replaced);
    }
    let successor = StoredApiKey {
        id: rotation.successor,
        sealed: terms.successor,
        created_at: now,
        expires_at: terms.expires_at,
        last_used_at: None,
        ..former.clone()
    };
    insert(connection, &successor)?;
    let former = StoredApiKey { sealed: terms.former, expires_at: ends_at, ..former };
    Ok(ApiKeyRotated::Done { former, successor })
}

/// Returns whether the current credential of the owner is still valid. The operator needs none.
fn is_proven(
    connection: &mut Connection,
    authority: ApiKeyAuthority<'_>,
    reauthenticated: Option<&Reauthenticated>,
) -> Result<bool, Failure> {
    match reauthenticated {
        _ if authority.principal.is_operator() => Ok(true),
        None => Ok(false),
        Some(proof) => Ok(reauthentication::validate(connection, proof)?.is_none()),
    }
}

/// Locks the owner, and returns it if it is active and the principal may act for it: itself, or the operator.
fn entitled(
    connection: &mut Connection,
    ApiKeyAuthority { owner, principal }: ApiKeyAuthority<'_>,
) -> Result<Option<Account>, Failure> {
    sign_out::lock_account(connection, owner)?;
    let found = if principal.is_operator() {
        account::find(connection, owner)?
    } else {
        principal::find(connection, principal)?.filter(|account| account.id == owner)
    };
    Ok(found.filter(|account| account.is_active && !account.is_blocked))
}

/// True if the account has so many keys that have neither expired nor a successor.
fn has_as_many(
    connection: &mut Connection,
    account: AccountId,
    now: Timestamp,
    most: u32,
) -> Result<bool, Failure> {
    let live = api_keys::table
        .filter(api_keys::account_id.eq(Key::from(account)))
        .filter(api_keys::expires_at.gt(Instant::from(now)))
        .filter(api_keys::replaced_at.is_null())
        .count();
    let live: i64 = dispatch!(connection, inner => live.get_result(inner))?;
    Ok(live >= i64::from(most))
}

fn insert(connection: &mut Connection, key: &StoredApiKey) -> Result<(), Failure> {
    let insert = diesel::insert_into(api_keys::table).values((
        api_keys::id.eq(Key::from(key.id)),
        api_keys::account_id.eq(Key::from(key.account)),
        api_keys::name.eq(key.name.as_str()),
        api_keys::sealed.eq(&key.sealed),
        api_keys::created_at.eq(Instant::from(key.created_at)),
        api_keys::expires_at.eq(Instant::from(key.expires_at)),
        api_keys::last_used_at.eq(key.last_used_at.map(Instant::from)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

/// Deletes the key: it is refused from then on.
pub(crate) fn delete(connection: &mut Connection, key: ApiKeyId) -> Result<(), Failure> {
    let gone = diesel::delete(api_keys::table.find(Key::from(key)));
    dispatch!(connection, inner => gone.execute(inner))?;
    Ok(())
}

/// The key, if it belongs to the account.
pub(crate) fn own(
    connection: &mut Connection,
    account: AccountId,
    id: ApiKeyId,
) -> Result<Option<StoredApiKey>, Failure> {
    Ok(find(connection, id)?.filter(|key| key.account == account))
}

/// The keys of the account, the oldest first.
pub(crate) fn of_account(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<StoredApiKey>, Failure> {
    let own =
        api_keys::table.filter(api_keys::account_id.eq(Key::from(account))).order(api_keys::id);
    let rows: Vec<ApiKeyRow> =
        dispatch!(connection, inner => own.select(ApiKeyRow::as_select()).load(inner))?;
    rows.into_iter().map(StoredApiKey::try_from).collect()
}

/// Deletes the keys of an account that is deleted itself, or whose holder has disavowed an action.
pub(crate) fn delete_all(connection: &mut Connection, account: AccountId) -> Result<(), Failure> {
    let all = api_keys::table.filter(api_keys::account_id.eq(Key::from(account)));
    dispatch!(connection, inner => diesel::delete(all).execute(inner))?;
    Ok(())
}
