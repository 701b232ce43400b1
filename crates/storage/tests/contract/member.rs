//! An account that signs in: the arguments of the sign-in ports, with defaults.

use std::sync::Arc;
use std::time::Duration;

use portcullis_audit::{EventKind, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, AssuranceLevel, Authentication, AuthenticationMethod, Delivery,
    DisplayName, NetworkList, Session, SessionId, SystemRandom, Timestamp, TokenId,
};
use portcullis_flows::access::matrix::MatrixStore;
use portcullis_flows::effects::Effects;
use portcullis_flows::identity::registration::{Creation, NewAccount, RegistrationStore};
use portcullis_flows::node::revocation::Revoked;
use portcullis_flows::sign_in::device::DeviceUse;
use portcullis_flows::sign_in::lockout::{CounterState, FailureCounter};
use portcullis_flows::sign_in::session_tokens::SessionEnd;
use portcullis_flows::sign_in::sign_out::SignOutStore;
use portcullis_flows::sign_in::{
    HashReplacement, PasswordProof, Proof, SessionOpening, SessionOpeningResult, SignInStore,
    StoredCredentials, StoredPassword,
};
use portcullis_password::PasswordHash;
use portcullis_rate_limit::LockoutPolicy;
use portcullis_storage::Store;
use portcullis_testkit::TestClock;
use portcullis_testkit::samples::{self, NOW};
use portcullis_token::Digest;

pub(crate) const SESSION_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Creates an account of that name with the sample password.
pub(crate) fn enrol(store: &Store, name: &str) -> Account {
    let account = samples::account(name);
    enrol_as(store, &account);
    account
}

/// Creates this account with the sample password.
pub(crate) fn enrol_as(store: &Store, account: &Account) {
    let event = samples::event(EventKind::Registration, Outcome::Success, NOW).about(account.id);
    let newest = store.newest_activation().unwrap();
    let new = NewAccount {
        account,
        password_hash: Some(&samples::password_hash()),
        revision: newest.map_or(0, |newest| newest.revision),
        effects: &event.into(),
        must_verify_email: false,
    };
    let created = store.create(&new).unwrap();
    assert_eq!(created, Creation::Done);
}

/// A sign-in with a verified password, before it is written.
#[derive(Clone)]
pub(crate) struct SignIn {
    pub(crate) session: Session,
    pub(crate) refresh: TokenId,
    pub(crate) binding: Option<Digest>,
    pub(crate) former_binding: Option<Digest>,
    pub(crate) device_name: Option<DisplayName>,
    pub(crate) device: Option<DeviceUse>,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) requires_verified_email: bool,
    pub(crate) networks: NetworkList,
    pub(crate) counter: Digest,
    pub(crate) most_sessions: u32,
    pub(crate) now: Timestamp,
}

impl SignIn {
    /// Of a client without cookies.
    pub(crate) fn of(account: &Account, now: Timestamp) -> Self {
        let session = Session {
            id: SessionId::generate(now, &SystemRandom),
            account_id: account.id,
            delivery: Delivery::Body,
            authentication: Authentication {
                methods: vec![AuthenticationMethod::Password],
                assurance: AssuranceLevel::Aal1,
            },
            authenticated_at: now,
            proven_at: now,
            expires_at: now + SESSION_LIFETIME,
        };
        Self {
            session,
            refresh: TokenId::generate(now, &SystemRandom),
            binding: None,
            former_binding: None,
            device_name: None,
            device: None,
            proofs: vec![Proof::Password(proof_of(samples::password_hash()))],
            requires_verified_email: false,
            networks: NetworkList::default(),
            counter: counter(account.username.as_str()),
            most_sessions: 10,
            now,
        }
    }

    /// Of a browser that keeps this binding cookie.
    pub(crate) fn bound(account: &Account, now: Timestamp, cookie: &str) -> Self {
        let mut sign_in = Self::of(account, now);
        sign_in.session.delivery = Delivery::Cookie;
        sign_in.binding = Some(Digest::of(cookie));
        sign_in
    }

    pub(crate) fn open(&self, store: &Store) -> SessionOpeningResult {
        let event = |kind, outcome, session| {
            samples::event(kind, outcome, self.now)
                .about(self.session.account_id)
                .in_session(session)
        };
        let effects = |opened: &SessionOpeningResult| match opened {
            SessionOpeningResult::Done { displaced, .. } => {
                let displacement =
                    |ended| event(EventKind::SessionDisplaced, Outcome::Success, ended);
                let mut events: Vec<_> = displaced.sessions().map(displacement).collect();
                events.push(event(EventKind::SignIn, Outcome::Success, self.session.id));
                events.into()
            }
            SessionOpeningResult::Refused(outcome) => {
                event(EventKind::SignIn, *outcome, self.session.id).into()
            }
            SessionOpeningResult::ChallengeOver => Effects::default(),
        };
        store
            .open(&SessionOpening {
                session: &self.session,
                refresh: self.refresh,
                binding: self.binding,
                former_binding: self.former_binding,
                device_name: self.device_name.as_ref(),
                device: self.device,
                proofs: &self.proofs,
                is_too_risky: false,
                requires_verified_email: self.requires_verified_email,
                networks: &self.networks,
                counter: Some(&self.counter),
                challenge: None,
                most_sessions: self.most_sessions,
                displacement: ending(EventKind::SessionDisplaced, self.now),
                origin: &samples::origin(),
                effects: &effects,
            })
            .unwrap()
    }

    /// Opens it where nothing stands in the way.
    pub(crate) fn opened(self, store: &Store) -> Self {
        let opened = self.open(store);
        assert!(
            matches!(&opened, SessionOpeningResult::Done { displaced, .. } if displaced.is_empty()),
            "{opened:?}"
        );
        self
    }
}

/// For how long the access tokens of what ends must be refused.
pub(crate) const REVOKED_FOR: Duration = Duration::from_secs(30 * 60);

/// Sessions that end now for this reason.
pub(crate) fn ending(reason: EventKind, now: Timestamp) -> SessionEnd {
    SessionEnd { reason, at: now, revoked_until: now + REVOKED_FOR }
}

/// Ends a session by what the event tells, if it is live; answers it.
pub(crate) fn end_session(
    store: &Store,
    session: SessionId,
    event: &SecurityEvent,
) -> Option<SessionId> {
    let (ending, effects) = (ending(event.kind, event.at), event.clone().into());
    store.end_session(session, ending, &effects).unwrap().sessions().next()
}

/// Ends every session of the account by what the event tells; answers those that were live, in order.
pub(crate) fn end_all_sessions(
    store: &Store,
    account: AccountId,
    event: &SecurityEvent,
) -> Vec<SessionId> {
    let ending = ending(event.kind, event.at);
    ended(&store.end_all_sessions(account, ending, &ended_by(event)).unwrap())
}

/// What is recorded of the end of sessions.
pub(crate) fn ended_by(event: &SecurityEvent) -> impl Fn(&Revoked) -> Effects {
    |revoked| event.clone().ending(revoked.session_count()).into()
}

/// The sessions that have ended, in order.
pub(crate) fn ended(revoked: &Revoked) -> Vec<SessionId> {
    let mut ended: Vec<SessionId> = revoked.sessions().collect();
    ended.sort();
    ended
}

/// The same store at that time.
pub(crate) fn at(store: &Store, now: Timestamp) -> Store {
    store.clone().timed_by(Arc::new(TestClock::at(now)))
}

pub(crate) fn counter(name: &str) -> Digest {
    Digest::keyed(&[7; 32], name.as_bytes())
}

/// Counts a wrong password against a counter.
pub(crate) fn fail(store: &Store, counter: &Digest, policy: &LockoutPolicy, now: Timestamp) {
    let effects = |state: &CounterState| {
        let outcome = match state {
            CounterState::Open => Outcome::WrongPassword,
            CounterState::Closed => Outcome::Locked,
        };
        samples::event(EventKind::SignIn, outcome, now).into()
    };
    store.refuse(&FailureCounter::from(*counter), policy, None, &effects).unwrap();
}

/// The password of this hash was shown.
pub(crate) fn proof_of(hash: PasswordHash) -> PasswordProof {
    PasswordProof { hash, needs_rehash: false }
}

/// Well formed, of no known password.
pub(crate) fn another_hash() -> PasswordHash {
    let text = "$argon2id$v=19$m=19456,t=2,p=1$b3RoZXItc2FsdC0tLS0tLQ$\
                b3RoZXItdGFnLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0";
    PasswordHash::parse(text).unwrap()
}

/// The hash that a password is checked against.
pub(crate) fn hash(found: &StoredCredentials) -> &PasswordHash {
    match &found.password {
        StoredPassword::Hash(hash) => hash,
        other => panic!("{other:?}"),
    }
}

/// Replaces a hash that was checked.
pub(crate) fn renew(
    store: &Store,
    account: &Account,
    checked: &PasswordHash,
    renewed: &PasswordHash,
) {
    let event = samples::event(EventKind::PasswordRehashed, Outcome::Success, NOW);
    let (proof, effects) = (&proof_of(checked.clone()), &event.about(account.id).into());
    store.renew_hash(&HashReplacement { account: account.id, proof, renewed, effects }).unwrap();
}

pub(crate) fn hash_of(store: &Store, account: &Account) -> String {
    let name = account.username.as_str();
    let query = format!("SELECT password_hash FROM accounts WHERE username = '{name}'");
    store.texts(&query).unwrap().remove(0)
}
