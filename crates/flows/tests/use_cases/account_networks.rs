//! The networks that an account may be used from, set by its holder or by an administrator.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_audit::{EventKind, Origin};
use portcullis_domain::{ExposeSecret, NetworkList, Role, SecretString};
use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::identity::network_allowlist::{Allowlist, AllowlistError, NetworkAllowlists};
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::network_policy::{NetworkAccess, NetworkPolicy};
use portcullis_flows::sign_in::reauthentication::{CurrentCredential, ReauthenticationError};
use portcullis_flows::sign_in::refresh::{RefreshError, RefreshRequest};
use portcullis_flows::sign_in::session_tokens::SessionTokens;
use portcullis_testkit::{PASSWORD, TestDatabase, at_once, samples};

use crate::account_change::admin;
use crate::administration::{
    by, changes, enrol_as, only_recorded, parties, recorded, refusal, session_of, sign_in,
    with_both,
};
use crate::deployment::{Deployment, MINUTE, Node, SECOND, refreshing, refreshing_next};

const OUTSIDE: [u8; 4] = [198, 51, 100, 7];

fn networks(text: &str) -> NetworkList {
    text.parse().unwrap()
}

fn allowlists(deployment: &Deployment, node: &Node) -> NetworkAllowlists {
    let policy = deployment.sessions.networks.clone();
    let reauthentication = node.factors.reauthentication.clone();
    NetworkAllowlists::new(changes(deployment, node), reauthentication, policy)
}

fn password(typed: &str) -> CurrentCredential {
    CurrentCredential::Password(SecretString::from(typed))
}

fn elsewhere() -> Origin {
    Origin { address: IpAddr::from(OUTSIDE), ..samples::origin() }
}

fn is_void(deployment: &Deployment, node: &Node, tokens: &SessionTokens) -> bool {
    let token = tokens.access_token.expose_secret();
    let claims = node.authority.verify_access(token, deployment.now()).unwrap();
    node.revocations.is_revoked(&claims).unwrap()
}

#[test]
fn the_holder_sets_the_list_and_every_former_token_is_void() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let signed_in = sign_in(&node, "ada");
        let principal = deployment.principal(&node, &signed_in.tokens);
        let lists = allowlists(&deployment, &node);
        let open = Allowlist { own: NetworkList::default(), of_role: None };
        assert_eq!(lists.read(&principal).unwrap(), open);

        let wanted = networks("192.0.2.0/24 2001:db8::/32");
        let set = lists.replace(&principal, &wanted, password(PASSWORD)).unwrap();
        assert_eq!(set, Allowlist { own: wanted, of_role: None });
        assert_eq!(lists.read(&principal).unwrap(), set);
        assert!(is_void(&deployment, &node, &signed_in.tokens));
        let tokens = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
        assert!(!is_void(&deployment, &node, &tokens), "the session goes on");
        let token = tokens.access_token.expose_secret();
        let claims = node.authority.verify_access(token, deployment.now()).unwrap();
        assert_eq!(claims.networks, Some(set.own), "other services enforce it too");

        let event = only_recorded(&deployment, EventKind::NetworksChanged);
        assert_eq!(parties(&event), by(&principal, ada.id));
        let details = event.details.unwrap();
        let change = r#""after":"192.0.2.0/24 2001:db8::/32""#;
        assert!(details.contains(change), "{details}");
        let [mail] = &deployment.deliver()[..] else { panic!("the holder is told once") };
        assert_eq!((mail.to.as_str(), mail.mail.kind()), ("ada@example.org", "networks_changed"));
        assert!(mail.token.is_some(), "its link removes the list");
    });
}

#[test]
fn a_list_that_shuts_its_author_out_is_refused_before_the_password() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (_, node) = (deployment.enrol("ada"), deployment.node());
        let signed_in = sign_in(&node, "ada");
        let principal = deployment.principal(&node, &signed_in.tokens);
        let lists = allowlists(&deployment, &node);
        for typed in [PASSWORD, "not this one at all"] {
            let wanted = networks("198.51.100.0/24");
            match lists.replace(&principal, &wanted, password(typed)) {
                Err(AllowlistError::ExcludesClient(address)) => {
                    assert_eq!(address, samples::origin().address);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(lists.read(&principal).unwrap().own, NetworkList::default());
        assert!(!is_void(&deployment, &node, &signed_in.tokens));
        assert_eq!(deployment.outcomes("networks_changed"), ["against_rules 2"]);
        assert_eq!(deployment.count("sign_in_failures"), 0, "no guess was made");
        assert_eq!(deployment.count("outbox"), 0);
    });
}

#[test]
fn a_wrong_password_sets_no_list_and_is_counted() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let principal = deployment.principal(&node, &sign_in(&node, "ada").tokens);
    let lists = allowlists(&deployment, &node);
    let replace = |typed: &str| {
        lists.replace(&principal, &networks("192.0.2.0/24"), password(typed)).map(drop)
    };
    for _ in 0..5 {
        let refused = replace("not this one at all");
        let wrong = AllowlistError::Reauthentication(ReauthenticationError::WrongPassword);
        assert_eq!(refused.unwrap_err().to_string(), wrong.to_string());
    }
    let locked = replace(PASSWORD).unwrap_err();
    assert!(matches!(locked, AllowlistError::Reauthentication(_)), "{locked:?}");
    assert_eq!(lists.read(&principal).unwrap().own, NetworkList::default());
    let outcomes = ["locked 1", "wrong_password 5"];
    assert_eq!(deployment.outcomes("networks_changed"), outcomes);
    let operator = lists.replace(&samples::operator(), &networks(""), password(PASSWORD));
    let is_unknown = matches!(operator, Err(AllowlistError::Change(ChangeError::Unknown)));
    assert!(is_unknown, "the operator has no list: {operator:?}");
    assert!(matches!(lists.read(&samples::operator()), Err(ChangeError::Unknown)));
}

#[test]
fn the_same_list_again_voids_nothing_and_tells_nobody() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let operator = samples::operator();
    let lists = allowlists(&deployment, &node);
    let wanted = networks("192.0.2.0/24");
    lists.replace_of(&operator, ada.id, &wanted).unwrap();
    deployment.pass(MINUTE);
    deployment.deliver();
    let tokens = sign_in(&node, "ada").tokens;
    lists.replace_of(&operator, ada.id, &wanted).unwrap();
    let principal = deployment.principal(&node, &tokens);
    lists.replace(&principal, &wanted, password(PASSWORD)).unwrap();
    assert!(!is_void(&deployment, &node, &tokens));
    assert!(deployment.deliver().is_empty());
    assert_eq!(deployment.outcomes("networks_changed"), ["success 3"]);
}

#[test]
fn an_administrator_sets_the_list_of_another_account_and_its_holder_is_told() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (admin, ada) = (admin(&deployment), deployment.enrol("ada"));
        let node = deployment.node();
        let signed_in = sign_in(&node, "ada");
        let lists = allowlists(&deployment, &node);
        // The address of the administrator is no matter for the list of somebody else.
        let wanted = networks("198.51.100.0/24");
        let set = lists.replace_of(&admin, ada.id, &wanted).unwrap();
        assert_eq!(set.own, wanted);
        assert_eq!(lists.read_of(&admin, ada.id).unwrap(), set);
        assert!(is_void(&deployment, &node, &signed_in.tokens));
        let refused = node.refresh.refresh(&refreshing(&signed_in));
        assert!(matches!(refused, Err(RefreshError::OutsideNetworks)), "{refused:?}");

        let event = only_recorded(&deployment, EventKind::NetworksChanged);
        assert_eq!(parties(&event), by(&admin, ada.id));
        let read = only_recorded(&deployment, EventKind::AccountRead);
        assert_eq!(parties(&read), by(&admin, ada.id));
        let [mail] = &deployment.deliver()[..] else { panic!("the holder is told once") };
        assert_eq!(mail.mail.kind(), "networks_set");
        assert!(mail.token.is_none(), "the holder does not undo what an administrator set");

        let nobody = samples::account("nobody").id;
        assert!(matches!(lists.read_of(&admin, nobody), Err(ChangeError::Unknown)));
        let unknown = lists.replace_of(&admin, nobody, &wanted);
        assert!(matches!(unknown, Err(ChangeError::Unknown)), "{unknown:?}");
    });
}

#[test]
fn an_administrator_sets_neither_the_own_list_nor_that_of_a_senior_account() {
    let deployment = Deployment::new();
    let (node, grace, joan) = with_both(&deployment);
    enrol_as(&deployment, "eve", "admin");
    let lists = allowlists(&deployment, &node);
    let id = |principal: &Principal| principal.account().unwrap();
    let set = |principal: &Principal, account, text| {
        refusal(lists.replace_of(principal, account, &networks(text)))
    };
    // An empty list would change nothing: even that takes the own password.
    for text in ["192.0.2.0/24", ""] {
        assert_eq!(set(&grace, id(&grace), text), Refusal::OwnAccount, "{text}");
        assert_eq!(set(&joan, id(&grace), text), Refusal::AboveOwnRole, "{text}");
    }
    assert_eq!(deployment.outcomes("networks_changed"), ["against_rules 4"]);
    assert_eq!(deployment.count("accounts WHERE allowed_networks IS NOT NULL"), 0);
    let demote = "UPDATE accounts SET role = 'msa' WHERE username = 'joan'";
    deployment.database.store().execute(demote).unwrap();
    let ada = deployment.enrol("ada");
    assert_eq!(set(&joan, ada.id, ""), Refusal::CallerChanged);
    let without = samples::principal(id(&joan), "msa");
    let refused = lists.replace_of(&without, ada.id, &networks(""));
    assert!(matches!(refused, Err(ChangeError::Superseded)), "{refused:?}");
}

#[test]
fn lists_in_quick_succession_are_refused_before_new_tokens_are_dated_too_far_ahead() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let lists = allowlists(&deployment, &node);
    let wanted = |number: usize| networks(&format!("192.0.2.0/{}", 24 + number));
    let set = |number| lists.replace_of(&samples::operator(), ada.id, &wanted(number));
    let mut made = 0;
    while set(made).is_ok() {
        made += 1;
        assert!(made < 4, "tokens would be dated too far ahead");
    }
    assert_eq!(refusal(set(made)), Refusal::RoleJustChanged);
    let stored = lists.read_of(&samples::operator(), ada.id).unwrap().own;
    assert_eq!(stored, wanted(made - 1), "the last one that was accepted");
    let outcomes = [format!("success {made}"), "superseded 2".to_owned()];
    assert_eq!(deployment.outcomes("networks_changed"), outcomes);
    deployment.pass(3 * SECOND);
    set(made).unwrap();
}

#[test]
fn the_list_of_a_role_is_shown_beside_the_own_one_and_tokens_state_what_both_allow() {
    let mut deployment = Deployment::new();
    let of_role = networks("192.0.2.0/24 203.0.113.0/24");
    let by_role: BTreeMap<_, _> = [(Role::parse("msa").unwrap(), of_role.clone())].into();
    deployment.sessions.networks = NetworkPolicy::new(by_role);
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = sign_in(&node, "ada");
    let principal = deployment.principal(&node, &signed_in.tokens);
    let own = networks("192.0.0.0/16");
    let lists = allowlists(&deployment, &node);
    let set = lists.replace(&principal, &own, password(PASSWORD)).unwrap();
    assert_eq!(set, Allowlist { own, of_role: Some(of_role) });
    let tokens = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    let token = tokens.access_token.expose_secret();
    let claims = node.authority.verify_access(token, deployment.now()).unwrap();
    assert_eq!(claims.networks, Some(networks("192.0.2.0/24")));
}

#[test]
fn a_refresh_from_outside_uses_no_token_up_and_is_recorded_once_a_minute() {
    let deployment = Deployment::new();
    let (ada, node) = (deployment.enrol("ada"), deployment.node());
    let signed_in = sign_in(&node, "ada");
    let lists = allowlists(&deployment, &node);
    lists.replace_of(&samples::operator(), ada.id, &networks("192.0.2.0/24")).unwrap();
    let outside = || {
        let request = RefreshRequest { origin: elsewhere(), ..refreshing(&signed_in) };
        let refused = node.refresh.refresh(&request);
        assert!(matches!(refused, Err(RefreshError::OutsideNetworks)), "{refused:?}");
    };
    (0..3).for_each(|_| outside());
    let event = only_recorded(&deployment, EventKind::SessionUsedOutside);
    assert_eq!((event.subject, event.session), (Some(ada.id), Some(session_of(&signed_in))));
    assert_eq!(
        (event.outcome.as_ref(), event.address.as_ref()),
        ("outside_networks", "198.51.100.7")
    );
    deployment.pass(59 * SECOND);
    outside();
    assert_eq!(recorded(&deployment, EventKind::SessionUsedOutside).len(), 1);
    deployment.pass(SECOND);
    outside();
    assert_eq!(recorded(&deployment, EventKind::SessionUsedOutside).len(), 2);

    let tokens = node.refresh.refresh(&refreshing(&signed_in)).unwrap();
    node.refresh.refresh(&refreshing_next(&signed_in, &tokens)).unwrap();
    assert_eq!(deployment.outcomes("refresh_token_reuse"), [""; 0]);
}

#[test]
fn of_uses_from_outside_at_once_one_is_recorded_for_each_session() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let sessions = [0; 2].map(|_| session_of(&sign_in(&node, "ada")));
        let store = Arc::new(deployment.database.store().clone());
        let access = NetworkAccess::new(NetworkPolicy::default(), store, deployment.ambient());
        at_once(8, |place| {
            access.record_refusal(ada.id, sessions[place % 2], &elsewhere()).unwrap();
        });
        let recorded = recorded(&deployment, EventKind::SessionUsedOutside);
        let mut of: Vec<_> = recorded.iter().map(|event| event.session.unwrap()).collect();
        of.sort_unstable();
        assert_eq!(of, {
            let mut all = sessions;
            all.sort_unstable();
            all
        });
    });
}
