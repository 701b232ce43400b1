//! Published test vectors, through the public API where it can express them.
#![expect(clippy::unwrap_used, reason = "a damaged vector file fails its test")]

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use portcullis_domain::SystemRandom;
use portcullis_password::{
    Argon2Params, Context, Hasher, Password, PasswordHash, Policy, Scratch, VerificationResult,
    Violation,
};
#[cfg(feature = "breach")]
use portcullis_password::{BreachDigest, MalformedRange};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct File<T> {
    cases: Vec<T>,
}

fn cases<T: DeserializeOwned>(json: &str) -> Vec<T> {
    serde_json::from_str::<File<T>>(json).unwrap().cases
}

fn hasher() -> Hasher {
    Hasher::new(Argon2Params::default(), &SystemRandom)
}

#[derive(Deserialize)]
struct Argon2Case {
    id: String,
    password_utf8: Option<String>,
    password_hex: Option<String>,
    salt_utf8: Option<String>,
    salt_hex: Option<String>,
    #[serde(default)]
    secret_hex: String,
    #[serde(default)]
    ad_hex: String,
    m_kib: u32,
    t: u32,
    p: u32,
    len: usize,
    tag_hex: String,
    encoded: Option<String>,
}

fn argon2_cases() -> Vec<Argon2Case> {
    cases(include_str!("vectors/argon2id_kat.json"))
}

#[test]
fn every_encoded_argon2id_answer_matches_its_password_and_no_other() {
    let (hasher, mut scratch) = (hasher(), Scratch::default());
    let mut checked = 0;
    for case in argon2_cases() {
        let (Some(encoded), Some(typed)) = (&case.encoded, &case.password_utf8) else {
            continue;
        };
        let stored = PasswordHash::parse(encoded).expect(&case.id);
        let password = Password::parse(typed).unwrap();
        let (memory, work) = (case.m_kib, case.m_kib * case.t);
        let is_short = case.salt_utf8.is_some_and(|salt| salt.len() < 16);
        let is_weaker = memory < 19_456 || work < 19_456 * 2 || is_short;
        let needs_rehash = memory <= 19_456 && work <= 19_456 * 2 && is_weaker;
        assert_eq!(
            hasher.verify(&password, &stored, &mut scratch),
            VerificationResult::Match { needs_rehash },
            "{}",
            case.id
        );
        let other = Password::parse(&format!("{typed}x")).unwrap();
        let result = hasher.verify(&other, &stored, &mut scratch);
        assert_eq!(result, VerificationResult::Mismatch, "{}", case.id);
        checked += 1;
    }
    assert_eq!(checked, 13);
}

#[test]
fn every_argon2id_answer_is_computed_also_with_secret_and_data() {
    for case in argon2_cases() {
        let bytes = |text: &Option<String>, digits: &Option<String>| match (text, digits) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(digits)) => hex(digits),
            (None, None) => panic!("{} lacks an input", case.id),
        };
        let params = ParamsBuilder::new()
            .m_cost(case.m_kib)
            .t_cost(case.t)
            .p_cost(case.p)
            .data(AssociatedData::new(&hex(&case.ad_hex)).unwrap())
            .build()
            .unwrap();
        let secret = hex(&case.secret_hex);
        let argon2 =
            Argon2::new_with_secret(&secret, Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = vec![0; case.len];
        let password = bytes(&case.password_utf8, &case.password_hex);
        let salt = bytes(&case.salt_utf8, &case.salt_hex);
        argon2.hash_password_into(&password, &salt, &mut tag).unwrap();
        assert_eq!(tag, hex(&case.tag_hex), "{}", case.id);
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[derive(Deserialize)]
struct BcryptCase {
    password_utf8: String,
    hash: String,
    expect: String,
}

#[test]
fn bcrypt_answers_match_unless_wrong_cut_off_or_damaged() {
    let (hasher, mut scratch) = (hasher(), Scratch::default());
    let cases: Vec<BcryptCase> = cases(include_str!("vectors/bcrypt_kat.json"));
    assert_eq!(cases.len(), 25);
    for case in cases {
        let password = Password::parse(&case.password_utf8).unwrap();
        let result = PasswordHash::parse(&case.hash)
            .map(|stored| hasher.verify(&password, &stored, &mut scratch));
        let expected = match case.expect.as_str() {
            "match" => Ok(VerificationResult::Match { needs_rehash: true }),
            "no-match" | "match-by-truncation" => Ok(VerificationResult::Mismatch),
            "error-or-no-match-never-panic" => {
                assert!(result.is_err(), "{}", case.hash);
                continue;
            }
            unknown => panic!("what is {unknown}?"),
        };
        assert_eq!(result, expected, "{}", case.hash);
    }
}

#[derive(Deserialize)]
struct PolicyCase {
    password_utf8: String,
    expect: String,
    why: String,
}

#[test]
fn the_default_policy_accepts_and_refuses_the_samples() {
    let policy = Policy::default();
    let context = Context {
        username: "margaret.hamilton",
        email: "margaret@example.org",
        display_name: Some("Margaret Hamilton"),
    };
    let cases: Vec<PolicyCase> = cases(include_str!("vectors/password_policy_cases.json"));
    assert_eq!(cases.len(), 73);
    for case in cases {
        let typed = case.password_utf8.replace("{username}", context.username);
        let refused = Password::parse(&typed)
            .map_or(true, |password| policy.check(&password, &context).is_err());
        assert_eq!(refused, case.expect == "reject", "{typed}: {}", case.why);
    }
}

#[test]
fn a_common_word_or_a_name_is_refused_for_what_it_is_and_not_for_its_length() {
    let policy = Policy { min_length: 0, min_zxcvbn_score: 0, ..Policy::default() };
    let context = Context { username: "margaret.hamilton", email: "", display_name: None };
    let codes = |typed: &str| -> Vec<&str> {
        let refusal = policy.check(&Password::parse(typed).unwrap(), &context).unwrap_err();
        refusal.into_iter().map(Violation::code).collect()
    };
    for case in cases::<PolicyCase>(include_str!("vectors/password_policy_cases.json")) {
        if case.why.contains("common passwords") {
            assert_eq!(codes(&case.password_utf8), ["too_common"], "{}", case.password_utf8);
            let shouted = case.password_utf8.to_uppercase();
            assert_eq!(codes(&shouted), ["too_common"], "{shouted}");
        }
    }
    assert_eq!(codes("margaret.hamiltonmargaret.hamilton12"), ["contains_context"]);
}

#[cfg(feature = "breach")]
#[derive(Deserialize)]
struct RangeCase {
    password_utf8: String,
    request_path: Option<String>,
    response_body: Option<String>,
    expect: String,
}

/// The faults of the server itself are tests of `RangeService`.
#[cfg(feature = "breach")]
#[test]
fn answers_of_a_range_service_are_read_as_expected() {
    let cases: Vec<RangeCase> = cases(include_str!("vectors/hibp_range_cases.json"));
    let mut seen = 0;
    for RangeCase { password_utf8, request_path, response_body, expect } in cases {
        let digest = BreachDigest::of(&Password::parse(&password_utf8).unwrap());
        if let Some(path) = request_path {
            assert_eq!(format!("/range/{}", digest.range()), path);
        }
        let Some(body) = response_body else { continue };
        let expected = match expect.as_str() {
            "breached" => Ok(true),
            "clean" => Ok(false),
            _ => Err(MalformedRange),
        };
        assert_eq!(digest.is_listed(body.as_bytes()), expected, "{password_utf8}");
        seen += 1;
    }
    assert_eq!(seen, 7);
}
