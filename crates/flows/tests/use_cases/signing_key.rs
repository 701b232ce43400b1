//! Tests of signing keys: rotation, overlap and retirement.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_audit::{Actor, EventKind, Outcome};
use portcullis_domain::{AssuranceLevel, Clock, ExposeSecret, SecretString, SystemRandom, TokenId};
use portcullis_flows::node::signing_key::{
    ActivationDelay, KeyRing, KeyState, MAX_LIVING_KEYS, RetirementError, RotationError,
    SharedKeyState, SigningKeyStore, SigningKeys,
};
use portcullis_flows::principal::Principal;
use portcullis_testkit::{at_once, samples};
use portcullis_token::{
    AccessClaims, AuthenticationMethod, KeyPairAlgorithm, LEEWAY, Lifetimes, SealingKey, SecretKey,
    TokenAuthority, TokenError, TokenSettings,
};

use crate::deployment::{Deployment, MINUTE, SECOND};

pub(crate) const FORMER: &str = "f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU";
pub(crate) const SECRET: &str = "mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2";

/// The lifetime of access tokens, and what a node may be late.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30 * 60);
const LATE: Duration = Duration::from_secs(2);

/// The use cases of keys on one node.
pub(crate) struct Node {
    pub(crate) keys: SigningKeys,
    pub(crate) ring: KeyRing,
    algorithm: Option<KeyPairAlgorithm>,
    authority: Arc<TokenAuthority>,
    clock: Arc<dyn Clock>,
}

#[test]
fn the_first_start_makes_a_key_and_the_next_nodes_use_it() {
    for algorithm in [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256] {
        let deployment = Deployment::new();
        let [one, other] = [(); 2].map(|()| started(&deployment, algorithm));
        assert_eq!(one.published(), other.published());
        assert_eq!(one.states(), [KeyState::Signing]);
        let token = one.issue();
        assert_eq!(header(&token)["alg"], algorithm.name());
        assert_eq!(header(&token)["kid"], one.published()[0]);
        assert_eq!(other.verdict(&token), Ok(()));
        assert_eq!(deployment.outcomes("signing_key_rotated"), ["success 1"]);
    }
}

#[test]
fn nodes_that_start_at_once_sign_with_one_key() {
    let deployment = Deployment::new();
    let nodes = at_once(4, |_| started(&deployment, KeyPairAlgorithm::EdDsa));
    for node in &nodes {
        node.follow();
        assert_eq!(node.published(), nodes[0].published());
        assert_eq!(nodes[0].verdict(&node.issue()), Ok(()));
    }
    assert_eq!(deployment.count("signing_keys"), 1);
}

#[test]
fn a_new_key_is_published_at_once_signs_after_five_minutes_and_outlives_no_token() {
    let deployment = Deployment::new();
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let before = node.issue();
    node.rotate(ActivationDelay::Full);
    deployment.pass(4 * MINUTE + 59 * SECOND);
    node.follow();
    assert_eq!(node.states(), [KeyState::Signing, KeyState::Announced]);
    assert_eq!(node.published().len(), 2);
    let during = node.issue();
    assert_eq!(header(&during), header(&before));

    deployment.pass(SECOND);
    node.follow();
    assert_eq!(node.states(), [KeyState::Published, KeyState::Signing]);
    let after = node.issue();
    assert_eq!(header(&after)["kid"], node.published()[1]);
    for token in [&before, &during, &after] {
        assert_eq!(node.verdict(token), Ok(()));
    }

    deployment.pass(LIFETIME + LEEWAY + LATE);
    node.follow();
    assert_eq!(node.states(), [KeyState::Published, KeyState::Signing]);
    assert_eq!(node.verdict(&during), Err(TokenError::Expired), "its last token is dead");
    deployment.pass(SECOND);
    node.follow();
    assert_eq!(node.states(), [KeyState::Retired, KeyState::Signing]);
    assert_eq!(node.published(), [header(&after)["kid"].as_str().unwrap()]);
    assert_eq!(node.verdict(&during), Err(TokenError::UnknownKey));
    assert_eq!(deployment.outcomes("signing_key_rotated"), ["success 2"]);
    assert_eq!(deployment.outcomes("signing_key_retired"), ["success 1"]);
    assert_eq!(deployment.count("signing_keys WHERE length(sealed) = 0"), 1);
    let kid = header(&before)["kid"].as_str().unwrap().to_owned();
    let told = format!(r#"{{"kid":"{kid}","algorithm":"EdDSA"}}"#);
    assert_eq!(deployment.details("signing_key_retired"), [told]);
}

#[test]
fn a_key_that_cannot_wait_signs_after_two_seconds() {
    let deployment = Deployment::new();
    let node = started(&deployment, KeyPairAlgorithm::Es256);
    node.rotate(ActivationDelay::Least);
    node.follow();
    assert_eq!(node.states(), [KeyState::Signing, KeyState::Announced]);
    deployment.pass(LATE);
    node.follow();
    assert_eq!(node.states(), [KeyState::Published, KeyState::Signing]);
}

#[test]
fn an_administrator_is_named_by_the_events_of_the_keys() {
    let deployment = Deployment::new();
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let grace = deployment.enrol("grace");
    let administrator =
        Principal { actor: Actor::Account(grace.id), ..Principal::operator(samples::origin()) };
    let rotate = |delay| node.keys.rotate(KeyPairAlgorithm::EdDsa, delay, &administrator);
    let made = rotate(ActivationDelay::Full).unwrap();
    node.keys.retire(made.public.kid(), &administrator).unwrap();
    let actors = "SELECT kind || ' ' || actor FROM security_events WHERE kind LIKE 'signing_key%'";
    let mut actors = deployment.database.store().texts(actors).unwrap();
    actors.sort();
    let expected = [
        format!("signing_key_retired {}", grace.id),
        format!("signing_key_rotated {}", grace.id),
        "signing_key_rotated operator".to_owned(),
    ];
    assert_eq!(actors, expected);
}

#[test]
fn rotations_publish_a_bounded_number_of_keys() {
    let deployment = Deployment::new();
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let operator = samples::operator();
    let rotate = || node.keys.rotate(KeyPairAlgorithm::EdDsa, ActivationDelay::Full, &operator);
    let made: Vec<_> = (1..MAX_LIVING_KEYS).map(|_| rotate().unwrap()).collect();
    assert!(matches!(rotate(), Err(RotationError::TooMany)));
    assert_eq!(deployment.count("signing_keys"), i64::from(MAX_LIVING_KEYS));
    node.keys.retire(made[0].public.kid(), &operator).unwrap();
    rotate().unwrap();
}

#[test]
fn a_key_that_leaked_goes_at_once_and_never_the_one_that_signs() {
    let deployment = Deployment::new();
    let [one, other] = [(); 2].map(|()| started(&deployment, KeyPairAlgorithm::EdDsa));
    let leaked = header(&one.issue())["kid"].as_str().unwrap().to_owned();
    let retire = |kid: &str| one.keys.retire(kid, &samples::operator());
    assert!(matches!(retire("nobody's"), Err(RetirementError::Unknown)));
    assert!(matches!(retire(&leaked), Err(RetirementError::Signing)));

    one.rotate(ActivationDelay::Least);
    one.follow();
    let token = other.issue();
    deployment.pass(LATE);
    assert!(matches!(retire(&leaked), Err(RetirementError::Signing)), "nodes may lag behind");
    deployment.pass(LATE);
    let done = at_once(4, |_| retire(&leaked));
    assert_eq!(done.iter().filter(|it| it.is_ok()).count(), 1, "{done:?}");
    assert!(matches!(retire(&leaked), Err(RetirementError::Retired)));
    other.follow();
    for node in [&one, &other] {
        node.follow();
        assert_eq!(node.verdict(&token), Err(TokenError::UnknownKey));
        assert_eq!(node.states(), [KeyState::Retired, KeyState::Signing]);
        assert_eq!(other.verdict(&node.issue()), Ok(()));
    }
    assert_eq!(deployment.outcomes("signing_key_retired"), ["success 1"]);
    assert_eq!(deployment.count("signing_keys WHERE length(sealed) = 0"), 1);

    one.rotate(ActivationDelay::Full);
    one.follow();
    let announced = one.published().last().unwrap().clone();
    retire(&announced).unwrap();
    deployment.pass(10 * MINUTE);
    one.follow();
    assert_eq!(one.verdict(&one.issue()), Ok(()), "the one before it goes on");
}

#[test]
fn keys_retire_one_by_one_although_they_are_replaced_more_often_than_tokens_expire() {
    let deployment = Deployment::new();
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    for _ in 0..6 {
        node.rotate(ActivationDelay::Full);
        deployment.pass(10 * MINUTE);
        node.follow();
    }
    let retired = node.states().iter().filter(|state| **state == KeyState::Retired).count();
    assert_eq!((retired, node.published().len()), (3, 4));
}

#[test]
fn a_node_that_was_away_during_a_rotation_takes_over_what_it_missed() {
    let deployment = Deployment::new();
    let [one, other] = [(); 2].map(|()| started(&deployment, KeyPairAlgorithm::EdDsa));
    one.rotate(ActivationDelay::Full);
    deployment.pass(6 * MINUTE);
    one.follow();
    assert_eq!(other.verdict(&one.issue()), Err(TokenError::UnknownKey));
    other.follow();
    assert_eq!(other.verdict(&one.issue()), Ok(()));
    assert_eq!(header(&other.issue()), header(&one.issue()));
}

#[test]
fn under_hs256_nothing_is_made_and_a_prepared_key_waits() {
    let deployment = Deployment::new();
    let node = node(&deployment, None, &[SECRET]);
    assert_eq!((node.published().len(), deployment.count("signing_keys")), (0, 0));
    assert_eq!(header(&node.issue())["alg"], "HS256");
    node.keys.rotate(KeyPairAlgorithm::EdDsa, ActivationDelay::Full, &samples::operator()).unwrap();
    deployment.pass(10 * LIFETIME);
    node.follow();
    assert_eq!(node.states(), [KeyState::Published]);
    assert_eq!(header(&node.issue())["alg"], "HS256");

    let switched = started(&deployment, KeyPairAlgorithm::EdDsa);
    assert_eq!(switched.published(), node.published());
    assert_eq!(node.verdict(&switched.issue()), Ok(()));
    assert_eq!(switched.verdict(&node.issue()), Ok(()), "the other node goes over in a moment");
}

#[test]
fn keys_of_another_algorithm_retire_when_a_node_has_run_long_enough_without_them() {
    let deployment = Deployment::new();
    let former = started(&deployment, KeyPairAlgorithm::EdDsa);
    deployment.pass(SECOND);
    former
        .keys
        .rotate(KeyPairAlgorithm::Es256, ActivationDelay::Full, &samples::operator())
        .unwrap();
    deployment.pass(10 * LIFETIME);
    former.follow();
    assert_eq!(former.states(), [KeyState::Signing, KeyState::Published]);
    let token = former.issue();

    let node = started(&deployment, KeyPairAlgorithm::Es256);
    assert_eq!(node.states(), [KeyState::Published, KeyState::Signing]);
    assert_eq!(node.verdict(&token), Ok(()));
    deployment.pass(LIFETIME + LEEWAY + LATE + SECOND);
    node.follow();
    assert_eq!(node.states(), [KeyState::Retired, KeyState::Signing]);
}

#[test]
fn a_change_of_the_secret_seals_the_keys_anew() {
    let deployment = Deployment::new();
    let algorithm = Some(KeyPairAlgorithm::EdDsa);
    let before = node(&deployment, algorithm, &[FORMER]);
    let token = before.issue();

    let change = node(&deployment, algorithm, &[SECRET, FORMER]);
    assert_eq!(change.published(), before.published());
    assert_eq!(change.verdict(&token), Ok(()));
    let after = node(&deployment, algorithm, &[SECRET]);
    assert_eq!(after.published(), before.published());
    assert_eq!(after.verdict(&token), Ok(()));
    assert_eq!(header(&after.issue()), header(&token));
}

#[test]
fn keys_under_a_secret_that_is_gone_are_nobodys() {
    let deployment = Deployment::new();
    let algorithm = Some(KeyPairAlgorithm::EdDsa);
    let before = node(&deployment, algorithm, &[FORMER]);
    let token = before.issue();
    deployment.pass(SECOND);
    let after = node(&deployment, algorithm, &[SECRET]);
    assert_eq!(after.states(), [KeyState::Sealed, KeyState::Signing]);
    assert_eq!(after.verdict(&token), Err(TokenError::UnknownKey));
    assert_eq!(after.published().len(), 1);
    deployment.pass(2 * LIFETIME);
    after.follow();
    assert_eq!(after.states(), [KeyState::Sealed, KeyState::Signing], "nor are they destroyed");
}

#[test]
fn a_key_that_was_written_into_the_database_is_not_believed() {
    let (deployment, elsewhere) = (Deployment::new(), Deployment::new());
    let node = started(&deployment, KeyPairAlgorithm::EdDsa);
    let foreign = self::node(&elsewhere, Some(KeyPairAlgorithm::EdDsa), &[FORMER]);
    let (planted, _) = foreign.keys.list(None).unwrap().remove(0);
    let event = samples::event(EventKind::SigningKeyRotated, Outcome::Success, samples::NOW);
    assert!(deployment.database.store().insert(&planted, 20, &event.into()).unwrap());
    // Nor does it help to put a public key of one's own into the row of a key that is believed.
    let own = node.published().remove(0);
    let swap = format!(
        "UPDATE signing_keys SET public_key = (SELECT public_key FROM signing_keys
             WHERE kid = '{}') WHERE kid = '{own}'",
        planted.public.kid()
    );
    deployment.database.store().execute(&swap).unwrap();

    deployment.pass(MINUTE);
    node.follow();
    assert_eq!(node.published(), [own]);
    assert_eq!(node.verdict(&foreign.issue()), Err(TokenError::UnknownKey));
    assert_eq!(started(&deployment, KeyPairAlgorithm::EdDsa).verdict(&node.issue()), Ok(()));
}

impl Node {
    pub(crate) fn follow(&self) {
        self.ring.follow(&samples::operator()).unwrap();
    }

    fn rotate(&self, head_start: ActivationDelay) {
        let algorithm = self.algorithm.expect("it signs with key pairs");
        self.keys.rotate(algorithm, head_start, &samples::operator()).unwrap();
    }

    fn published(&self) -> Vec<String> {
        self.ring.published().keys().iter().map(|key| key.kid().to_owned()).collect()
    }

    fn states(&self) -> Vec<KeyState> {
        let list = self.keys.list(self.algorithm).unwrap();
        list.into_iter().map(|(_, state)| state).collect()
    }

    pub(crate) fn shared_state(&self) -> Option<SharedKeyState> {
        self.keys.shared_keys().unwrap().first().map(|(_, state)| *state)
    }

    pub(crate) fn issue(&self) -> String {
        let (now, account) = (self.clock.now(), samples::account("ada"));
        let token = self.authority.sign_access(&AccessClaims {
            subject: account.id,
            session: samples::session(),
            token: TokenId::generate(now, &SystemRandom),
            issued_at: now,
            expires_at: now + LIFETIME,
            role: account.role,
            kind: account.kind,
            assurance: AssuranceLevel::Aal1,
            authentication_methods: vec![AuthenticationMethod::Password],
            authenticated_at: now,
            password_must_change: false,
            factor_required: false,
            networks: None,
        });
        token.expose_secret().to_owned()
    }

    pub(crate) fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.authority.verify_access(token, self.clock.now()).map(drop)
    }
}

pub(crate) fn started(deployment: &Deployment, algorithm: KeyPairAlgorithm) -> Node {
    node(deployment, Some(algorithm), &[SECRET])
}

/// `secrets` are the current one and the one before, if any.
pub(crate) fn node(
    deployment: &Deployment,
    algorithm: Option<KeyPairAlgorithm>,
    secrets: &[&str],
) -> Node {
    let secrets: Vec<_> = secrets
        .iter()
        .map(|secret| SecretKey::parse(&SecretString::from(*secret)).unwrap())
        .collect();
    let settings = TokenSettings {
        issuer: "https://auth.example.test".to_owned(),
        audience: "portcullis".to_owned(),
        lifetimes: Lifetimes { access: LIFETIME, refresh: 10 * LIFETIME, device: 100 * LIFETIME },
    };
    let mut authority = TokenAuthority::new(&secrets[0], &settings);
    let mut sealing = SealingKey::new(&secrets[0]);
    if let Some(previous) = secrets.get(1) {
        authority = authority.accepting(previous);
        sealing = sealing.accepting(previous);
    }
    let store = Arc::new(deployment.database.store().clone());
    let keys = SigningKeys::new(store, sealing, deployment.ambient());
    let ring = KeyRing::start(keys.clone(), authority, algorithm, &samples::operator()).unwrap();
    let authority = ring.authority().clone();
    Node { keys, ring, algorithm, authority, clock: deployment.clock.clone() }
}

/// The header of a token, which is told apart by algorithm and key.
pub(crate) fn header(token: &str) -> serde_json::Value {
    let (header, _) = token.split_once('.').unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
