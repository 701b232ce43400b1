//! Tests of invitations, on both databases.

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::Matrix;
use portcullis_domain::{Account, AccountKind, SecretString};
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::identity::account_change::Refusal;
use portcullis_flows::identity::account_request::{
    FieldError, RegistrationError, RegistrationMode,
};
use portcullis_flows::identity::invitation::{
    AcceptanceError, InvitationError, Invitations, InvitedAccount,
};
use portcullis_flows::identity::provisioning::PersonKind;
use portcullis_flows::identity::registration::RegistrationAnswer;
use portcullis_flows::node::mail::Mail;
use portcullis_flows::principal::Principal;
use portcullis_testkit::samples::{self, MATRIX, operator, origin};
use portcullis_testkit::{PASSWORD, TestDatabase, at_once};

use crate::deployment::{Deployment, by_name};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

#[test]
fn an_invited_person_gets_the_address_the_role_and_the_kind_of_the_invitation() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        let grace = inviter(deployment, "grace", "admin");
        let invited = invitations
            .invite(&grace, "Ada@example.org", "faculty", PersonKind::Developer)
            .unwrap();
        let [mail] = deployment.database.mails().try_into().expect("one mail");
        assert_eq!((mail.recipient.as_str(), &mail.username), ("Ada@example.org", &None));
        let Mail::Invitation { invitation, inviter } = &mail.mail else { panic!("{mail:?}") };
        assert_eq!((*invitation, inviter.as_str()), (invited.id, "grace"));

        let account = accept(&invitations, &mail.token.unwrap(), "ada").unwrap();
        assert_eq!(account.email.as_str(), "Ada@example.org");
        assert_eq!((account.role.as_str(), account.kind), ("faculty", AccountKind::Developer));
        assert!(account.email_verified && account.is_active);
        let signed_in = deployment.node().sign_in.sign_in(&by_name("ada")).unwrap();
        assert_eq!(signed_in.tokens.account.id, account.id);
        for kind in ["invitation_created", "invitation_accepted"] {
            assert_eq!(deployment.outcomes(kind), ["success 1"]);
            let details = deployment.details(kind).remove(0);
            let role = r#""email":"Ada@example.org","role":"faculty","kind":"developer"}"#;
            assert!(details.ends_with(role), "{details}");
        }
        assert_eq!(deployment.count("invitations") + deployment.count("mail_secrets"), 0);
    });
}

#[test]
fn a_link_works_once_also_for_thirty_at_once() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = by_invitation(database);
        let invitations = invitations(&deployment);
        let link = invited(&deployment, &invitations, "ada@example.org");
        let results = at_once(30, |number| accept(&invitations, &link, &format!("ada-{number}")));
        let (created, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((created.len(), refused.len()), (1, 29));
        for refused in refused {
            assert!(matches!(refused, Err(AcceptanceError::InvalidInvitation)), "{refused:?}");
        }
        assert_invalid(&invitations, &link);
        assert_eq!(deployment.count("accounts"), 1);
    });
}

#[test]
fn expired_revoked_and_superseded_invitations_have_one_error() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        let first = invited(deployment, &invitations, "ada@example.org");
        let second = invited(deployment, &invitations, "ADA@example.org");
        assert_invalid(&invitations, &first);
        let waiting = invitations.list(None, 10).unwrap().invitations;
        let [waiting] = waiting.try_into().expect("an address has one invitation");
        invitations.revoke(&operator(), waiting.id).unwrap();
        assert_invalid(&invitations, &second);
        let again = invitations.revoke(&operator(), waiting.id);
        assert!(matches!(again, Err(InvitationError::Unknown)), "{again:?}");
        assert_eq!(deployment.outcomes("invitation_revoked"), ["success 1"]);

        let third = invited(deployment, &invitations, "ada@example.org");
        deployment.pass(WEEK);
        assert_invalid(&invitations, &third);
        assert!(invitations.list(None, 10).unwrap().invitations.is_empty());
        for text in ["", "x", "pK3vT1mS8xQ6rN0bY5wL2cH9jF4dG7zAeUiOkMtXyZs"] {
            assert_invalid(&invitations, text);
        }
        assert_eq!(deployment.count("accounts"), 0);
    });
}

#[test]
fn of_thirty_invitations_of_one_address_at_once_one_waits() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = by_invitation(database);
        let invitations = invitations(&deployment);
        let invite =
            |_| invitations.invite(&operator(), "ada@example.org", "msa", PersonKind::User);
        let results = at_once(30, invite);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(deployment.count("invitations"), 1);
        let links: Vec<_> =
            deployment.database.mails().into_iter().filter_map(|mail| mail.token).collect();
        assert_eq!(links.len(), 30);
        let accepted = links.iter().filter(|link| accept(&invitations, link, "ada").is_ok());
        assert_eq!(accepted.count(), 1);
    });
}

#[test]
fn a_revocation_and_an_acceptance_at_once_have_one_winner() {
    TestDatabase::on_both_crowded(|database| {
        let deployment = by_invitation(database);
        let invitations = invitations(&deployment);
        for round in 0..8 {
            let link = invited(&deployment, &invitations, &format!("ada{round}@example.org"));
            let id = invitations.list(None, 1).unwrap().invitations[0].id;
            let won = at_once(2, |number| match number {
                0 => invitations.revoke(&operator(), id).is_ok(),
                _ => accept(&invitations, &link, &format!("ada-{round}")).is_ok(),
            });
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        }
    });
}

#[test]
fn nobody_invites_above_their_own_role_or_revokes_such_an_invitation() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        let joan = inviter(deployment, "joan", "coordinator");
        let invite = |role| invitations.invite(&joan, "ada@example.org", role, PersonKind::User);
        let refused = invite("admin");
        let above = InvitationError::Refused(Refusal::AboveOwnRole).to_string();
        assert_eq!(refused.unwrap_err().to_string(), above);
        invite("coordinator").unwrap();
        invite("rn").unwrap();
        assert!(matches!(invite("nurse"), Err(InvitationError::UnknownRole(_))));

        let of_admin =
            invitations.invite(&operator(), "chief@example.org", "admin", PersonKind::User);
        let refused = invitations.revoke(&joan, of_admin.unwrap().id);
        assert_eq!(refused.unwrap_err().to_string(), above);
        assert_eq!(deployment.outcomes("invitation_created"), ["against_rules 1", "success 3"]);
        assert_eq!(deployment.outcomes("invitation_revoked"), ["against_rules 1"]);
        assert_eq!(deployment.count("invitations"), 2);

        // A role without the permission invites to nothing, not even to itself.
        let nurse = inviter(deployment, "nora", "rn");
        let refused = invitations.invite(&nurse, "eve@example.org", "rn", PersonKind::User);
        assert_eq!(refused.unwrap_err().to_string(), above);
    });
}

#[test]
fn an_invitation_ends_with_the_inviter() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        let joan = inviter(deployment, "joan", "coordinator");
        invitations.invite(&joan, "ada@example.org", "coordinator", PersonKind::User).unwrap();
        let link = deployment.database.only_link();
        let store = deployment.database.store();
        for (change, undo) in
            [("is_active = false", "is_active = true"), ("role = 'rn'", "role = 'coordinator'")]
        {
            store.execute(&format!("UPDATE accounts SET {change}")).unwrap();
            assert_invalid(&invitations, &link);
            let stale = invitations.invite(&joan, "eve@example.org", "rn", PersonKind::User);
            let changed = InvitationError::Refused(Refusal::CallerChanged).to_string();
            assert_eq!(stale.unwrap_err().to_string(), changed);
            store.execute(&format!("UPDATE accounts SET {undo}")).unwrap();
        }
        accept(&invitations, &link, "ada").unwrap();
    });
}

#[test]
fn every_check_comes_before_the_link_is_spent() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        deployment.enrol("taken");
        let link = invited(deployment, &invitations, "ada@example.org");
        let taken = accept(&invitations, &link, "taken");
        let error = AcceptanceError::Account(RegistrationError::UsernameTaken).to_string();
        assert_eq!(taken.unwrap_err().to_string(), error);
        let faults = |wanted| match invitations.accept(wanted) {
            Err(AcceptanceError::Account(RegistrationError::Invalid(faults))) => faults,
            other => panic!("{other:?}"),
        };
        let short =
            InvitedAccount { password: SecretString::from("short"), ..wanted(&link, "ada") };
        assert!(!faults(short).is_empty());
        assert_eq!(faults(wanted(&link, "admin")), [FieldError::UsernameReserved]);
        for email in ["eve@example.org", "nonsense"] {
            let other = InvitedAccount { email: Some(email.to_owned()), ..wanted(&link, "ada") };
            assert_eq!(faults(other), [FieldError::EmailNotInvited]);
        }
        let same = Some("ADA@example.org".to_owned());
        invitations.accept(InvitedAccount { email: same, ..wanted(&link, "ada") }).unwrap();
    });
}

#[test]
fn an_address_with_an_account_is_not_invited_and_one_that_gets_one_ends_the_invitation() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        deployment.enrol("ada");
        let taken = invitations.invite(&operator(), "ADA@example.org", "msa", PersonKind::User);
        let error = InvitationError::Account(RegistrationError::EmailTaken).to_string();
        assert_eq!(taken.unwrap_err().to_string(), error);
        let link = invited(deployment, &invitations, "grace@example.org");
        deployment.enrol("grace");
        let taken = accept(&invitations, &link, "hopper");
        let error = AcceptanceError::Account(RegistrationError::EmailTaken).to_string();
        assert_eq!(taken.unwrap_err().to_string(), error);
        assert_invalid(&invitations, &link);
    });
}

#[test]
fn invitations_work_where_people_may_register_and_nowhere_else() {
    for (mode, works) in [
        (RegistrationMode::Open, true),
        (RegistrationMode::Invite, true),
        (RegistrationMode::AdminOnly, false),
        (RegistrationMode::Closed, false),
    ] {
        let mut deployment = by_invitation(TestDatabase::sqlite());
        let link = invited(&deployment, &invitations(&deployment), "ada@example.org");
        deployment.rules.mode = mode;
        let invitations = invitations(&deployment);
        let invite = invitations.invite(&operator(), "eve@example.org", "msa", PersonKind::User);
        assert_eq!(invite.is_ok(), works, "{mode:?}");
        assert_eq!(accept(&invitations, &link, "ada").is_ok(), works, "{mode:?}");
    }
}

#[test]
fn pages_of_invitations_have_no_gaps_or_repeats() {
    on_both(|deployment| {
        let invitations = invitations(deployment);
        for number in 0..5 {
            let email = format!("ada{number}@example.org");
            invitations.invite(&operator(), &email, "msa", PersonKind::User).unwrap();
            deployment.pass(Duration::from_secs(1));
        }
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = invitations.list(before, 2).unwrap();
            seen.extend(page.invitations.into_iter().map(|found| found.email.key().to_owned()));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let expected: Vec<_> =
            (0..5).rev().map(|number| format!("ada{number}@example.org")).collect();
        assert_eq!(seen, expected);
    });
}

fn on_both(test: impl Fn(&Deployment)) {
    TestDatabase::on_both(|database| test(&by_invitation(database)));
}

fn by_invitation(database: TestDatabase) -> Deployment {
    let mut deployment = Deployment::on(database);
    deployment.rules.mode = RegistrationMode::Invite;
    Deployment { answer: RegistrationAnswer::Verified, ..deployment }
}

/// The use cases under a matrix in which a coordinator invites too.
fn invitations(deployment: &Deployment) -> Invitations {
    let text = MATRIX.replacen(
        "    { resources = [\"schedule\"], actions",
        "    { resources = [\"user\"], actions = [\"create\"] },\n    { resources = [\"schedule\"], actions",
        1,
    );
    assert_ne!(text, MATRIX);
    let matrix = ActiveMatrix::new(Matrix::parse(&text).unwrap()).unwrap();
    let store = Arc::new(deployment.database.store().clone());
    let candidates = deployment.node().candidates;
    Invitations::new(store, candidates, Arc::new(matrix), WEEK, deployment.ambient())
}

fn inviter(deployment: &Deployment, name: &str, role: &str) -> Principal {
    let account = deployment.enrol(name);
    let promote = format!("UPDATE accounts SET role = '{role}' WHERE username = '{name}'");
    deployment.database.store().execute(&promote).unwrap();
    samples::principal(account.id, role)
}

/// The link of an invitation by the operator.
fn invited(deployment: &Deployment, invitations: &Invitations, email: &str) -> String {
    invitations.invite(&operator(), email, "msa", PersonKind::User).unwrap();
    deployment.database.only_link()
}

fn wanted(link: &str, username: &str) -> InvitedAccount {
    InvitedAccount {
        invitation: SecretString::from(link),
        username: username.to_owned(),
        email: None,
        password: SecretString::from(PASSWORD),
        display_name: None,
        origin: origin(),
    }
}

fn accept(
    invitations: &Invitations,
    link: &str,
    username: &str,
) -> Result<Account, AcceptanceError> {
    invitations.accept(wanted(link, username))
}

fn assert_invalid(invitations: &Invitations, link: &str) {
    let result = accept(invitations, link, "mallory");
    assert!(matches!(result, Err(AcceptanceError::InvalidInvitation)), "{result:?}");
}
