//! The numbers of sign-ins on a node by outcome and factor, and that they are those of the audit log.

use std::sync::Arc;

use portcullis_domain::ExposeSecret;
use portcullis_flows::identity::breach_check::BreachChecks;
use portcullis_flows::identity::breach_review::BreachReviews;
use portcullis_flows::sign_in::factor::{BackupCodeSeal, FactorProver, PasskeyVerifier};
use portcullis_flows::sign_in::hash_cost::HashCosts;
use portcullis_flows::sign_in::lockout::Lockout;
use portcullis_flows::sign_in::outcome::{ObservedStore, SignInFactor, SignInOutcomes};
use portcullis_flows::sign_in::passkey_challenge::PasskeyOffer;
use portcullis_flows::sign_in::{
    IssuedChallenge, PasskeySignIn, SecondFactor, SignIn, SignInError, SignInRequest, SignInResult,
    SignInStore,
};
use portcullis_mfa::SeedKey;
use portcullis_mfa::passkey::RelyingParty;
use portcullis_testkit::{PASSWORD, SoftAuthenticator, TestDatabase};
use portcullis_token::Purpose;

use crate::administration::{counters, issuer};
use crate::deployment::{Deployment, MINUTE, Node, by_name, device_cookie, guess};
use crate::factor_use_cases::ORIGIN;
use crate::factors::{answer, change, enrolled, signed_in_twice};
use crate::intercepted_store::{Before, InterceptedStore};
use crate::passkey::{assertion, created, registered, started};
use crate::sign_in_risk::{ABROAD, CODE, from, settled};

/// Sign-ins whose outcomes are observed.
struct Observed {
    sign_in: SignIn,
    second_factor: SecondFactor,
    passkey_sign_in: PasskeySignIn,
    outcomes: Arc<SignInOutcomes>,
}

impl Observed {
    fn of(deployment: &Deployment, node: &Node) -> Self {
        Self::over(deployment, node, Arc::new(deployment.database.store().clone()))
    }

    fn over(deployment: &Deployment, node: &Node, signing_in: Arc<dyn SignInStore>) -> Self {
        let (outcomes, ambient) = (Arc::new(SignInOutcomes::default()), deployment.ambient());
        let first = Arc::new(ObservedStore::of_first_step(signing_in.clone(), outcomes.clone()));
        let second = Arc::new(ObservedStore::of_second_step(signing_in, outcomes.clone()));
        let store = Arc::new(deployment.database.store().clone());
        let seal = |purpose| Arc::new(SeedKey::new(deployment.secret.derive(purpose)));
        let relying_party = RelyingParty::of_origin(ORIGIN, "Portcullis").unwrap();
        let verifier = Arc::new(PasskeyVerifier::new(Some(relying_party), seal(Purpose::Passkeys)));
        let prover = FactorProver::new(
            store.clone(),
            node.hashing.clone(),
            seal(Purpose::TotpSeeds),
            BackupCodeSeal::new(seal(Purpose::BackupCodes)),
            verifier.clone(),
        );
        let costs = Arc::new(HashCosts::new(store.clone()));
        costs.follow().unwrap();
        let checks = Arc::new(BreachChecks::new(None, None, deployment.clock.clone()));
        let counters = counters(deployment);
        let lockout = Lockout { counters: counters.clone(), policy: deployment.lockout.clone() };
        let (issuer, offer) =
            (issuer(deployment, node), PasskeyOffer::new(store.clone(), verifier));
        Self {
            sign_in: SignIn::new(
                first.clone(),
                node.hashing.clone(),
                issuer.clone(),
                costs,
                BreachReviews::new(store, checks, ambient.clone()),
                lockout.clone(),
                ambient.clone(),
            )
            .offering_passkeys(offer.clone())
            .assessing_risk(deployment.risk_assessor(&counters)),
            second_factor: SecondFactor::new(
                second,
                prover,
                issuer.clone(),
                lockout,
                ambient.clone(),
            )
            .assessing_risk(deployment.risk_assessor(&counters)),
            passkey_sign_in: PasskeySignIn::new(first, offer, issuer, ambient),
            outcomes,
        }
    }

    fn challenge(&self, request: &SignInRequest) -> IssuedChallenge {
        match self.sign_in.sign_in(request).unwrap() {
            SignInResult::ChallengeIssued(issued) => issued,
            SignInResult::SignedIn(_) => panic!("a second step is required"),
        }
    }

    /// The numbers, as metrics name them.
    fn numbers(&self) -> Vec<String> {
        let counts = self.outcomes.counts();
        let number = |(outcome, factor, number): &(&str, SignInFactor, u64)| {
            format!("{outcome} {} {number}", factor.as_str())
        };
        counts.iter().map(number).collect()
    }
}

#[test]
fn a_first_step_is_counted_by_its_outcome_and_as_often_as_it_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let observed = Observed::of(&deployment, &node);
        assert_eq!(observed.numbers(), [""; 0], "an outcome that did not occur has no number");
        let sign_in = |request: &SignInRequest| observed.sign_in.sign_in(request);
        sign_in(&by_name("nobody")).unwrap_err();
        let SignInResult::SignedIn(signed_in) = sign_in(&by_name("ada")).unwrap() else {
            panic!("no second step is required")
        };
        let device = signed_in.device_token.unwrap();
        sign_in(&SignInRequest { browser: device_cookie(device), ..by_name("ada") }).unwrap();
        for _ in 0..5 {
            sign_in(&guess("ada")).unwrap_err();
        }
        sign_in(&by_name("ada")).unwrap_err();
        let expected = [
            "locked password 1",
            "success password 2",
            "unknown_account password 1",
            "wrong_password password 5",
        ];
        assert_eq!(observed.numbers(), expected);
        let recorded = ["locked 1", "success 2", "unknown_account 1", "wrong_password 5"];
        assert_eq!(deployment.outcomes("sign_in"), recorded);
        assert_eq!(deployment.count("sessions WHERE device_id IS NOT NULL"), 2);
    });
}

#[test]
fn a_second_step_is_counted_by_the_factor_that_decided_it() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    let signed_in = signed_in_twice(&deployment, &node, &app);
    let codes = node.factors.backup_codes.generate(&change(&signed_in, PASSWORD)).unwrap();
    let mut phone = SoftAuthenticator::default();
    let of_session = created(&node, &signed_in, &mut phone);
    node.factors.passkeys.register(&of_session).unwrap();
    deployment.pass(MINUTE);

    let observed = Observed::of(&deployment, &node);
    let second = &observed.second_factor;
    let issued = observed.challenge(&by_name("ada"));
    second.answer(&answer(&issued, "000000")).unwrap_err();
    second.answer(&answer(&issued, &app.code(deployment.now()))).unwrap();
    second.answer(&answer(&issued, "000000")).unwrap_err();
    let issued = observed.challenge(&by_name("ada"));
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET allowed_networks = '198.51.100.0/24'").unwrap();
    second.answer(&answer(&issued, codes[0].expose())).unwrap_err();
    store.execute("UPDATE accounts SET allowed_networks = NULL").unwrap();
    second.answer(&answer(&issued, codes[0].expose())).unwrap();
    observed.passkey_sign_in.sign_in(&assertion(&started(&node), &mut phone)).unwrap();
    let expected = [
        "challenged password 2",
        "outside_networks unverified 1",
        "success totp 1",
        "success passkey 1",
        "success backup_codes 1",
        "wrong_code totp 1",
    ];
    assert_eq!(observed.numbers(), expected);
}

#[test]
fn a_passkey_alone_is_counted_as_a_passkey() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let mut phone = SoftAuthenticator::default();
    registered(&node, "ada", &mut phone);
    let observed = Observed::of(&deployment, &node);
    let request = assertion(&started(&node), &mut phone);
    observed.passkey_sign_in.sign_in(&request).unwrap();
    assert_eq!(observed.numbers(), ["success passkey 1"]);
    observed.passkey_sign_in.sign_in(&request).unwrap_err();
    assert_eq!(observed.outcomes.counts().iter().map(|(_, _, count)| count).sum::<u64>(), 2);
}

#[test]
fn a_mailed_code_is_a_factor_of_its_own() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        let observed = Observed::of(&deployment, &node);
        let issued = observed.challenge(&from(ABROAD, by_name("ada")));
        let code = deployment.link(CODE);
        observed.second_factor.answer(&answer(&issued, code.expose_secret())).unwrap();
        let expected = ["challenged password 1", "success mailed_code 1"];
        assert_eq!(observed.numbers(), expected);
    });
}

/// A number must not tell of a session that no transaction has opened.
#[test]
fn what_is_not_committed_is_not_counted() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let store = deployment.database.store().clone();
    let hide = "ALTER TABLE sessions RENAME TO hidden";
    let store =
        InterceptedStore::new(store, Before::SessionOpening, |store| store.execute(hide).unwrap());
    let node = deployment.node();
    let observed = Observed::over(&deployment, &node, Arc::new(store));
    let failed = observed.sign_in.sign_in(&by_name("ada"));
    assert!(matches!(failed, Err(SignInError::Store(_))), "{failed:?}");
    assert_eq!(observed.numbers(), [""; 0]);
    assert_eq!(deployment.outcomes("sign_in"), [""; 0]);
    observed.sign_in.sign_in(&guess("ada")).unwrap_err();
    assert_eq!(observed.numbers(), ["wrong_password password 1"]);
}
