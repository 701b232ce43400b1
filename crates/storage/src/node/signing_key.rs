//! `SigningKeyStore`: the key pairs that sign access tokens, table `signing_keys`.

use diesel::prelude::*;
use portcullis_audit::SecurityEvent;
use portcullis_domain::Timestamp;
use portcullis_flows::StoreError;
use portcullis_flows::audit::trail::AuditLogStore;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::signing_key::{
    SharedChange, SharedRecord, SigningKeyRecord, SigningKeyStore,
};
use portcullis_token::{KeyPairAlgorithm, PublicKey};

use crate::connection::{Connection, Lock, dispatch};
use crate::failure::Failure;
use crate::schema::signing_keys;
use crate::sql_type::Instant;
use crate::store::Store;

impl SigningKeyStore for Store {
    fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let query = signing_keys::table.order((signing_keys::signs_from, signing_keys::kid));
        self.read(|connection| {
            let rows: Vec<SigningKeyRow> = dispatch!(connection, inner => {
                query.select(SigningKeyRow::as_select()).load(inner)
            })?;
            rows.into_iter().map(SigningKeyRecord::try_from).collect()
        })
    }

    fn insert_first(
        &self,
        key: &SigningKeyRecord,
        unusable: &[&str],
        effects: &Effects,
    ) -> Result<bool, StoreError> {
        self.write_with(|connection| {
            Lock::SigningKeys.take(connection)?;
            if is_any_living(connection, key.public.algorithm(), unusable)? {
                return Ok((false, Effects::default()));
            }
            insert(connection, key)?;
            Ok((true, effects.clone()))
        })
    }

    fn insert(
        &self,
        key: &SigningKeyRecord,
        most: u32,
        effects: &Effects,
    ) -> Result<bool, StoreError> {
        let living = signing_keys::table.filter(signing_keys::retired_at.is_null()).count();
        self.write_with(|connection| {
            Lock::SigningKeys.take(connection)?;
            let count: i64 = dispatch!(connection, inner => living.get_result(inner))?;
            if count >= most.into() {
                return Ok((false, Effects::default()));
            }
            insert(connection, key)?;
            Ok((true, effects.clone()))
        })
    }

    fn retire(&self, kid: &str, at: Timestamp, effects: &Effects) -> Result<bool, StoreError> {
        let living = signing_keys::table.find(kid).filter(signing_keys::retired_at.is_null());
        let retire = diesel::update(living).set((
            signing_keys::retired_at.eq(Instant::from(at)),
            signing_keys::sealed.eq([].as_slice()),
        ));
        self.write_with(|connection| {
            let is_done = dispatch!(connection, inner => retire.execute(inner))? == 1;
            Ok((is_done, effects.only_if(is_done)))
        })
    }

    fn shared_keys(&self) -> Result<SharedRecord, StoreError> {
        self.read_shared_keys()
    }

    fn replace_shared_keys(
        &self,
        next: &mut dyn FnMut(&SharedRecord) -> Option<SharedChange>,
    ) -> Result<(), StoreError> {
        self.write_shared_keys(next)
    }

    fn record_printed(&self, event: &SecurityEvent) -> Result<(), StoreError> {
        AuditLogStore::record(self, event)
    }

    fn reseal(&self, kid: &str, before: &[u8], after: &[u8]) -> Result<(), StoreError> {
        let found = signing_keys::table.find(kid).filter(signing_keys::sealed.eq(before));
        let reseal = diesel::update(found).set(signing_keys::sealed.eq(after));
        self.write(|connection| {
            dispatch!(connection, inner => reseal.execute(inner))?;
            Ok(())
        })
    }
}

fn is_any_living(
    connection: &mut Connection,
    algorithm: KeyPairAlgorithm,
    unusable: &[&str],
) -> Result<bool, Failure> {
    let living = signing_keys::table
        .filter(signing_keys::algorithm.eq(algorithm.name()))
        .filter(signing_keys::kid.ne_all(unusable))
        .filter(signing_keys::retired_at.is_null());
    let look = diesel::select(diesel::dsl::exists(living));
    Ok(dispatch!(connection, inner => look.get_result(inner))?)
}

fn insert(connection: &mut Connection, key: &SigningKeyRecord) -> Result<(), Failure> {
    let insert = diesel::insert_into(signing_keys::table).values((
        signing_keys::kid.eq(key.public.kid()),
        signing_keys::algorithm.eq(key.public.algorithm().name()),
        signing_keys::public_key.eq(key.public.as_bytes()),
        signing_keys::sealed.eq(key.sealed.as_slice()),
        signing_keys::created_at.eq(Instant::from(key.created_at)),
        signing_keys::signs_from.eq(Instant::from(key.signs_from)),
        signing_keys::retired_at.eq(key.retired_at.map(Instant::from)),
    ));
    dispatch!(connection, inner => insert.execute(inner))?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = signing_keys)]
struct SigningKeyRow {
    kid: String,
    algorithm: String,
    public_key: Vec<u8>,
    sealed: Vec<u8>,
    created_at: Instant,
    signs_from: Instant,
    retired_at: Option<Instant>,
}

impl TryFrom<SigningKeyRow> for SigningKeyRecord {
    type Error = Failure;

    fn try_from(row: SigningKeyRow) -> Result<Self, Failure> {
        let corrupt = |column| Failure::Corrupt { table: "signing_keys", column };
        let algorithm = row.algorithm.parse().map_err(|_| corrupt("algorithm"))?;
        let public = PublicKey::from_parts(&row.kid, algorithm, &row.public_key);
        Ok(Self {
            public: public.map_err(|_| corrupt("public_key"))?,
            sealed: row.sealed,
            created_at: row.created_at.into(),
            signs_from: row.signs_from.into(),
            retired_at: row.retired_at.map(Into::into),
        })
    }
}
