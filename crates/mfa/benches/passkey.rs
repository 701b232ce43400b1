//! What it costs to verify an assertion, from the JSON on, for each algorithm, beside the check of a TOTP
//! code: `cargo bench -p portcullis-mfa --features passkey`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark that cannot begin should stop at once"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_domain::{ExposeSecret, SystemRandom, Timestamp};
use portcullis_mfa::TotpSeed;
use portcullis_mfa::passkey::{
    AssertionResponse, Challenge, PasskeyUser, PublicKey, RegistrationResponse, RelyingParty,
    StoredPasskey, UserVerification,
};

use self::authenticator::{SoftAlgorithm, SoftAuthenticator};

#[path = "../../testkit/src/authenticator.rs"]
#[expect(dead_code, unreachable_pub, reason = "a part of another crate")]
mod authenticator;

criterion_group!(benches, assertions, registration, code);
criterion_main!(benches);

const ORIGIN: &str = "https://auth.example.org";
const USER: PasskeyUser<'static> =
    PasskeyUser { handle: b"account of ada", name: "ada", display_name: "Ada L." };

fn assertions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assertion");
    for algorithm in [SoftAlgorithm::EdDsa, SoftAlgorithm::Es256, SoftAlgorithm::Rs256] {
        let party = party();
        let challenge = Challenge::generate(&SystemRandom);
        let mut authenticator = SoftAuthenticator::new(algorithm);
        let registration = registered(&party, &challenge, &mut authenticator);
        let passkey = RegistrationResponse::parse(&serde_json::from_str(&registration).unwrap());
        let passkey = party.verify_registration(&challenge, &passkey.unwrap()).unwrap();
        let key = passkey.public_key.to_bytes();
        let options = party.request_options(&challenge, &[], UserVerification::Required);
        let options = serde_json::to_value(options).unwrap();
        let json = authenticator.get(&options, ORIGIN).to_string();
        group.bench_function(format!("{algorithm:?}"), |bencher| {
            bencher.iter(|| {
                let stored = StoredPasskey {
                    id: passkey.id.clone(),
                    public_key: PublicKey::from_bytes(black_box(&key)).unwrap(),
                    counter: 0,
                    is_backup_eligible: true,
                    user_handle: USER.handle.to_vec(),
                };
                let response: AssertionResponse = serde_json::from_str(black_box(&json)).unwrap();
                party.verify_assertion(&challenge, &stored, &response).unwrap()
            });
        });
    }
}

fn registration(criterion: &mut Criterion) {
    let (party, challenge) = (party(), Challenge::generate(&SystemRandom));
    let json = registered(&party, &challenge, &mut SoftAuthenticator::new(SoftAlgorithm::Es256));
    criterion.bench_function("registration/Es256", |bencher| {
        bencher.iter(|| {
            let response: RegistrationResponse = serde_json::from_str(black_box(&json)).unwrap();
            party.verify_registration(&challenge, &response).unwrap()
        });
    });
}

/// A right code in the last step of the window.
fn code(criterion: &mut Criterion) {
    let seed = TotpSeed::from_bytes([7; 20]);
    let now = Timestamp::from_seconds(1_800_000_005);
    let code = seed.code_at(Timestamp::from_seconds(1_800_000_035));
    criterion.bench_function("code/Totp", |bencher| {
        bencher.iter(|| seed.verify(black_box(code.expose_secret()), now, None).unwrap());
    });
}

fn party() -> RelyingParty {
    RelyingParty::of_origin(ORIGIN, "Example").unwrap()
}

fn registered(
    party: &RelyingParty,
    challenge: &Challenge,
    authenticator: &mut SoftAuthenticator,
) -> String {
    let options = party.creation_options(challenge, &USER, &[]);
    authenticator.create(&serde_json::to_value(options).unwrap(), ORIGIN).to_string()
}
