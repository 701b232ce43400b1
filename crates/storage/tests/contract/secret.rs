//! Contract of the fingerprint of the secret key.

use std::sync::Arc;

use portcullis_domain::{Ambient, SystemRandom};
use portcullis_flows::node::secret::{SecretError, SecretProof, SecretState};
use portcullis_storage::Store;
use portcullis_testkit::samples::origin;
use portcullis_testkit::{TestClock, TestDatabase, at_once};
use portcullis_token::SecretKey;

use crate::inspect::{count, outcomes};

const SECRETS: [&str; 3] = [
    "f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU",
    "mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2",
    "9yHs1dGpJ4aUf83kQz0v7LwB2mXn5cRt",
];

#[test]
fn the_first_secret_is_that_of_the_data_and_no_other_gets_by() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        assert_eq!(proof(store, 0, None).state().unwrap(), SecretState::Unclaimed);
        proof(store, 0, None).claim(&origin()).unwrap();
        for again in [proof(store, 0, None), proof(store, 0, Some(1))] {
            assert_eq!(again.state().unwrap(), SecretState::Own);
            again.claim(&origin()).unwrap();
            again.take_over(&origin()).unwrap();
        }
        for other in [proof(store, 1, None), proof(store, 1, Some(2))] {
            assert!(matches!(other.state(), Err(SecretError::Another)));
            assert!(matches!(other.claim(&origin()), Err(SecretError::Another)));
            assert!(matches!(other.take_over(&origin()), Err(SecretError::Another)));
        }
        assert_eq!(proof(store, 0, None).state().unwrap(), SecretState::Own);
        assert_eq!(count(store, "security_events"), 0, "nothing has changed");
    });
}

#[test]
fn a_secret_is_replaced_by_its_successor_or_by_the_operator() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        proof(store, 0, None).claim(&origin()).unwrap();
        let heir = proof(store, 1, Some(0));
        assert_eq!(heir.state().unwrap(), SecretState::Previous);
        assert!(matches!(heir.claim(&origin()), Err(SecretError::Previous)), "servers come first");
        heir.take_over(&origin()).unwrap();
        assert!(matches!(proof(store, 0, None).state(), Err(SecretError::Another)));
        assert_eq!(proof(store, 1, None).state().unwrap(), SecretState::Own);
        assert_eq!(outcomes(store, "secret_key_changed"), ["success 1"]);

        proof(store, 2, None).accept(&origin()).unwrap();
        assert_eq!(proof(store, 2, None).state().unwrap(), SecretState::Own);
        assert!(matches!(proof(store, 1, None).state(), Err(SecretError::Another)));
        assert_eq!(outcomes(store, "secret_key_changed"), ["success 2"]);
    });
}

#[test]
fn of_programs_that_start_first_together_only_one_secret_remains() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let done = at_once(12, |number| proof(store, number % 3, None).claim(&origin()).is_ok());
        let accepted = |secret| done.iter().skip(secret).step_by(3).all(|done| *done);
        let refused = |secret| done.iter().skip(secret).step_by(3).all(|done| !*done);
        let winners = (0..3).filter(|secret| accepted(*secret)).count();
        let losers = (0..3).filter(|secret| refused(*secret)).count();
        assert_eq!((winners, losers), (1, 2), "{database:?} {done:?}");
    });
}

fn proof(store: &Store, secret: usize, previous: Option<usize>) -> SecretProof {
    let key = |number: usize| SecretKey::parse(&SECRETS[number].into()).unwrap();
    let previous = previous.map(key);
    let ambient = Ambient { clock: Arc::new(TestClock::new()), random: Arc::new(SystemRandom) };
    SecretProof::new(Arc::new(store.clone()), &key(secret), previous.as_ref(), ambient)
}
