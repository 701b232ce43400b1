//! Breach review: a password that no list has answered for yet is checked after a sign-in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_audit::EventKind;
use portcullis_flows::identity::breach_check::BreachChecks;
use portcullis_flows::identity::breach_review::BreachReviews;
use portcullis_flows::sign_in::hash_cost::HashCosts;
use portcullis_flows::sign_in::lockout::Lockout;
use portcullis_flows::sign_in::{SignIn, SignInRequest, SignInResult};
use portcullis_password::{BreachDigest, BreachService, BreachServiceError};
use portcullis_testkit::{TestDatabase, samples};

use crate::administration::{counters, issuer, only_recorded};
use crate::deployment::{DAY, Deployment, Node, by_name, guess};
use crate::factors::enrolled;

/// A list that gives the same answer every time, and does something before it.
struct List {
    answer: Option<bool>,
    asked: AtomicUsize,
    first: Box<dyn Fn() + Send + Sync>,
}

impl List {
    fn new(answer: Option<bool>) -> Arc<Self> {
        Self::after(answer, || ())
    }

    fn after(answer: Option<bool>, first: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answer, asked: AtomicUsize::new(0), first: Box::new(first) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl BreachService for List {
    fn lists(&self, _: &BreachDigest) -> Result<bool, BreachServiceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        (self.first)();
        self.answer.ok_or_else(|| "no answer".into())
    }
}

/// Sign-in on a node with this list.
fn reviewing(deployment: &Deployment, node: &Node, list: &Arc<List>) -> SignIn {
    let (store, ambient) = (Arc::new(deployment.database.store().clone()), deployment.ambient());
    let checks = BreachChecks::new(None, Some(list.clone()), deployment.clock.clone());
    let costs = Arc::new(HashCosts::new(store.clone()));
    costs.follow().unwrap();
    SignIn::new(
        store.clone(),
        node.hashing.clone(),
        issuer(deployment, node),
        costs,
        BreachReviews::new(store, Arc::new(checks), ambient.clone()),
        Lockout { counters: counters(deployment), policy: deployment.lockout.clone() },
        ambient,
    )
}

/// Signs in, and returns whether the password must be changed.
fn must_change(sign_in: &SignIn, request: &SignInRequest) -> bool {
    match sign_in.sign_in(request).unwrap() {
        SignInResult::SignedIn(signed_in) => signed_in.tokens.account.password_must_change,
        SignInResult::ChallengeIssued(_) => panic!("no second step is required"),
    }
}

fn is_stored(deployment: &Deployment) -> bool {
    deployment.count("accounts WHERE password_must_change") == 1
}

#[test]
fn a_listed_password_must_be_changed_from_this_sign_in_on_and_its_holder_is_told() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (ada, node) = (deployment.enrol("ada"), deployment.node());
        let list = List::new(Some(true));
        let sign_in = reviewing(&deployment, &node, &list);
        assert!(must_change(&sign_in, &by_name("ada")), "already the first token says so");
        assert!(is_stored(&deployment));
        let event = only_recorded(&deployment, EventKind::PasswordBreached);
        assert_eq!(event.subject, Some(ada.id));
        let change = r#"{"field":"password_must_change","before":"false","after":"true"}"#;
        assert_eq!(event.details.as_deref(), Some(&*format!(r#"{{"changes":[{change}]}}"#)));
        let kinds: Vec<_> = deployment.deliver().iter().map(|sent| sent.mail.kind()).collect();
        assert_eq!(kinds, ["password_breached"]);

        assert!(must_change(&sign_in, &by_name("ada")));
        assert_eq!(list.asked(), 1, "each password is reviewed once");
        assert_eq!(deployment.outcomes("password_breached"), ["success 1"]);
    });
}

#[test]
fn a_password_in_no_list_is_reviewed_once_and_leaves_no_trace() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (_, node) = (deployment.enrol("ada"), deployment.node());
        let list = List::new(Some(false));
        let sign_in = reviewing(&deployment, &node, &list);
        assert!(!must_change(&sign_in, &by_name("ada")));
        assert!(!must_change(&sign_in, &by_name("ada")));
        assert_eq!(list.asked(), 1);
        assert_eq!(deployment.outcomes("password_breached"), [""; 0]);
        assert_eq!(deployment.count("outbox WHERE kind = 'password_breached'"), 0);

        // Another password is another question.
        let hash = samples::password_hash();
        let ada = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens.account.id;
        node.account_changes.set_password(&samples::operator(), ada, &hash, false).unwrap();
        must_change(&sign_in, &by_name("ada"));
        assert_eq!(list.asked(), 2);
    });
}

#[test]
fn a_list_that_does_not_answer_refuses_nobody_and_is_asked_again() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let list = List::new(None);
    let sign_in = reviewing(&deployment, &node, &list);
    for asked in [1, 2] {
        assert!(!must_change(&sign_in, &by_name("ada")));
        assert_eq!(list.asked(), asked);
        deployment.pass(DAY);
    }
    assert!(!is_stored(&deployment));
    let answering = reviewing(&deployment, &node, &List::new(Some(true)));
    assert!(must_change(&answering, &by_name("ada")));
}

/// Otherwise the time of the refusal would tell that the password was right.
#[test]
fn a_refused_sign_in_asks_no_list() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let list = List::new(Some(true));
    let sign_in = reviewing(&deployment, &node, &list);
    for _ in 0..5 {
        sign_in.sign_in(&guess("ada")).unwrap_err();
    }
    sign_in.sign_in(&by_name("ada")).unwrap_err();
    assert_eq!((list.asked(), is_stored(&deployment)), (0, false));
}

#[test]
fn the_password_of_an_account_with_a_second_factor_is_reviewed_at_the_first_step() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    enrolled(&deployment, &node, "ada");
    let list = List::new(Some(true));
    let sign_in = reviewing(&deployment, &node, &list);
    let result = sign_in.sign_in(&by_name("ada")).unwrap();
    assert!(matches!(result, SignInResult::ChallengeIssued(_)), "{result:?}");
    assert_eq!((list.asked(), is_stored(&deployment)), (1, true));
    assert_eq!(deployment.outcomes("password_breached"), ["success 1"]);
}

#[test]
fn a_password_that_is_replaced_during_the_review_is_not_blamed_for_the_former_one() {
    for change in ["password_epoch = password_epoch + 1", "breach_reviewed_epoch = password_epoch"]
    {
        let deployment = Deployment::new();
        let (_, node) = (deployment.enrol("ada"), deployment.node());
        let store = deployment.database.store().clone();
        let list = List::after(Some(true), move || {
            store.execute(&format!("UPDATE accounts SET {change}")).unwrap();
        });
        let sign_in = reviewing(&deployment, &node, &list);
        assert!(!must_change(&sign_in, &by_name("ada")), "{change}");
        assert_eq!((list.asked(), is_stored(&deployment)), (1, false), "{change}");
        assert_eq!(deployment.outcomes("password_breached"), [""; 0], "{change}");
        assert_eq!(deployment.count("outbox"), 0, "{change}");
    }
}

/// The sign-in is committed before the review.
#[test]
fn a_review_that_cannot_be_stored_takes_no_session_away() {
    let deployment = Deployment::new();
    let (_, node) = (deployment.enrol("ada"), deployment.node());
    let store = deployment.database.store().clone();
    let list = List::after(Some(true), move || {
        store.execute("ALTER TABLE accounts RENAME TO hidden").unwrap();
    });
    let sign_in = reviewing(&deployment, &node, &list);
    assert!(!must_change(&sign_in, &by_name("ada")));
    let store = deployment.database.store();
    store.execute("ALTER TABLE hidden RENAME TO accounts").unwrap();
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);
    assert!(!is_stored(&deployment));
    let answering = reviewing(&deployment, &node, &List::new(Some(true)));
    assert!(must_change(&answering, &by_name("ada")), "it is due again");
}
