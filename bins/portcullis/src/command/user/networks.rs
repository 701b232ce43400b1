//! `user networks`: shows or replaces the networks that an account may be used from.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{Account, NetworkList};
use portcullis_flows::identity::network_allowlist::NetworkAllowlists;
use serde::Serialize;

use super::named::{Name, unchanged};
use crate::config::Config;
use crate::failure::Failure;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

/// The account, and its networks from now on.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    name: Name,
    /// The networks, such as 192.0.2.0/24, or single addresses: at most 20
    #[arg(long, num_args = 1.., value_name = "NETWORK", conflicts_with = "clear")]
    set: Vec<String>,
    /// Allow all networks: the way in for an owner outside of the list
    #[arg(long)]
    clear: bool,
}

pub(super) fn run(
    config: &Config,
    arguments: &Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let Arguments { name, set, clear } = arguments;
    let operator = operator("user networks");
    let wanted = (*clear || !set.is_empty()).then(|| parsed(set)).transpose()?;
    let (store, matrices) = opening::started(config, &operator)?;
    let mut account = name.find(&store)?;
    if let Some(networks) = wanted {
        let changes = assembly::identity::changes_by_operator(&store, &matrices, config);
        account = changes.set_networks(&operator, account.id, &networks).map_err(unchanged)?;
    }
    output.answer(&Allowed::of(&account, config))?;
    Ok(ExitCode::SUCCESS)
}

fn parsed(texts: &[String]) -> Result<NetworkList, Failure> {
    let remedy = "list at most 20 networks such as 192.0.2.0/24, or single addresses";
    if texts.len() > NetworkAllowlists::MAX_NETWORKS {
        return Err(Failure::failed("there are too many networks", remedy));
    }
    NetworkList::parse(texts.iter().map(String::as_str))
        .map_err(|error| Failure::failed(format!("the networks {error}"), remedy))
}

#[derive(Serialize)]
struct Allowed {
    username: String,
    networks: Vec<String>,
    role: String,
    role_networks: Option<Vec<String>>,
}

impl Allowed {
    fn of(account: &Account, config: &Config) -> Self {
        let of_role = config.sessions.networks.of_role(&account.role);
        Self {
            username: account.username.as_str().to_owned(),
            networks: account.allowed_networks.networks().collect(),
            role: account.role.to_string(),
            role_networks: of_role.map(|networks| networks.networks().collect()),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, networks, role, role_networks } = self;
        if networks.is_empty() {
            write!(f, "{username:?} may be used from every network.")?;
        } else {
            write!(f, "{username:?} may be used from {}.", networks.join(", "))?;
        }
        if let Some(networks) = role_networks {
            let networks = networks.join(", ");
            write!(f, "\nThe configuration limits its role {role} to {networks}.")?;
        }
        Ok(())
    }
}
