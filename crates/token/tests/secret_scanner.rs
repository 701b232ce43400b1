//! The rule for a secret scanner in `docs/api-keys.md`, evaluated as gitleaks does: a line with a keyword, the
//! expression, and a Shannon entropy above the threshold.
//!
//! The syntax of expressions, RE2, is that of the crate `regex` as far as the rule uses it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::HashMap;

use portcullis_domain::{ApiKeyId, SystemRandom, Timestamp};
use portcullis_token::ApiKey;
use regex::Regex;
use toml::{Table, Value};

const DOCUMENT: &str = include_str!("../../../docs/api-keys.md");

/// A rule of the scanner.
struct Rule {
    keywords: Vec<String>,
    regex: Regex,
    entropy: f64,
}

impl Rule {
    /// The rule of the only TOML block of the document.
    fn documented() -> Self {
        let (_, block) = DOCUMENT.split_once("```toml,part\n").unwrap();
        let (block, rest) = block.split_once("```").unwrap();
        assert!(!rest.contains("```toml"));
        let file: Table = block.parse().unwrap();
        let rules = file["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 1);
        let rule = rules[0].as_table().unwrap();
        let known = ["description", "entropy", "id", "keywords", "regex"];
        assert!(rule.keys().map(String::as_str).eq(known), "fields of the scanner: {rule:?}");
        let keywords = rule["keywords"].as_array().unwrap();
        Self {
            keywords: keywords.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
            regex: Regex::new(rule["regex"].as_str().unwrap()).unwrap(),
            entropy: rule.get("entropy").and_then(Value::as_float).unwrap(),
        }
    }

    /// The published rule for keys of any kind, by its mechanism: a name that says it is secret, an assignment,
    /// and a value of 10 to 150 characters with a digit.
    fn generic() -> Self {
        let words = "access auth api credential creds key passwd password secret token";
        let name = format!(r"(?i)(?:{})[\w.-]{{0,20}}", words.replace(' ', "|"));
        let assignment = r#"["'\s]{0,3}(?:=>|:=|=|:)["'\s]{0,5}"#;
        let value = r#"([\w.=-]{10,150})(?:["'\s;,]|$)"#;
        Self {
            keywords: words.split(' ').map(str::to_owned).collect(),
            regex: Regex::new(&format!("{name}{assignment}{value}")).unwrap(),
            entropy: 3.5,
        }
    }

    /// The secrets that the scanner reports for a text.
    fn find<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let lower = text.to_lowercase();
        if !self.keywords.iter().any(|word| lower.contains(&word.to_lowercase())) {
            return Vec::new();
        }
        let found = self.regex.captures_iter(text).map(|found| found.get(1).unwrap().as_str());
        found.filter(|secret| entropy(secret) > self.entropy).collect()
    }
}

/// Bits of each character.
fn entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, u32> = HashMap::new();
    text.chars().for_each(|character| *counts.entry(character).or_default() += 1);
    let length = f64::from(u32::try_from(text.len()).unwrap());
    let shares = counts.values().map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn keys() -> impl Iterator<Item = ApiKey> {
    (0..1_000).map(|number| {
        let created = Timestamp::from_seconds(1_800_000_000 + number * 86_400);
        ApiKey::generate(ApiKeyId::generate(created, &SystemRandom), &SystemRandom)
    })
}

#[test]
fn the_documented_rule_finds_a_thousand_keys_in_the_files_that_they_leak_in() {
    let rule = Rule::documented();
    for key in keys() {
        let key = key.expose();
        for line in [
            format!("PORTCULLIS_API_KEY={key}"),
            format!("export KEY='{key}'; run"),
            format!(r#"{{"key":"{key}","days":30}}"#),
            format!("  key: {key}\n  next: 1"),
            format!("const KEY: &str = \"{key}\";"),
            format!("curl -H 'Authorization: Bearer {key}' https://auth.example.org"),
            format!("authorization: bearer {key}\r\n"),
            format!("the key {key}, of the report"),
            format!("<key>{key}</key>"),
            key.to_owned(),
        ] {
            assert_eq!(rule.find(&line), [key], "{line}");
        }
        let two = format!("{key} {key}");
        assert_eq!(rule.find(&two).len(), 2);
    }
}

#[test]
fn the_documented_rule_finds_nothing_else() {
    let rule = Rule::documented();
    let key = keys().next().unwrap();
    let (id, secret) = (&key.expose()[3..25], &key.expose()[26..]);
    let stripe = "51HqJ2kLmN8pQrStUvWxYz0aBcDeFgHiJkLmNoPq";
    for text in [
        "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e11".to_owned(),
        format!("pk_test_{stripe}"),
        format!("pk_live_{stripe}{stripe}"),
        format!("sk_live_{stripe}"),
        format!("{id}_{secret}"),
        format!("sk_{id}_{secret}"),
        format!("PK_{id}_{secret}"),
        format!("apk_{id}_{secret}"),
        format!("pk_{id}{secret}"),
        format!("pk_{id}-{secret}"),
        format!("pk_{}_{secret}", &id[1..]),
        format!("pk_{id}0_{secret}"),
        format!("pk_{id}_{}", &secret[1..]),
        format!("pk_{id}_{secret}0"),
        format!("pk_{id}_{secret}_"),
        format!("pk_{id}_{}/+", &secret[2..]),
        "cGtfMDJ3bmRBQUhCQzk1ZjRBbDhyTkZsQl96enp6enp6enp6enp6enp6eg==".to_owned(),
        // A placeholder in documentation has no entropy.
        format!("pk_{}_{}", "x".repeat(22), "x".repeat(36)),
        format!("pk_{}_{}", "0123456789ABCDEFGHIJKL", "x".repeat(36)),
        ApiKey::PATTERN.to_owned(),
    ] {
        assert_eq!(rule.find(&text), [""; 0], "{text}");
    }
}

#[test]
fn the_rule_is_the_pattern_of_the_code_and_every_key_is_far_above_its_threshold() {
    let rule = Rule::documented();
    let grouped = ApiKey::PATTERN.replacen(r"\b", r"\b(", 1);
    let (start, end) = grouped.rsplit_once(r"\b").unwrap();
    assert_eq!((rule.regex.as_str(), end), (format!(r"{start})\b").as_str(), ""));
    assert!(DOCUMENT.contains(ApiKey::PATTERN));
    assert_eq!(rule.keywords, [ApiKey::PREFIX]);
    let lowest = keys().map(|key| entropy(key.expose())).fold(f64::MAX, f64::min);
    assert!(lowest > rule.entropy + 0.3, "{lowest}");
}

#[test]
fn the_generic_rule_of_the_scanner_finds_a_key_that_is_assigned_and_no_other() {
    let rule = Rule::generic();
    for key in keys() {
        let key = key.expose();
        for line in [
            format!("PORTCULLIS_API_KEY={key}"),
            format!(r#""api_key": "{key}","#),
            format!("token: '{key}'"),
            format!("const API_KEY = \"{key}\";"),
        ] {
            assert_eq!(rule.find(&line), [key], "{line}");
        }
        for line in [key.to_owned(), format!("Authorization: Bearer {key}")] {
            assert!(!rule.find(&line).contains(&key), "{line}");
        }
    }
}
