//! `api-key list`: lists the keys of an account, without their text.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{ApiKeyId, Timestamp};
use portcullis_flows::machine::api_key::ApiKeyRecord;
use serde::Serialize;

use super::owner::Owner;
use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

/// The owner.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    owner: Name,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let owner = Owner::open(config, &arguments.owner, "api-key list")?;
    let api_keys = owner.keys.list(owner.id)?.into_iter().map(ListedApiKey::from).collect();
    output.answer(&ApiKeyList { api_keys })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct ApiKeyList {
    api_keys: Vec<ListedApiKey>,
}

/// A key, for output.
#[derive(Serialize)]
pub(super) struct ListedApiKey {
    pub(super) id: ApiKeyId,
    pub(super) name: String,
    /// None for a damaged key, which is refused.
    scope: Option<Vec<String>>,
    networks: Vec<String>,
    created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl From<ApiKeyRecord> for ListedApiKey {
    fn from(ApiKeyRecord { stored, terms }: ApiKeyRecord) -> Self {
        let scope = terms.as_ref().map(|terms| terms.scope.items().map(ToString::to_string));
        let networks = terms.as_ref().map(|terms| terms.networks.networks().collect());
        Self {
            id: stored.id,
            name: stored.name.as_str().to_owned(),
            scope: scope.map(Iterator::collect),
            networks: networks.unwrap_or_default(),
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            last_used_at: stored.last_used_at,
        }
    }
}

impl fmt::Display for ApiKeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.api_keys.is_empty() {
            return f.write_str("The account has no API key.");
        }
        let row = |key: &ListedApiKey| {
            let scope = key.scope.as_ref().map_or("damaged".to_owned(), |pairs| pairs.join(" "));
            let used =
                key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
            let ends = format!("until {}", key.expires_at);
            [key.id.to_string(), key.name.clone(), scope, ends, used]
        };
        write!(f, "{}", Table(self.api_keys.iter().map(row).collect()))
    }
}
