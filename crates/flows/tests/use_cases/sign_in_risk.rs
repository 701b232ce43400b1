//! Risk of sign-ins: what is recorded, the code that is mailed, and the refusal.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{Origin, RiskOutcome};
use portcullis_domain::{AuthenticationMethod, ExposeSecret, NetworkPrefix, SecretString};
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::risk::{BadAddresses, RiskPolicy};
use portcullis_flows::sign_in::risk_replay::{OutcomeCount, RiskReplay};
use portcullis_flows::sign_in::{
    ChallengeAnswer, ChallengeError, IssuedChallenge, RiskFiles, SignInError, SignInRequest,
    SignInResult,
};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::deployment::{
    DAY, Deployment, HOUR, MINUTE, Node, SECOND, by_name, device_cookie, guess, typing,
};
use crate::factors::{answer, enrolled};
use crate::mailbox::is_stored;
use crate::password_change::{NEW, change};

pub(crate) const HOME: [u8; 4] = [192, 0, 2, 7];
pub(crate) const ABROAD: [u8; 4] = [198, 51, 100, 7];
pub(crate) const CODE: &str = "sign_in_code";

pub(crate) fn assessed(database: TestDatabase) -> Deployment {
    Deployment { risk: Some(RiskPolicy::default()), ..Deployment::on(database) }
}

/// A deployment whose account ada signed in from home a day ago.
pub(crate) fn settled(database: TestDatabase) -> (Deployment, Node) {
    settled_in(assessed(database))
}

/// The same with a list of bad addresses that is enough for a refusal.
pub(crate) fn refusing(database: TestDatabase) -> Deployment {
    let list = BadAddresses::parse(b"198.51.100.0/24").unwrap();
    let risk_files = RiskFiles { bad_addresses: Some(Arc::new(list)), positions: None };
    let risk = Some(RiskPolicy { refuse_at: 70, ..RiskPolicy::default() });
    Deployment { risk, risk_files, ..Deployment::on(database) }
}

pub(crate) fn settled_in(deployment: Deployment) -> (Deployment, Node) {
    deployment.enrol("ada");
    let node = deployment.node();
    at_home(&node);
    deployment.pass(DAY);
    deployment.deliver();
    (deployment, node)
}

pub(crate) fn from(address: [u8; 4], request: SignInRequest) -> SignInRequest {
    let origin = Origin { address: IpAddr::from(address), ..samples::origin() };
    SignInRequest { origin, ..request }
}

/// Signs in from home with a new browser, and returns its device cookie.
pub(crate) fn at_home(node: &Node) -> SecretString {
    let signed_in = node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
    signed_in.device_token.unwrap()
}

pub(crate) fn challenge_from(node: &Node, address: [u8; 4]) -> IssuedChallenge {
    let issued = node.sign_in.challenge(&from(address, by_name("ada"))).unwrap();
    assert!(issued.is_mailed && issued.passkey.is_none());
    issued
}

fn is_wrong<T>(result: &Result<T, ChallengeError>) -> bool {
    matches!(result, Err(ChallengeError::WrongCode))
}

#[test]
fn a_new_device_on_a_new_network_gets_a_code_by_mail_which_works_once() {
    TestDatabase::on_both(|database| {
        let deployment = assessed(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let cookie = at_home(&node);
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["success 1"], "the first of all");
        deployment.pass(DAY);
        let issued = challenge_from(&node, ABROAD);
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["challenged 1", "success 1"]);
        let code = deployment.link(CODE);
        assert!(!is_stored(&deployment, &code));
        let second_factor = &deployment.node().factors.second_factor;
        for wrong in ["000000", "0000-0000-0000-0000", "not a code"] {
            assert!(is_wrong(&second_factor.answer(&answer(&issued, wrong))), "{wrong}");
        }
        let typed = code.expose_secret().to_lowercase().replace('-', " ");
        let origin = Origin { address: IpAddr::from(ABROAD), ..samples::origin() };
        let right = ChallengeAnswer { origin, ..answer(&issued, &typed) };
        let signed_in = second_factor.answer(&right).unwrap();
        let methods = signed_in.tokens.session.authentication.methods;
        assert_eq!(methods, [AuthenticationMethod::Password], "a mailed code is no factor");
        let again = second_factor.answer(&answer(&issued, &typed));
        assert!(matches!(again, Err(ChallengeError::Over)), "{again:?}");

        // The known device and the home network need no code.
        let known = SignInRequest { browser: device_cookie(cookie), ..by_name("ada") };
        node.sign_in.sign_in(&from([203, 0, 113, 9], known)).unwrap();
        node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
        // And now the new network is one that the account uses.
        node.sign_in.sign_in(&from(ABROAD, by_name("ada"))).unwrap();
    });
}

#[test]
fn a_code_is_that_of_its_own_challenge_and_is_over_after_ten_minutes() {
    TestDatabase::on_both(|database| {
        let deployment = assessed(database);
        let ada = deployment.enrol("ada");
        let node = deployment.node();
        at_home(&node);
        deployment.pass(DAY);
        deployment.deliver();
        let (one, first) = (challenge_from(&node, ABROAD), deployment.link(CODE));
        let (other, second) = (challenge_from(&node, ABROAD), deployment.link(CODE));
        let second_factor = &node.factors.second_factor;
        let (first, second) = (first.expose_secret(), second.expose_secret());
        assert!(is_wrong(&second_factor.answer(&answer(&one, second))));
        assert!(is_wrong(&second_factor.answer(&answer(&other, first))));
        second_factor.answer(&answer(&other, second)).unwrap();
        deployment.pass(10 * MINUTE);
        assert!(is_wrong(&second_factor.answer(&answer(&one, first))), "too late");

        let late = challenge_from(&node, [203, 0, 113, 9]);
        let code = deployment.link(CODE);
        let session = node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap().tokens.session.id;
        node.password_change.change(&change(&ada, session, samples::PASSWORD, NEW)).unwrap();
        let over = second_factor.answer(&answer(&late, code.expose_secret()));
        assert!(matches!(over, Err(ChallengeError::Over)), "the password is another one: {over:?}");
    });
}

#[test]
fn of_eight_uses_of_a_code_at_once_one_opens_a_session() {
    TestDatabase::on_both_crowded(|database| {
        let (deployment, node) = settled(database);
        let issued = challenge_from(&node, ABROAD);
        let code = deployment.link(CODE);
        let answers = at_once(8, |_| {
            node.factors.second_factor.answer(&answer(&issued, code.expose_secret())).is_ok()
        });
        assert_eq!(answers.iter().filter(|is_open| **is_open).count(), 1);
        assert_eq!(deployment.count("sessions"), 2);
    });
}

#[test]
fn an_account_with_a_factor_is_asked_for_it_and_gets_no_mail() {
    let deployment = assessed(TestDatabase::sqlite());
    deployment.enrol("ada");
    let node = deployment.node();
    let (app, _) = enrolled(&deployment, &node, "ada");
    deployment.pass(DAY);
    deployment.deliver();
    let issued = node.sign_in.challenge(&from(ABROAD, by_name("ada"))).unwrap();
    assert!(!issued.is_mailed);
    assert!(deployment.deliver().iter().all(|it| it.mail.kind() != CODE));
    let code = app.code(deployment.now());
    node.factors.second_factor.answer(&answer(&issued, &code)).unwrap();
}

#[test]
fn a_sign_in_that_is_too_risky_looks_like_a_wrong_password_and_its_holder_is_told() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled_in(refusing(database));
        let refused = |request| {
            let result = node.sign_in.sign_in_whatever(&from(ABROAD, request));
            assert!(matches!(result, Err(SignInError::Refused)), "{result:?}");
        };
        refused(by_name("ada"));
        let mails = deployment.deliver();
        let kinds: Vec<_> = mails.iter().map(|delivered| delivered.mail.kind()).collect();
        assert_eq!(kinds, ["sign_in_refused"]);
        assert_eq!(deployment.outcomes("sign_in"), ["success 1", "too_risky 1"]);
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["success 1", "too_risky 1"]);
        let told = deployment.details("sign_in_assessed");
        assert!(told[1].contains(r#""score":70,"outcome":"refused""#), "{told:?}");
        assert!(told[1].contains(r#""listed_address":true"#), "{told:?}");
        // It counts like a wrong password, and a wait tells nothing more.
        (0..4).for_each(|_| refused(guess("ada")));
        refused(by_name("ada"));
        assert!(deployment.deliver().is_empty(), "the counter was closed");
        assert_eq!(deployment.outcomes("sign_in_assessed"), ["success 1", "too_risky 1"]);
        deployment.pass(MINUTE);
        node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
    });
}

#[test]
fn a_network_that_tries_many_names_gets_no_session_with_a_leaked_password() {
    TestDatabase::on_both(|database| {
        let (deployment, node) = settled(database);
        // Also on the network that the account uses, and from any address of it.
        for name in 0..35_u8 {
            let neighbour = from([192, 0, 2, name], guess(&format!("person{name}")));
            assert!(node.sign_in.sign_in(&neighbour).is_err());
        }
        let counted = "network_failures WHERE network = '192.0.2.0/24'";
        assert_eq!(deployment.count(counted), 35);
        challenge_from(&node, HOME);
        let told = deployment.details("sign_in_assessed");
        assert!(told[1].contains(r#""network_failures":35,"network_names":35"#), "{told:?}");
        // A stranger with one name raises the counts of its network only, and for an hour.
        assert_eq!(NetworkPrefix::of(IpAddr::from(HOME)).to_string(), "192.0.2.0/24");
        deployment.pass(HOUR + SECOND);
        node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
    });
}

#[test]
fn without_an_assessment_nothing_is_read_recorded_or_counted() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
    node.sign_in.sign_in(&from(ABROAD, by_name("ada"))).unwrap();
    assert!(node.sign_in.sign_in(&guess("ada")).is_err());
    assert_eq!(deployment.outcomes("sign_in_assessed"), [""; 0]);
    assert_eq!(deployment.count("network_failures"), 0);
}

#[test]
fn a_replay_assesses_the_recorded_facts_under_other_thresholds() {
    TestDatabase::on_both(|database| {
        let deployment = assessed(database);
        let ada = deployment.enrol("ada");
        let node = deployment.node();
        at_home(&node);
        deployment.pass(DAY);
        node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
        deployment.pass(SECOND);
        challenge_from(&node, ABROAD);
        let store = Arc::new(deployment.database.store().clone());
        let log = Arc::new(AuditLog::new(store, deployment.ambient()));
        let replay = RiskReplay::new(log, Some(RiskPolicy::default()));
        let operator = Principal::operator(samples::origin());

        let of_ada = RiskReplay::filter(None, Some(ada.id));
        let found = replay.search(&operator, &of_ada, None, &replay.policy(), 1).unwrap();
        assert!(found.next.is_some(), "there are earlier ones");
        let latest = found.sign_ins;
        assert_eq!((latest.len(), latest[0].account), (1, Some(ada.id)));
        assert_eq!(latest[0].recorded.score, 45);
        assert_eq!(latest[0].replayed.score, 45);
        let explained: Vec<_> =
            latest[0].replayed.signals.iter().map(|it| (it.signal.as_str(), it.points)).collect();
        assert_eq!(explained, [("new_device", 20), ("new_network", 25)]);

        let period = (deployment.now() - 2 * DAY, deployment.now() + SECOND);
        let count = |was, would_be, sign_ins| OutcomeCount { was, would_be, sign_ins };
        let with = |challenge_at, refuse_at| {
            let policy = RiskPolicy { challenge_at, refuse_at, ..RiskPolicy::default() };
            let mut seen = 0;
            let mut count = |more: u64| seen += more;
            let report = replay.replay(&operator, period, &policy, u64::MAX, &mut count).unwrap();
            assert_eq!((report.examined, seen, report.left_out), (3, 3, 0));
            assert_eq!(report.cut_at, None);
            (report.outcomes(), report.changes.len())
        };
        let (allowed, challenged, refused) =
            (RiskOutcome::Allowed, RiskOutcome::Challenged, RiskOutcome::Refused);
        let same = vec![count(allowed, allowed, 2), count(challenged, challenged, 1)];
        assert_eq!(with(40, 100), (same, 0));
        let lax = vec![count(allowed, allowed, 2), count(challenged, allowed, 1)];
        assert_eq!(with(50, 100), (lax, 1));
        let strict = vec![
            count(allowed, allowed, 1),
            count(allowed, challenged, 1),
            count(challenged, refused, 1),
        ];
        assert_eq!(with(20, 45), (strict, 2));
        assert_eq!(
            deployment.outcomes("audit_searched"),
            ["success 4"],
            "each reading is recorded"
        );
    });
}

#[test]
fn a_replay_of_many_sign_ins_ends_at_its_limit_and_tells_where() {
    let deployment = assessed(TestDatabase::sqlite());
    deployment.enrol("ada");
    let node = deployment.node();
    for _ in 0..4 {
        node.sign_in.sign_in(&from(HOME, by_name("ada"))).unwrap();
        deployment.pass(SECOND);
    }
    let store = Arc::new(deployment.database.store().clone());
    let log = Arc::new(AuditLog::new(store, deployment.ambient()));
    let replay = RiskReplay::new(log, None);
    let operator = Principal::operator(samples::origin());
    let (now, policy) = (deployment.now(), replay.policy());
    let replay = |most| {
        let report = replay.replay(&operator, (now - DAY, now), &policy, most, &mut |_| ());
        let report = report.unwrap();
        (report.examined, report.cut_at)
    };
    assert_eq!(replay(3), (3, Some(now - 3 * SECOND)));
    assert_eq!(replay(4), (4, None));
    assert_eq!(replay(0), (0, None));
}

#[test]
fn a_sign_in_by_email_and_one_by_name_have_one_history() {
    let (_deployment, node) = settled(TestDatabase::sqlite());
    let by_email = from(ABROAD, typing("ADA@example.org", samples::PASSWORD));
    let result = node.sign_in.sign_in_whatever(&by_email).unwrap();
    assert!(matches!(result, SignInResult::ChallengeIssued(issued) if issued.is_mailed));
}
