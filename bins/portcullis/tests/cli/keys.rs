//! Tests of `keys`: rotation, retirement and lists.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::machine::{Machine, Server, within};
use portcullis_domain::{Clock, SystemClock};
use portcullis_token::{AccessClaims, SharedSecret, Verifier, VerifyingKey};

#[test]
fn keys_list_and_rotate_follow_the_life_of_a_key() {
    let machine = machine("EdDSA");
    let done = machine.run(&["keys", "list"]).exits_with(1);
    assert!(done.stderr.contains("no database yet"), "{}", done.stderr);

    let server = machine.serve();
    let first = list(&machine);
    assert_eq!(states(&first), ["signing"]);
    assert_eq!(
        (&first["algorithm"], &first["keys"][0]["algorithm"]),
        (&"EdDSA".into(), &"EdDSA".into())
    );
    assert_eq!(published(&server), kids(&first));

    let made = machine.run(&["keys", "rotate", "--json"]).exits_with(0).json();
    assert_eq!((&made["algorithm"], &made["is_configured"]), (&"EdDSA".into(), &true.into()));
    let both = list(&machine);
    assert_eq!(states(&both), ["signing", "announced"]);
    assert_eq!(both["keys"][1]["kid"], made["kid"]);
    within(Duration::from_secs(10), || published(&server) == kids(&both));
    let text = machine.run(&["keys", "list"]).exits_with(0).stdout;
    assert!(text.starts_with("kid ") && text.contains("  announced  "), "{text}");
    assert!(text.ends_with("Access tokens are signed with EdDSA.\n"), "{text}");
}

#[test]
fn a_key_that_cannot_wait_signs_within_seconds_at_a_server_that_runs() {
    let machine = machine("ES256");
    let server = machine.serve();
    machine.create("ada", "rn", &[]).exits_with(0);
    let before = kid(&server.sign_in("ada"));
    let text = machine.run(&["keys", "rotate", "--now"]).exits_with(0).stdout;
    assert!(text.contains("It signs from "), "{text}");
    within(Duration::from_secs(10), || kid(&server.sign_in("ada")) != before);
    assert_eq!(states(&list(&machine)), ["published", "signing"]);
    let exported = machine.run(&["audit", "export", "--kind", "signing_key_rotated"]);
    assert_eq!(exported.exits_with(0).stdout.lines().count(), 2);
    machine.run(&["audit", "verify"]).exits_with(0);
}

#[test]
fn a_leaked_key_is_cut_off_by_two_commands_while_the_server_runs() {
    let machine = machine("EdDSA");
    let server = machine.serve();
    machine.create("ada", "rn", &[]).exits_with(0);
    let leaked = kids(&list(&machine)).remove(0);
    let done = machine.run(&["keys", "retire", &leaked]).exits_with(1);
    assert!(done.stderr.contains("keys rotate --now"), "{}", done.stderr);
    let before = server.sign_in("ada");
    machine.run(&["keys", "rotate", "--now"]).exits_with(0);
    within(Duration::from_secs(10), || states(&list(&machine)) == ["published", "signing"]);

    assert!(server.knows(&before));
    let retire = || machine.run(&["keys", "retire", &leaked]);
    within(Duration::from_secs(10), || retire().stdout.starts_with(&format!("retired {leaked}")));
    within(Duration::from_secs(10), || !server.knows(&before));
    assert_eq!(states(&list(&machine)), ["retired", "signing"]);
    assert!(server.knows(&server.sign_in("ada")));
    for (kid, said) in
        [(leaked.as_str(), "has retired already"), ("x", "no such key"), ("-gx", "no such key")]
    {
        let done = machine.run(&["keys", "retire", kid]).exits_with(1);
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
}

#[test]
fn a_server_that_was_told_nothing_signs_with_a_key_pair() {
    let machine = Machine::new();
    let server = machine.serve();
    machine.create("ada", "rn", &[]).exits_with(0);
    let listed = list(&machine);
    assert_eq!((&listed["algorithm"], states(&listed)), (&"EdDSA".into(), vec!["signing"]));
    let header = server.sign_in("ada");
    let header = URL_SAFE_NO_PAD.decode(header.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!((&header["alg"], &header["kid"]), (&"EdDSA".into(), &listed["keys"][0]["kid"]));
}

#[test]
fn the_shared_secret_checks_what_the_server_signs_and_exists_under_hs256_only() {
    let mut machine = self::machine("HS256");
    machine.set("PORTCULLIS__TOKENS__ISSUER", "https://auth.example.org");
    let done = machine.run(&["keys", "shared-secret"]).exits_with(1);
    assert!(done.stderr.contains("no database yet"), "{}", done.stderr);
    let server = machine.serve();
    machine.create("ada", "rn", &[]).exits_with(0);
    let text = machine.run(&["keys", "shared-secret"]).exits_with(0).stdout;
    let answer = machine.run(&["keys", "shared-secret", "--json"]).exits_with(0).json();
    assert_eq!(answer["shared_secret"], text.trim_end());
    let secret: SharedSecret = text.trim_end().parse().unwrap();
    let verifier = Verifier::<AccessClaims>::new(
        VerifyingKey::hs256(secret.as_bytes()).into(),
        "https://auth.example.org",
        "portcullis",
        Duration::from_secs(30 * 60),
    );
    let token = server.sign_in("ada");
    assert!(verifier.verify(&token, SystemClock::new().now()).is_ok());

    let printed =
        machine.run(&["audit", "export", "--kind", "shared_secret_printed"]).exits_with(0);
    assert_eq!(printed.stdout.lines().count(), 2, "{}", printed.stdout);
    assert!(printed.stdout.contains(&secret.kid()), "{}", printed.stdout);
    assert!(!printed.stdout.contains(text.trim_end()), "the secret itself is nowhere");

    let other = self::machine("EdDSA");
    let done = other.run(&["keys", "shared-secret"]).exits_with(2);
    assert!(done.stderr.contains("jwks.json"), "{}", done.stderr);
}

/// The attack: a shared secret that was printed once forges tokens of any account.
#[test]
fn what_was_printed_is_accepted_after_the_switch_only_until_it_is_ended() {
    let mut machine = self::machine("HS256");
    machine.set("PORTCULLIS__TOKENS__ISSUER", "https://auth.example.org");
    let server = machine.serve();
    machine.create("ada", "admin", &[]).exits_with(0);
    let secret: SharedSecret =
        machine.run(&["keys", "shared-secret"]).exits_with(0).stdout.trim_end().parse().unwrap();
    let token = server.sign_in("ada");
    let forged = || forge(&token, &secret);
    assert!(server.knows(&forged()), "it signs, so it is accepted");
    server.stop();

    machine.set("PORTCULLIS__TOKENS__ALGORITHM", "EdDSA");
    let server = machine.serve();
    assert!(server.knows(&token) && server.knows(&forged()), "for the life of one token");
    let listed = list(&machine);
    let shared = &listed["shared_secrets"][0];
    assert_eq!((&shared["state"], &shared["kid"]), (&"accepted".into(), &secret.kid().into()));
    let text = machine.run(&["keys", "list"]).exits_with(0).stdout;
    assert!(text.contains("is accepted until "), "{text}");
    machine.run(&["keys", "shared-secret"]).exits_with(2);
    machine.run(&["keys", "retire", &secret.kid()]).exits_with(0);
    within(Duration::from_secs(10), || !server.knows(&token));
    assert!(!server.knows(&forged()));
    server.stop();

    let server = machine.serve();
    assert!(!server.knows(&forged()), "a restart does not bring it back");
    assert!(server.knows(&server.sign_in("ada")));
    for kind in ["shared_secret_replaced", "shared_secret_ended"] {
        let told = machine.run(&["audit", "export", "--kind", kind]).exits_with(0).stdout;
        assert_eq!(told.lines().count(), 1, "{kind}: {told}");
    }
    machine.run(&["audit", "verify"]).exits_with(0);
    machine.run(&["doctor"]).exits_with(0);
}

/// A token forged with the shared secret: the same account under another name.
fn forge(token: &str, secret: &SharedSecret) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["jti"] = "0195a0f7-0000-7000-8000-000000000001".into();
    let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": secret.kid() });
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let tag = mac.chain_update(signed.as_bytes()).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[test]
fn under_hs256_there_is_nothing_to_rotate_but_a_change_can_be_prepared() {
    let mut machine = self::machine("HS256");
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    machine.run(&["migrate"]).exits_with(0);
    let done = machine.run(&["keys", "rotate", "--json"]).exits_with(2).json();
    assert!(done["error"]["problems"][0].as_str().unwrap().contains("SECRET_KEY_PREVIOUS"));
    let text = machine.run(&["keys", "list"]).exits_with(0).stdout;
    assert!(text.contains("signed with HS256"), "{text}");

    let rotate = ["keys", "rotate", "--algorithm", "ES256"];
    let text = machine.run(&rotate).exits_with(0).stdout;
    assert!(text.contains("It signs when tokens.algorithm is ES256."), "{text}");
    assert_eq!(states(&list(&machine)), ["published"]);
    let done = machine.run(&["keys", "rotate", "--algorithm", "RS256"]).exits_with(2);
    assert!(done.stderr.contains("EdDSA, ES256"), "{}", done.stderr);
}

#[test]
fn doctor_says_what_signs_and_what_a_lost_secret_means() {
    let mut machine = machine("EdDSA");
    machine.run(&["migrate"]).exits_with(0);
    let check = |machine: &Machine| {
        let report = machine.run(&["doctor", "--json"]).json();
        let checks = report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == "signing keys").unwrap();
        (check["status"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
    };
    machine.set("SECRET_KEY", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    assert!(check(&machine).1.contains("the first start makes one"));
    machine.run(&["keys", "rotate"]).exits_with(0);
    assert!(check(&machine).1.contains("signs with EdDSA"));
    machine.set("SECRET_KEY", "h3TnW8cVb5QyM2kZr7XpD4sGfL9jN6aE");
    let (status, detail) = check(&machine);
    assert!(status == "warning" && detail.contains("another secret key"), "{detail}");
    let text = machine.run(&["keys", "list"]).exits_with(0).stdout;
    assert!(text.contains("  sealed  ") && text.contains("another SECRET_KEY"), "{text}");
    machine.set("SECRET_KEY_PREVIOUS", "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU");
    assert!(check(&machine).1.contains("signs with EdDSA"));
}

#[test]
fn a_trail_that_outlived_its_secret_is_sound_while_the_previous_one_is_configured() {
    const FORMER: &str = "Zq7vK2mXw9RtB4nYc8LdF5hJgP3sA6eU";
    let mut machine = Machine::new();
    machine.set("SECRET_KEY", FORMER);
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.run(&["audit", "checkpoint"]).exits_with(0);
    machine.set("SECRET_KEY", "h3TnW8cVb5QyM2kZr7XpD4sGfL9jN6aE");
    machine.run(&["audit", "verify"]).exits_with(1);
    machine.set("SECRET_KEY_PREVIOUS", FORMER);
    machine.run(&["doctor"]).exits_with(0);
    let early = machine.create("eve", "rn", &[]).exits_with(1).stdout;
    assert!(early.contains("start the servers"), "{early}");
    machine.run(&["audit", "export"]).exits_with(1);
    machine.serve().stop();
    machine.create("bob", "rn", &[]).exits_with(0);
    machine.run(&["audit", "checkpoint"]).exits_with(0);
    machine.run(&["audit", "verify"]).exits_with(0);
    machine.run(&["doctor"]).exits_with(0);
    let change = "UPDATE security_events SET outcome = 'denied' WHERE sequence = 1";
    machine.database().execute(change).unwrap();
    machine.run(&["audit", "verify"]).exits_with(1);
}

fn machine(algorithm: &str) -> Machine {
    let mut machine = Machine::new();
    machine.set("PORTCULLIS__TOKENS__ALGORITHM", algorithm);
    machine
}

fn list(machine: &Machine) -> Value {
    machine.run(&["keys", "list", "--json"]).exits_with(0).json()
}

fn states(list: &Value) -> Vec<&str> {
    let keys = list["keys"].as_array().unwrap();
    keys.iter().map(|key| key["state"].as_str().unwrap()).collect()
}

fn kids(list: &Value) -> Vec<String> {
    let keys = list["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn published(server: &Server) -> Vec<String> {
    let answer = server.request("GET", "/.well-known/jwks.json", "");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    kids(&serde_json::from_str(body).expect(&answer))
}

/// The first part of a token, which names the key.
fn kid(token: &str) -> String {
    token.split('.').next().unwrap().to_owned()
}
