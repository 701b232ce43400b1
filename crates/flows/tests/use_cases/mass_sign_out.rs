//! Mass sign-out: the required permission, and the state after it.

use std::sync::{Arc, Once};

use portcullis_audit::Actor;
use portcullis_flows::StoreError;
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::identity::account_change::{ChangeError, Refusal};
use portcullis_flows::node::revocation::Enforcement;
use portcullis_flows::principal::Principal;
use portcullis_flows::sign_in::mass_sign_out::{
    MassEnded, MassEnding, MassSignOut, MassSignOutStore,
};
use portcullis_flows::sign_in::refresh::RefreshError;
use portcullis_testkit::{TestDatabase, samples};

use crate::deployment::{Deployment, Node, SECOND, by_name, refreshing};
use crate::session;

#[test]
fn the_most_senior_role_ends_every_session_and_its_own_with_them() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (caller, node) = admin(&deployment);
        deployment.enrol("ada");
        let [one, other] = [0, 1].map(|_| node.sign_in.sign_in(&by_name("ada")).unwrap());
        assert_eq!(node.mass_sign_out.end_all(&caller).unwrap(), 3);
        assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 0);
        assert!(node.refuses(caller.session().unwrap()));
        for ended in [one, other] {
            assert!(node.refuses(ended.tokens.session.id));
            assert!(matches!(
                node.refresh.refresh(&refreshing(&ended)),
                Err(RefreshError::Invalid)
            ));
        }
        let again = node.mass_sign_out.end_all(&caller).unwrap_err();
        assert!(matches!(again, ChangeError::Refused(Refusal::CallerChanged)), "{again}");
        assert_eq!(deployment.outcomes("everybody_signed_out"), ["success 2", "superseded 1"]);
        node.sign_in.sign_in(&by_name("ada")).unwrap();
    });
}

#[test]
fn many_sessions_end_in_portions_and_each_portion_says_how_many() {
    let deployment = Deployment::new();
    let (caller, node) = admin(&deployment);
    deployment.enrol("ada");
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    multiply_sessions(&deployment, 600);
    assert_eq!(node.mass_sign_out.end_all(&caller).unwrap(), 601);
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 0);
    let expected = [500, 100, 1].map(|count| format!(r#"{{"sessions_ended":{count}}}"#));
    assert_eq!(deployment.details("everybody_signed_out"), expected);
}

#[test]
fn the_operator_ends_every_session_without_having_one() {
    TestDatabase::on_both(|database| {
        let deployment = Deployment::on(database);
        let (node, account) = (deployment.node(), deployment.enrol("ada"));
        let signed_in = node.sign_in.sign_in(&by_name("ada")).unwrap();
        let command_line = command_line(&deployment, deployment.database.store().clone());
        let end_all = || command_line.end_all(&samples::operator()).unwrap();
        assert_eq!((end_all(), end_all()), (1, 0));
        assert!(
            deployment.node().refuses(signed_in.tokens.session.id),
            "a server reads it at its start"
        );
        assert_eq!(node.sessions.list(account.id).unwrap(), []);
        let actors = "SELECT actor FROM security_events WHERE kind = 'everybody_signed_out'";
        let actors = deployment.database.store().texts(actors).unwrap();
        assert_eq!(actors, [Actor::Operator.to_string(), Actor::Operator.to_string()]);
    });
}

#[test]
fn a_session_that_is_opened_after_the_beginning_stays() {
    let deployment = Deployment::new();
    let node = deployment.node();
    deployment.enrol("ada");
    node.sign_in.sign_in(&by_name("ada")).unwrap();
    let (clock, opened) = (deployment.clock.clone(), Once::new());
    let open = move || {
        clock.advance(SECOND);
        node.sign_in.sign_in(&by_name("ada")).unwrap();
    };
    let after_each = move || opened.call_once(&open);
    let store = InterruptedStore { store: deployment.database.store().clone(), after_each };
    assert_eq!(command_line(&deployment, store).end_all(&samples::operator()).unwrap(), 1);
    assert_eq!(deployment.count("sessions WHERE ended_at IS NULL"), 1);
}

#[test]
fn any_other_role_is_refused_and_ends_nothing() {
    let deployment = Deployment::new();
    let node = deployment.node();
    deployment.enrol("ada");
    let tokens = node.sign_in.sign_in(&by_name("ada")).unwrap().tokens;
    let refused = node.mass_sign_out.end_all(&deployment.principal(&node, &tokens)).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(Refusal::AboveOwnRole)), "{refused}");
    assert!(!node.refuses(tokens.session.id));
    assert_eq!(deployment.outcomes("everybody_signed_out"), ["against_rules 1"]);
}

#[test]
fn a_caller_whose_role_is_gone_is_refused_and_ends_nothing() {
    let deployment = Deployment::new();
    let (caller, node) = admin(&deployment);
    deployment.database.store().execute("UPDATE accounts SET role = 'rn'").unwrap();
    let refused = node.mass_sign_out.end_all(&caller).unwrap_err();
    assert!(matches!(refused, ChangeError::Refused(Refusal::CallerChanged)), "{refused}");
    assert!(!node.refuses(caller.session().unwrap()));
    assert_eq!(deployment.outcomes("everybody_signed_out"), ["superseded 1"]);
}

#[test]
fn a_node_that_goes_by_an_old_matrix_ends_nothing_and_records_nothing() {
    let deployment = Deployment::new();
    let (caller, node) = admin(&deployment);
    session::activate(&deployment, &deployment.node(), session::BOSS);
    let refused = node.mass_sign_out.end_all(&caller).unwrap_err();
    assert!(matches!(refused, ChangeError::Superseded), "{refused}");
    assert!(!node.refuses(caller.session().unwrap()));
    assert_eq!(deployment.outcomes("everybody_signed_out"), [""; 0]);
    // No matrix binds the operator.
    assert_eq!(node.mass_sign_out.end_all(&samples::operator()).unwrap(), 1);
}

/// The real store, with something that happens after each portion.
struct InterruptedStore<S, F> {
    store: S,
    after_each: F,
}

impl<S: MassSignOutStore, F: Fn() + Send + Sync> MassSignOutStore for InterruptedStore<S, F> {
    fn end_sessions_of_all(&self, ending: &MassEnding<'_>) -> Result<MassEnded, StoreError> {
        let ended = self.store.end_sessions_of_all(ending)?;
        (self.after_each)();
        Ok(ended)
    }
}

/// Grace, signed in with the most senior role.
fn admin(deployment: &Deployment) -> (Principal, Node) {
    deployment.enrol("grace");
    deployment.database.store().execute("UPDATE accounts SET role = 'admin'").unwrap();
    let node = deployment.node();
    let tokens = node.sign_in.sign_in(&by_name("grace")).unwrap().tokens;
    (deployment.principal(&node, &tokens), node)
}

/// The use case as the command line has it: it accepts no token, and so enforces nothing.
fn command_line(deployment: &Deployment, store: impl MassSignOutStore + 'static) -> MassSignOut {
    let matrix = Arc::new(ActiveMatrix::new(samples::matrix()).unwrap());
    let enforcement = Enforcement::of_command(deployment.sessions.access_lifetime);
    MassSignOut::new(Arc::new(store), matrix, enforcement, deployment.ambient())
}

/// Copies the one session of Ada until she has so many.
fn multiply_sessions(deployment: &Deployment, total: u32) {
    let copy = format!(
        "WITH RECURSIVE copies (number) AS
         (SELECT 2 UNION ALL SELECT number + 1 FROM copies WHERE number < {total})
         INSERT INTO sessions
         (id, account_id, delivery, current_token, rotated_at, authenticated_at, expires_at)
         SELECT randomblob(16), account_id, delivery, randomblob(16), rotated_at, authenticated_at,
         expires_at FROM copies, sessions
         WHERE account_id = (SELECT id FROM accounts WHERE username = 'ada')"
    );
    deployment.database.store().execute(&copy).unwrap();
}
