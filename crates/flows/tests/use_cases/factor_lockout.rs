//! Lockout of second factors, on both databases: one count of wrong codes for each account.

use portcullis_flows::sign_in::IssuedChallenge;
use portcullis_testkit::{TestDatabase, at_once};

use crate::deployment::{Deployment, Node, SECOND, by_name};
use crate::factors::{answer, enrolled, is_wrong};

#[test]
fn ten_wrong_codes_over_new_challenges_on_two_nodes_are_one_count() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        let nodes = [deployment.node(), deployment.node()];
        let (app, _) = enrolled(&deployment, &nodes[0], "ada");
        let issue = |node: &Node| node.sign_in.challenge(&by_name("ada")).unwrap();
        for number in 0..4 {
            let node = &nodes[number % 2];
            let wrong = node.factors.second_factor.answer(&answer(&issue(node), "000000"));
            assert!(is_wrong(&wrong));
        }
        let challenges: Vec<IssuedChallenge> =
            (0..6).map(|number| issue(&nodes[number % 2])).collect();
        let refused = at_once(6, |number| {
            // The node that did not issue the challenge.
            let node = &nodes[(number + 1) % 2];
            is_wrong(&node.factors.second_factor.answer(&answer(&challenges[number], "000000")))
        });
        assert_eq!(refused, [true; 6]);
        let evaluated = ["locked 5", "success 1", "wrong_code 5"];
        assert_eq!(deployment.outcomes("sign_in"), evaluated, "five are evaluated");

        let enter = |node: &Node| {
            let code = app.code(deployment.now());
            node.factors.second_factor.answer(&answer(&issue(node), &code))
        };
        for node in nodes.iter().chain([&deployment.node()]) {
            assert!(is_wrong(&enter(node)), "the right code waits too, also after a restart");
        }
        deployment.pass(59 * SECOND);
        assert!(is_wrong(&enter(&nodes[0])), "still a wait");
        let evaluated = ["locked 9", "success 1", "wrong_code 5"];
        assert_eq!(deployment.outcomes("sign_in"), evaluated, "no right code was evaluated");
        deployment.pass(SECOND);
        enter(&deployment.node()).expect("the wait is over");
    });
}

#[test]
fn a_right_code_starts_the_count_again_and_those_of_another_account_are_counted_apart() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        deployment.enrol("ada");
        deployment.enrol("eve");
        let nodes = [deployment.node(), deployment.node()];
        let (app, _) = enrolled(&deployment, &nodes[0], "ada");
        enrolled(&deployment, &nodes[0], "eve");
        let guess = |name: &str, number: usize| {
            let node = &nodes[number % 2];
            let challenge = node.sign_in.challenge(&by_name(name)).unwrap();
            assert!(is_wrong(&node.factors.second_factor.answer(&answer(&challenge, "000000"))));
        };
        (0..5).for_each(|number| guess("eve", number));
        for _ in 0..2 {
            (0..4).for_each(|number| guess("ada", number));
            deployment.pass(30 * SECOND);
            let challenge = nodes[1].sign_in.challenge(&by_name("ada")).unwrap();
            let code = app.code(deployment.now());
            let entered = nodes[1].factors.second_factor.answer(&answer(&challenge, &code));
            entered.expect("four failures are free, and the success before began anew");
        }
    });
}
