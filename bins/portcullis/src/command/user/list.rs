//! `user list`: lists accounts, the newest first.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use portcullis_domain::{
    Account, AccountId, AccountKind, DisplayName, Email, Role, Timestamp, Username,
};
use portcullis_flows::identity::account_directory::AccountQuery;
use serde::Serialize;

use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::table::Table;
use crate::{assembly, opening, roles};

/// The filter and the length of the list.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Accounts with this text in their user name, email address or display name
    #[arg(long)]
    search: Option<String>,
    /// Accounts with this role
    #[arg(long)]
    role: Option<String>,
    /// Deactivated accounts only
    #[arg(long)]
    inactive: bool,
    /// Accounts after this one: the id of the last account of the page before
    #[arg(long)]
    after: Option<AccountId>,
    /// Maximum number of accounts
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    most: u32,
}

pub(super) fn run(
    config: &Config,
    arguments: Arguments,
    output: Output,
) -> Result<ExitCode, Failure> {
    let operator = operator("user list");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &operator.origin)?;
    if let Some(role) = &arguments.role {
        // Every role of an account is one of the active matrix.
        let matrices = opening::matrices(&store, config, &operator)?;
        roles::argument(&matrices.active().load().matrix, role)?;
    }
    let query = AccountQuery {
        text: arguments.search,
        role: arguments.role,
        is_active: arguments.inactive.then_some(false),
        after: arguments.after,
        // The one account more shows that another page follows.
        most: arguments.most.saturating_add(1),
    };
    let found = assembly::identity::directory(&store, &secret).list(&operator, &query)?;
    let mut accounts: Vec<Item> = found.into_iter().map(Item::from).collect();
    let most = usize::try_from(arguments.most).unwrap_or(usize::MAX);
    let has_more = accounts.len() > most;
    accounts.truncate(most);
    let next_after = accounts.last().filter(|_| has_more).map(|last| last.id);
    output.answer(&List { accounts, next_after })?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct List {
    accounts: Vec<Item>,
    /// The value of `--after` for the next page; none on the last one.
    next_after: Option<AccountId>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the states of an account")]
pub(super) struct Item {
    pub(super) id: AccountId,
    pub(super) username: Username,
    pub(super) email: Email,
    pub(super) display_name: Option<DisplayName>,
    pub(super) kind: AccountKind,
    pub(super) role: Role,
    pub(super) is_active: bool,
    pub(super) is_blocked: bool,
    pub(super) email_verified: bool,
    pub(super) password_must_change: bool,
    pub(super) created_at: Timestamp,
    pub(super) last_sign_in_at: Option<Timestamp>,
}

impl From<Account> for Item {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            username: account.username,
            email: account.email,
            display_name: account.display_name,
            kind: account.kind,
            role: account.role,
            is_active: account.is_active,
            is_blocked: account.is_blocked,
            email_verified: account.email_verified,
            password_must_change: account.password_must_change,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}

impl Item {
    pub(super) const fn state(&self) -> &'static str {
        match (self.is_active, self.is_blocked) {
            (false, _) => "deactivated",
            (true, true) => "blocked",
            (true, false) => "active",
        }
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.accounts.is_empty() {
            return f.write_str("There are no such accounts.");
        }
        let titles = ["id", "user name", "email", "role", "state", "last sign-in"];
        let row = |item: &Item| {
            [
                item.id.to_string(),
                item.username.as_str().to_owned(),
                item.email.as_str().to_owned(),
                item.role.to_string(),
                item.state().to_owned(),
                item.last_sign_in_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            ]
        };
        let rows = self.accounts.iter().map(row);
        Table(std::iter::once(titles.map(str::to_owned)).chain(rows).collect()).fmt(f)?;
        match self.next_after {
            Some(last) => write!(f, "\n\nMore accounts follow: add `--after {last}`."),
            None => Ok(()),
        }
    }
}
