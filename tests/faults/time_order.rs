//! A write that waited is dated by the time of the write. A change of role that waits for connections and
//! locks dates the revocation of old tokens after that wait, so no node accepts a token of the old role
//! that was issued meanwhile.

use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_testkit::{Browser, ServerProcess, TestDatabase, at_once};
use serde_json::{Value, json};

use crate::environment::{folder, start};
use crate::proxy::Proxy;

const ACCOUNTS: usize = 20;
const ROUNDS: usize = 4;

/// The timeout of a revocation on another node.
const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn no_token_of_the_old_role_is_accepted_after_a_demotion_however_long_that_has_waited() {
    let database = TestDatabase::postgres();
    let (proxy, url) = Proxy::to_database(database.url());
    let data = [folder(), folder()];
    let nodes = [&data[0], &data[1]].map(|data| start(data.path(), &url, &[]));
    let [here, there] = [&nodes[0], &nodes[1]].map(ServerProcess::origin);
    let mut browser = Browser::at(here);
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("member{number}")).collect();
    for name in names.iter().map(String::as_str).chain(["chief"]) {
        assert_eq!(browser.register(name).status, 201);
    }
    let store = database.store();
    store
        .execute("UPDATE accounts SET role = 'admin' WHERE username = 'chief'")
        .expect("the database answers");
    let chief = browser.sign_in_for_tokens("chief").field("access_token");
    let signed_in: Vec<Value> =
        names.iter().map(|name| browser.sign_in_for_tokens(name).json()).collect();
    let mut tokens: Vec<String> = signed_in.iter().map(|it| text(&it["refresh_token"])).collect();
    let accounts: Vec<String> = signed_in.iter().map(|it| text(&it["account"]["id"])).collect();

    proxy.delay(Duration::from_millis(2));
    for round in 0..ROUNDS {
        let role = ["rn", "msa"][round % 2];
        // The role of each account changes on one node while the account refreshes on the other.
        let answers = at_once(2 * ACCOUNTS, |number| {
            let (account, is_change) = (number / 2, number % 2 == 0);
            if is_change {
                let path = format!("/api/admin/users/{}", accounts[account]);
                let authorization = format!("Bearer {chief}");
                let headers = [
                    ("authorization", authorization.as_str()),
                    ("content-type", "application/json"),
                ];
                let body = json!({ "role": role }).to_string();
                let mut browser = Browser::at(here);
                browser.send("PATCH", &path, &headers, &body)
            } else {
                Browser::at(there).refresh(&tokens[account])
            }
        });
        let mut issued = Vec::new();
        for (account, pair) in answers.chunks(2).enumerate() {
            let [changed, refreshed] = pair else { panic!("two answers for each account") };
            assert!([200, 503].contains(&changed.status), "{}", changed.text);
            assert!([200, 503].contains(&refreshed.status), "{}", refreshed.text);
            if refreshed.status == 200 {
                tokens[account] = refreshed.field("refresh_token");
                if changed.status == 200 {
                    let held = text(&refreshed.json()["account"]["role"]);
                    issued.push((refreshed.field("access_token"), held));
                }
            }
        }
        assert!(!issued.is_empty(), "nothing was shown");
        for (token, held) in issued {
            for node in [here, there] {
                if held == role {
                    let me = Browser::at(node).get_as("/api/auth/me", &token);
                    assert_eq!(me.status, 200, "a token of the new role: {}", me.text);
                } else {
                    until_refused(node, &token);
                }
            }
        }
    }
}

/// Sends a request that needs only the token and no database.
fn until_refused(node: &str, token: &str) {
    let clock = SystemClock::new();
    while Browser::at(node).get_as("/api/auth/csrf", token).status != 401 {
        assert!(clock.monotonic() < TIMEOUT, "a token of the old role is accepted");
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
