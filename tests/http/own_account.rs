//! The own account: display name, deletion, and the copy of its data.

use std::time::Duration;

use portcullis_testkit::{
    Browser, PASSWORD, SoftAuthenticator, TestDatabase, TestServer, TestSettings,
};
use serde_json::{Value, json};

use crate::member::Member;
use crate::registration::faults;

/// The tables with rows of an account that has factors.
const FACTOR_TABLES: [&str; 5] =
    ["totp_factors", "totp_enrolments", "backup_codes", "passkeys", "sign_in_challenges"];

#[test]
fn the_display_name_is_changed_removed_and_held_to_the_rules_of_a_registration() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let ada = Member::new(&server, "ada", "msa");
        let rename = |name: Value| patch(&ada, &json!({ "display_name": name }));
        let renamed = rename(json!("Ada King"));
        assert_eq!((renamed.status, renamed.field("display_name")), (200, "Ada King".to_owned()));
        let me = ada.get("/api/auth/me");
        assert_eq!(me.field("display_name"), "Ada King", "at once on this node");
        server.clock().advance(Duration::from_secs(1));
        assert_eq!(rename(Value::Null).json()["display_name"], Value::Null);
        let reversed = rename(json!("Ada\u{202e}"));
        assert_eq!((reversed.status, reversed.code()), (400, "invalid_request".to_owned()));
        let blank = rename(json!(" "));
        assert_eq!((blank.status, blank.code()), (422, "unacceptable_account".to_owned()));
        assert_eq!(faults(&blank), [("display_name".to_owned(), "malformed".to_owned())]);
        for body in [json!({}), json!({ "display_name": 7 }), json!({ "role": "admin" })] {
            assert_eq!(patch(&ada, &body).code(), "invalid_request", "{body}");
        }
        let auditor = Member::new(&server, "grace", "admin");
        let found = auditor.get("/api/admin/audit?kind=profile_change").json();
        let changes: Vec<_> = found["items"].as_array().unwrap().iter().rev().collect();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0]["details"]["changes"][0]["after"], "Ada King");
        assert_eq!(changes[0]["actor"], ada.account.to_string());
    });
}

#[test]
fn the_own_account_is_deleted_with_the_password_and_a_recent_sign_in() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let delete = |member: &Member, body: Value| member.post("/api/auth/me/delete", &body);
        let right = json!({ "current_password": PASSWORD });
        assert_eq!(delete(&ada, json!({})).status, 400);
        let wrong = json!({ "current_password": "not this one at all" });
        assert_eq!(delete(&ada, wrong).code(), "wrong_password");
        server.clock().advance(Duration::from_secs(15 * 60));
        let late = delete(&ada, right.clone());
        assert_eq!(late.code(), "insufficient_user_authentication");
        ada.sign_in_again("ada");
        let refresh = Browser::of(&server).sign_in_for_tokens("ada").field("refresh_token");
        let change = json!({ "email": "new@example.org", "current_password": PASSWORD });
        assert_eq!(ada.post("/api/auth/email/change", &change).status, 202);
        assert!(!server.database().mails().is_empty(), "the link is mailed");
        let deleted = delete(&ada, right.clone());
        assert_eq!(deleted.status, 204);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
        assert_eq!(Browser::of(&server).refresh(&refresh).code(), "invalid_refresh_token");
        let again = Browser::of(&server).sign_in("ada");
        assert_eq!(again.code(), "invalid_credentials");
        let store = server.database().store();
        for table in ["mail_secrets", "email_changes"] {
            let rows = store.number(&format!("SELECT count(*) FROM {table}")).unwrap();
            assert_eq!(rows, 0, "{table}");
        }
        let mail = "SELECT kind || ' ' || recipient FROM outbox";
        assert_eq!(store.texts(mail).unwrap(), ["account_deleted ada@example.org"]);
        let registered = Browser::of(&server).register("ada");
        assert_eq!(registered.status, 201, "the name is free");
    });
}

#[test]
fn the_last_administrator_stays_and_configuration_can_forbid_own_deletions() {
    let settings = TestSettings { own_deletion: false, ..TestSettings::default() };
    let server = TestServer::with(TestDatabase::sqlite(), settings);
    let ada = Member::new(&server, "ada", "msa");
    let right = json!({ "current_password": PASSWORD });
    let refused = ada.post("/api/auth/me/delete", &right);
    assert_eq!((refused.status, refused.code()), (403, "deletion_not_allowed".to_owned()));

    let server = TestServer::start(TestDatabase::sqlite());
    let grace = Member::new(&server, "grace", "admin");
    // A service with the role administers nothing, and a blocked administrator cannot sign in.
    for (name, change) in [("feed", "kind = 'service'"), ("eve", "is_blocked = 1")] {
        Member::new(&server, name, "admin");
        let change = format!("UPDATE accounts SET {change} WHERE username = '{name}'");
        server.database().store().execute(&change).unwrap();
    }
    let last = grace.post("/api/auth/me/delete", &right);
    assert_eq!((last.status, last.code()), (409, "last_administrator".to_owned()));
    let joan = Member::new(&server, "joan", "admin");
    let own = joan.send("DELETE", &format!("/api/admin/users/{}", joan.account), &[], "");
    assert_eq!(own.code(), "own_account");
    assert_eq!(grace.post("/api/auth/me/delete", &right).status, 204);
    assert_eq!(joan.post("/api/auth/me/delete", &right).code(), "last_administrator");
}

#[test]
fn an_administrator_deletes_accounts_that_are_not_above_its_role() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let path = format!("/api/admin/users/{}", ada.account);
        assert_eq!(ada.send("DELETE", &path, &[], "").code(), "forbidden");
        assert_eq!(admin.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
        for gone in [&path, "/api/admin/users/nobody"] {
            assert_eq!(admin.send("DELETE", gone, &[], "").code(), "not_found");
        }
        let events = admin.get("/api/admin/audit?kind=account_deleted").json();
        let event = &events["items"][0];
        assert_eq!(event["actor"], admin.account.to_string());
        assert_eq!(event["subject"], ada.account.to_string());
        assert_eq!(event["details"]["sessions_ended"], 1);
    });
}

#[test]
fn no_factor_outlives_its_account_whoever_deletes_it() {
    TestDatabase::on_both(|database| {
        let server = named(database);
        let ada = with_every_factor(&server, "ada");
        let joan = with_every_factor(&server, "joan");
        let admin = Member::new(&server, "grace", "admin");
        let of_joan = "JOIN accounts ON accounts.id = account_id WHERE username = 'joan'";
        assert_eq!(rows(&server, ""), [2; 5], "{FACTOR_TABLES:?}");

        let password = json!({ "current_password": PASSWORD });
        assert_eq!(ada.post("/api/auth/me/delete", &password).status, 204);
        assert_eq!(rows(&server, ""), [1; 5], "{FACTOR_TABLES:?}");
        assert_eq!(rows(&server, of_joan), [1; 5], "the other account keeps its own");

        let path = format!("/api/admin/users/{}", joan.account);
        assert_eq!(admin.send("DELETE", &path, &[], "").status, 204);
        assert_eq!(rows(&server, ""), [0; 5], "{FACTOR_TABLES:?}");
        for gone in [&ada, &joan] {
            let refused = gone.get("/api/auth/me");
            assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_token"));
        }
    });
}

#[test]
fn an_account_without_a_password_is_deleted_with_its_passkey() {
    TestDatabase::on_both(|database| {
        let server = named(database);
        let mut ada = Member::new(&server, "ada", "msa");
        let mut phone = SoftAuthenticator::default();
        ada.add_passkey(&server, &mut phone);
        let password = json!({ "current_password": PASSWORD });
        assert_eq!(ada.post("/api/auth/password/remove", &password).status, 204);
        let former = ada.post("/api/auth/me/delete", &password);
        assert_eq!((former.status, former.code().as_str()), (403, "wrong_password"));

        let options = ada.send("POST", "/api/auth/mfa/step-up/options", &[], "").json();
        let credential = phone.get(&options["public_key"], "http://localhost:1");
        let refused = ada.post("/api/auth/me/delete", &json!({ "credential": credential }));
        assert_eq!((refused.status, refused.code().as_str()), (403, "wrong_password"));
        let options = ada.send("POST", "/api/auth/mfa/step-up/options", &[], "").json();
        let credential = phone.get(&options["public_key"], server.origin());
        let deleted = ada.post("/api/auth/me/delete", &json!({ "credential": credential }));
        assert_eq!(deleted.status, 204, "{}", deleted.text);

        assert_eq!(ada.get("/api/auth/me").code(), "invalid_token");
        assert_eq!(rows(&server, ""), [0; 5], "{FACTOR_TABLES:?}");
        let mut browser = Browser::of(&server);
        let delivery = json!({ "delivery": "body" });
        let started = browser.post("/api/auth/login/passkey/options", &delivery).json();
        let credential = phone.get(&started["public_key"], server.origin());
        let body = json!({ "credential": credential });
        let refused = browser.post("/api/auth/login/passkey/verify", &body);
        assert_eq!((refused.status, refused.code().as_str()), (401, "invalid_passkey"));
        assert_eq!(browser.register("ada").status, 201, "the name is free");
    });
}

#[test]
fn the_copy_of_the_own_data_has_everything_about_the_caller_and_nothing_of_others() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let ada = Member::new(&server, "ada", "msa");
        let joan = Member::new(&server, "joan", "msa");
        assert_eq!(ada.check("schedule", "read").status, 200);
        assert_eq!(joan.check("schedule", "read").status, 200);
        assert_eq!(admin.get(&format!("/api/admin/users/{}", ada.account)).status, 200);
        let body = json!({ "current_password": "wrong for certain", "new_password": PASSWORD });
        ada.post("/api/auth/password/change", &body);

        let answer = ada.get("/api/auth/me/data");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let name = answer.header("content-disposition").unwrap();
        assert!(name.starts_with("attachment; filename=\"own-data-"), "{name}");
        let copy = answer.json();
        assert_eq!(copy["account"]["username"], "ada");
        assert_eq!(copy["sessions"].as_array().unwrap().len(), 1);
        let entries = copy["audit_log"].as_array().unwrap();
        let kinds: Vec<_> = entries.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
        for kind in ["own_data_exported", "permission_check", "account_read", "sign_in"] {
            assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
        }
        for entry in entries {
            assert_eq!(entry["subject"], ada.account.to_string());
            let is_foreign = entry["actor"] == admin.account.to_string();
            assert_eq!(entry["address"] == "::", is_foreign, "{entry}");
            assert_eq!(entry["kind"] == "account_read", is_foreign, "{entry}");
        }
        let text = answer.text;
        assert!(!text.contains(PASSWORD) && !text.contains("$argon2"), "{text}");
        server.clock().advance(Duration::from_secs(15 * 60));
        assert_eq!(ada.get("/api/auth/me/data").code(), "insufficient_user_authentication");
    });
}

#[test]
fn the_copy_has_the_addresses_the_factors_and_the_sent_invitations() {
    TestDatabase::on_both(|database| {
        let settings = TestSettings { named: true, ..TestSettings::default() };
        let server = TestServer::with(database, settings);
        let mut grace = Member::new(&server, "grace", "admin");
        let empty = grace.get("/api/auth/me/data").json();
        for (member, expected) in [
            ("former_emails", json!([])),
            ("totp", Value::Null),
            ("backup_codes", Value::Null),
            ("passkeys", json!([])),
            ("api_keys", json!([])),
            ("sent_invitations", json!([])),
        ] {
            assert_eq!(empty[member], expected, "{member}");
        }
        let session = &empty["sessions"][0];
        assert_eq!((&session["delivery"], &session["acr"]), (&json!("body"), &json!("aal1")));
        assert_eq!(session["amr"], json!(["pwd"]));
        assert_eq!(session["proven_at"], session["signed_in_at"]);

        grace.enrol_app(&server);
        grace.add_passkey(&server, &mut SoftAuthenticator::default());
        let password = json!({ "current_password": PASSWORD });
        assert_eq!(grace.post("/api/auth/mfa/backup-codes", &password).status, 200);
        server.database().mails();
        let change = |email: &str| {
            let body = json!({ "email": email, "current_password": PASSWORD });
            assert_eq!(grace.post("/api/auth/email/change", &body).status, 202);
        };
        change("grace@example.net");
        let token = json!({ "token": server.database().only_link() });
        let confirmed = Browser::of(&server).post("/api/auth/email/confirm", &token);
        assert_eq!(confirmed.status, 200);
        change("grace@example.com");
        let invitation = json!({ "email": "ada@example.org", "role": "msa" });
        let invited = grace.post("/api/admin/invitations", &invitation);
        assert_eq!(invited.status, 201);

        let answer = grace.get("/api/auth/me/data");
        let copy = answer.json();
        assert_eq!(copy["former_emails"][0]["email"], "grace@example.org");
        assert!(copy["totp"]["confirmed_at"].is_string(), "{}", copy["totp"]);
        let codes = &copy["backup_codes"];
        assert_eq!((&codes["left"], &codes["last_used_at"]), (&json!(10), &Value::Null));
        assert_eq!(copy["passkeys"], grace.get("/api/auth/passkeys").json()["items"]);
        assert_eq!(copy["passkeys"][0]["name"], "Phone");
        assert_eq!(copy["sent_invitations"], json!([invited.json()]));
        let sessions = copy["sessions"].as_array().expect("a list");
        let with_app = json!(["pwd", "otp", "mfa"]);
        let session = sessions.iter().find(|session| session["amr"] == with_app);
        let session = session.expect("the session that confirmed the app");
        assert_eq!(session["acr"], "aal2");
        assert!(session["proven_at"].is_string(), "{session}");
        assert!(
            !answer.text.contains("$argon2") && !answer.text.contains("seed"),
            "{}",
            answer.text
        );
    });
}

#[test]
fn the_copy_tells_nothing_about_a_wanted_address_and_no_reason_of_a_decision() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let (ada, joan) = (Member::new(&server, "ada", "msa"), Member::new(&server, "joan", "msa"));
        Member::new(&server, "grace", "msa");
        let copy = |member: &Member, wanted: &str| {
            let body = json!({ "email": wanted, "current_password": PASSWORD });
            assert_eq!(member.post("/api/auth/email/change", &body).status, 202);
            assert_eq!(member.check("user", "delete").json()["allowed"], false);
            let copy = member.get("/api/auth/me/data").json();
            let list = |name: &str, members: &[&str]| -> Vec<String> {
                let items = copy[name].as_array().expect("a list").iter();
                items
                    .map(|item| members.iter().map(|name| item[name].to_string()).collect())
                    .collect()
            };
            assert!(
                copy["audit_log"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|entry| entry.get("reason").is_none())
            );
            let members: Vec<String> = copy.as_object().unwrap().keys().cloned().collect();
            let mut entries = list("audit_log", &["kind", "outcome", "details"]);
            entries.sort_unstable();
            (members, list("mails", &["kind"]), entries)
        };
        let (free, taken) = (copy(&ada, "new@example.org"), copy(&joan, "grace@example.org"));
        assert_eq!(free, taken);
        assert_eq!(free.1, ["\"email_change_requested\""]);
    });
}

/// A new table must be in one of these lists.
#[test]
fn every_table_is_in_the_copy_or_has_nothing_to_tell_about_an_account() {
    const IN_THE_COPY: [&str; 13] = [
        "accounts",
        "api_keys",
        "backup_codes",
        "decision_blocks",
        "devices",
        "former_emails",
        "invitations",
        "outbox",
        "passkeys",
        // Their times are those of the session and of the audit log.
        "refresh_tokens",
        "security_events",
        "sessions",
        "totp_factors",
    ];
    // Secrets of minutes or days, of which the server knows the digest.
    const SECRETS: [&str; 4] =
        ["mail_secrets", "passkey_challenges", "sign_in_challenges", "totp_enrolments"];
    // Whether the row exists tells whether the wanted address has an account.
    const ABOUT_OTHERS: [&str; 1] = ["email_changes"];
    // Rows under digests, which tell no account.
    const DIGESTS: [&str; 2] = ["mail_allowances", "network_failures"];
    // Counts of events of the audit log, which are in the copy.
    const COUNTS: [&str; 3] = ["sign_in_failures", "sign_in_hours", "sign_in_refusals"];
    const OF_NO_ACCOUNT: [&str; 18] = [
        "__diesel_schema_migrations",
        "audit_chains",
        "audit_checkpointed",
        "audit_checkpoints",
        "ban_revision",
        "bans",
        "jobs",
        "matrix_activations",
        "matrix_versions",
        "pending_registrations",
        "revocation_feed",
        "revocations",
        "secret_fingerprint",
        "setup",
        "shared_keys",
        "sign_in_positions",
        "signing_keys",
        "write_probes",
    ];
    TestDatabase::on_both(|database| {
        let mut known =
            [&IN_THE_COPY[..], &SECRETS, &ABOUT_OTHERS, &DIGESTS, &COUNTS, &OF_NO_ACCOUNT].concat();
        known.sort_unstable();
        let mut tables = database.tables();
        tables.sort_unstable();
        assert_eq!(tables, known);
    });
}

#[test]
fn a_head_request_reads_no_file_and_records_none() {
    TestDatabase::on_both(|database| {
        let server = TestServer::start(database);
        let admin = Member::new(&server, "grace", "admin");
        let export = "/api/admin/audit/export?format=jsonl";
        for (path, kind, media_type) in [
            ("/api/auth/me/data", "own_data_exported", "application/json"),
            (export, "audit_exported", "application/jsonl"),
        ] {
            let recorded = || {
                let count = "SELECT count(*) FROM security_events WHERE kind = ";
                server.database().store().number(&format!("{count}'{kind}'")).unwrap()
            };
            let head = admin.send("HEAD", path, &[], "");
            assert_eq!((head.status, head.text.as_str(), recorded()), (200, "", 0), "{path}");
            let get = admin.get(path);
            assert_eq!((get.status, recorded()), (200, 1), "{path}");
            assert_eq!(head.header("content-type"), Some(media_type), "{path}");
            assert_eq!(head.header("content-disposition"), get.header("content-disposition"));
            assert_eq!(head.header("content-length"), None, "the size is not known: {path}");
        }
        server.clock().advance(Duration::from_secs(15 * 60));
        let late = admin.send("HEAD", "/api/auth/me/data", &[], "");
        assert_eq!(late.status, 401);
    });
}

fn patch(member: &Member, body: &Value) -> portcullis_testkit::Answer {
    let json = [("content-type", "application/json")];
    member.send("PATCH", "/api/auth/me", &json, &body.to_string())
}

fn named(database: TestDatabase) -> TestServer {
    TestServer::with(database, TestSettings { named: true, ..TestSettings::default() })
}

/// An account with an app, backup codes and a passkey, a second enrolment and a sign-in after its first step.
fn with_every_factor(server: &TestServer, name: &str) -> Member {
    let mut member = Member::new(server, name, "msa");
    member.enrol_app(server);
    member.add_passkey(server, &mut SoftAuthenticator::default());
    let password = json!({ "current_password": PASSWORD });
    for path in ["/api/auth/mfa/backup-codes", "/api/auth/mfa/totp/enrol"] {
        assert_eq!(member.post(path, &password).status, 200, "{path}");
    }
    let first_step = Browser::of(server).sign_in_for_tokens(name);
    assert_eq!(first_step.json()["mfa_required"], true);
    member
}

/// The number of rows of each of [`FACTOR_TABLES`], of those that the rest of the query selects.
fn rows(server: &TestServer, rest: &str) -> [i64; 5] {
    FACTOR_TABLES.map(|table| {
        let count = format!("SELECT count(*) FROM {table} {rest}");
        server.database().store().number(&count).expect("the database answers")
    })
}
