//! Tests of `user end-sessions`.

use std::time::Duration;

use crate::machine::{Machine, within};

#[test]
fn user_end_sessions_ends_those_of_everybody_and_a_running_server_refuses_their_tokens() {
    let machine = Machine::new();
    machine.create("ada", "rn", &[]).exits_with(0);
    machine.create("grace", "admin", &[]).exits_with(0);
    let server = machine.serve();
    let tokens = ["ada", "ada", "grace"].map(|name| server.sign_in(name));
    machine.run(&["user", "end-sessions"]).exits_with(2);
    assert!(tokens.iter().all(|token| server.knows(token)), "not by accident");

    let done = machine.run(&["user", "end-sessions", "--everybody", "--json"]).exits_with(0);
    assert_eq!(done.json()["sessions_ended"], 3);
    within(Duration::from_secs(10), || !tokens.iter().any(|token| server.knows(token)));
    let again = machine.run(&["user", "end-sessions", "--everybody"]).exits_with(0).stdout;
    assert!(again.starts_with("0 sessions"), "{again}");
}
