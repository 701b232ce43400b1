//! The policy that requires second factors: restricted sessions, and factors that must stay.

use portcullis_domain::{ExposeSecret, Role};
use portcullis_flows::sign_in::factor::FactorPolicy;
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_flows::sign_in::totp::FactorError;
use portcullis_testkit::PASSWORD;

use crate::deployment::{Deployment, Node, by_name};
use crate::factors::{answer, change, enrolled};

fn must_enrol(deployment: &Deployment, node: &Node, tokens: &SessionTokens) -> bool {
    let token = tokens.access_token.expose_secret();
    node.authority.verify_access(token, deployment.now()).unwrap().factor_required
}

#[test]
fn an_account_that_must_have_a_factor_gets_restricted_tokens_until_it_has_one() {
    let everybody = FactorPolicy { everybody: true, ..FactorPolicy::default() };
    let role =
        FactorPolicy { roles: [Role::parse("msa").unwrap()].into(), ..FactorPolicy::default() };
    for factors in [everybody, role] {
        let mut deployment = Deployment::new();
        deployment.sessions.factors = factors;
        deployment.enrol("ada");
        let node = deployment.node();
        let first = node.sign_in.sign_in(&by_name("ada")).unwrap();
        assert!(must_enrol(&deployment, &node, &first.tokens));
        let (app, confirmed) = enrolled(&deployment, &node, "ada");
        assert!(!must_enrol(&deployment, &node, &confirmed.tokens));

        let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
        let code = app.code(deployment.now());
        let signed_in = node.factors.second_factor.answer(&answer(&challenge, &code)).unwrap();
        let kept = node.factors.totp.remove(&change(&signed_in, PASSWORD));
        assert!(matches!(kept, Err(FactorError::LastFactor)));
        assert_eq!(deployment.outcomes("factor_removed"), ["against_rules 1"]);
    }
}

#[test]
fn other_accounts_are_not_restricted() {
    let mut deployment = Deployment::new();
    deployment.sessions.factors = FactorPolicy {
        administrators: true,
        roles: [Role::parse("rn").unwrap()].into(),
        ..FactorPolicy::default()
    };
    deployment.enrol("ada");
    let node = deployment.node();
    let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
    assert!(!must_enrol(&deployment, &node, &signed_in.tokens));
}

#[test]
fn administrators_have_the_most_senior_role() {
    let role = |name| Role::parse(name).unwrap();
    let policy = FactorPolicy { administrators: true, ..FactorPolicy::default() };
    assert!(policy.requires(&role("admin"), &role("admin")));
    assert!(!policy.requires(&role("msa"), &role("admin")));
    assert!(!FactorPolicy::default().requires(&role("admin"), &role("admin")));
}
