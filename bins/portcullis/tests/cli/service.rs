//! Tests of `service credential`.

use crate::machine::Machine;

#[test]
fn a_service_opens_the_feed_with_the_secret_that_was_printed() {
    let mut machine = Machine::new();
    let made = machine.run(&["--json", "service", "credential", "scheduling"]).exits_with(0).json();
    assert_eq!(made["name"], "scheduling");
    let (secret, digest) = (made["secret"].as_str().unwrap(), made["digest"].as_str().unwrap());
    assert!(secret.len() == 43 && digest.len() == 43 && secret != digest);
    assert!(!machine.path("data").exists(), "it makes nothing");

    machine.set("PORTCULLIS__SERVICES__SCHEDULING", digest);
    let server = machine.serve();
    let feed = |secret: &str| server.get_as("/api/revocations", secret);
    assert!(feed(secret).starts_with("HTTP/1.1 200 "));
    assert!(feed(digest).starts_with("HTTP/1.1 401 "), "the digest is no secret");
    assert!(!server.stop().contains(secret));

    machine.set("PORTCULLIS__SERVICES__SCHEDULING", secret);
    let other = machine.run(&["service", "credential", "pay-roll"]).exits_with(0).stdout;
    assert!(other.contains("[services]\n  pay-roll = \""), "{other}");
    assert!(!other.contains("PORTCULLIS__"), "no variable has a hyphen in its name: {other}");
}

#[test]
fn a_secret_that_could_not_be_printed_is_no_success() {
    let machine = Machine::new();
    for json in [&[][..], &["--json"]] {
        let mut command = machine.command(&["service", "credential", "scheduling"]);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let done = command.args(json).stdout(full).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{told}");
        assert!(told.contains("the answer cannot be written"), "{told}");
    }
}

#[test]
fn a_secret_in_the_place_of_its_digest_does_not_open_anything() {
    let mut machine = Machine::new();
    let made = machine.run(&["service", "credential", "scheduling"]).exits_with(0).stdout;
    assert!(made.contains("PORTCULLIS__SERVICES__SCHEDULING="), "{made}");
    machine.set("PORTCULLIS__SERVICES__SCHEDULING", "hunter2hunter2");
    let done = machine.run(&["config", "check", "--json"]).exits_with(2);
    assert_eq!(done.json()["faults"][0]["key"], "services.scheduling");
    assert!(!done.stdout.contains("hunter2"), "{}", done.stdout);
    machine.run(&["service", "credential", "No Name"]).exits_with(2);
}
