//! Tests of conditions: built-in and custom.

use portcullis_access::{
    Condition, ConditionNameError, ConditionResult, Conditions, DecisionContext, FaultCode, Matrix,
    Parties,
};
use serde_json::{Map, Value, json};

use crate::small;

#[test]
fn a_missing_context_is_a_denial_whatever_the_condition() {
    for (condition, context, allowed) in [
        ("own", DecisionContext::by("ann"), false),
        ("own", DecisionContext::by("ann").owned_by("ann"), true),
        ("own", DecisionContext::by("ann").owned_by("ben"), false),
        ("not_own", DecisionContext::by("ann"), false),
        ("not_own", DecisionContext::by("ann").owned_by("ann"), false),
        ("not_own", DecisionContext::by("ann").owned_by("ben"), true),
        ("party", DecisionContext::by("ann"), false),
        ("party", DecisionContext::by("ann").between(&["ann", "ben"]), true),
        ("party", DecisionContext::by("ann").between(&["ben"]), false),
        ("party", DecisionContext::by("ann").between(&[]), false),
    ] {
        assert_eq!(decide(condition, &context), allowed, "{condition} {context:?}");
    }
}

#[test]
fn blanks_are_nobody() {
    for condition in ["own", "not_own", "party"] {
        for context in [
            DecisionContext::by("").owned_by("").between(&[""]),
            DecisionContext::by("").owned_by("ben").between(&["", "ben"]),
            DecisionContext::by("ann").owned_by("").between(&[]),
        ] {
            assert!(!decide(condition, &context), "{condition} {context:?}");
        }
    }
}

#[test]
fn parties_may_be_borrowed_or_owned() {
    let owned = vec!["ann".to_owned(), "ben".to_owned()];
    let borrowed = ["ann", "ben"];
    let slices: [Parties<'_>; 4] =
        [(&owned).into(), owned.as_slice().into(), (&borrowed).into(), borrowed.as_slice().into()];
    for parties in slices {
        assert!(parties.contains("ben"), "{parties:?}");
        assert!(!parties.contains("eve"), "{parties:?}");
    }
}

/// A condition that holds in the ward of the check.
struct InWard;

impl Condition for InWard {
    fn name(&self) -> &'static str {
        "in_ward"
    }

    fn holds(&self, context: &DecisionContext<'_>) -> ConditionResult {
        match context.attributes.and_then(|attributes| attributes.get("ward")) {
            Some(ward) => ConditionResult::from(ward == "north"),
            None => ConditionResult::MissingContext,
        }
    }

    fn needs(&self) -> &'static str {
        "the attribute ward"
    }
}

#[test]
fn a_condition_of_ones_own_reads_the_attributes() {
    let text = small(&granted("'in_ward'"));
    let conditions = Conditions::default().with(InWard).unwrap();
    let matrix = Matrix::parse_with(&text, &conditions).unwrap();
    for (attributes, reason) in [
        (json!({ "ward": "north" }), "granted by junior door read [in_ward] (line 5)"),
        (
            json!({ "ward": "south" }),
            "denied: in_ward does not hold (rule junior door read [in_ward], line 5)",
        ),
        (
            json!({}),
            "denied: in_ward needs the attribute ward (rule junior door read [in_ward], line 5)",
        ),
    ] {
        let attributes: Map<String, Value> = serde_json::from_value(attributes).unwrap();
        let context =
            DecisionContext { attributes: Some(&attributes), ..DecisionContext::by("ann") };
        let decision = matrix.decide_words("junior", "door", "read", &context);
        assert_eq!(matrix.explain(&decision).to_string(), reason);
    }
}

#[test]
fn a_condition_that_was_not_added_is_unknown() {
    let faults = Matrix::parse(&small(&granted("'in_ward'"))).unwrap_err();
    assert_eq!(faults.faults()[0].code, FaultCode::UnknownCondition);
    assert!(faults.to_string().contains("there are own, party, not_own"), "{faults}");
}

struct Named(String);

impl Condition for Named {
    fn name(&self) -> &str {
        &self.0
    }

    fn holds(&self, _: &DecisionContext<'_>) -> ConditionResult {
        ConditionResult::MissingContext
    }
}

#[test]
fn a_condition_needs_a_free_and_well_formed_name() {
    let named = |name: &str| Conditions::default().with(Named(name.to_owned()));
    assert_eq!(named("own").unwrap_err(), ConditionNameError::Taken("own".to_owned()));
    assert_eq!(named("In Ward").unwrap_err(), ConditionNameError::NoWord("In Ward".to_owned()));
    assert!(named("fresh").unwrap().with(Named("fresh".to_owned())).is_err());
    assert_eq!(format!("{:?}", named("fresh").unwrap()), r#"["own", "party", "not_own", "fresh"]"#);
}

#[test]
fn a_grant_that_asks_for_less_takes_the_place_of_one_that_asks_for_more() {
    let matrix = Matrix::parse(&small(
        "[roles.senior]\njuniors = ['junior']\n\
         grants = [{ resources = ['door'], actions = ['read'], when = ['own', 'party'] }]\n\
         [roles.junior]\ngrants = [{ resources = ['door'], actions = ['read'], when = ['own'] }]",
    ))
    .unwrap();
    let access = |role: &str| {
        let role = matrix.role(role).unwrap();
        let (door, read) = (matrix.resource("door").unwrap(), matrix.action("read").unwrap());
        matrix.access(role, door, read).to_string()
    };
    assert_eq!([access("senior"), access("junior")], ["own", "own"]);
}

#[test]
fn a_matrix_uses_at_most_eight_conditions() {
    let names: Vec<_> = (0..9).map(|n| format!("c{n}")).collect();
    let conditions = names
        .iter()
        .fold(Conditions::default(), |all, name| all.with(Named(name.clone())).unwrap());
    let when = |count: usize| {
        let words: Vec<_> = names[..count].iter().map(|name| format!("'{name}'")).collect();
        small(&granted(&words.join(", ")))
    };
    let matrix = Matrix::parse_with(&when(8), &conditions).unwrap();
    let decision = matrix.decide_words("junior", "door", "read", &DecisionContext::by("ann"));
    let reason = matrix.explain(&decision).to_string();
    assert!(reason.starts_with("denied: c0 needs more context"), "{reason}");
    let faults = Matrix::parse_with(&when(9), &conditions).unwrap_err();
    assert_eq!(faults.faults()[0].code, FaultCode::TooLarge);
}

fn granted(when: &str) -> String {
    format!(
        "[roles.junior]\ngrants = [{{ resources = ['door'], actions = ['read'], when = [{when}] }}]"
    )
}

fn decide(condition: &str, context: &DecisionContext<'_>) -> bool {
    let matrix = Matrix::parse(&small(&granted(&format!("'{condition}'")))).unwrap();
    matrix.decide_words("junior", "door", "read", context).is_allowed()
}
