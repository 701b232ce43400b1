//! The principal: actor, role and credential of a caller, for guards, use cases, decisions and the
//! audit log.

use std::sync::Arc;

use portcullis_access::Scope;
use portcullis_audit::{Actor, Origin};
use portcullis_domain::{Account, AccountId, ApiKeyId, Role, SessionId, Timestamp, TokenId};
use portcullis_token::{AccessClaims, AssuranceLevel, AuthenticationMethod};

/// An authenticated subject of a request or of a command.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The actor.
    pub actor: Actor,
    /// The role for the access matrix. The operator has none: the matrix does not apply to the
    /// operator.
    pub role: Option<Role>,
    /// The credential that authenticated the actor.
    pub credential: Credential,
    /// The source of the request.
    pub origin: Origin,
}

/// The credential of a principal.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An access token of a session.
    AccessToken {
        /// The session.
        session: SessionId,
        /// The token.
        token: TokenId,
        /// The authentication methods of the session (RFC 8176).
        methods: Vec<AuthenticationMethod>,
        /// The assurance level of these methods.
        assurance: AssuranceLevel,
        /// The time of the sign-in, or of the latest step-up.
        authenticated_at: Timestamp,
    },
    /// An API key of the account.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// What of the rights of its owner it may use.
        scope: Arc<Scope>,
    },
    /// Access to the machine that the server runs on.
    CommandLine,
}

impl Principal {
    /// The holder of this access token.
    pub fn of_claims(claims: AccessClaims, origin: Origin) -> Self {
        Self {
            actor: Actor::Account(claims.subject),
            role: Some(claims.role),
            credential: Credential::AccessToken {
                session: claims.session,
                token: claims.token,
                methods: claims.authentication_methods,
                assurance: claims.assurance,
                authenticated_at: claims.authenticated_at,
            },
            origin,
        }
    }

    /// The owner of this API key, with its scope.
    pub fn of_api_key(owner: &Account, key: ApiKeyId, scope: Arc<Scope>, origin: Origin) -> Self {
        Self {
            actor: Actor::Account(owner.id),
            role: Some(owner.role.clone()),
            credential: Credential::ApiKey { key, scope },
            origin,
        }
    }

    /// The operator of the server.
    pub const fn operator(origin: Origin) -> Self {
        Self { actor: Actor::Operator, role: None, credential: Credential::CommandLine, origin }
    }

    /// The account that acts, if the actor has one.
    pub const fn account(&self) -> Option<AccountId> {
        match self.actor {
            Actor::Account(account) => Some(account),
            Actor::Operator | Actor::Nobody => None,
        }
    }

    /// The session that the credential belongs to, if it belongs to one.
    pub const fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::AccessToken { session, .. } => Some(session),
            Credential::ApiKey { .. } | Credential::CommandLine => None,
        }
    }

    /// The time of the sign-in, or of the latest step-up; `None` for a credential without a sign-in.
    pub const fn authenticated_at(&self) -> Option<Timestamp> {
        match self.credential {
            Credential::AccessToken { authenticated_at, .. } => Some(authenticated_at),
            Credential::ApiKey { .. } | Credential::CommandLine => None,
        }
    }

    /// The assurance level of the session; `None` for a credential without one.
    pub const fn assurance(&self) -> Option<AssuranceLevel> {
        match self.credential {
            Credential::AccessToken { assurance, .. } => Some(assurance),
            Credential::ApiKey { .. } | Credential::CommandLine => None,
        }
    }

    /// The authentication methods of the session; none for a credential without one.
    pub fn methods(&self) -> &[AuthenticationMethod] {
        match &self.credential {
            Credential::AccessToken { methods, .. } => methods,
            Credential::ApiKey { .. } | Credential::CommandLine => &[],
        }
    }

    /// The scope and the id of the API key, if the credential is one.
    pub fn api_key(&self) -> Option<(ApiKeyId, &Scope)> {
        match &self.credential {
            Credential::ApiKey { key, scope } => Some((*key, scope)),
            Credential::AccessToken { .. } | Credential::CommandLine => None,
        }
    }

    /// True for the operator, to whom the rules between roles do not apply.
    pub const fn is_operator(&self) -> bool {
        matches!(self.actor, Actor::Operator)
    }
}
