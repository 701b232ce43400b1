//! Tests of `user factors` and `user reset-mfa`.

use std::time::Duration;

use crate::machine::{Machine, within};

#[test]
fn user_factors_shows_what_an_account_has_and_reset_mfa_ends_its_sessions() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    let server = machine.serve();
    let token = server.sign_in("ada");
    let shown = machine.run(&["user", "factors", "--username", "ada"]).exits_with(0);
    assert_eq!(shown.stdout.trim_end(), "The account has no second factor.");
    let shown = machine.run(&["user", "factors", "--username", "ADA", "--json"]).exits_with(0);
    assert_eq!(shown.json()["backup_codes_left"], 0);
    assert!(shown.json()["totp"].is_null());

    let reset = machine.run(&["user", "reset-mfa", "--username", "ada", "--json"]).exits_with(0);
    assert_eq!(reset.json()["sessions_ended"], 1);
    within(Duration::from_secs(10), || !server.knows(&token));
    for verb in ["factors", "reset-mfa"] {
        let unknown = machine.run(&["user", verb, "--username", "nobody"]).exits_with(1);
        assert!(unknown.stderr.contains("there is no account"), "{}", unknown.stderr);
    }
}
