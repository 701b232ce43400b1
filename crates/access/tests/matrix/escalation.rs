//! Escalation check: a matrix must not grant more than the role that activates it has.

use std::collections::BTreeSet;
use std::fmt::Write;

use portcullis_access::{Escalation, Matrix};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::DEFAULT;
use crate::naive::contexts;

const ROLES: usize = 5;
const RESOURCES: [&str; 3] = ["door", "window", "roof"];
const ACTIONS: [&str; 4] = ["read", "update", "approve", "manage"];
const CONDITIONS: [&str; 3] = ["own", "party", "not_own"];

/// A matrix that can be changed step by step. Role 0 is the most senior one and may do everything.
#[derive(Clone, Debug)]
struct Plan {
    /// Senior and junior; the senior has the lower number.
    links: BTreeSet<(usize, usize)>,
    /// Role, resource, action, conditions.
    grants: BTreeSet<(usize, usize, usize, Vec<usize>)>,
    self_registration: usize,
    /// Roles that are not in the file.
    removed: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Link(usize, usize),
    Unlink(usize, usize),
    Grant(usize, usize, usize, Vec<usize>),
    Withdraw(usize),
    SelfRegistration(usize),
    Remove(usize),
    Restore(usize),
    /// Somebody gives one of the accounts another role: which decides, which is changed, to what.
    ChangeRole(usize, usize, usize),
}

impl Plan {
    fn text(&self) -> String {
        let has = |role: &usize| !self.removed.contains(role);
        let quoted = |words: &mut dyn Iterator<Item = String>| {
            words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
        };
        let mut text = format!(
            "self_registration_role = \"r{}\"\nresources = [{}]\nactions = [{}]\n",
            self.self_registration,
            quoted(&mut RESOURCES.iter().map(|&word| word.to_owned())),
            quoted(&mut ACTIONS.iter().map(|&word| word.to_owned())),
        );
        for role in (0..ROLES).filter(has) {
            let juniors = (1..ROLES).filter(|junior| {
                has(junior)
                    && *junior != role
                    && (role == 0 || self.links.contains(&(role, *junior)))
            });
            let juniors = quoted(&mut juniors.map(|junior| format!("r{junior}")));
            writeln!(text, "[roles.r{role}]\njuniors = [{juniors}]").unwrap();
            if role == 0 {
                text.push_str("grants = [{ resources = [\"*\"], actions = [\"*\"] }]\n");
            }
            for (_, resource, action, when) in self.grants.iter().filter(|grant| grant.0 == role) {
                let when = quoted(&mut when.iter().map(|&at| CONDITIONS[at].to_owned()));
                let when = if when.is_empty() { when } else { format!("when = [{when}]\n") };
                writeln!(
                    text,
                    "[[roles.r{role}.grants]]\nresources = [\"{}\"]\nactions = [\"{}\"]\n{when}",
                    RESOURCES[*resource], ACTIONS[*action],
                )
                .unwrap();
            }
        }
        text
    }

    fn changed(&self, step: &Step) -> Self {
        let mut next = self.clone();
        match step {
            Step::Link(one, other) => {
                next.links.insert((*one.min(other), *one.max(other)));
            }
            Step::Unlink(one, other) => {
                next.links.remove(&(*one.min(other), *one.max(other)));
            }
            Step::Grant(role, resource, action, when) => {
                next.grants.insert((*role, *resource, *action, when.clone()));
            }
            Step::Withdraw(at) => {
                let kept = next.grants.iter().enumerate();
                let at = at % next.grants.len().max(1);
                next.grants =
                    kept.filter(|(place, _)| *place != at).map(|(_, it)| it.clone()).collect();
            }
            Step::SelfRegistration(role) => next.self_registration = *role,
            Step::Remove(role) => {
                next.removed.insert(*role);
            }
            Step::Restore(role) => {
                next.removed.remove(role);
            }
            Step::ChangeRole(..) => {}
        }
        next
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let links: Vec<_> = (1..ROLES).flat_map(|a| (a + 1..ROLES).map(move |b| (a, b))).collect();
    let most = links.len();
    let grants = prop::collection::btree_set(grant(), 4..12);
    (subsequence(links, 0..=most), grants, 1..ROLES).prop_map(|(links, grants, role)| Plan {
        links: links.into_iter().collect(),
        grants,
        self_registration: role,
        removed: BTreeSet::new(),
    })
}

fn grant() -> impl Strategy<Value = (usize, usize, usize, Vec<usize>)> {
    let when = subsequence((0..CONDITIONS.len()).collect::<Vec<_>>(), 0..=2);
    (1..ROLES, 0..RESOURCES.len(), 0..ACTIONS.len(), when)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let role = || 1..ROLES;
    let step = prop_oneof![
        4 => grant().prop_map(|(a, b, c, d)| Step::Grant(a, b, c, d)),
        2 => (0..12usize).prop_map(Step::Withdraw),
        3 => (role(), role()).prop_map(|(a, b)| Step::Link(a, b)),
        2 => (role(), role()).prop_map(|(a, b)| Step::Unlink(a, b)),
        1 => role().prop_map(Step::SelfRegistration),
        1 => role().prop_map(Step::Remove),
        1 => role().prop_map(Step::Restore),
        3 => (role(), role(), role()).prop_map(|(a, b, c)| Step::ChangeRole(a, b, c)),
    ];
    prop::collection::vec(step, 1..40)
}

/// Everything that accounts of these roles may do, in which context.
fn powers(
    matrix: &Matrix,
    roles: &BTreeSet<String>,
) -> BTreeSet<(&'static str, &'static str, usize)> {
    let mut powers = BTreeSet::new();
    for (resource, action) in RESOURCES.iter().flat_map(|one| ACTIONS.map(|other| (*one, other))) {
        for (number, context) in contexts().iter().enumerate() {
            let allowed =
                |role: &String| matrix.decide_words(role, resource, action, context).is_allowed();
            if roles.iter().any(allowed) {
                powers.insert((resource, action, number));
            }
        }
    }
    powers
}

fn includes(matrix: &Matrix, role: &str, other: &str) -> bool {
    let (role, other) = (matrix.role(role), matrix.role(other));
    role.zip(other).is_some_and(|(role, other)| matrix.includes(role, other))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Somebody who may activate matrices and give roles, as far as the rules let them, and who
    /// registers as many accounts as they like, never comes to anything that they could not do.
    #[test]
    fn no_sequence_of_activations_and_changes_of_role_raises_anybody(
        plan in plan(), role in 1..ROLES, steps in steps(),
    ) {
        let mut plan = plan;
        let Ok(mut matrix) = Matrix::parse(&plan.text()) else { return Ok(()) };
        let mut roles = BTreeSet::from([format!("r{role}")]);
        roles.extend(matrix.self_registration_role().map(str::to_owned));
        let at_first = powers(&matrix, &roles);
        for step in steps {
            if let Step::ChangeRole(decides, changed, to) = step {
                let (decides, changed) = (format!("r{decides}"), format!("r{changed}"));
                let to = format!("r{to}");
                let may = |other: &str| includes(&matrix, &decides, other);
                if roles.contains(&decides) && roles.contains(&changed) && may(&changed) && may(&to) {
                    roles.insert(to);
                }
            } else {
                let next = plan.changed(&step);
                let Ok(candidate) = Matrix::parse(&next.text()) else { continue };
                // Nobody's role vanishes while they have it.
                let known = roles.iter().all(|role| candidate.role(role).is_some());
                let may = |role: &String| matrix.escalation(role, &candidate).is_none();
                if !known || !roles.iter().any(may) {
                    continue;
                }
                (plan, matrix) = (next, candidate);
                roles.extend(matrix.self_registration_role().map(str::to_owned));
            }
            prop_assert!(!roles.contains("r0"));
            let now = powers(&matrix, &roles);
            let gained: Vec<_> = now.difference(&at_first).collect();
            prop_assert!(gained.is_empty(), "{gained:?} by {step:?}\n{}", plan.text());
        }
    }

    #[test]
    fn the_most_senior_role_may_do_anything_and_nobody_is_kept_from_changing_nothing(
        plan in plan(), step in grant(),
    ) {
        let Ok(matrix) = Matrix::parse(&plan.text()) else { return Ok(()) };
        for role in 0..ROLES {
            prop_assert_eq!(matrix.escalation(&format!("r{role}"), &matrix), None);
        }
        let (role, resource, action, when) = step;
        let next = plan.changed(&Step::Grant(role, resource, action, when));
        if let Ok(candidate) = Matrix::parse(&next.text()) {
            prop_assert_eq!(matrix.escalation("r0", &candidate), None);
        }
    }
}

fn judged(role: &str, from: &str, to: &str) -> Option<String> {
    let changed = DEFAULT.replacen(from, to, 1);
    assert_ne!(changed, DEFAULT, "{from}");
    let (before, after) = (Matrix::parse(DEFAULT).unwrap(), Matrix::parse(&changed).unwrap());
    before.escalation(role, &after).map(|escalation| escalation.to_string())
}

#[test]
fn what_stands_against_a_matrix_is_named() {
    let of_report = "    { resources = [\"report\"], actions = [\"read\", \"list\", \"export\"] },";
    let more =
        "    { resources = [\"report\"], actions = [\"read\", \"list\", \"export\", \"import\"] },";
    let expected = Some("coordinator would be allowed to import report".to_owned());
    assert_eq!(judged("coordinator", of_report, more), expected);
    assert_eq!(judged("admin", of_report, more), None);

    // A condition dropped is something gained, one added is not.
    let always =
        "{ resources = [\"absence\", \"leave\"], actions = [\"create\", \"read\", \"update\"] }";
    let own = &always.replace(" }", ", when = [\"own\"] }");
    assert_eq!(judged("coordinator", own, always), None, "it is theirs to give");
    let expected = Some("faculty would be allowed to create absence".to_owned());
    assert_eq!(judged("resident", own, always), expected);
    let cell = "{ resources = [\"swap\", \"swap_request\"], actions = [\"create\", \"list\"] }";
    let less = "{ resources = [\"swap\", \"swap_request\"], actions = [\"create\", \"list\"], when = [\"own\"] }";
    assert_eq!(judged("resident", cell, less), None);

    let links = "juniors = [\"rn\", \"lpn\", \"msa\"]";
    let above = "juniors = [\"rn\", \"lpn\", \"msa\", \"resident\"]";
    let expected = "clinical_staff would be allowed to create absence";
    assert_eq!(judged("clinical_staff", links, above).as_deref(), Some(expected));
    assert_eq!(judged("coordinator", links, above), None, "both are below");

    let registers = "self_registration_role = \"msa\"";
    let others = "self_registration_role = \"resident\"";
    let expected = "accounts that people create for themselves would get the role resident";
    assert_eq!(judged("rn", registers, others).as_deref(), Some(expected));
    assert_eq!(judged("coordinator", registers, others), None);
}

#[test]
fn nobody_rises_above_a_role_that_is_not_below_theirs_even_if_it_holds_nothing_more() {
    let file = |head: &str| {
        crate::small(&format!(
            "[roles.chief]\njuniors = [\"head\", \"junior\"]\n\
             grants = [{{ resources = [\"*\"], actions = [\"*\"] }}]\n\
             [roles.head]\n{head}grants = [{{ resources = [\"door\"], actions = [\"read\"] }}]\n\
             [roles.junior]\ngrants = [{{ resources = [\"door\"], actions = [\"read\"] }}]\n"
        ))
    };
    let before = Matrix::parse(&file("")).unwrap();
    let after = Matrix::parse(&file("juniors = [\"junior\"]\n")).unwrap();
    let expected = Escalation::Seniority { senior: "head".into(), junior: "junior".into() };
    assert_eq!(before.escalation("head", &after), Some(expected));
    assert_eq!(before.escalation("chief", &after), None);
    assert_eq!(after.escalation("head", &before), None, "to step down is free");

    let other_top = crate::small(
        "[roles.head]\njuniors = [\"chief\", \"junior\"]\n\
         grants = [{ resources = [\"door\"], actions = [\"read\"] }]\n\
         [roles.chief]\ngrants = [{ resources = [\"*\"], actions = [\"*\"] }]\n\
         [roles.junior]\ngrants = [{ resources = [\"door\"], actions = [\"read\"] }]\n",
    );
    let after = Matrix::parse(&other_top).unwrap();
    assert_eq!(before.escalation("head", &after), Some(Escalation::MostSenior));
}
