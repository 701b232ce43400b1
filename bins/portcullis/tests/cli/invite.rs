//! Tests of `invite`: creates, lists and revokes invitations.

use serde_json::json;

use crate::machine::Machine;

#[test]
fn an_operator_invites_lists_and_revokes() {
    let machine = Machine::new();
    machine.run(&["migrate"]).exits_with(0);
    let none = machine.run(&["invite", "list"]).exits_with(0).stdout;
    assert_eq!(none.trim(), "No invitation waits.");
    let create = [
        "invite",
        "create",
        "--email",
        "ada@example.org",
        "--role",
        "faculty",
        "--kind",
        "developer",
        "--json",
    ];
    let invited = machine.run(&create).exits_with(0).json()["invited"].clone();
    assert_eq!((&invited["role"], &invited["kind"]), (&json!("faculty"), &json!("developer")));
    assert_eq!(invited["invited_by"], json!(null));
    let list = machine.run(&["invite", "list", "--json"]).exits_with(0).json();
    assert_eq!(list["invitations"], json!([invited]));
    let text = machine.run(&["invite", "list"]).exits_with(0).stdout;
    assert!(text.contains("ada@example.org  faculty  developer  operator"), "{text}");

    let id = invited["id"].as_str().expect("an id");
    let text = machine.run(&["invite", "revoke", id]).exits_with(0).stdout;
    assert_eq!(text.trim(), "The invitation of ada@example.org as faculty is revoked.");
    let again = machine.run(&["invite", "revoke", id]).exits_with(1);
    assert!(again.stderr.contains("there is no such invitation"), "{}", again.stderr);

    let unknown = ["invite", "create", "--email", "ada@example.org", "--role", "nurse"];
    let refused = machine.run(&unknown).exits_with(2);
    assert!(refused.stderr.contains("there is no role \"nurse\""), "{}", refused.stderr);
    let malformed = ["invite", "create", "--email", "nowhere", "--role", "msa"];
    let refused = machine.run(&malformed).exits_with(1);
    assert!(refused.stderr.contains("must be an email address"), "{}", refused.stderr);
}
