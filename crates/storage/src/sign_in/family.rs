//! The refresh token family of a session, table `refresh_tokens`, read for the event of a reuse.

use std::net::Ipv4Addr;

use diesel::prelude::*;
use portcullis_audit::{Details, FamilyToken, Origin};
use portcullis_domain::{SessionId, TokenId};

use crate::connection::{Connection, dispatch};
use crate::failure::Failure;
use crate::schema::refresh_tokens;
use crate::sql_type::{Instant, Key, natural};

/// The maximum of tokens that are returned of a family.
const MAX_TOKENS: i64 = 50;

/// Reads the family of a session in which the used token `presented` was reused. A token has at
/// most one successor, so the family is a line. Returns its latest part, from the `live` token
/// upwards, and `presented`.
pub(crate) fn tree(
    connection: &mut Connection,
    session: SessionId,
    live: TokenId,
    presented: TokenId,
) -> Result<Details, Failure> {
    let family = refresh_tokens::table.filter(refresh_tokens::session_id.eq(Key::from(session)));
    let latest = family
        .order((refresh_tokens::issued_at.desc(), refresh_tokens::id.desc()))
        .limit(MAX_TOKENS);
    let mut rows: Vec<TokenRow> = dispatch!(connection, inner => {
        latest.select(TokenRow::as_select()).load(inner)
    })?;
    let mut members = Vec::new();
    let mut next = Some(Key::from(live));
    while let Some(place) = next.and_then(|id| rows.iter().position(|row| row.id == id)) {
        let row = rows.swap_remove(place);
        next = row.parent_id;
        members.push(row);
    }
    if !members.iter().any(|row| row.id == Key::from(presented)) {
        let itself = family.find(Key::from(presented));
        members.extend(dispatch!(connection, inner => {
            itself.select(TokenRow::as_select()).first(inner).optional()
        })?);
    }
    let total: i64 = dispatch!(connection, inner => family.count().get_result(inner))?;
    let shown = u64::try_from(members.len()).unwrap_or(u64::MAX);
    Ok(Details::Family {
        presented,
        family: members.into_iter().rev().map(FamilyToken::from).collect(),
        left_out: natural(total).saturating_sub(shown),
        sessions_ended: None,
    })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct TokenRow {
    id: Key,
    parent_id: Option<Key>,
    issued_at: Instant,
    address: String,
    user_agent: Option<String>,
}

impl From<TokenRow> for FamilyToken {
    fn from(row: TokenRow) -> Self {
        let client = Origin {
            // An invalid address must not suppress the alarm.
            address: row.address.parse().unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            user_agent: row.user_agent,
            request_id: None,
        };
        let parent = row.parent_id.map(TokenId::from);
        Self::new(row.id.into(), parent, row.issued_at.into(), &client)
    }
}
