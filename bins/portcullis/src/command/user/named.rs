//! Accounts by their names: the argument of the verbs about one account.

use clap::Args;
use portcullis_domain::Account;
use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::sign_in::{Identifier, SignInStore, StoredCredentials};
use portcullis_storage::Store;

use crate::failure::Failure;

/// The account.
#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The user name or the email address
    #[arg(long)]
    pub(super) username: String,
}

impl Name {
    /// The account of that name.
    pub(crate) fn find(&self, store: &Store) -> Result<Account, Failure> {
        self.credentials(store).map(|found| found.account)
    }

    /// The account of that name with its credentials.
    pub(super) fn credentials(&self, store: &Store) -> Result<StoredCredentials, Failure> {
        let found = store.credentials(&Identifier::parse(&self.username))?;
        found.ok_or_else(|| self.unknown())
    }

    pub(super) fn unknown(&self) -> Failure {
        let problem = format!("there is no account {:?}", self.username);
        Failure::failed(problem, "check the user name, or use the email address")
    }
}

/// The failure of a change of an account.
pub(super) fn unchanged(error: ChangeError) -> Failure {
    match error {
        ChangeError::Store(error) => error.into(),
        error @ ChangeError::Superseded => Failure::failed(error, "run the same command again"),
        error @ ChangeError::Refused(Refusal::RoleJustChanged) => {
            Failure::failed(error, "wait three seconds, then run the same command again")
        }
        error @ ChangeError::Refused(Refusal::ServiceAccount) => {
            Failure::failed(error, "nothing was changed; see `portcullis api-key create --help`")
        }
        error => {
            Failure::failed(error, "nothing was changed; make another account administrator first")
        }
    }
}
