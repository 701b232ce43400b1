//! Moves of accounts to other roles, with the version of the matrix that lacks theirs.

use std::sync::Arc;

use portcullis_audit::EventKind;
use portcullis_domain::Role;
use portcullis_flows::access::matrix::{InvalidMove, Matrices, MatrixError, RoleMove};
use portcullis_testkit::{TestDatabase, at_once, samples};

use crate::administration::{enrol_as, only_recorded, parties, sign_in};
use crate::deployment::{Deployment, Node, refreshing};

/// The matrices of a node whose version 2 has the role `nurse` instead of `lpn` and `rn`.
fn with_nurses(deployment: &Deployment, node: &Node) -> Matrices {
    let store = Arc::new(deployment.database.store().clone());
    let matrices = Matrices::new(store.clone(), store, node.matrix.clone(), deployment.ambient());
    let operator = samples::operator();
    assert_eq!(matrices.propose(samples::MATRIX, &operator).unwrap(), 1);
    matrices.activate(1, &operator).unwrap();
    let lpn = samples::MATRIX.find("[roles.lpn]").unwrap();
    let msa = samples::MATRIX.find("[roles.msa]").unwrap();
    let text = format!("{}{}", &samples::MATRIX[..lpn], &samples::MATRIX[msa..])
        .replace("\"rn\", \"lpn\", \"msa\"", "\"nurse\", \"msa\"")
        .replace("[roles.rn]", "[roles.nurse]");
    assert_eq!(matrices.propose(&text, &operator).unwrap(), 2);
    matrices
}

fn role(word: &str) -> Role {
    Role::parse(word).unwrap()
}

fn moves(pairs: &[(&str, &str)]) -> Vec<RoleMove> {
    pairs.iter().map(|(from, to)| RoleMove { from: role(from), to: role(to) }).collect()
}

#[test]
fn accounts_of_a_vanishing_role_are_moved_with_the_activation_and_each_move_is_recorded() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let ada = enrol_as(&deployment, "ada", "lpn");
        let bob = deployment.enrol("bob");
        let node = deployment.node();
        let matrices = with_nurses(&deployment, &node);
        let signed_in = sign_in(&node, "ada");
        let operator = samples::operator();
        let in_use = matrices.activate(2, &operator);
        assert!(matches!(in_use, Err(MatrixError::RolesInUse(_))), "{in_use:?}");
        let next = matrices.validate(&matrices.version(2).unwrap().unwrap().text).unwrap();
        let (beyond, number) = matrices.accounts_beyond(&next, 10).unwrap();
        assert_eq!((beyond.len(), number), (1, 1));

        let all = moves(&[("lpn", "nurse"), ("rn", "nurse")]);
        assert_eq!(matrices.activate_moving(2, &all, &operator).unwrap(), 1);
        assert_eq!(node.matrix.load().version, 2);
        let tokens = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        assert_eq!(tokens.account.role, role("nurse"), "the session stays");
        let event = only_recorded(&deployment, EventKind::RoleChanged);
        assert_eq!(parties(&event), ("operator".to_owned(), Some(ada.id)));
        let details = event.details.unwrap();
        assert!(details.contains(r#""before":"lpn","after":"nurse""#), "{details}");
        let kept = node.account_changes.read(&operator, bob.id).unwrap().unwrap();
        assert_eq!(kept.role, role("msa"));
    });
}

#[test]
fn a_move_that_makes_no_sense_is_refused_before_anything_changes() {
    let deployment = Deployment::new();
    let ada = enrol_as(&deployment, "ada", "lpn");
    let node = deployment.node();
    let matrices = with_nurses(&deployment, &node);
    let operator = samples::operator();
    for (pairs, expected) in [
        (&[("msa", "nurse")][..], InvalidMove::Kept(role("msa"))),
        (&[("lpn", "rn")], InvalidMove::Unknown(role("rn"))),
        (&[("lpn", "nurse"), ("lpn", "msa")], InvalidMove::Twice(role("lpn"))),
    ] {
        match matrices.activate_moving(2, &moves(pairs), &operator) {
            Err(MatrixError::InvalidMove(refused)) => assert_eq!(refused, expected),
            other => panic!("{pairs:?}: {other:?}"),
        }
    }
    assert_eq!(node.matrix.load().version, 1);
    let kept = node.account_changes.read(&operator, ada.id).unwrap().unwrap();
    assert_eq!(kept.role, role("lpn"));
    assert_eq!(deployment.outcomes("role_changed"), [""; 0]);
}

#[test]
fn of_activations_with_moves_at_once_the_accounts_are_moved_once() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        for name in ["ada", "bob", "carl"] {
            enrol_as(&deployment, name, "lpn");
        }
        let node = deployment.node();
        let matrices = with_nurses(&deployment, &node);
        let pairs = moves(&[("lpn", "nurse")]);
        let moved =
            at_once(4, |_| match matrices.activate_moving(2, &pairs, &samples::operator()) {
                Ok(moved) => moved,
                Err(MatrixError::Superseded) => 0,
                Err(error) => panic!("{error}"),
            });
        assert_eq!(moved.iter().sum::<usize>(), 3, "{moved:?}");
        assert_eq!(deployment.outcomes("role_changed"), ["success 3"]);
        assert_eq!(deployment.count("accounts WHERE role = 'nurse'"), 3);
    });
}
