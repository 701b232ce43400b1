//! Contract of `SigningKeyStore`.

use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{SecretString, SystemRandom, Timestamp};
use portcullis_flows::node::signing_key::{SigningKeyRecord, SigningKeyStore};
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};
use portcullis_token::{KeyPair, KeyPairAlgorithm, SealingKey, SecretKey};

use crate::audited::verify;
use crate::inspect::{count, outcomes};

#[test]
fn a_key_comes_back_as_it_was_stored() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        for algorithm in [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256] {
            let key = key(algorithm, NOW);
            assert!(store.insert(&key, 20, &rotated().into()).unwrap());
            let stored = store.signing_keys().unwrap();
            let stored = stored.iter().find(|it| it.public.kid() == key.public.kid()).unwrap();
            assert_eq!(stored.public.algorithm(), algorithm);
            assert_eq!(stored.public.as_bytes(), key.public.as_bytes());
            assert_eq!(stored.sealed, key.sealed);
            assert_eq!((stored.created_at, stored.signs_from), (NOW, NOW));
            assert_eq!(stored.retired_at, None);
        }
        assert_eq!(outcomes(store, "signing_key_rotated"), ["success 2"]);
    });
}

#[test]
fn keys_are_listed_in_the_order_in_which_they_begin_to_sign() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let later = |seconds| key(KeyPairAlgorithm::EdDsa, NOW + Duration::from_secs(seconds));
        let [last, first, middle] = [later(300), later(0), later(2)];
        for key in [&last, &first, &middle] {
            assert!(store.insert(key, 20, &rotated().into()).unwrap());
        }
        let expected = [&first, &middle, &last].map(|key| key.public.kid().to_owned());
        assert_eq!(kids(store), expected);
    });
}

#[test]
fn of_twenty_nodes_that_start_at_once_one_makes_the_first_key() {
    TestDatabase::on_both_crowded(|database| {
        let keys: Vec<_> = (0..20).map(|_| key(KeyPairAlgorithm::EdDsa, NOW)).collect();
        let done = at_once(20, |number| {
            database.store().insert_first(&keys[number], &[], &rotated().into()).unwrap()
        });
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{database:?}");
        let winner = done.iter().position(|done| *done).unwrap();
        assert_eq!(kids(database.store()), [keys[winner].public.kid()]);
        assert_eq!(outcomes(database.store(), "signing_key_rotated"), ["success 1"]);
        assert!(verify(database.store(), &[]).is_intact());
    });
}

#[test]
fn a_first_key_gives_way_to_a_living_one_of_its_algorithm_that_can_be_used() {
    TestDatabase::on_both(|database| {
        let store = database.store();
        let [first, second, third, other] =
            [key_of(1), key_of(2), key_of(3), key(KeyPairAlgorithm::Es256, NOW)];
        assert!(store.insert_first(&first, &[], &rotated().into()).unwrap());
        assert!(!store.insert_first(&second, &[], &rotated().into()).unwrap());
        assert!(
            store.insert_first(&other, &[], &rotated().into()).unwrap(),
            "of another algorithm"
        );
        assert!(store.insert_first(&second, &[first.public.kid()], &rotated().into()).unwrap());
        let both = [first.public.kid(), second.public.kid()];
        assert!(!store.insert_first(&third, &both[..1], &rotated().into()).unwrap());
        for kid in both {
            assert!(store.retire(kid, NOW, &retired().into()).unwrap());
        }
        assert!(store.insert_first(&third, &[], &rotated().into()).unwrap());
    });
}

#[test]
fn no_race_makes_more_keys_than_may_be_published() {
    TestDatabase::on_both_crowded(|database| {
        let store = database.store();
        let made = at_once(20, |place| {
            let seed = u64::try_from(place).unwrap();
            store.insert(&key_of(seed), 3, &rotated().into()).unwrap()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 3, "{database:?}");
        assert_eq!(count(store, "signing_keys"), 3);
        let kid = store.signing_keys().unwrap().remove(0).public.kid().to_owned();
        assert!(store.retire(&kid, NOW, &retired().into()).unwrap());
        assert!(store.insert(&key_of(99), 3, &rotated().into()).unwrap(), "one is retired");
    });
}

#[test]
fn a_key_retires_once_and_its_private_half_is_gone() {
    TestDatabase::on_both_crowded(|database| {
        let (store, key) = (database.store(), key_of(1));
        assert!(store.insert(&key, 20, &rotated().into()).unwrap());
        let done = at_once(20, |_| store.retire(key.public.kid(), NOW, &retired().into()).unwrap());
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{database:?}");
        let [stored] = store.signing_keys().unwrap().try_into().unwrap();
        assert_eq!((stored.sealed.as_slice(), stored.retired_at), (&[][..], Some(NOW)));
        assert_eq!(outcomes(store, "signing_key_retired"), ["success 1"]);
        assert!(!store.retire("nobody's", NOW, &retired().into()).unwrap());
    });
}

#[test]
fn a_private_half_is_resealed_only_as_it_was_read() {
    TestDatabase::on_both(|database| {
        let (store, key) = (database.store(), key_of(1));
        assert!(store.insert(&key, 20, &rotated().into()).unwrap());
        let sealed = |store: &Store| store.signing_keys().unwrap().remove(0).sealed;
        store.reseal(key.public.kid(), b"something else", b"new").unwrap();
        assert_eq!(sealed(store), key.sealed);
        store.reseal(key.public.kid(), &key.sealed, b"new").unwrap();
        assert_eq!(sealed(store), b"new");
        store.retire(key.public.kid(), NOW, &retired().into()).unwrap();
        store.reseal(key.public.kid(), &key.sealed, b"again").unwrap();
        assert!(sealed(store).is_empty(), "what was destroyed does not come back");
        assert_eq!(count(store, "signing_keys"), 1);
    });
}

/// One that begins to sign so many microseconds after the others.
fn key_of(seed: u64) -> SigningKeyRecord {
    key(KeyPairAlgorithm::EdDsa, NOW + Duration::from_micros(seed))
}

fn key(algorithm: KeyPairAlgorithm, signs_from: Timestamp) -> SigningKeyRecord {
    let secret = SecretString::from("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU");
    let sealing = SealingKey::new(&SecretKey::parse(&secret).unwrap());
    let pair = KeyPair::generate(algorithm, &SystemRandom);
    SigningKeyRecord {
        public: pair.public(),
        sealed: pair.seal(&sealing, &SystemRandom),
        created_at: NOW,
        signs_from,
        retired_at: None,
    }
}

fn kids(store: &Store) -> Vec<String> {
    store.signing_keys().unwrap().iter().map(|key| key.public.kid().to_owned()).collect()
}

fn rotated() -> SecurityEvent {
    samples::event(EventKind::SigningKeyRotated, Outcome::Success, NOW)
}

fn retired() -> SecurityEvent {
    samples::event(EventKind::SigningKeyRetired, Outcome::Success, NOW)
}
