//! Accounts, their tokens and a guard, for the test of a service.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome};
use portcullis_domain::{Account, Role};
use portcullis_flows::access::matrix::MatrixStore;
use portcullis_flows::identity::registration::{NewAccount, RegistrationStore};
use portcullis_guard::{Guard, GuardBuilder, WhenStale};
use portcullis_token::SharedSecret;

use crate::server::ISSUER;
use crate::{Browser, SERVICE, TestDatabase, TestServer, samples};

impl TestServer {
    /// Adds an account of a person with this name and role, and [`PASSWORD`](crate::PASSWORD).
    pub fn add_person(&self, username: &str, role: &str) -> Account {
        let role = Role::parse(role).expect("the test's role is well-formed");
        let account = Account { role, ..samples::account(username) };
        self.add_account(&account);
        account
    }

    /// Adds this account with [`PASSWORD`](crate::PASSWORD).
    pub fn add_account(&self, account: &Account) {
        let event = samples::event(EventKind::AccountCreated, Outcome::Success, samples::NOW);
        let store = self.database().store();
        let newest = store.newest_activation().expect("the database answers");
        let new = NewAccount {
            account,
            password_hash: Some(&samples::password_hash()),
            revision: newest.map_or(0, |newest| newest.revision),
            effects: &event.about(account.id).into(),
            must_verify_email: false,
        };
        store.create(&new).expect("the database takes the account");
    }

    /// Signs in with [`PASSWORD`](crate::PASSWORD); returns the access token.
    pub fn access_token(&self, username: &str) -> String {
        Browser::of(self).sign_in_for_tokens(username).field("access_token")
    }

    /// The settings of a guard that follows this server, by its clock. With a
    /// [key pair](crate::TestSettings::algorithm) it fetches the published keys.
    pub fn guard(&self) -> GuardBuilder {
        let guard = Guard::builder(ISSUER, "portcullis")
            .reached_at(self.origin())
            .credential(SERVICE.0, SERVICE.1)
            .clock(self.database().clock().clone())
            // The clock of a test may jump, which no follower of revocations can tolerate.
            .when_stale(WhenStale::Refuse, Duration::MAX);
        if self.has_key_pair() {
            return guard;
        }
        guard.shared_secret(&SharedSecret::of(&TestDatabase::secret()))
    }
}
