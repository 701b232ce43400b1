//! What it costs to check an access token, beside the bare signature check of jsonwebtoken, and to
//! ask a revocation set with a million live entries.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot begin should stop at once")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use portcullis_domain::{
    AccountId, AccountKind, AssuranceLevel, ExposeSecret, Role, SecretString, SessionId,
    SystemRandom, Timestamp, TokenId,
};
use portcullis_token::{
    AccessClaims, AccessKeys, AuthenticationMethod, KeyPair, KeyPairAlgorithm, KeySet, Lifetimes,
    Purpose, Revocation, RevocationEntry, RevocationSet, SecretKey, TokenAuthority, TokenSettings,
    Verifier, VerifyingKey,
};

criterion_group!(benches, of_tokens, of_look_ups, of_changes);
criterion_main!(benches);

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFETIME: Duration = Duration::from_secs(1_800);
const LIVE: usize = 1_000_000;

/// How many tokens take turns, so that no question finds its answer in the processor's cache because
/// it was asked a moment ago.
const TOKENS: usize = 16_384;

/// How many of them come again and again where signatures are remembered: few enough for nearly each to
/// have a place of its own.
const REPEATED: usize = 1_024;

fn of_tokens(criterion: &mut Criterion) {
    let secret = secret();
    let authority = authority(&secret);
    let set = filled();
    print_size(&set);
    let mut group = criterion.benchmark_group("access token");
    let key = secret.derive(Purpose::AccessToken);
    compare(
        &mut group,
        "HS256",
        &authority,
        &set,
        &DecodingKey::from_secret(&key),
        KeySet::default(),
    );
    for algorithm in [KeyPairAlgorithm::EdDsa, KeyPairAlgorithm::Es256] {
        let pair = KeyPair::generate(algorithm, &SystemRandom);
        let public = pair.public();
        authority.use_access_keys(AccessKeys { signing: Some(pair), ..AccessKeys::default() });
        let key = match algorithm {
            KeyPairAlgorithm::EdDsa => DecodingKey::from_ed_der(public.as_bytes()),
            KeyPairAlgorithm::Es256 => DecodingKey::from_ec_der(public.as_bytes()),
            other => panic!("{other} needs a decoding key of its own"),
        };
        let keys = VerifyingKey::from(&public).into();
        compare(&mut group, algorithm.name(), &authority, &set, &key, keys);
    }
}

/// The bare check looks at the signature and at nothing else: no claim is decoded.
fn compare(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    authority: &TokenAuthority,
    set: &RevocationSet,
    key: &DecodingKey,
    keys: KeySet,
) {
    let algorithm: Algorithm = name.parse().unwrap();
    let tokens: Vec<SecretString> = (0..TOKENS).map(|_| authority.sign_access(&claims())).collect();
    group.bench_function(format!("{name}, bare signature check of jsonwebtoken"), |bencher| {
        let mut next = tokens.iter().cycle();
        bencher.iter(|| {
            let token = black_box(next.next().unwrap().expose_secret());
            let (message, signature) = token.rsplit_once('.').unwrap();
            assert!(crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap());
        });
    });
    group.bench_function(format!("{name}, signature, claims and revocation"), |bencher| {
        let mut next = tokens.iter().cycle();
        bencher.iter(|| {
            let token = black_box(next.next().unwrap().expose_secret());
            let claims = authority.verify_access(token, NOW).unwrap();
            assert!(!set.is_revoked(&claims));
            claims
        });
    });
    if algorithm == Algorithm::HS256 {
        // The layout reader leaves tokens with this claim to the JSON parser: the difference to the
        // measurement above is what the reader saves.
        let tokens: Vec<SecretString> = (0..TOKENS)
            .map(|_| {
                authority.sign_access(&AccessClaims { password_must_change: true, ..claims() })
            })
            .collect();
        group.bench_function(format!("{name}, the same, claims by the JSON parser"), |bencher| {
            let mut next = tokens.iter().cycle();
            bencher.iter(|| {
                let token = black_box(next.next().unwrap().expose_secret());
                let claims = authority.verify_access(token, NOW).unwrap();
                assert!(!set.is_revoked(&claims));
                claims
            });
        });
    }
    let (issuer, audience) = (authority.issuer(), authority.audience());
    let verifier = Verifier::<AccessClaims>::new(keys, issuer, audience, LIFETIME);
    let verifier = verifier.remembering(TOKENS);
    group.bench_function(format!("{name}, the same, seen before"), |bencher| {
        let mut next = tokens.iter().take(REPEATED).cycle();
        bencher.iter(|| {
            let token = black_box(next.next().unwrap().expose_secret());
            let claims = verifier.verify(token, NOW).unwrap();
            assert!(!set.is_revoked(&claims));
            claims
        });
    });
    group.bench_function(format!("{name}, signing"), |bencher| {
        let claims = claims();
        bencher.iter(|| authority.sign_access(black_box(&claims)));
    });
}

fn of_look_ups(criterion: &mut Criterion) {
    let entries = entries(LIVE);
    let set = RevocationSet::new();
    set.revoke_all(entries.iter().copied());
    let alive: Vec<AccessClaims> = (0..TOKENS).map(|_| claims()).collect();
    // Every 61st, so that their sessions lie far apart in memory.
    let revoked: Vec<AccessClaims> = entries
        .iter()
        .step_by(61)
        .map(|entry| match entry.revocation {
            Revocation::Session(session) => AccessClaims { session, ..claims() },
            Revocation::Token(token) => AccessClaims { token, ..claims() },
            Revocation::Subject { account, .. } => AccessClaims { subject: account, ..claims() },
        })
        .collect();
    let mut group = criterion.benchmark_group("a million live revocations");
    group.bench_function("of a token that is alive", |bencher| {
        let mut next = alive.iter().cycle();
        bencher.iter(|| set.is_revoked(black_box(next.next().unwrap())));
    });
    group.bench_function("of a token that is revoked", |bencher| {
        let mut next = revoked.iter().cycle();
        bencher.iter(|| set.is_revoked(black_box(next.next().unwrap())));
    });
    group.bench_function("of a token that is alive, beside a thread that revokes", |bencher| {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    for entry in entries.iter().take(100_000) {
                        set.revoke(*entry);
                    }
                }
            });
            let mut next = alive.iter().cycle();
            bencher.iter(|| set.is_revoked(black_box(next.next().unwrap())));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    });
}

fn of_changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("changes to a million revocations");
    group.sample_size(10);
    let set = filled();
    group.bench_function("one more", |bencher| {
        bencher.iter_batched(
            || entries(1),
            |entries| set.revoke_all(entries),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("cleaning of all shards, nothing to forget", |bencher| {
        bencher.iter(|| set.forget_before(black_box(NOW)));
    });
    group.bench_function("cleaning of all shards, everything to forget", |bencher| {
        let entries = entries(LIVE);
        bencher.iter_batched(
            || {
                let set = RevocationSet::new();
                set.revoke_all(entries.iter().copied());
                set
            },
            |set| {
                set.forget_before(NOW + 2 * LIFETIME);
                set
            },
            BatchSize::PerIteration,
        );
    });
}

fn filled() -> RevocationSet {
    let set = RevocationSet::new();
    set.revoke_all(entries(LIVE));
    set
}

/// Equal shares of the three kinds.
fn entries(count: usize) -> Vec<RevocationEntry> {
    let until = NOW + LIFETIME;
    (0..count)
        .map(|number| {
            let revocation = match number % 3 {
                0 => Revocation::Session(SessionId::generate(NOW, &SystemRandom)),
                1 => Revocation::Token(TokenId::generate(NOW, &SystemRandom)),
                _ => Revocation::Subject {
                    account: AccountId::generate(NOW, &SystemRandom),
                    issued_before: NOW + Duration::from_secs(1),
                },
            };
            RevocationEntry { revocation, until }
        })
        .collect()
}

fn claims() -> AccessClaims {
    AccessClaims {
        subject: AccountId::generate(NOW, &SystemRandom),
        session: SessionId::generate(NOW, &SystemRandom),
        token: TokenId::generate(NOW, &SystemRandom),
        issued_at: NOW,
        expires_at: NOW + LIFETIME,
        role: Role::parse("clinical_staff").unwrap(),
        kind: AccountKind::User,
        assurance: AssuranceLevel::Aal1,
        authentication_methods: vec![AuthenticationMethod::Password],
        authenticated_at: NOW,
        password_must_change: false,
        factor_required: false,
        networks: None,
    }
}

fn secret() -> SecretKey {
    SecretKey::parse(&SecretString::from("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU")).unwrap()
}

fn authority(secret: &SecretKey) -> TokenAuthority {
    TokenAuthority::new(
        secret,
        &TokenSettings {
            issuer: "https://auth.example.org".to_owned(),
            audience: "example-api".to_owned(),
            lifetimes: Lifetimes {
                access: LIFETIME,
                refresh: Duration::from_secs(7 * 86_400),
                device: Duration::from_secs(180 * 86_400),
            },
        },
    )
}

#[expect(clippy::print_stdout, reason = "the report of a benchmark")]
fn print_size(set: &RevocationSet) {
    let (bytes, empty) = (set.heap_bytes(), RevocationSet::new().heap_bytes());
    println!(
        "{} revocations: {} KiB, {} bytes for each, besides {} KiB that an empty set takes",
        set.len(),
        bytes / 1024,
        (bytes - empty) / set.len(),
        empty / 1024,
    );
}
