//! Tests of permission checks.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::DecisionId;
use portcullis_domain::{Account, Role};
use portcullis_flows::access::decision::{
    Answer, Attributes, Context, DecisionError, Decisions, Question,
};
use portcullis_flows::access::matrix::ActiveMatrix;
use portcullis_flows::audit::recording::{Recorder, RecordingPolicy};
use portcullis_flows::audit::trail::AuditLog;
use portcullis_flows::identity::account::Accounts;
use portcullis_testkit::{TestDatabase, samples};

use crate::deployment::Deployment;

struct RecorderFixture {
    deployment: Deployment,
    decisions: Decisions,
}

impl RecorderFixture {
    fn new() -> Self {
        let deployment = Deployment::new();
        let store = Arc::new(deployment.database.store().clone());
        let policy = RecordingPolicy { strict: true, ..RecordingPolicy::default() };
        let keys = TestDatabase::audit_keys();
        let recorder = Recorder::start(store.clone(), keys, policy, deployment.ambient());
        let decisions = Decisions::new(
            Arc::new(ActiveMatrix::new(samples::matrix()).unwrap()),
            Arc::new(Accounts::start(store, deployment.clock.clone()).unwrap()),
            Arc::new(recorder.unwrap()),
            deployment.clock.clone(),
        );
        Self { deployment, decisions }
    }

    fn enrol(&self, name: &str, role: &str) -> Account {
        let account = self.deployment.enrol(name);
        let update = format!("UPDATE accounts SET role = '{role}' WHERE username = '{name}'");
        self.deployment.database.store().execute(&update).unwrap();
        Account { role: Role::parse(role).unwrap(), ..account }
    }

    fn ask(&self, account: &Account, question: Question) -> Result<Answer, DecisionError> {
        Ok(self.ask_all(account, vec![question])?.remove(0))
    }

    fn ask_all(
        &self,
        account: &Account,
        questions: Vec<Question>,
    ) -> Result<Vec<Answer>, DecisionError> {
        let caller = samples::principal(account.id, account.role.as_str());
        match self.decisions.at_once(caller, questions) {
            Ok(answers) => answers,
            Err(pending) => self.decisions.later(pending, Duration::from_secs(60)),
        }
    }

    fn entry(&self, decision: DecisionId) -> portcullis_audit::Entry<'static> {
        let store = Arc::new(self.deployment.database.store().clone());
        let trail = AuditLog::new(store, self.deployment.ambient());
        trail.decision(&samples::operator(), decision).unwrap().unwrap()
    }
}

fn approval(context: Context) -> Question {
    Question { context, ..Question::own("swap_request", "approve") }
}

fn about(account: &Account, question: Question) -> Question {
    Question { subject: Some(account.id), ..question }
}

#[test]
fn a_condition_goes_by_the_context_and_a_missing_one_denies() {
    let fixture = RecorderFixture::new();
    let (ada, own) = (fixture.enrol("ada", "coordinator"), |id: &Account| Some(id.id.to_string()));
    let grace = fixture.enrol("grace", "resident");
    for (owner, allowed) in [(own(&ada), false), (own(&grace), true), (None, false)] {
        let context = Context { owner: owner.clone(), ..Context::default() };
        let answer = fixture.ask(&ada, approval(context)).unwrap();
        assert_eq!(answer.allowed, allowed, "{owner:?}");
    }
    let party = Context {
        owner: own(&ada),
        parties: Some(vec![ada.id.to_string(), grace.id.to_string()]),
        ..Context::default()
    };
    assert!(fixture.ask(&grace, approval(party)).unwrap().allowed);
}

/// Nobody approves their own request by spelling their own name in another way.
#[test]
fn an_owner_in_another_spelling_is_the_same_and_what_is_no_account_is_missing() {
    let fixture = RecorderFixture::new();
    let (ada, grace) = (fixture.enrol("ada", "coordinator"), fixture.enrol("grace", "resident"));
    let spellings = |id: &str| {
        let simple = id.replace('-', "");
        [id.to_uppercase(), simple, format!("{{{id}}}"), format!("urn:uuid:{id}")]
    };
    let approve = |owner: &str| {
        let context = Context { owner: Some(owner.to_owned()), ..Context::default() };
        fixture.ask(&ada, approval(context)).unwrap().allowed
    };
    let own = ada.id.to_string();
    let no_account = ["", " ", "ada", "ada@example.org", "\u{200b}"].map(str::to_owned);
    let spoilt = [format!(" {own}"), format!("{own} "), format!("{own}\u{200b}")];
    for owner in spellings(&own).into_iter().chain(no_account).chain(spoilt) {
        assert!(!approve(&owner), "{owner:?}");
    }
    for owner in spellings(&grace.id.to_string()) {
        assert!(approve(&owner), "{owner:?}");
    }
}

#[test]
fn what_is_recorded_is_what_was_asked() {
    let fixture = RecorderFixture::new();
    let (ada, grace) = (fixture.enrol("ada", "coordinator"), fixture.enrol("grace", "resident"));
    let attributes = serde_json::json!({ "ward": "3b", "beds": 12 });
    let context = Context {
        owner: Some(grace.id.to_string()),
        parties: Some(vec!["one".to_owned(), "two".to_owned()]),
        attributes: attributes.as_object().cloned().map(Attributes::from),
    };
    let answer = fixture.ask(&ada, approval(context)).unwrap();
    let entry = fixture.entry(answer.decision);
    assert_eq!(entry.outcome, "allowed");
    assert_eq!((entry.actor.as_ref(), entry.subject), (ada.id.to_string().as_str(), Some(ada.id)));
    assert_eq!(entry.session, Some(samples::session()));
    assert_eq!(entry.role.as_deref(), Some("coordinator"));
    assert_eq!(entry.resource.as_deref(), Some("swap_request"));
    assert_eq!(entry.action.as_deref(), Some("approve"));
    assert_eq!(entry.owner.as_deref(), Some(grace.id.to_string().as_str()));
    assert_eq!(entry.parties.as_deref(), Some(r#"["one","two"]"#));
    assert_eq!(entry.attributes.as_deref(), Some(attributes.to_string().as_str()));
    assert_eq!(entry.request_id, samples::origin().request_id.map(Into::into));
    assert_eq!(entry.user_agent, samples::origin().user_agent.map(Into::into));
    assert_eq!(entry.address, samples::origin().address.to_string());
}

#[test]
fn asking_for_others_takes_a_grant_and_goes_by_their_role() {
    let fixture = RecorderFixture::new();
    let (root, ada) = (fixture.enrol("root-of-all", "admin"), fixture.enrol("ada", "coordinator"));
    let grace = fixture.enrol("grace", "resident");
    let question = || Question::own("schedule", "create");
    assert!(fixture.ask(&root, about(&ada, question())).unwrap().allowed);
    let answer = fixture.ask(&root, about(&grace, question())).unwrap();
    assert!(!answer.allowed);
    let entry = fixture.entry(answer.decision);
    assert_eq!((entry.subject, entry.role.as_deref()), (Some(grace.id), Some("resident")));
    assert_eq!(entry.actor, root.id.to_string());
}

#[test]
fn whoever_may_not_ask_for_others_learns_nothing_and_leaves_one_decision() {
    let fixture = RecorderFixture::new();
    let (ada, grace) = (fixture.enrol("ada", "coordinator"), fixture.enrol("grace", "resident"));
    let nobody = samples::account("nobody");
    for other in [&grace, &nobody] {
        let questions =
            vec![Question::own("schedule", "list"), about(other, Question::own("a", "b"))];
        let Err(DecisionError::NotOnBehalf(decision)) = fixture.ask_all(&ada, questions) else {
            panic!("somebody was told about others");
        };
        let entry = fixture.entry(decision);
        assert_eq!(entry.outcome, "denied");
        assert_eq!(
            (entry.resource.as_deref(), entry.action.as_deref()),
            (Some("user"), Some("execute"))
        );
    }
    assert_eq!(fixture.decisions.recorder().state().recorded, 2);
}

#[test]
fn whoever_is_gone_or_deactivated_may_nothing() {
    let fixture = RecorderFixture::new();
    let (root, ada) = (fixture.enrol("root-of-all", "admin"), fixture.enrol("ada", "admin"));
    let update = "UPDATE accounts SET is_active = 0 WHERE username = 'ada'";
    fixture.deployment.database.store().execute(update).unwrap();
    for (other, reason) in [(ada, "deactivated"), (samples::account("nobody"), "no such account")] {
        let answer = fixture.ask(&root, about(&other, Question::own("schedule", "list"))).unwrap();
        assert!(!answer.allowed);
        let entry = fixture.entry(answer.decision);
        assert!(entry.reason.unwrap().contains(reason));
    }
}

#[test]
fn to_name_oneself_is_no_asking_for_others() {
    let fixture = RecorderFixture::new();
    let ada = fixture.enrol("ada", "resident");
    assert!(fixture.ask(&ada, about(&ada, Question::own("schedule", "list"))).unwrap().allowed);
    assert_eq!(fixture.decisions.recorder().state().recorded, 1);
}
