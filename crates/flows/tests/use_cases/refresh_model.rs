//! Model test of refresh: for every sequence of actions of clients and thieves a session follows the rules
//! of the model: one current token, one successor for each, reuse ends all sessions, and no ended session
//! becomes active again.

use std::time::Duration;

use portcullis_domain::{Account, Delivery, ExposeSecret, SecretString, SessionId, Timestamp};
use portcullis_flows::sign_in::refresh::{RefreshError, RefreshRequest};
use portcullis_flows::sign_in::{SignInRequest, SignedIn};
use portcullis_testkit::samples;
use portcullis_token::LEEWAY;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::deployment::{DAY, Deployment, HOUR, MINUTE, Node, SECOND, by_name};

const GRACE: Duration = Duration::from_secs(60);
const REFRESH_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const ACCESS_LIFETIME: Duration = Duration::from_secs(30 * 60);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_history_follows_the_rules(steps in vec(step(), 1..60)) {
        let mut history = History::begin();
        for step in &steps {
            history.take(step);
        }
        history.present_every_token();
    }
}

#[derive(Clone, Debug)]
enum Step {
    SignIn(Delivery),
    /// Somebody presents a token of a session, so many generations after it was issued.
    Refresh(TokenChoice, usize, Cookie),
    SignOut(Index),
    SignOutEverywhere(Index),
    Restart,
    Pass(Duration),
}

#[derive(Clone, Debug)]
enum TokenChoice {
    Live(Index),
    Any(Index),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cookie {
    Right,
    Wrong,
    Missing,
}

fn step() -> impl Strategy<Value = Step> {
    // What ends sessions is rare, so that histories grow long before they end.
    let which = prop_oneof![
        9 => any::<Index>().prop_map(TokenChoice::Live),
        1 => any::<Index>().prop_map(TokenChoice::Any),
    ];
    let age = prop_oneof![12 => Just(0_usize), 5 => Just(1), 1 => 2..8_usize];
    let cookie = prop_oneof![
        12 => Just(Cookie::Right),
        1 => Just(Cookie::Wrong),
        2 => Just(Cookie::Missing),
    ];
    let short = select(vec![SECOND, 59 * SECOND, GRACE, 61 * SECOND]);
    let long = select(vec![MINUTE, HOUR, 6 * DAY, REFRESH_LIFETIME]);
    let delivery = select(vec![Delivery::Cookie, Delivery::Body]);
    prop_oneof![
        2 => delivery.prop_map(Step::SignIn),
        30 => (which, age, cookie)
            .prop_map(|(session, age, cookie)| Step::Refresh(session, age, cookie)),
        1 => any::<Index>().prop_map(Step::SignOut),
        1 => any::<Index>().prop_map(Step::SignOutEverywhere),
        2 => Just(Step::Restart),
        6 => short.prop_map(Step::Pass),
        1 => long.prop_map(Step::Pass),
    ]
}

/// What the rules say must become of a token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectedResult {
    Rotates,
    Repeats,
    IsLate,
    IsReuse,
    IsWorthless,
}

/// The model of a session.
struct Model {
    owner: Account,
    session: SessionId,
    cookie: Option<String>,
    /// Each with when it was issued; the last one is live, if any is.
    tokens: Vec<(String, Timestamp)>,
    ends: Timestamp,
    ended: Option<Timestamp>,
}

impl Model {
    fn new(signed_in: SignedIn, now: Timestamp) -> Self {
        let token = signed_in.tokens.refresh_token.expose_secret().to_owned();
        Self {
            owner: signed_in.tokens.account,
            session: signed_in.tokens.session.id,
            cookie: signed_in.binding.map(|cookie| cookie.expose().to_owned()),
            tokens: vec![(token, now)],
            ends: signed_in.tokens.session.expires_at,
            ended: None,
        }
    }

    fn fate(&self, token: usize, cookie: Cookie, now: Timestamp) -> ExpectedResult {
        let (last, issued) = (self.tokens.len() - 1, self.tokens[token].1);
        if self.ended.is_some() || now >= self.ends || now >= issued + REFRESH_LIFETIME + LEEWAY {
            return ExpectedResult::IsWorthless;
        }
        let bound = self.cookie.is_some();
        if token == last {
            let proven = !bound || cookie == Cookie::Right;
            return if proven { ExpectedResult::Rotates } else { ExpectedResult::IsWorthless };
        }
        let in_time = now <= self.tokens[last].1 + GRACE;
        match cookie {
            _ if token + 1 != last => ExpectedResult::IsReuse,
            _ if !bound && in_time => ExpectedResult::Repeats,
            _ if !bound => ExpectedResult::IsLate,
            Cookie::Right => ExpectedResult::Repeats,
            Cookie::Wrong | Cookie::Missing => ExpectedResult::IsReuse,
        }
    }

    fn end(&mut self, now: Timestamp) {
        self.ended.get_or_insert(now);
    }
}

/// The same actions on the real use cases and on the model.
struct History {
    deployment: Deployment,
    node: Node,
    sessions: Vec<Model>,
}

impl History {
    /// Ada has two sessions, one of them bound to a cookie; grace has one.
    fn begin() -> Self {
        let mut deployment = Deployment::new();
        deployment.sessions.most_sessions = 100;
        deployment.enrol("ada");
        deployment.enrol("grace");
        let mut history = Self { node: deployment.node(), deployment, sessions: Vec::new() };
        history.sign_in("ada", Delivery::Cookie);
        history.sign_in("ada", Delivery::Body);
        history.sign_in("grace", Delivery::Cookie);
        history
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::SignIn(delivery) => self.sign_in("ada", *delivery),
            Step::Refresh(session, age, cookie) => {
                let session = self.find(session);
                let token = self.sessions[session].tokens.len().saturating_sub(1 + age);
                self.present(session, token, *cookie);
            }
            Step::SignOut(session) => self.sign_out(session.index(self.sessions.len())),
            Step::SignOutEverywhere(session) => {
                self.sign_out_everywhere(session.index(self.sessions.len()));
            }
            Step::Restart => self.node = self.deployment.node(),
            Step::Pass(time) => self.deployment.pass(*time),
        }
        self.compare();
    }

    fn sign_in(&mut self, name: &str, delivery: Delivery) {
        let request = SignInRequest { delivery, ..by_name(name) };
        let signed_in = self.node.sign_in.sign_in(&request).unwrap();
        self.sessions.push(Model::new(signed_in, self.deployment.now()));
    }

    fn find(&self, which: &TokenChoice) -> usize {
        let is_live = |number: &usize| self.sessions[*number].ended.is_none();
        let all = 0..self.sessions.len();
        let live: Vec<usize> = all.clone().filter(is_live).collect();
        match which {
            TokenChoice::Live(index) if !live.is_empty() => *index.get(&live),
            TokenChoice::Live(index) | TokenChoice::Any(index) => index.index(all.len()),
        }
    }

    fn present(&mut self, number: usize, token: usize, cookie: Cookie) {
        let now = self.deployment.now();
        let session = &mut self.sessions[number];
        let binding = match cookie {
            Cookie::Right => session.cookie.as_deref(),
            Cookie::Wrong => Some("of another browser"),
            Cookie::Missing => None,
        };
        let late = self.deployment.late();
        let answer = self.node.refresh.refresh(&RefreshRequest {
            refresh_token: SecretString::from(session.tokens[token].0.as_str()),
            binding: binding.map(SecretString::from),
            origin: samples::origin(),
        });
        let issued = answer.as_ref().map(|tokens| tokens.refresh_token.expose_secret().to_owned());
        let live = session.tokens[session.tokens.len() - 1].0.clone();
        let fate = match &answer {
            Ok(_) if issued.as_ref().ok() == Some(&live) => ExpectedResult::Repeats,
            Ok(_) => ExpectedResult::Rotates,
            // The same answer, and another event.
            Err(RefreshError::Reused) if late < self.deployment.late() => ExpectedResult::IsLate,
            Err(RefreshError::Reused) => ExpectedResult::IsReuse,
            Err(RefreshError::Invalid) => ExpectedResult::IsWorthless,
            Err(error) => panic!("{error}"),
        };
        let expected = session.fate(token, cookie, now);
        assert_eq!(fate, expected, "token {token} of {}", session.tokens.len());
        match fate {
            ExpectedResult::Rotates => session.tokens.push((issued.unwrap(), now)),
            ExpectedResult::IsReuse => self.end_all_of(number),
            ExpectedResult::IsLate => session.end(now),
            ExpectedResult::Repeats | ExpectedResult::IsWorthless => {}
        }
    }

    fn sign_out(&mut self, number: usize) {
        let (account, session) = (self.sessions[number].owner.id, self.sessions[number].session);
        self.node.sign_out.sign_out(account, session, &samples::origin()).unwrap();
        self.sessions[number].end(self.deployment.now());
    }

    fn sign_out_everywhere(&mut self, number: usize) {
        let (account, session) = (self.sessions[number].owner.id, self.sessions[number].session);
        self.node.sign_out.sign_out_everywhere(account, session, &samples::origin()).unwrap();
        self.end_all_of(number);
    }

    fn end_all_of(&mut self, number: usize) {
        let (owner, now) = (self.sessions[number].owner.id, self.deployment.now());
        let theirs = self.sessions.iter_mut().filter(|session| session.owner.id == owner);
        theirs.for_each(|session| session.end(now));
    }

    /// What the database and this node know is what the model knows.
    fn compare(&self) {
        let forks = "(SELECT parent_id FROM refresh_tokens WHERE parent_id IS NOT NULL
                      GROUP BY parent_id HAVING count(*) > 1)";
        assert_eq!(self.deployment.count(forks), 0);
        let issued: usize = self.sessions.iter().map(|session| session.tokens.len()).sum();
        assert_eq!(self.deployment.count("refresh_tokens"), i64::try_from(issued).unwrap());
        let live = self.sessions.iter().filter(|session| session.ended.is_none()).count();
        let stored = self.deployment.count("sessions WHERE ended_at IS NULL");
        assert_eq!(stored, i64::try_from(live).unwrap());
        for session in &self.sessions {
            let revoked = self.node.refuses(session.session);
            match session.ended {
                None => assert!(!revoked),
                Some(ended) if self.deployment.now() <= ended + ACCESS_LIFETIME => assert!(revoked),
                Some(_) => {}
            }
        }
    }

    /// Also those that no step came back to.
    fn present_every_token(&mut self) {
        for number in 0..self.sessions.len() {
            for token in 0..self.sessions[number].tokens.len() {
                self.present(number, token, Cookie::Right);
            }
            self.compare();
        }
    }
}
