//! Sample data for a database: valid and ordinary values, each different from every other.

use std::sync::OnceLock;

use portcullis_access::Matrix;
use portcullis_audit::{Actor, EventKind, Origin, Outcome, SecurityEvent};
use portcullis_domain::{
    Account, AccountId, AccountKind, Email, NetworkList, Role, SessionId, SystemRandom, Timestamp,
    TokenId, Username,
};
use portcullis_flows::principal::{Credential, Principal};
use portcullis_password::{Argon2Params, Hasher, Password, PasswordHash, Scratch};
use portcullis_token::{AssuranceLevel, AuthenticationMethod};

/// The password of every test account.
pub const PASSWORD: &str = "violet-otter-plays-7-cellos";

/// The start time of [`TestClock`](crate::TestClock), and the creation time of sample accounts.
pub const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// The source of test requests.
pub fn origin() -> Origin {
    Origin {
        address: [192, 0, 2, 7].into(),
        user_agent: Some("samples/1".to_owned()),
        request_id: Some("sample-request-1".to_owned()),
    }
}

/// The holder of an access token whose session is in no database.
pub fn principal(account: AccountId, role: &str) -> Principal {
    Principal {
        actor: Actor::Account(account),
        role: Some(Role::parse(role).expect("a role")),
        credential: Credential::AccessToken {
            session: session(),
            token: token(),
            methods: vec![AuthenticationMethod::Password],
            assurance: AssuranceLevel::Aal1,
            authenticated_at: NOW,
        },
        origin: origin(),
    }
}

/// The operator of the server as a principal.
pub fn operator() -> Principal {
    Principal::operator(origin())
}

/// The default access matrix.
pub fn matrix() -> Matrix {
    Matrix::parse(MATRIX).expect("the default matrix is sound")
}

/// The text of the default access matrix.
pub const MATRIX: &str = include_str!("../config/access_matrix.toml");

/// An active account of that name, with an email address that contains it and the role `msa`.
pub fn account(name: &str) -> Account {
    let username = Username::parse(name).expect("the test's name is well-formed");
    let email = format!("{}@example.org", username.as_str());
    Account {
        id: AccountId::generate(NOW, &SystemRandom),
        username,
        email: Email::parse(&email).expect("the name makes an address"),
        display_name: None,
        kind: AccountKind::User,
        role: Role::parse("msa").expect("a role"),
        is_active: true,
        is_blocked: false,
        email_verified: false,
        password_must_change: false,
        mfa_enabled: false,
        allowed_networks: NetworkList::default(),
        created_at: NOW,
        last_sign_in_at: None,
    }
}

/// An event without an account.
pub fn event(kind: EventKind, outcome: Outcome, at: Timestamp) -> SecurityEvent {
    SecurityEvent::new(kind, outcome, &origin(), at, &SystemRandom)
}

/// A hash of [`PASSWORD`] with the cost of new hashes; computed once.
pub fn password_hash() -> PasswordHash {
    static HASH: OnceLock<PasswordHash> = OnceLock::new();
    let compute = || {
        let password = Password::parse(PASSWORD).expect("the password is short enough");
        let hasher = Hasher::new(Argon2Params::default(), &SystemRandom);
        hasher.hash(&password, &SystemRandom, &mut Scratch::default()).expect("memory suffices")
    };
    HASH.get_or_init(compute).clone()
}

/// The id of an access token without a holder.
pub fn token() -> TokenId {
    TokenId::generate(NOW, &SystemRandom)
}

/// A session that is in no database.
pub fn session() -> SessionId {
    static SESSION: OnceLock<SessionId> = OnceLock::new();
    *SESSION.get_or_init(|| SessionId::generate(NOW, &SystemRandom))
}
