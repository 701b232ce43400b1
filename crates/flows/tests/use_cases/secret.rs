//! The proof of the secret, which every writer of the database must give.

use std::sync::Arc;

use portcullis_audit::Actor;
use portcullis_domain::{SecretString, Timestamp};
use portcullis_flows::StoreError;
use portcullis_flows::effects::Effects;
use portcullis_flows::node::secret::{FingerprintStore, SecretError, SecretProof, SecretState};
use portcullis_testkit::{TestDatabase, at_once, samples};
use portcullis_token::{Digest, SecretKey};

use crate::deployment::Deployment;
use crate::signing_key::{FORMER, SECRET};

const OTHER: &str = "9yHs1dGpJ4aUf83kQz0v7LwB2mXn5cRt";

#[test]
fn the_first_secret_is_claimed_and_any_other_is_refused() {
    on_both(|deployment| {
        let proof = proof(deployment, SECRET, None);
        assert_eq!(proof.state().unwrap(), SecretState::Unclaimed);
        for _ in 0..2 {
            proof.claim(&samples::origin()).unwrap();
            assert_eq!(proof.state().unwrap(), SecretState::Own);
        }
        let wrong = self::proof(deployment, OTHER, Some(FORMER));
        assert!(matches!(wrong.state(), Err(SecretError::Another)));
        assert!(matches!(wrong.claim(&samples::origin()), Err(SecretError::Another)));
        assert!(matches!(wrong.take_over(&samples::origin()), Err(SecretError::Another)));
        assert_eq!(proof.state().unwrap(), SecretState::Own);
        assert_eq!(changes(deployment), [""; 0], "the first replaces none");
    });
}

#[test]
fn a_server_takes_over_from_the_previous_secret_and_what_runs_beside_it_waits() {
    on_both(|deployment| {
        let former = proof(deployment, FORMER, None);
        former.claim(&samples::origin()).unwrap();
        let next = proof(deployment, SECRET, Some(FORMER));
        assert_eq!(next.state().unwrap(), SecretState::Previous);
        assert!(matches!(next.claim(&samples::origin()), Err(SecretError::Previous)));
        assert_eq!(former.state().unwrap(), SecretState::Own, "a claim replaces nothing");
        for _ in 0..2 {
            next.take_over(&samples::origin()).unwrap();
        }
        assert_eq!(next.state().unwrap(), SecretState::Own);
        next.claim(&samples::origin()).unwrap();
        assert!(matches!(former.state(), Err(SecretError::Another)));
        assert_eq!(changes(deployment), [Actor::Operator.to_string()]);
    });
}

#[test]
fn an_operator_who_has_lost_the_secret_accepts_another() {
    on_both(|deployment| {
        proof(deployment, FORMER, None).claim(&samples::origin()).unwrap();
        let next = proof(deployment, SECRET, None);
        for _ in 0..2 {
            next.accept(&samples::origin()).unwrap();
        }
        assert_eq!(next.state().unwrap(), SecretState::Own);
        assert_eq!(changes(deployment), [Actor::Operator.to_string()]);
    });
}

#[test]
fn of_servers_that_take_over_at_once_one_records_the_change() {
    on_both(|deployment| {
        proof(deployment, FORMER, None).claim(&samples::origin()).unwrap();
        at_once(8, |_| {
            proof(deployment, SECRET, Some(FORMER)).take_over(&samples::origin()).unwrap();
        });
        assert_eq!(changes(deployment).len(), 1);
    });
}

#[test]
fn whoever_is_overtaken_is_right_with_the_same_secret_and_wrong_with_another() {
    on_both(|deployment| {
        proof(deployment, FORMER, None).claim(&samples::origin()).unwrap();
        for (first, is_right) in [(SECRET, true), (OTHER, false)] {
            proof(deployment, FORMER, None).accept(&samples::origin()).unwrap();
            let first = proof(deployment, first, Some(FORMER));
            let overtake = move || first.take_over(&samples::origin()).unwrap();
            let store = OvertakenStore { store: deployment.database.store().clone(), overtake };
            let taken =
                proof_over(deployment, store, SECRET, Some(FORMER)).take_over(&samples::origin());
            let expected =
                if is_right { taken.is_ok() } else { matches!(taken, Err(SecretError::Another)) };
            assert!(expected, "{taken:?}");
        }
    });
}

/// The real store, to which another node writes first.
struct OvertakenStore<S, F> {
    store: S,
    overtake: F,
}

impl<S: FingerprintStore, F: Fn() + Send + Sync> FingerprintStore for OvertakenStore<S, F> {
    fn fingerprint(&self) -> Result<Option<Digest>, StoreError> {
        self.store.fingerprint()
    }

    fn replace_fingerprint(
        &self,
        before: Option<&Digest>,
        after: &Digest,
        at: Timestamp,
        effects: &Effects,
    ) -> Result<bool, StoreError> {
        (self.overtake)();
        self.store.replace_fingerprint(before, after, at, effects)
    }
}

/// Runs the same test over both databases.
fn on_both(test: impl Fn(&Deployment)) {
    TestDatabase::on_both(|database| test(&Deployment::on(database)));
}

fn proof(deployment: &Deployment, secret: &str, previous: Option<&str>) -> SecretProof {
    proof_over(deployment, deployment.database.store().clone(), secret, previous)
}

fn proof_over(
    deployment: &Deployment,
    store: impl FingerprintStore + 'static,
    secret: &str,
    previous: Option<&str>,
) -> SecretProof {
    let key = |secret: &str| SecretKey::parse(&SecretString::from(secret)).unwrap();
    let previous = previous.map(key);
    SecretProof::new(Arc::new(store), &key(secret), previous.as_ref(), deployment.ambient())
}

/// By whom each recorded change was made.
fn changes(deployment: &Deployment) -> Vec<String> {
    let actors = "SELECT actor FROM security_events WHERE kind = 'secret_key_changed'";
    deployment.database.store().texts(actors).unwrap()
}
