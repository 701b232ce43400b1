//! `ban list`: lists the bans in force.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::{Ambient, Timestamp};
use portcullis_flows::node::ban::Ban;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let store = opening::existing_store(config)?.ok_or_else(opening::no_database)?;
    let administration =
        assembly::node::ban_administration(&store, config, None, &Ambient::system());
    let (mut bans, mut after) = (Vec::new(), None);
    loop {
        let page = administration.list(after, PAGE)?;
        bans.extend(page.bans.into_iter().map(ListedBan::from));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    output.answer(&BanList { bans })?;
    Ok(ExitCode::SUCCESS)
}

/// Bans of one query.
const PAGE: u32 = 1_000;

/// The bans in force, in the order of their addresses as text.
#[derive(Serialize)]
struct BanList {
    bans: Vec<ListedBan>,
}

/// A ban, for output.
#[derive(Serialize)]
pub(super) struct ListedBan {
    pub(super) network: String,
    started_at: Timestamp,
    pub(super) ends_at: Timestamp,
    former_bans: u32,
    imposed_by: Option<String>,
    reason: Option<String>,
}

impl From<Ban> for ListedBan {
    fn from(ban: Ban) -> Self {
        Self {
            network: ban.addresses.to_string(),
            started_at: ban.started_at,
            ends_at: ban.ends_at,
            former_bans: ban.former_bans,
            imposed_by: ban.imposed_by.map(|actor| actor.to_string()),
            reason: ban.reason,
        }
    }
}

impl fmt::Display for BanList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bans.is_empty() {
            return f.write_str("No address is banned.");
        }
        let titles = ["addresses", "banned until", "former bans", "by", "reason"];
        let row = |ban: &ListedBan| {
            [
                ban.network.clone(),
                ban.ends_at.to_string(),
                ban.former_bans.to_string(),
                ban.imposed_by.clone().unwrap_or_else(|| "rate limits".to_owned()),
                ban.reason.clone().unwrap_or_default(),
            ]
        };
        let rows = self.bans.iter().map(row);
        Table(std::iter::once(titles.map(str::to_owned)).chain(rows).collect()).fmt(f)
    }
}
