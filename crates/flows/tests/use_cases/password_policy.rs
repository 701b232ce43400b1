//! Password policy on the paths without HTTP: the operator creates an account, and sets a password. `tests/http`
//! has the requests; the samples are those of `crates/password/tests/README.md`.

use portcullis_domain::SecretString;
use portcullis_flows::identity::account_request::{AccountRequest, NameRules, RegistrationError};
use portcullis_flows::sign_in::{Identifier, SignInStore};
use portcullis_testkit::{PASSWORD, samples};
use serde_json::Value;

use crate::deployment::{Deployment, account_request};

const SAMPLES: &str = include_str!("../../../password/tests/vectors/password_policy_cases.json");

const NAME: &str = "margaret.hamilton";

#[test]
fn an_operator_is_held_to_the_samples_at_creation_and_at_a_change() {
    let deployment = Deployment::new();
    let node = deployment.node();
    node.registration.register(&account_request(NAME)).unwrap();
    let store = deployment.database.store();
    let found = store.credentials(&Identifier::parse(NAME)).unwrap().unwrap();
    let file: Value = serde_json::from_str(SAMPLES).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 73);
    for case in cases {
        let typed = case["password_utf8"].as_str().unwrap().replace("{username}", NAME);
        let password = SecretString::from(typed.as_str());
        let request = AccountRequest { password: password.clone(), ..account_request(NAME) };
        let role = found.account.role.clone();
        let admitted = node.candidates.admit(&request, role, NameRules::FormOnly).map(drop);
        let changed = node.candidates.new_password(&found, &password, &samples::origin()).map(drop);
        let is_accepted = case["expect"] == "accept";
        assert_eq!(admitted.is_ok(), is_accepted, "{typed}: {admitted:?}");
        assert_eq!(changed.is_ok(), is_accepted && typed != PASSWORD, "{typed}: {changed:?}");
        for refused in [admitted, changed].into_iter().filter_map(Result::err) {
            let is_of_policy = match &refused {
                RegistrationError::Invalid(faults) => {
                    faults.iter().all(|fault| fault.field() == "password")
                }
                RegistrationError::PasswordTooLong => typed.len() > 1_024,
                _ => false,
            };
            assert!(is_of_policy, "{typed}: {refused:?}");
        }
    }
}
