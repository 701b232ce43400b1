//! `user show`: one account in detail.

use std::fmt;
use std::process::ExitCode;

use portcullis_domain::Timestamp;
use portcullis_flows::identity::account_directory::AccountDetails;
use serde::Serialize;

use super::list::Item;
use super::named::Name;
use crate::config::Config;
use crate::failure::Failure;
use crate::opening::OpenedDatabase;
use crate::operator::operator;
use crate::output::Output;
use crate::{assembly, opening};

pub(super) fn run(config: &Config, name: &Name, output: Output) -> Result<ExitCode, Failure> {
    let operator = operator("user show");
    let OpenedDatabase { store, secret, .. } = opening::opened_existing(config, &operator.origin)?;
    let directory = assembly::identity::directory(&store, &secret);
    let found = directory.show(&operator, &name.username)?.ok_or_else(|| name.unknown())?;
    output.answer(&Shown::from(found))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    account: Item,
    has_password: bool,
    sessions: u64,
    failures_in_a_row: u32,
    locked_until: Option<Timestamp>,
}

impl From<AccountDetails> for Shown {
    fn from(details: AccountDetails) -> Self {
        Self {
            account: details.account.into(),
            has_password: details.has_password,
            sessions: details.sessions,
            failures_in_a_row: details.failures,
            locked_until: details.locked_until,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, has_password, sessions, failures_in_a_row, locked_until } = self;
        let yes = |is: bool| if is { "yes" } else { "no" };
        let time = |at: &Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        writeln!(f, "id                    {}", account.id)?;
        writeln!(f, "user name             {}", account.username.as_str())?;
        writeln!(f, "email                 {}", account.email.as_str())?;
        writeln!(f, "email verified        {}", yes(account.email_verified))?;
        let name = account.display_name.as_ref().map_or("-", |name| name.as_str());
        writeln!(f, "display name          {name}")?;
        writeln!(f, "kind                  {}", account.kind.as_str())?;
        writeln!(f, "role                  {}", account.role)?;
        writeln!(f, "state                 {}", account.state())?;
        writeln!(f, "password              {}", yes(*has_password))?;
        writeln!(f, "password must change  {}", yes(account.password_must_change))?;
        writeln!(f, "created               {}", account.created_at)?;
        writeln!(f, "last sign-in          {}", time(&account.last_sign_in_at))?;
        writeln!(f, "live sessions         {sessions}")?;
        writeln!(f, "failures in a row     {failures_in_a_row}")?;
        write!(f, "locked until          {}", time(locked_until))
    }
}
