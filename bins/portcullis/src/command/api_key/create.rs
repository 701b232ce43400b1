//! `api-key create`: creates a key and prints it once.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use portcullis_access::Scope;
use portcullis_domain::{DisplayName, NetworkList};
use portcullis_flows::machine::api_key::{NewApiKey, WantedApiKey};
use serde::Serialize;

use super::list::ListedApiKey;
use super::owner::{Owner, refused};
use crate::command::user::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// The key to create.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    owner: Name,
    /// The name of the key
    #[arg(long)]
    name: String,
    /// What the key may do: `resource:action`, with words of the access matrix or `*`; a service may also
    /// have token:introspect and revocation:read
    #[arg(long, required = true, num_args = 1.., value_name = "RESOURCE:ACTION")]
    scope: Vec<String>,
    /// A network that the key may be used from, such as 192.0.2.0/24 [default: all]
    #[arg(long, num_args = 1.., value_name = "NETWORK")]
    network: Vec<String>,
    /// The lifetime, 1 to 365 days [default: 90]
    #[arg(long)]
    days: Option<u16>,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let Arguments { owner, name, scope, network, days } = arguments;
    let wrong = |what: &str, error: &dyn fmt::Display| {
        Failure::failed(format!("{what} {error}"), "nothing was created; write another value")
    };
    let wanted = WantedApiKey {
        name: DisplayName::parse(&name).map_err(|error| wrong("--name", &error))?,
        scope: Scope::parse(scope.iter().map(String::as_str))
            .map_err(|error| wrong("--scope", &error))?,
        networks: NetworkList::parse(network.iter().map(String::as_str))
            .map_err(|error| wrong("--network", &error))?,
        lifetime: days.map(|days| DAY * u32::from(days)),
    };
    let owner = Owner::open(config, &owner, "api-key create")?;
    let created = owner.keys.create(owner.authority(), None, &wanted).map_err(refused)?;
    output.answer(&PrintedApiKey::from(created))?;
    Ok(ExitCode::SUCCESS)
}

/// A new key. It must not be logged.
#[derive(Serialize)]
pub(super) struct PrintedApiKey {
    key: String,
    api_key: ListedApiKey,
}

impl From<NewApiKey> for PrintedApiKey {
    fn from(NewApiKey { key, record }: NewApiKey) -> Self {
        Self { key: key.expose().to_owned(), api_key: record.into() }
    }
}

impl fmt::Display for PrintedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListedApiKey { name, expires_at, .. } = &self.api_key;
        write!(
            f,
            "The key {name:?} is valid until {expires_at}. It is shown once; the program sends it as \
             `Authorization: Bearer`:\n\n  {}\n",
            self.key
        )
    }
}
