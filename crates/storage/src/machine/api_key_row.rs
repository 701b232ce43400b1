//! Rows of the table `api_keys`.

use diesel::prelude::*;
use portcullis_domain::{ApiKeyId, DisplayName, Timestamp};
use portcullis_flows::machine::api_key::StoredApiKey;

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::api_keys;
use crate::sql_type::{Instant, Key};

/// The key, also if it has expired.
pub(crate) fn find(
    connection: &mut Connection,
    id: ApiKeyId,
) -> Result<Option<StoredApiKey>, Failure> {
    let query = api_keys::table.find(Key::from(id));
    let row: Option<ApiKeyRow> = dispatch!(connection, inner => {
        query.select(ApiKeyRow::as_select()).first(inner).optional()
    })?;
    row.map(StoredApiKey::try_from).transpose()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
pub(crate) struct ApiKeyRow {
    pub(crate) id: Key,
    account_id: Key,
    name: String,
    sealed: Vec<u8>,
    created_at: Instant,
    expires_at: Instant,
    last_used_at: Option<Instant>,
}

impl TryFrom<ApiKeyRow> for StoredApiKey {
    type Error = Failure;

    fn try_from(row: ApiKeyRow) -> Result<Self, Failure> {
        let corrupt = |_| Failure::Corrupt { table: "api_keys", column: "name" };
        Ok(Self {
            id: row.id.into(),
            account: row.account_id.into(),
            name: DisplayName::parse(&row.name).map_err(corrupt)?,
            sealed: row.sealed,
            created_at: row.created_at.into(),
            expires_at: row.expires_at.into(),
            last_used_at: row.last_used_at.map(Timestamp::from),
        })
    }
}
