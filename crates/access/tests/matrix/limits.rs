//! Tests of the size limits of a matrix.

use std::fmt::Write;

use portcullis_access::{DecisionContext, FaultCode, Matrix};

#[test]
fn more_than_four_mebibytes_are_refused_unread() {
    let comment = "#".repeat(4 * 1024 * 1024 - crate::DEFAULT.len());
    let fits = format!("{}{comment}", crate::DEFAULT);
    assert!(Matrix::parse(&fits).is_ok());
    assert_eq!(code(&format!("{fits}#")), FaultCode::TooLarge);
}

#[test]
fn a_matrix_has_at_most_128_actions() {
    let with = |count: usize| {
        let actions: Vec<_> = (0..count).map(|n| format!("a{n}")).collect();
        format!(
            "self_registration_role = 'r'\nresources = ['x']\nactions = {actions:?}\n[roles.r]\n\
             grants = [{{ resources = ['x'], actions = ['*'] }}]"
        )
    };
    let matrix = Matrix::parse(&with(128)).unwrap();
    let decide = |action: &str| matrix.decide_words("r", "x", action, &DecisionContext::by("ann"));
    assert!(decide("a0").is_allowed() && decide("a127").is_allowed());
    assert_eq!(code(&with(129)), FaultCode::TooLarge);
}

#[test]
fn a_matrix_has_at_most_65_534_resources_and_roles() {
    let resources = |count: usize| {
        let words: Vec<_> = (0..count).map(|n| format!("r{n}")).collect();
        format!(
            "self_registration_role = 'r'\nresources = {words:?}\nactions = ['a']\n[roles.r]\n\
             grants = [{{ resources = ['*'], actions = ['*'] }}]"
        )
    };
    let matrix = Matrix::parse(&resources(65_534)).unwrap();
    assert!(matrix.decide_words("r", "r65533", "a", &DecisionContext::by("ann")).is_allowed());
    assert_eq!(code(&resources(65_535)), FaultCode::TooLarge);

    let roles = |count: usize| {
        let mut text = "self_registration_role = 'r0'\nresources = ['x']\nactions = ['a']\n\
                        [roles.r0]\ngrants = [{ resources = ['*'], actions = ['*'] }]\n"
            .to_owned();
        for number in 1..count {
            writeln!(text, "[roles.r{number}]\njuniors=['r0']").unwrap();
        }
        text
    };
    let matrix = Matrix::parse(&roles(65_534)).unwrap();
    assert!(matrix.decide_words("r65533", "x", "a", &DecisionContext::by("ann")).is_allowed());
    assert_eq!(code(&roles(65_535)), FaultCode::TooLarge);
}

#[test]
fn a_matrix_that_expands_beyond_the_limit_is_refused() {
    let actions: Vec<_> = (0..128).map(|n| format!("a{n}")).collect();
    let chain = |length: usize| {
        let mut text = format!(
            "self_registration_role = 'r0'\nresources = ['x']\nactions = {actions:?}\n\
             [roles.r0]\ngrants = [{{ resources = ['x'], actions = ['a0'] }}]\n"
        );
        for number in 1..length {
            let (junior, action) = (number - 1, number % 128);
            writeln!(
                text,
                "[roles.r{number}]\njuniors=['r{junior}']\n\
                 grants=[{{resources=['x'],actions=['a{action}'],when=['own']}}]"
            )
            .unwrap();
        }
        text
    };
    assert!(Matrix::parse(&chain(100)).is_ok());
    let faults = Matrix::parse(&chain(800)).unwrap_err();
    assert_eq!(faults.faults()[0].code, FaultCode::TooLarge);
    assert!(faults.to_string().contains("fewer levels"), "{faults}");
}

#[test]
fn a_star_costs_a_row_however_many_resources_there_are() {
    let with = |count: usize| {
        let words: Vec<_> = (0..count).map(|n| format!("w{n:04}")).collect();
        let text = format!(
            "self_registration_role = 'r'\nresources = {words:?}\nactions = ['a', 'b']\n[roles.r]\n\
             grants = [{{ resources = ['*'], actions = ['a'] }},\
             {{ resources = ['w0000'], actions = ['b'] }}]"
        );
        Matrix::parse(&text).unwrap()
    };
    let (few, many) = (with(10), with(1_000));
    let names = |matrix: &Matrix| matrix.resources().map(str::len).sum::<usize>() * 20;
    assert!(many.heap_bytes() - few.heap_bytes() < names(&many), "{}", many.heap_bytes());
    for (resource, action, allowed) in
        [("w0000", "a", true), ("w0999", "a", true), ("w0000", "b", true), ("w0999", "b", false)]
    {
        let decision = many.decide_words("r", resource, action, &DecisionContext::by("ann"));
        assert_eq!(decision.is_allowed(), allowed, "{resource} {action}");
    }
}

/// The figure decides nothing, but benchmarks print it: whatever part of the compiled form is left out
/// of it, or counted with another weight, shows here. It changes with the layout of the form.
#[test]
fn the_memory_of_a_matrix_is_counted_part_by_part() {
    let listed = Matrix::parse(crate::DEFAULT).unwrap();
    let any = Matrix::parse(&crate::small(
        "[roles.senior]\njuniors = ['junior']\n\
         grants = [{ resources = ['*'], actions = ['approve'] }]\n\
         [roles.junior]\ngrants = [{ resources = ['door'], actions = ['read'], when = ['own'] }]",
    ))
    .unwrap();
    assert_eq!([listed.heap_bytes(), any.heap_bytes()], [10_316, 1_765]);
}

#[test]
fn a_ring_is_named_by_at_most_twenty_of_its_roles() {
    let ring = |length: usize| {
        let mut text = "self_registration_role='r0'\nresources=['x']\nactions=['a']\n".to_owned();
        for number in 0..length {
            let junior = (number + 1) % length;
            let grants = "grants=[{resources=['x'],actions=['a']}]";
            writeln!(text, "[roles.r{number}]\njuniors=['r{junior}']\n{grants}").unwrap();
        }
        Matrix::parse(&text).unwrap_err().faults()[0].message.clone()
    };
    assert!(!ring(19).ends_with("> …"), "{}", ring(19));
    for length in [20, 21] {
        assert!(ring(length).ends_with("> …"), "{}", ring(length));
        assert_eq!(ring(length).matches(" > ").count(), 20);
    }
}

#[test]
fn a_matrix_is_shared_not_copied_and_prints_its_size_only() {
    let matrix = Matrix::parse(crate::DEFAULT).unwrap();
    let printed = format!("{:?}", matrix.clone());
    assert_eq!(printed, "Matrix { roles: 8, resources: 20, actions: 11, grants: 33 }");
    assert_shareable(&matrix);
}

fn code(text: &str) -> FaultCode {
    Matrix::parse(text).unwrap_err().faults()[0].code
}

fn assert_shareable<T: Send + Sync + Clone + 'static>(_: &T) {}
