//! Time of one decision of the default matrix: Portcullis, casbin and cedar-policy.
//!
//! Each peer has the same grants, hierarchy and conditions in its fastest form, and the same checks.
//! Preparation is not measured. Before the measurement all three must give the same answer to every check.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use portcullis_access::Matrix;
use portcullis_peers::{Casbin, Cedar, Question, grants, questions};

const MATRIX: &str = include_str!("../../../../config/access_matrix.toml");

criterion_group!(benches, decisions);
criterion_main!(benches);

fn decisions(criterion: &mut Criterion) {
    let matrix = Matrix::parse(MATRIX).unwrap();
    let grants = grants(&matrix);
    let casbin = Casbin::new(&matrix, &grants);
    let cedar = Cedar::new(&matrix, &grants);
    let questions = questions(&matrix);
    let agreed = agree(&questions, &matrix, &casbin, &cedar);
    println!("{agreed} of {} questions answered alike by all three", questions.len());
    assert_eq!(agreed, questions.len());

    let mut group = criterion.benchmark_group("one decision of the default matrix");
    // A stride that is coprime to the number of checks visits all of them, in mixed order.
    let order: Vec<_> =
        (0..questions.len()).filter_map(|n| questions.get(n * 7_919 % questions.len())).collect();
    group.bench_function("portcullis, with reason", |bencher| {
        let prepared: Vec<_> = order.iter().map(|question| question.ids(&matrix)).collect();
        let mut next = prepared.iter().cycle();
        bencher.iter(|| {
            let (role, resource, action, asked) = next.next().unwrap();
            matrix.decide(*role, *resource, *action, black_box(asked))
        });
    });
    group.bench_function("portcullis, by words, with reason", |bencher| {
        let mut next = order.iter().cycle();
        bencher.iter(|| {
            let Question { role, resource, action, asked } = next.next().unwrap();
            matrix.decide_words(role, resource, action, black_box(asked))
        });
    });
    group.bench_function("casbin", |bencher| {
        let mut next = order.iter().cycle();
        bencher.iter(|| casbin.allows(black_box(next.next().unwrap())));
    });
    group.bench_function("cedar-policy", |bencher| {
        let mut next = order.iter().cycle();
        bencher.iter_batched(
            || Cedar::request(next.next().unwrap()),
            |request| cedar.allows(&request),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn agree(questions: &[Question<'_>], matrix: &Matrix, casbin: &Casbin, cedar: &Cedar) -> usize {
    let agree = |question: &&Question<'_>| {
        let Question { role, resource, action, asked } = question;
        let allowed = matrix.decide_words(role, resource, action, asked).is_allowed();
        casbin.allows(question) == allowed && cedar.allows(&Cedar::request(question)) == allowed
    };
    questions.iter().filter(agree).count()
}
