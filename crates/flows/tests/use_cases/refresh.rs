//! Tests of refresh token rotation.

use std::time::Duration;

use portcullis_domain::{AuthenticationMethod as Method, Delivery, ExposeSecret, SecretString};
use portcullis_flows::sign_in::refresh::{RefreshError, RefreshRequest};
use portcullis_flows::sign_in::session_tokens::{OnReuse, SessionTokens};
use portcullis_flows::sign_in::{SignInRequest, SignedIn};
use portcullis_testkit::{PASSWORD, samples};

use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, SECOND, by_name};
use crate::password_change::change;

#[test]
fn a_refresh_token_becomes_its_successor_in_the_same_session() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let browser = Client::browser(&node);
    deployment.pass(DAY);
    let tokens = browser.refresh(&node).unwrap();
    assert_eq!(tokens.session, browser.tokens.session);
    assert_eq!(tokens.refresh_expires_in, 7 * DAY, "counted from the rotation");
    assert_ne!(text(&tokens.refresh_token), text(&browser.tokens.refresh_token));
    let access =
        node.authority.verify_access(text(&tokens.access_token), deployment.now()).unwrap();
    assert_eq!(access.session, browser.tokens.session.id);
    assert_eq!(access.issued_at, deployment.now());
    assert_eq!(access.authenticated_at, deployment.now() - DAY, "refreshing proves nothing new");
}

#[test]
fn every_token_says_how_the_person_of_its_session_has_proven_who_they_are() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let browser = Client::browser(&node);
    deployment.database.store().execute("UPDATE sessions SET amr = 'pwd otp mfa'").unwrap();
    let methods = |tokens: &SessionTokens| {
        let token = text(&tokens.access_token);
        node.authority.verify_access(token, deployment.now()).unwrap().authentication_methods
    };
    let rotated = browser.refresh(&node).unwrap();
    let stored = [Method::Password, Method::OneTimePassword, Method::MultipleFactors];
    assert_eq!(methods(&rotated), stored);
    assert_eq!(methods(&browser.refresh(&node).unwrap()), stored, "a lost answer");
    let change = change(&ada, rotated.session.id, PASSWORD, "new-otter-sings-8-violas");
    let changed = node.password_change.change(&change).unwrap();
    assert_eq!(methods(&changed.tokens), stored, "nothing else was proven");
}

#[test]
fn a_lost_answer_is_repeated_to_the_right_binding_until_the_successor_is_used() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    deployment.pass(Duration::from_millis(700));
    let browser = Client::browser(&node);
    deployment.pass(Duration::from_millis(900));
    let winner = browser.refresh(&node).unwrap();
    for elapsed in [Duration::ZERO, 5 * SECOND, HOUR, 6 * DAY] {
        deployment.pass(elapsed);
        let loser = browser.refresh(&node).unwrap();
        assert_eq!(text(&loser.refresh_token), text(&winner.refresh_token));
        assert_eq!(loser.session, winner.session);
    }
    let next = browser.with(winner);
    let last = next.with(next.refresh(&node).unwrap());
    assert!(matches!(browser.refresh(&node), Err(RefreshError::Reused)));
    assert!(matches!(last.refresh(&node), Err(RefreshError::Invalid)));
}

#[test]
fn a_client_without_cookies_gets_a_lost_answer_again_for_a_minute_and_then_loses_one_session() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (client, spared) = (Client::without_cookies(&node), Client::browser(&node));
    let winner = client.refresh(&node).unwrap();
    deployment.pass(MINUTE);
    let repeated = client.refresh(&node).unwrap();
    assert_eq!(text(&repeated.refresh_token), text(&winner.refresh_token));
    deployment.pass(Duration::from_micros(1));
    assert!(matches!(client.refresh(&node), Err(RefreshError::Reused)));
    assert!(matches!(client.with(winner).refresh(&node), Err(RefreshError::Invalid)));
    assert!(node.refuses(client.tokens.session.id));
    assert_eq!(deployment.outcomes("refresh_token_late"), ["sessions_ended 1"]);
    assert_eq!(deployment.outcomes("refresh_token_reuse"), [""; 0]);
    spared.refresh(&node).unwrap();
}

#[test]
fn a_token_too_old_for_the_role_of_its_account_is_refused_unspent_and_raises_no_alarm() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (browser, spared) = (Client::browser(&node), Client::without_cookies(&node));
    let spared = spared.with(spared.refresh(&node).unwrap());
    deployment.pass(2 * HOUR);
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET role = 'admin'").unwrap();
    for _ in 0..3 {
        assert!(matches!(browser.refresh(&node), Err(RefreshError::Invalid)));
    }
    assert_eq!(deployment.count("sessions WHERE ended_at IS NOT NULL"), 0);
    assert_eq!(deployment.outcomes("refresh_token_reuse"), [""; 0]);
    // It was not spent: a role that lets it live gives it back.
    store.execute("UPDATE accounts SET role = 'msa'").unwrap();
    browser.refresh(&node).unwrap();
    spared.refresh(&node).unwrap();
}

#[test]
fn reuse_ends_every_session_of_the_account_and_their_access_tokens_at_once() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    deployment.enrol("grace");
    let node = deployment.node();
    let (browser, second) = (Client::browser(&node), Client::without_cookies(&node));
    let spared = Client::of("grace", &node);
    let successor = browser.with(browser.refresh(&node).unwrap());
    let successor = successor.with(successor.refresh(&node).unwrap());
    deployment.pass(MINUTE);
    assert!(matches!(browser.refresh(&node), Err(RefreshError::Reused)));
    for ended in [&successor, &second] {
        assert!(matches!(ended.refresh(&node), Err(RefreshError::Invalid)));
        assert!(node.refuses(ended.tokens.session.id));
    }
    assert!(!node.refuses(spared.tokens.session.id));
    spared.refresh(&node).unwrap();
    assert_eq!(deployment.outcomes("refresh_token_reuse"), ["sessions_ended 1"]);
}

#[test]
fn reuse_ends_only_its_own_session_where_that_is_configured() {
    let mut deployment = Deployment::new();
    deployment.sessions.on_reuse = OnReuse::EndThisSession;
    deployment.enrol("ada");
    let node = deployment.node();
    let (browser, spared) = (Client::browser(&node), Client::without_cookies(&node));
    let successor = browser.with(browser.refresh(&node).unwrap());
    successor.refresh(&node).unwrap();
    deployment.pass(MINUTE);
    assert!(matches!(browser.refresh(&node), Err(RefreshError::Reused)));
    assert!(node.refuses(browser.tokens.session.id));
    spared.refresh(&node).unwrap();
}

#[test]
fn the_holder_of_the_account_is_told_once_of_a_reuse_and_of_a_loss_or_theft() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    for kind in ["refresh_token_reuse", "refresh_token_late"] {
        let client = Client::without_cookies(&node);
        let successor = client.with(client.refresh(&node).unwrap());
        if kind == "refresh_token_reuse" {
            successor.refresh(&node).unwrap();
        }
        deployment.pass(2 * MINUTE);
        assert!(matches!(client.refresh(&node), Err(RefreshError::Reused)));
        assert!(matches!(client.refresh(&node), Err(RefreshError::Invalid)));
        let told = format!(
            "outbox o JOIN security_events e ON e.id = o.event_id AND e.kind = o.kind
             AND e.at = o.created_at AND e.subject = o.account_id WHERE o.kind = '{kind}'"
        );
        assert_eq!(deployment.count(&told), 1, "{kind}");
    }
    // The second sign-in is from a device without a cookie, which is told too.
    assert_eq!(deployment.count("outbox WHERE kind <> 'new_device'"), 2);
}

#[test]
fn a_rotated_token_with_another_binding_is_reuse_even_at_once() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let browser = Client::browser(&node);
    browser.refresh(&node).unwrap();
    let thief = Client { binding: Some(SecretString::from("another")), ..browser };
    assert!(matches!(thief.refresh(&node), Err(RefreshError::Reused)));
}

#[test]
fn a_live_token_without_its_binding_is_worthless_and_harmless() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let browser = Client::browser(&node);
    for binding in [None, Some(SecretString::from("another"))] {
        let thief = Client { binding, ..browser.clone() };
        assert!(matches!(thief.refresh(&node), Err(RefreshError::Invalid)));
    }
    browser.refresh(&node).unwrap();
}

#[test]
fn damaged_and_foreign_tokens_and_those_of_another_kind_end_nobodys_sessions() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let browser = Client::browser(&node);
    let refresh = text(&browser.tokens.refresh_token);
    let (signed, signature) = refresh.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    let forged = format!("{signed}.{flipped}");
    let cut = &refresh[..refresh.len() - 1];
    let access = text(&browser.tokens.access_token);
    for token in ["", "a.b.c", &forged, cut, access, &"x".repeat(100_000)] {
        let refused = browser.presenting(token).refresh(&node);
        assert!(matches!(refused, Err(RefreshError::Invalid)), "{token:.40}");
    }
    assert_eq!(deployment.outcomes("refresh_token_reuse"), [""; 0]);
    browser.refresh(&node).unwrap();
}

#[test]
fn an_expired_token_is_invalid_even_one_that_was_rotated_and_ends_nobodys_sessions() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let (idle, busy) = (Client::browser(&node), Client::without_cookies(&node));
    deployment.pass(6 * DAY);
    let successor = busy.with(busy.refresh(&node).unwrap());
    deployment.pass(DAY + MINUTE);
    for expired in [&idle, &busy] {
        assert!(matches!(expired.refresh(&node), Err(RefreshError::Invalid)));
    }
    successor.refresh(&node).unwrap();
}

#[test]
fn no_rotation_moves_the_absolute_end_of_a_session() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let mut client = Client::without_cookies(&node);
    let end = client.tokens.session.expires_at;
    for day in 1..=29 {
        deployment.pass(DAY);
        client = client.with(client.refresh(&node).unwrap());
        assert_eq!(client.tokens.session.expires_at, end);
        assert!(client.tokens.refresh_expires_in <= (30 - day) * DAY, "no token outlives it");
    }
    deployment.pass(23 * HOUR + 59 * MINUTE);
    client = client.with(client.refresh(&node).unwrap());
    assert_eq!(client.tokens.access_expires_in, MINUTE);
    deployment.pass(MINUTE);
    assert!(matches!(client.refresh(&node), Err(RefreshError::Invalid)));
}

#[test]
fn without_rotation_a_token_stays_usable_but_not_beyond_its_session() {
    let mut deployment = Deployment::new();
    deployment.sessions.rotate = false;
    deployment.enrol("ada");
    let node = deployment.node();
    let mut client = Client::browser(&node);
    let name = |client: &Client| {
        let token = text(&client.tokens.refresh_token);
        node.authority.verify_refresh(token, deployment.now()).unwrap().token
    };
    let first = name(&client);
    for _ in 0..5 {
        deployment.pass(5 * DAY);
        client.refresh(&node).unwrap();
        client = client.with(client.refresh(&node).unwrap());
        assert_eq!(name(&client), first);
    }
    deployment.pass(5 * DAY);
    assert!(matches!(client.refresh(&node), Err(RefreshError::Invalid)));
}

#[test]
fn a_deactivated_account_refreshes_nothing_and_a_changed_role_is_in_the_next_token() {
    let deployment = Deployment::new();
    deployment.enrol("ada");
    let node = deployment.node();
    let client = Client::without_cookies(&node);
    let store = deployment.database.store();
    store.execute("UPDATE accounts SET role = 'auditor'").unwrap();
    let client = client.with(client.refresh(&node).unwrap());
    let access = text(&client.tokens.access_token);
    let claims = node.authority.verify_access(access, deployment.now()).unwrap();
    assert_eq!(claims.role.as_str(), "auditor");
    store.execute("UPDATE accounts SET is_active = false").unwrap();
    assert!(matches!(client.refresh(&node), Err(RefreshError::Invalid)));
}

/// A client with a refresh token, and optionally the binding cookie.
#[derive(Clone)]
struct Client {
    tokens: std::sync::Arc<SessionTokens>,
    refresh_token: SecretString,
    binding: Option<SecretString>,
}

impl Client {
    fn browser(node: &Node) -> Self {
        Self::from(node.sign_in.sign_in(&by_name("ada")).unwrap())
    }

    fn of(name: &str, node: &Node) -> Self {
        Self::from(node.sign_in.sign_in(&by_name(name)).unwrap())
    }

    fn without_cookies(node: &Node) -> Self {
        let request = SignInRequest { delivery: Delivery::Body, ..by_name("ada") };
        Self::from(node.sign_in.sign_in(&request).unwrap())
    }

    /// The same client with what it was given since.
    fn with(&self, tokens: SessionTokens) -> Self {
        let refresh_token = tokens.refresh_token.clone();
        Self { tokens: tokens.into(), refresh_token, binding: self.binding.clone() }
    }

    fn presenting(&self, token: &str) -> Self {
        Self { refresh_token: SecretString::from(token), ..self.clone() }
    }

    fn refresh(&self, node: &Node) -> Result<SessionTokens, RefreshError> {
        node.refresh.refresh(&RefreshRequest {
            refresh_token: self.refresh_token.clone(),
            binding: self.binding.clone(),
            origin: samples::origin(),
        })
    }
}

impl From<SignedIn> for Client {
    fn from(signed_in: SignedIn) -> Self {
        let binding = signed_in.binding.map(|cookie| SecretString::from(cookie.expose()));
        let refresh_token = signed_in.tokens.refresh_token.clone();
        Self { tokens: signed_in.tokens.into(), refresh_token, binding }
    }
}

fn text(token: &SecretString) -> &str {
    token.expose_secret()
}
