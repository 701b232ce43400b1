//! Property tests of hierarchies: each matrix is compared with a naive evaluation.

use std::collections::BTreeMap;
use std::fmt::Write;

use portcullis_access::{FaultCode, Matrix, Reason};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::naive::{ReferenceMatrix, Row, contexts};

const RESOURCES: [&str; 3] = ["door", "window", "roof"];
const ACTIONS: [&str; 5] = ["list", "read", "create", "approve", "manage"];
const CONDITIONS: [&str; 3] = ["own", "party", "not_own"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_decision_equals_the_naive_one(plan in plan()) {
        let (matrix, naive) = (plan.matrix(), plan.naive());
        for role in matrix.roles() {
            for (resource, action) in cells(&plan) {
                for context in contexts() {
                    let decision = matrix.decide_words(role, &resource, action, &context);
                    let expected = naive.allows(role, &resource, action, &context);
                    prop_assert_eq!(decision.is_allowed(), expected);
                }
            }
        }
    }

    #[test]
    fn a_role_holds_all_that_its_juniors_hold(plan in plan()) {
        let matrix = plan.matrix();
        for (senior, junior) in &plan.links {
            for (resource, action) in cells(&plan) {
                for context in contexts() {
                    let holds = |number| {
                        matrix.decide_words(&role(number), &resource, action, &context).is_allowed()
                    };
                    prop_assert!(!holds(*junior) || holds(*senior));
                }
            }
        }
    }

    /// Each role has a resource of its own that no other grant names.
    #[test]
    fn no_role_reaches_a_grant_of_its_senior(plan in plan()) {
        let mut plan = plan;
        plan.grants.retain(|(_, grant)| grant.resource != "*");
        let matrix = plan.matrix();
        for (asking, reaches) in plan.closure().iter().enumerate() {
            for (holder, reaches) in reaches.iter().enumerate() {
                let (asking, holder_role) = (role(asking), role(holder));
                let context = contexts()[0];
                let decision = matrix.decide_words(&asking, &private(holder), "read", &context);
                prop_assert_eq!(decision.is_allowed(), *reaches);
                let id = |word: &str| matrix.role(word).unwrap();
                prop_assert_eq!(matrix.includes(id(&asking), id(&holder_role)), *reaches);
            }
        }
    }

    #[test]
    fn every_reason_names_a_grant_that_the_role_reaches(plan in plan()) {
        let (matrix, reaches) = (plan.matrix(), plan.closure());
        for (asking, reaches) in reaches.iter().enumerate() {
            for (resource, action) in cells(&plan) {
                let decision = matrix.decide_words(&role(asking), &resource, action, &contexts()[4]);
                let paths = match matrix.explain(&decision).reason {
                    Reason::Granted { path, .. } => vec![path],
                    Reason::ConditionsUnmet { unmet } => unmet.into_iter().map(|one| one.path).collect(),
                    _ => vec![],
                };
                for path in paths {
                    let holder: usize = path.last().unwrap()[1..].parse().unwrap();
                    prop_assert!(reaches[holder]);
                    for step in path.windows(2) {
                        let step = (step[0][1..].parse().unwrap(), step[1][1..].parse().unwrap());
                        prop_assert!(plan.links.contains(&step));
                    }
                }
            }
        }
    }

    #[test]
    fn equal_codes_have_equal_explanations(plan in plan()) {
        let matrix = plan.matrix();
        let mut known = BTreeMap::new();
        for role in matrix.roles() {
            for (resource, action) in cells(&plan) {
                for context in contexts() {
                    let decision = matrix.decide_words(role, &resource, action, &context);
                    let explanation = matrix.explain(&decision);
                    let first = known.entry(decision.code()).or_insert_with(|| explanation.clone());
                    prop_assert_eq!(&*first, &explanation);
                }
            }
        }
    }

    #[test]
    fn a_link_back_up_is_a_cycle(plan in plan(), at in any::<prop::sample::Index>()) {
        prop_assume!(!plan.links.is_empty());
        let (senior, junior) = *at.get(&plan.links);
        let mut plan = plan;
        plan.links.push((junior, senior));
        let faults = Matrix::parse(&plan.text(&[])).unwrap_err();
        prop_assert!(faults.faults().iter().any(|fault| fault.code == FaultCode::Cycle));
    }
}

#[derive(Clone, Debug)]
struct Plan {
    roles: usize,
    /// From senior to junior, by number; a senior has the lower one.
    links: Vec<(usize, usize)>,
    /// By the number of the role.
    grants: Vec<(usize, Row)>,
    /// The order of the roles in the file.
    order: Vec<usize>,
}

fn plan() -> impl Strategy<Value = Plan> {
    (1_usize..7).prop_flat_map(|roles| {
        let pairs =
            (0..roles).flat_map(|a| (a + 1..roles).map(move |b| (a, b))).collect::<Vec<_>>();
        let count = pairs.len();
        (
            subsequence(pairs, 0..=count),
            prop::collection::vec((0..roles, grant()), 0..12),
            Just((0..roles).collect::<Vec<_>>()).prop_shuffle(),
        )
            .prop_map(move |(links, grants, order)| Plan { roles, links, grants, order })
    })
}

fn grant() -> impl Strategy<Value = Row> {
    let resource = prop_oneof![
        1 => Just("*".to_owned()),
        4 => prop::sample::select(&RESOURCES[..]).prop_map(str::to_owned),
    ];
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let actions = prop_oneof![
        1 => Just(vec!["*".to_owned()]),
        5 => subsequence(ACTIONS.to_vec(), 1..=3).prop_map(owned),
    ];
    let conditions = subsequence(CONDITIONS.to_vec(), 0..=2).prop_map(owned);
    (resource, actions, conditions).prop_map(|(resource, actions, conditions)| Row {
        role: String::new(),
        resource,
        actions,
        conditions,
    })
}

impl Plan {
    /// What the file reports as superfluous is left out: it must not change any decision.
    fn matrix(&self) -> Matrix {
        let faults = match Matrix::parse(&self.text(&[])) {
            Ok(matrix) => return matrix,
            Err(faults) => faults,
        };
        let superfluous = [FaultCode::UnreachableGrant, FaultCode::DuplicateGrant];
        assert!(faults.faults().iter().all(|fault| superfluous.contains(&fault.code)), "{faults}");
        let lines: Vec<_> = faults.faults().iter().map(|fault| fault.line).collect();
        Matrix::parse(&self.text(&lines)).unwrap()
    }

    fn text(&self, lines_left_out: &[usize]) -> String {
        let private: Vec<_> = (0..self.roles).map(private).collect();
        let resources: Vec<_> =
            RESOURCES.iter().copied().chain(private.iter().map(String::as_str)).collect();
        let mut text = format!(
            "self_registration_role = \"r0\"\nresources = {resources:?}\nactions = {ACTIONS:?}\n"
        );
        for &number in &self.order {
            let juniors = self.links.iter().filter(|(senior, _)| *senior == number);
            let juniors: Vec<_> = juniors.map(|(_, junior)| role(*junior)).collect();
            writeln!(text, "[roles.{}]\njuniors = {juniors:?}\ngrants = [", role(number)).unwrap();
            writeln!(text, "{{ resources = [{:?}], actions = [\"read\"] }},", private[number])
                .unwrap();
            for (_, Row { resource, actions, conditions, .. }) in
                self.grants.iter().filter(|(holder, _)| *holder == number)
            {
                write!(text, "{{ resources = [{resource:?}], actions = {actions:?}").unwrap();
                if !conditions.is_empty() {
                    write!(text, ", when = {conditions:?}").unwrap();
                }
                writeln!(text, " }},").unwrap();
            }
            writeln!(text, "]").unwrap();
        }
        let keep = |(number, line)| if lines_left_out.contains(&number) { "" } else { line };
        (1..).zip(text.lines()).map(keep).collect::<Vec<_>>().join("\n")
    }

    fn naive(&self) -> ReferenceMatrix {
        let mut juniors: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (senior, junior) in &self.links {
            juniors.entry(role(*senior)).or_default().push(role(*junior));
        }
        let own = (0..self.roles).map(|number| Row {
            role: role(number),
            resource: private(number),
            actions: vec!["read".to_owned()],
            conditions: vec![],
        });
        let planned =
            self.grants.iter().map(|(number, row)| Row { role: role(*number), ..row.clone() });
        ReferenceMatrix { juniors, rows: own.chain(planned).collect() }
    }

    /// Which role reaches which, by Warshall's algorithm.
    fn closure(&self) -> Vec<Vec<bool>> {
        let mut reaches = vec![vec![false; self.roles]; self.roles];
        for (number, row) in reaches.iter_mut().enumerate() {
            row[number] = true;
        }
        for (senior, junior) in &self.links {
            reaches[*senior][*junior] = true;
        }
        for middle in 0..self.roles {
            for from in 0..self.roles {
                for to in 0..self.roles {
                    reaches[from][to] |= reaches[from][middle] && reaches[middle][to];
                }
            }
        }
        reaches
    }
}

fn cells(plan: &Plan) -> Vec<(String, &'static str)> {
    let resources = RESOURCES.iter().map(|word| (*word).to_owned());
    let resources = resources.chain((0..plan.roles).map(private));
    resources.flat_map(|resource| ACTIONS.map(|action| (resource.clone(), action))).collect()
}

fn role(number: usize) -> String {
    format!("r{number}")
}

fn private(number: usize) -> String {
    format!("p{number}")
}
