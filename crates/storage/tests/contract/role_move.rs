//! Moves of accounts to other roles, with the activation of a matrix without theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_audit::{Actor, EventKind, Outcome};
use portcullis_domain::{Account, Role};
use portcullis_flows::access::matrix::{
    Activated, Activation, ActivationRefusal, ActivationRequest, Added, MatrixStore, RoleMove,
};
use portcullis_flows::effects::Effects;
use portcullis_flows::sign_in::SessionOpeningResult;
use portcullis_storage::Store;
use portcullis_testkit::samples::{self, NOW};
use portcullis_testkit::{TestDatabase, at_once};

use crate::inspect::{count, live_sessions};
use crate::member::{SignIn, at, enrol};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_moved_account_keeps_its_sessions_and_its_former_tokens_are_void() {
    TestDatabase::on_both(|database| {
        let store = &at(database.store(), NOW);
        let (ada, grace, joan) = (enrol(store, "ada"), enrol(store, "grace"), enrol(store, "joan"));
        store.execute("UPDATE accounts SET role = 'lpn' WHERE username = 'grace'").unwrap();
        store
            .execute("UPDATE accounts SET role = 'rn', is_active = FALSE WHERE username = 'joan'")
            .unwrap();
        SignIn::of(&ada, NOW).opened(store);
        SignIn::of(&grace, NOW).opened(store);
        begin(store);
        let moves = [("msa", "intern"), ("rn", "nurse")];
        let Activated::Done(accounts) = activate(store, 1, &["intern", "nurse", "lpn"], &moves)
        else {
            panic!("nothing speaks against it")
        };
        let roles: BTreeSet<_> = accounts
            .iter()
            .map(|it| (it.before.id, it.before.role.clone(), it.after.role.clone()))
            .collect();
        let expected =
            [(ada.id, role("msa"), role("intern")), (joan.id, role("rn"), role("nurse"))];
        assert_eq!(roles, expected.into());
        assert_eq!(live_sessions(store), 2);
        assert_eq!(count(store, "revocations WHERE kind = 'subject'"), 1, "only that of Ada");
        let SessionOpeningResult::Done { snapshot, .. } = SignIn::of(&ada, NOW).open(store) else {
            panic!("the account is active")
        };
        assert_eq!(snapshot.account.role, role("intern"));
        assert!(snapshot.tokens_valid_from > Some(NOW));
        assert_eq!(count(store, "accounts WHERE role = 'lpn' AND tokens_valid_from IS NULL"), 1);
    });
}

#[test]
fn what_is_refused_moves_nobody() {
    TestDatabase::on_both(|database| {
        let store = &at(database.store(), NOW);
        enrol(store, "ada");
        enrol(store, "grace");
        begin(store);
        assert_eq!(activate(store, 1, &["msa"], &[]), Activated::Done(Vec::new()));
        let moves = [("msa", "intern")];
        assert_eq!(activate(store, 1, &["intern"], &moves), Activated::Superseded);
        store.execute("UPDATE accounts SET role = 'rn' WHERE username = 'grace'").unwrap();
        let lacking = Activated::RolesInUse(vec![role("rn")]);
        assert_eq!(activate(store, 2, &["intern"], &moves), lacking);
        // Its tokens would be dated ahead of what services accept.
        store.execute("UPDATE accounts SET role = 'msa'").unwrap();
        store.execute("UPDATE accounts SET tokens_valid_from = created_at").unwrap();
        let hour = NOW - 3_600 * SECOND;
        let earlier = at(store, hour);
        let refused = Activated::Refused(ActivationRefusal::RoleJustChanged);
        assert_eq!(activate(&earlier, 2, &["intern"], &moves), refused);
        assert_eq!(count(store, "accounts WHERE role = 'msa'"), 2);
        assert_eq!(count(store, "revocations"), 0);
        assert_eq!(store.newest_activation().unwrap().map(|it| it.revision), Some(1));
    });
}

#[test]
fn a_move_leaves_an_administrator_and_ends_no_session_when_it_is_refused() {
    use portcullis_flows::access::matrix::InvalidMove;
    TestDatabase::on_both(|database| {
        let store = &at(database.store(), NOW);
        let ada = enrol(store, "ada");
        SignIn::of(&ada, NOW + 3_600 * SECOND).opened(store);
        begin(store);
        let refused = |problem| Activated::Refused(ActivationRefusal::InvalidMove(problem));
        let none = refused(InvalidMove::NoAdministrator(role("intern")));
        assert_eq!(activate(store, 1, &["intern", "rn"], &[("msa", "rn")]), none);
        enrol(store, "grace");
        store
            .execute(
                "UPDATE accounts SET role = 'intern', is_active = FALSE WHERE username = 'grace'",
            )
            .unwrap();
        assert_eq!(activate(store, 1, &["intern", "rn"], &[("msa", "rn")]), none);
        store.execute("UPDATE accounts SET is_active = TRUE").unwrap();
        // The last one of these accounts is refused.
        enrol(store, "zoe");
        store
            .execute("UPDATE accounts SET role = 'msa', tokens_valid_from = created_at WHERE username = 'zoe'")
            .unwrap();
        let earlier = at(store, NOW - 3_600 * SECOND);
        let ahead = Activated::Refused(ActivationRefusal::RoleJustChanged);
        assert_eq!(activate(&earlier, 1, &["intern", "rn"], &[("msa", "rn")]), ahead);
        assert_eq!((live_sessions(store), count(store, "revocations")), (1, 0));
        let done = activate(store, 1, &["intern", "rn"], &[("msa", "rn")]);
        assert!(matches!(&done, Activated::Done(accounts) if accounts.len() == 2), "{done:?}");
    });
}

#[test]
fn a_session_whose_tokens_are_dated_ahead_ends_and_invitations_move_too() {
    TestDatabase::on_both(|database| {
        let store = &at(database.store(), NOW);
        let (ada, grace) = (enrol(store, "ada"), enrol(store, "grace"));
        SignIn::of(&ada, NOW + 3_600 * SECOND).opened(store);
        SignIn::of(&grace, NOW).opened(store);
        let invite =
            "INSERT INTO invitations (id, email, email_key, role, kind, created_at, expires_at)
            SELECT id, email, email_key, 'msa', 'human', created_at, created_at FROM accounts";
        store.execute(invite).unwrap();
        begin(store);
        let moves = [("msa", "intern")];
        let Activated::Done(accounts) = activate(store, 1, &["intern"], &moves) else {
            panic!("nothing speaks against it")
        };
        let ended = |account: &Account| {
            accounts.iter().find(|it| it.after.id == account.id).map(|it| it.sessions_ended)
        };
        assert_eq!((ended(&ada), ended(&grace)), (Some(1), Some(0)));
        assert_eq!(live_sessions(store), 1);
        assert_eq!(count(store, "invitations WHERE role = 'intern'"), 2);
    });
}

#[test]
fn a_sign_in_that_races_with_the_move_has_the_new_role_or_is_void() {
    TestDatabase::on_both_crowded(|database| {
        let store = &at(database.store(), NOW);
        begin(store);
        let ada = enrol(store, "ada");
        let names = ["msa", "intern"];
        for round in 1..6_u64 {
            let odd = usize::try_from(round % 2).unwrap();
            let (from, to) = (names[1 - odd], names[odd]);
            // Each round begins later: a move within a second of the one before would be refused.
            let now = NOW + 10 * u32::try_from(round).unwrap() * SECOND;
            let store = at(store, now);
            let opened = at_once(12, |number| {
                if number == 6 {
                    let done = activate(&store, round, &[to], &[(from, to)]);
                    assert!(matches!(done, Activated::Done(_)), "{database:?} {done:?}");
                    return None;
                }
                match SignIn::of(&ada, now).open(&store) {
                    SessionOpeningResult::Done { snapshot, .. } => Some(snapshot),
                    other => panic!("{other:?}"),
                }
            });
            let later = SignIn::of(&ada, now).open(&store);
            let SessionOpeningResult::Done { snapshot: last, .. } = later else {
                panic!("{later:?}")
            };
            assert_eq!(last.account.role, role(to));
            for snapshot in opened.into_iter().flatten() {
                let is_new = snapshot.account.role == role(to);
                assert_eq!(is_new, snapshot.tokens_valid_from == last.tokens_valid_from);
            }
        }
    });
}

fn begin(store: &Store) {
    let proposed =
        |_: &Added| samples::event(EventKind::MatrixProposed, Outcome::Success, NOW).into();
    store.add_version("a", &samples::operator(), &proposed).unwrap();
}

fn activate(store: &Store, revision: u64, roles: &[&str], moves: &[(&str, &str)]) -> Activated {
    let moves: Vec<_> =
        moves.iter().map(|(from, to)| RoleMove { from: role(from), to: role(to) }).collect();
    let activating = ActivationRequest {
        activation: Activation { revision, version: 1, by: Actor::Operator, at: NOW },
        roles,
        moves: &moves,
        administrators: [&role("msa"), &role("intern")],
        principal: &samples::operator(),
        rule: &|_| Ok(()),
        effects: &|_, at| {
            Effects::from(samples::event(EventKind::MatrixActivated, Outcome::Success, at))
        },
    };
    store.activate(&activating).unwrap()
}

fn role(word: &str) -> Role {
    Role::parse(word).unwrap()
}
