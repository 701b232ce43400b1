//! Tests of `user import`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::BCRYPT;
use crate::machine::{CommandResult, Machine};

/// A hash of Argon2id with 64 KiB and 1 iteration, of an unused password.
const ARGON2ID: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$\
                        nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

fn tally(done: &CommandResult) -> [u64; 3] {
    let tally = done.json();
    ["created", "already_present", "refused"].map(|field| tally[field].as_u64().unwrap())
}

#[test]
fn user_import_takes_bcrypt_and_argon2_and_skips_what_is_present() {
    let machine = Machine::new();
    let file = machine.write(
        "users.csv",
        &format!(
            "username,email,display_name,role,password_hash\n\
             ada,ada@example.org,\"King, Ada\",rn,{BCRYPT}\n\
             bob,bob@example.org,,,\"{ARGON2ID}\"\n"
        ),
    );
    assert_eq!(tally(&machine.import(&file, &[]).exits_with(0)), [2, 0, 0]);
    assert_eq!(tally(&machine.import(&file, &[]).exits_with(0)), [0, 2, 0]);
}

#[test]
fn user_import_goes_on_after_bad_lines_and_is_resumed_when_they_are_fixed() {
    let machine = Machine::new();
    let good = |name: &str| format!("{name},{name}@example.org,rn,{BCRYPT}");
    let header = "username,email,role,password_hash";
    let lines = [
        header.to_owned(),
        good("ada"),
        "bo,bo@example.org,rn,$2a$05$XXXX".to_owned(),
        format!("cyd,cyd,rn,{BCRYPT}"),
        format!("dan,dan@example.org,nurse,{BCRYPT}"),
        "eve,eve@example.org,rn,$1$old$hash".to_owned(),
        format!("\"fay,fay@example.org,rn,{BCRYPT}"),
        "gus,gus@example.org".to_owned(),
        good("ada"),
        format!("\u{430}da,other@example.org,rn,{BCRYPT}"), // a Cyrillic a
        format!("hal,ada@example.org,rn,{BCRYPT}"),
        good("ivy"),
    ];
    let file = machine.write("users.csv", &lines.join("\n"));
    let done = machine.import(&file, &["--batch", "3"]).exits_with(1);
    assert_eq!(tally(&done), [2, 0, 9]);
    let bad: Vec<Value> =
        done.stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let numbers: BTreeSet<_> = bad.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (3..=11).collect());
    assert!(bad.iter().all(|line| line["problem"].is_string() && line["remedy"].is_string()));
    assert!(!done.stderr.contains("XXXX") && !done.stderr.contains("$1$"), "{}", done.stderr);

    let fixed = [header.to_owned(), good("ada"), good("ivy"), good("jan")];
    let file = machine.write("users.csv", &fixed.join("\r\n"));
    assert_eq!(tally(&machine.import(&file, &[]).exits_with(0)), [1, 2, 0]);
}

#[test]
fn user_import_survives_a_file_of_nonsense() {
    let machine = Machine::new();
    for text in ["", "\n\n", "ada,ada@example.org,$2a$05$x\n", "username,email,hash\n"] {
        let file = machine.write("users.csv", text);
        let done = machine.import(&file, &[]).exits_with(1);
        assert!(done.json()["error"]["remedy"].as_str().unwrap().contains("password_hash"));
    }
    assert_eq!(machine.import(&machine.path("missing.csv"), &[]).code, 1);
    assert_eq!(machine.import(&machine.path("missing.csv"), &["--batch", "0"]).code, 2);
}

#[test]
fn user_import_makes_batches_of_many_lines() {
    let machine = Machine::new();
    let rows = (0..1234).map(|n| format!("u{n:04}x,u{n}@example.org,{BCRYPT}"));
    let header = "username,email,password_hash".to_owned();
    let lines: Vec<_> = [header].into_iter().chain(rows).collect();
    let file = machine.write("users.csv", &lines.join("\n"));
    assert_eq!(tally(&machine.import(&file, &["--batch", "100"]).exits_with(0)), [1234, 0, 0]);
}
