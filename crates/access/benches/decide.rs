//! What a decision costs, with the default matrix and with 10,000 roles on 1,000 resources.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin should stop at once")]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_access::replay::{LoggedDecision, Replay};
use portcullis_access::{ActionId, DecisionContext, Matrix, ResourceId, RoleId};
use portcullis_domain::Timestamp;

const DEFAULT: &str = include_str!("../../../config/access_matrix.toml");

criterion_group!(benches, of_default, of_ten_thousand_roles, of_replay);
criterion_main!(benches);

fn of_default(criterion: &mut Criterion) {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    print_size("default matrix", DEFAULT, &matrix);
    let mut group = criterion.benchmark_group("default matrix");
    let context = DecisionContext::by("ann").owned_by("ben").between(&["ann", "eve"]);
    for (name, role, resource, action) in [
        ("granted", "coordinator", "schedule", "read"),
        ("granted to admin by *", "admin", "settings", "manage"),
        ("granted under two conditions", "faculty", "swap_request", "approve"),
        ("denied by a condition", "faculty", "absence", "update"),
        ("denied for want of a grant", "msa", "settings", "update"),
    ] {
        let ids = ids(&matrix, role, resource, action);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (role, resource, action) = black_box(ids);
                matrix.decide(role, resource, action, black_box(&context))
            });
        });
        group.bench_function(format!("{name}, by words"), |bencher| {
            bencher.iter(|| {
                matrix.decide_words(
                    black_box(role),
                    black_box(resource),
                    black_box(action),
                    black_box(&context),
                )
            });
        });
        let decision = matrix.decide_words(role, resource, action, &context);
        group.bench_function(format!("{name}, explained"), |bencher| {
            bencher.iter(|| matrix.explain(black_box(&decision)).to_string());
        });
    }
    let questions = questions(&matrix);
    group.bench_function("every cell in turn", |bencher| {
        let mut next = questions.iter().cycle();
        bencher
            .iter(|| next.next().map(|(r, s, a)| matrix.decide(*r, *s, *a, black_box(&context))));
    });
    group.bench_function("load", |bencher| bencher.iter(|| Matrix::parse(black_box(DEFAULT))));
    group.finish();
}

fn of_ten_thousand_roles(criterion: &mut Criterion) {
    let text = large();
    let matrix = Matrix::parse(&text).unwrap();
    print_size("10,000 roles x 1,000 resources", &text, &matrix);
    let mut group = criterion.benchmark_group("10,000 roles x 1,000 resources");
    let context = DecisionContext::by("ann").owned_by("ben").between(&["ann", "eve"]);
    let roles: Vec<_> = matrix.roles().map(|word| matrix.role(word).unwrap()).collect();
    let resources: Vec<_> = matrix.resources().map(|word| matrix.resource(word).unwrap()).collect();
    let actions: Vec<_> = matrix.actions().map(|word| matrix.action(word).unwrap()).collect();
    // Scattered, so that no cache of the processor holds what is asked for next.
    let questions: Vec<_> = (0..1_000_003_usize)
        .map(|n| {
            let n = n.wrapping_mul(2_654_435_761);
            (
                *roles.get(n % roles.len()).unwrap(),
                *resources.get((n >> 7) % resources.len()).unwrap(),
                *actions.get((n >> 3) % actions.len()).unwrap(),
            )
        })
        .collect();
    group.bench_function("anything", |bencher| {
        let mut next = questions.iter().cycle();
        bencher
            .iter(|| next.next().map(|(r, s, a)| matrix.decide(*r, *s, *a, black_box(&context))));
    });
    let held: Vec<_> = questions
        .iter()
        .copied()
        .filter(|(role, resource, action)| !matrix.access(*role, *resource, *action).is_never())
        .collect();
    group.bench_function("what a grant is about", |bencher| {
        let mut next = held.iter().cycle();
        bencher
            .iter(|| next.next().map(|(r, s, a)| matrix.decide(*r, *s, *a, black_box(&context))));
    });
    group.sample_size(10);
    group.bench_function("load", |bencher| bencher.iter(|| Matrix::parse(black_box(&text))));
    group.finish();
}

fn of_replay(criterion: &mut Criterion) {
    let matrix = Matrix::parse(DEFAULT).unwrap();
    let words: Vec<_> = matrix
        .roles()
        .flat_map(|role| matrix.resources().map(move |resource| (role, resource)))
        .flat_map(|(role, resource)| matrix.actions().map(move |action| (role, resource, action)))
        .collect();
    criterion.bench_function("replay of 1,760 decisions, a seventh of them changed", |bencher| {
        bencher.iter(|| {
            let mut replay = Replay::new(&matrix);
            for (number, (role, resource, action)) in words.iter().enumerate() {
                let context = DecisionContext::by("ann").owned_by("ben");
                let allowed = matrix.decide_words(role, resource, action, &context).is_allowed();
                replay.push(&LoggedDecision {
                    at: Timestamp::from_seconds(1_800_000_000),
                    role,
                    resource,
                    action,
                    subject: context.subject,
                    owner: context.owner,
                    parties: None,
                    attributes: None,
                    allowed: allowed != (number % 7 == 0),
                });
            }
            replay.finish()
        });
    });
}

/// A tree of roles, ten juniors each, with grants scattered over the resources.
fn large() -> String {
    let resources: Vec<_> = (0..1_000).map(|n| format!("resource_{n}")).collect();
    let mut text = format!(
        "self_registration_role = \"role_9999\"\nresources = {resources:?}\n\
         actions = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"approve\", \
         \"reject\", \"execute\", \"export\", \"import\", \"manage\"]\n"
    );
    for role in 0..10_000 {
        let juniors: Vec<_> = (10 * role + 1..=10 * role + 10)
            .filter(|junior| *junior < 10_000)
            .map(|junior| format!("role_{junior}"))
            .collect();
        let on = |n: usize| format!("resource_{}", (role * 31 + n * 97) % 1_000);
        writeln!(text, "[roles.role_{role}]\njuniors = {juniors:?}\ngrants = [").unwrap();
        let (a, b, c, d) = (on(1), on(2), on(3), on(4));
        writeln!(text, "{{ resources = [{a:?}, {b:?}], actions = [\"read\", \"list\"] }},")
            .unwrap();
        writeln!(text, "{{ resources = [{c:?}], actions = [\"manage\"] }},").unwrap();
        writeln!(
            text,
            "{{ resources = [{d:?}], actions = [\"approve\"], when = [\"not_own\"] }},]"
        )
        .unwrap();
    }
    text
}

fn questions(matrix: &Matrix) -> Vec<(RoleId, ResourceId, ActionId)> {
    let mut questions = Vec::new();
    for role in matrix.roles() {
        for resource in matrix.resources() {
            questions.extend(matrix.actions().map(|action| ids(matrix, role, resource, action)));
        }
    }
    questions
}

fn ids(
    matrix: &Matrix,
    role: &str,
    resource: &str,
    action: &str,
) -> (RoleId, ResourceId, ActionId) {
    let role = matrix.role(role).unwrap();
    (role, matrix.resource(resource).unwrap(), matrix.action(action).unwrap())
}

#[expect(clippy::print_stdout, reason = "the report of a benchmark")]
fn print_size(name: &str, text: &str, matrix: &Matrix) {
    let (file, heap) = (text.len() / 1024, matrix.heap_bytes() / 1024);
    println!("{name}: file of {file} KiB, {heap} KiB compiled");
}
