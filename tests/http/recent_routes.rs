//! Routes that need a recent sign-in: each of them refuses an older one, before it looks at anything else.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_testkit::{TestDatabase, TestServer};

use crate::member::Member;

const MINUTE: Duration = Duration::from_secs(60);

/// The number of such routes in the table at least, so that the test cannot become empty.
const FEWEST: usize = 20;

#[test]
fn every_route_with_a_recent_sign_in_or_factor_refuses_an_older_one() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut admin = Member::new(&server, "grace", "admin");
        admin.enrol_app(&server);
        server.clock().advance(15 * MINUTE);
        let json = [("content-type", "application/json")];
        let mut tried = 0;
        for route in route_table() {
            let guard = route.guard;
            if !guard.recent_sign_in && !guard.recent_factor {
                continue;
            }
            tried += 1;
            let answer = admin.send(route.method.as_str(), &example(route.path), &json, "{}");
            let refused = (answer.status, answer.code());
            let expected = (401, "insufficient_user_authentication".to_owned());
            assert_eq!(refused, expected, "{route:?}");
        }
        assert!(tried >= FEWEST, "{tried} routes");
        let kind = "SELECT count(*) FROM security_events WHERE kind = 'step_up_required'";
        let recorded = server.database().store().number(kind).expect("the database answers");
        assert_eq!(usize::try_from(recorded), Ok(tried), "each refusal is recorded");
    });
}

fn example(path: &str) -> String {
    const ID: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e12";
    let segments = path.split('/').map(|part| if part.starts_with('{') { ID } else { part });
    segments.collect::<Vec<_>>().join("/")
}
