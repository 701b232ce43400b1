//! Routes that require a recent sign-in or a recent second factor: each of the table refuses a session whose
//! proof is too old, whatever its request is.

use std::time::Duration;

use portcullis_api::route_table;
use portcullis_domain::Clock;
use portcullis_testkit::{Answer, TestDatabase, TestServer};
use portcullis_web::{Body, Route};
use serde_json::json;

use crate::member::Member;

const MINUTE: Duration = Duration::from_secs(60);
const UUID: &str = "019aa3c1-7a52-7b3e-9d51-0c8a4b7f2e15";

#[test]
fn a_sign_in_of_sixteen_minutes_ago_opens_no_route_that_requires_a_recent_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    let mut admin = Member::new(&server, "grace", "admin");
    server.clock().advance(16 * MINUTE);
    let mut tried = 0;
    for route in route_table().into_iter().filter(|route| route.guard.recent_sign_in) {
        let challenge = refusal(&admin, route);
        assert!(challenge.ends_with(", max_age=900"), "{route:?}: {challenge}");
        assert!(!challenge.contains("acr_values"), "{route:?}: {challenge}");
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
    let recorded = "SELECT count(*) FROM security_events WHERE kind = 'step_up_required'";
    let recorded = server.database().store().number(recorded).expect("the database answers");
    assert_eq!(recorded, tried, "each refusal is recorded");

    assert_eq!(admin.get("/api/auth/sessions").status, 200, "the session itself is alive");
    admin.sign_in_again("grace");
    assert_eq!(admin.get("/api/auth/me/data").status, 200, "a new sign-in is recent");
}

#[test]
fn a_second_factor_of_sixteen_minutes_ago_opens_no_route_that_requires_a_recent_one() {
    let server = TestServer::start(TestDatabase::sqlite());
    let with_password = Member::new(&server, "joan", "admin");
    let mut admin = Member::new(&server, "grace", "admin");
    let app = admin.enrol_app(&server);
    server.clock().advance(15 * MINUTE);
    let routes: Vec<&Route> =
        route_table().into_iter().filter(|route| route.guard.recent_factor).collect();
    assert!(routes.len() >= 2, "{routes:?}");
    for &route in &routes {
        let challenge = refusal(&admin, route);
        assert!(challenge.ends_with(r#"acr_values="aal2", max_age=900"#), "{route:?}: {challenge}");
        // Without a second factor, the password in the body is the proof.
        let asked = send(&with_password, route);
        assert_eq!((asked.status, asked.code().as_str()), (400, "invalid_request"), "{route:?}");
    }
    let code = json!({ "code": app.code(server.clock().now()) });
    admin.token = admin.post("/api/auth/mfa/step-up", &code).field("access_token");
    for &route in &routes {
        let asked = send(&admin, route);
        assert_eq!((asked.status, asked.code().as_str()), (400, "invalid_request"), "{route:?}");
    }
}

/// Checks that the route refuses the session for its age, and returns the challenge.
fn refusal(member: &Member, route: &Route) -> String {
    let refused = send(member, route);
    let expected = (401, "insufficient_user_authentication");
    assert_eq!((refused.status, refused.code().as_str()), expected, "{route:?}");
    refused.header("www-authenticate").expect("a challenge").to_owned()
}

/// Sends an empty object, or no body to a route that reads none.
fn send(member: &Member, route: &Route) -> Answer {
    let json = [("content-type", "application/json")];
    let (headers, body) =
        if route.body == Body::None { (&json[..0], "") } else { (&json[..], "{}") };
    member.send(route.method.as_str(), &example(route.path), headers, body)
}

/// The path with values for its parameters.
fn example(path: &str) -> String {
    let segments = path.split('/').map(|part| if part.starts_with('{') { UUID } else { part });
    segments.collect::<Vec<_>>().join("/")
}
