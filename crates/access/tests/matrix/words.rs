//! Tests of the words of a matrix.

use std::collections::BTreeSet;

use portcullis_access::{Matrix, Word};

mod of_default {
    portcullis_access::access_words!("../../config/access_matrix.toml");
}

use of_default::{Action, MATRIX, Resource, Role, actions, resources, roles};

#[test]
fn the_types_have_the_words_of_the_file_in_its_order() {
    let matrix = Matrix::parse(MATRIX).unwrap();
    assert!(matrix.roles().eq(Role::ALL.map(Role::as_str)));
    assert!(matrix.resources().eq(Resource::ALL.map(Resource::as_str)));
    assert!(matrix.actions().eq(Action::ALL.map(Action::as_str)));
}

#[test]
fn words_are_parsed_and_printed() {
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
    }
    assert_eq!("swap_request".parse(), Ok(Resource::SwapRequest));
    assert_eq!("Read".parse::<Action>(), Err("the access matrix has no such action"));
    let sorted: BTreeSet<_> = Resource::ALL.into_iter().collect();
    assert_eq!(sorted.len(), 20);
}

#[test]
fn each_word_has_a_type_for_guards() {
    fn require<R: Word, A: Word>() -> String {
        format!("{} {}", A::WORD, R::WORD)
    }
    assert_eq!(require::<resources::AuditLog, actions::Export>(), "export audit_log");
    assert_eq!(roles::ClinicalStaff::WORD, "clinical_staff");
}
