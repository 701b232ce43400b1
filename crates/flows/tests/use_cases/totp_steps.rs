//! Steps of authenticator apps, on both databases: after a code was accepted, every earlier one is dead.

use std::time::Duration;

use portcullis_testkit::{TestDatabase, at_once};

use crate::deployment::{Deployment, MINUTE, by_name};
use crate::factors::{answer, enrolled, is_wrong};

const STEP: Duration = Duration::from_secs(30);

#[test]
fn an_earlier_code_that_was_never_used_is_dead_after_a_later_one_was_accepted() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let enter = |code: &str| {
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            node.factors.second_factor.answer(&answer(&challenge, code))
        };
        let window = || {
            let now = deployment.now();
            [now - STEP, now, now + STEP].map(|at| app.code(at))
        };
        for code in window() {
            enter(&code).expect("in their order, all three of the window are right");
        }

        deployment.pass(3 * STEP);
        let [earlier, present, later] = window();
        enter(&present).unwrap();
        assert!(is_wrong(&enter(&earlier)), "in the window, and never used");
        enter(&later).unwrap();
        for code in [&earlier, &present, &later] {
            assert!(is_wrong(&enter(code)), "no code of the window is left");
        }
    });
}

#[test]
fn of_two_simultaneous_codes_the_earlier_is_never_accepted_after_the_later() {
    TestDatabase::on_both_crowded(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 1_000;
        deployment.sessions.most_sessions = 1_000;
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let (app, _) = enrolled(&deployment, &nodes[0], "ada");
        for round in 0..5 {
            let now = deployment.now();
            let codes = [now - STEP, now].map(|at| app.code(at));
            let challenges = [(); 2].map(|()| nodes[0].sign_in.challenge(&by_name("ada")).unwrap());
            let opened = at_once(2, |number| {
                let answer = answer(&challenges[number], &codes[number]);
                let entered = nodes[number].factors.second_factor.answer(&answer);
                assert!(entered.is_ok() || is_wrong(&entered));
                entered.is_ok()
            });
            // The earlier one is right before the later one only.
            assert!(opened[1], "nothing is later in round {round}: {opened:?}");
            let last = deployment.database.store().number("SELECT last_step FROM totp_factors");
            assert_eq!(last.unwrap(), now.as_seconds() / 30, "round {round}: {opened:?}");
            for code in &codes {
                let challenge = nodes[1].sign_in.challenge(&by_name("ada")).unwrap();
                let again = nodes[1].factors.second_factor.answer(&answer(&challenge, code));
                assert!(is_wrong(&again), "both are dead in round {round}: {opened:?}");
            }
            deployment.pass(2 * STEP);
        }
    });
}

#[test]
fn a_clock_five_minutes_off_and_back_makes_no_used_code_right_again() {
    TestDatabase::on_both(|database| {
        let mut deployment = Deployment::on(database);
        deployment.lockout.free_failures = 1_000;
        deployment.enrol("ada");
        let node = deployment.node();
        let (app, _) = enrolled(&deployment, &node, "ada");
        let enter = |code: &str| {
            let challenge = node.sign_in.challenge(&by_name("ada")).unwrap();
            node.factors.second_factor.answer(&answer(&challenge, code))
        };
        let start = deployment.now();
        let code_at = |minute: u32| app.code(start + MINUTE * minute);
        let mut accepted = Vec::new();
        for (minute, is_right) in [(5, true), (10, true), (5, false), (0, false), (10, false)] {
            deployment.clock.set(start + MINUTE * minute);
            let entered = enter(&code_at(minute));
            assert_eq!(entered.is_ok(), is_right, "minute {minute}");
            accepted.extend(is_right.then(|| code_at(minute)));
            for used in &accepted {
                assert!(is_wrong(&enter(used)), "minute {minute}");
            }
        }
        deployment.clock.set(start + MINUTE * 11);
        enter(&code_at(11)).expect("the app serves again after its last step");
    });
}
