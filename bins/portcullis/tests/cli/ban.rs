//! Tests of `ban`: lists, imposes and lifts bans beside a running server and on a stopped one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::{Machine, within};

/// A machine whose server takes this machine as a proxy.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("TRUSTED_PROXIES", "127.0.0.1/32");
    machine.set("PORTCULLIS__RATE_LIMIT__EXEMPT_NETWORKS", "198.18.0.0/15");
    machine
}

fn banned(machine: &Machine) -> Vec<String> {
    let list = machine.run(&["ban", "list", "--json"]).exits_with(0).json();
    let bans = list["bans"].as_array().expect("a list");
    bans.iter().map(|ban| ban["network"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn an_operator_bans_and_lifts_on_a_stopped_server_and_beside_a_running_one() {
    let machine = machine();
    let none = machine.run(&["ban", "list"]).exits_with(1);
    assert!(none.stderr.contains("no database yet"), "{}", none.stderr);
    machine.run(&["migrate"]).exits_with(0);
    let add = ["ban", "add", "192.0.2.1", "--seconds", "3600", "--reason", "a scraper", "--json"];
    let added = machine.run(&add).exits_with(0).json()["banned"].clone();
    assert_eq!((&added["network"], &added["former_bans"]), (&json!("192.0.2.1"), &json!(0)));
    assert_eq!((&added["imposed_by"], &added["reason"]), (&json!("operator"), &json!("a scraper")));

    let server = machine.serve();
    let is_banned =
        |address: &str| server.get_for("/health/live", address).starts_with("HTTP/1.1 403 ");
    assert!(is_banned("192.0.2.1"));
    assert!(!is_banned("192.0.2.2"));

    machine.run(&["ban", "add", "2001:db8:1:2::7", "--seconds", "60"]).exits_with(0);
    within(Duration::from_secs(10), || is_banned("2001:db8:1:2::8"));
    assert_eq!(banned(&machine), ["192.0.2.1", "2001:db8:1:2::/64"]);
    let text = machine.run(&["ban", "list"]).exits_with(0).stdout;
    assert!(text.starts_with("addresses ") && text.contains("  operator  a scraper\n"), "{text}");

    let text = machine.run(&["ban", "lift", "2001:db8:1:2::/64"]).exits_with(0).stdout;
    assert!(text.starts_with("The ban of 2001:db8:1:2::/64 is lifted."), "{text}");
    within(Duration::from_secs(10), || !is_banned("2001:db8:1:2::8"));
    machine.run(&["ban", "lift", "192.0.2.1"]).exits_with(0);
    let absent = machine.run(&["ban", "lift", "192.0.2.1"]).exits_with(1);
    assert!(absent.stderr.contains("192.0.2.1 is not banned"), "{}", absent.stderr);

    let text = machine.run(&["ban", "list"]).exits_with(0).stdout;
    assert_eq!(text, "No address is banned.\n");

    drop(server);
    for (kind, events) in [("ban_started", 2), ("ban_lifted", 2)] {
        let exported = machine.run(&["audit", "export", "--kind", kind]).exits_with(0).stdout;
        assert_eq!(exported.lines().count(), events, "{exported}");
        let first = exported.lines().next().expect("an event");
        let event: Value = serde_json::from_str(first).expect("JSON");
        let verb = if kind == "ban_started" { "ban add" } else { "ban lift" };
        let client = json!(format!("portcullis {verb}"));
        assert_eq!((&event["actor"], &event["user_agent"]), (&json!("operator"), &client));
    }
    machine.run(&["audit", "verify"]).exits_with(0);
}

#[test]
fn an_operator_cannot_ban_this_machine_proxies_and_own_services_or_write_nonsense() {
    let machine = machine();
    machine.run(&["migrate"]).exits_with(0);
    for address in ["127.0.0.1", "::1", "198.18.7.7"] {
        let refused = machine.run(&["ban", "add", address, "--seconds", "60"]).exits_with(1);
        assert!(refused.stderr.contains("never banned"), "{address}: {}", refused.stderr);
    }
    for seconds in ["0", "31622401"] {
        machine.run(&["ban", "add", "192.0.2.1", "--seconds", seconds]).exits_with(1);
    }
    for arguments in [
        ["ban", "add", "192.0.2.0/24", "--seconds", "60"].as_slice(),
        &["ban", "add", "192.0.2.1"],
        &["ban", "add", "192.0.2.1", "--seconds", "60", "--reason", "\u{202e}txt"],
        &["ban", "lift", "localhost"],
    ] {
        machine.run(arguments).exits_with(2);
    }
    assert_eq!(banned(&machine), [""; 0]);
}
