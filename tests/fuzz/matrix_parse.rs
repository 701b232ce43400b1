//! Any text is a sound matrix or has faults; a sound one decides, explains, prints and compares.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_access::{DecisionContext, Matrix};

/// Cells of one matrix that a run looks at: time is better spent on other matrices.
const MAX_CELLS: usize = 500;

fuzz_target!(|text: &str| {
    match Matrix::parse(text) {
        Ok(matrix) => use_all_of(&matrix),
        Err(faults) => {
            assert!(!faults.faults().is_empty());
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
            assert!(faults.faults().iter().all(|fault| (1..=lines).contains(&fault.line)));
            assert!(!faults.to_string().is_empty());
        }
    }
});

fn use_all_of(matrix: &Matrix) {
    let context = DecisionContext::by("ann").owned_by("ben").between(&["ann", "ben"]);
    let cells = matrix.roles().flat_map(|role| {
        matrix
            .resources()
            .flat_map(move |resource| matrix.actions().map(move |action| (role, resource, action)))
    });
    for (role, resource, action) in cells.take(MAX_CELLS) {
        let decision = matrix.decide_words(role, resource, action, &context);
        let explanation = matrix.explain(&decision);
        assert_eq!(explanation.allowed, decision.is_allowed());
        assert_eq!(explanation.to_string().starts_with("granted"), decision.is_allowed());
        let role = matrix.role(role).expect("a role of this matrix");
        if decision.is_allowed() {
            // Whoever inherits from the role may as well.
            for senior in matrix.roles().take(20) {
                let id = matrix.role(senior).expect("a role of this matrix");
                let holds = || matrix.decide_words(senior, resource, action, &context).is_allowed();
                assert!(!matrix.includes(id, role) || holds());
            }
        }
    }
    let registered = matrix.self_registration_role();
    assert!(registered.is_none_or(|registered| matrix.roles().any(|role| role == registered)));
    assert!(matrix.diff(matrix).is_empty());
    assert_eq!(matrix.digest(), matrix.clone().digest());
    let _ = (matrix.notes(), matrix.to_csv(), matrix.to_markdown());
}
