//! `Details`: the additional fields of an event, made only from types that cannot contain a secret.

use std::net::IpAddr;

use portcullis_domain::{
    Account, AccountKind, ApiKeyId, DisplayName, Email, EventId, Factor, InvitationId, MessageId,
    NetworkList, Role, Timestamp, TokenId,
};
use serde::Serialize;

use crate::{
    AuditValue, ChainId, DecisionId, ExportFormat, Filter, Fingerprint, Origin, RiskFacts,
    RiskOutcome, SharedSecretName, Thumbprint, TrailAlarm,
};

/// The additional fields of an event, beside the columns that all events have.
///
/// Their types are limited to numbers, words, names, digests, [`AuditValue`] values, and the client
/// fields of every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Details {
    /// No details.
    #[default]
    None,
    /// A change of an account.
    Changes {
        /// The fields that differ, never empty by [`Details::of_account`].
        changes: Vec<FieldChange>,
        /// The number of sessions that the change ended, if it can end any.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions_ended: Option<u64>,
    },
    /// A second factor.
    Factor {
        /// The kind of the factor.
        factor: Factor,
        /// The number of sessions that ended, if the event can end any.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions_ended: Option<u64>,
    },
    /// The end of sessions.
    Sessions {
        /// The number of live sessions that ended.
        sessions_ended: u64,
    },
    /// The refresh token family of a session in which a used token was presented again.
    Family {
        /// The token that was presented again.
        presented: TokenId,
        /// The latest tokens and the presented one, oldest first.
        family: Vec<FamilyToken>,
        /// The number of older tokens that are not listed.
        left_out: u64,
        /// The number of sessions that ended because of the reuse.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions_ended: Option<u64>,
    },
    /// A version of the access matrix.
    Matrix {
        /// The number of the version.
        version: u32,
        /// The digest of its canonical form.
        digest: Fingerprint,
        /// The version that was active before.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous: Option<u32>,
    },
    /// A replay of past decisions.
    Replay {
        /// The digest of the candidate.
        digest: Fingerprint,
        /// The begin of the period of the replayed decisions.
        from: Timestamp,
        /// The end of that period, exclusive.
        until: Timestamp,
        /// The number of decisions that were evaluated again.
        examined: u64,
        /// The number of decisions with another answer.
        changed: u64,
    },
    /// A search of the audit log.
    Search {
        /// The filter of the search.
        filter: Filter,
    },
    /// An export from the audit log.
    Export {
        /// The filter of the export.
        filter: Filter,
        /// The format of the export.
        format: ExportFormat,
    },
    /// One decision.
    Decision {
        /// The id of the decision.
        decision: DecisionId,
    },
    /// One event.
    Event {
        /// The id of the event.
        event: EventId,
    },
    /// A decision whose content the database refused.
    Quarantine {
        /// The id of the decision.
        decision: DecisionId,
        /// The size of the refused record, in bytes.
        bytes: u64,
    },
    /// A key pair that signs access tokens.
    SigningKey {
        /// The name of the key.
        kid: Thumbprint,
        /// The algorithm of the key, such as `EdDSA`.
        algorithm: &'static str,
        /// The time from which the key signs, if that is in the future.
        #[serde(skip_serializing_if = "Option::is_none")]
        signs_from: Option<Timestamp>,
    },
    /// A shared secret that signs access tokens with HS256.
    SharedSecret {
        /// The name of the key, which reveals nothing about it.
        kid: SharedSecretName,
        /// The time until which its tokens are accepted, if another key signs.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted_until: Option<Timestamp>,
    },
    /// A problem with the audit log that the server detected.
    TrailAlarm {
        /// The kind of the problem.
        alarm: TrailAlarm,
        /// The checkpoint that is affected or shows the problem.
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<u64>,
        /// The chain that is affected.
        #[serde(skip_serializing_if = "Option::is_none")]
        chain: Option<ChainId>,
    },
    /// A replacement of a password hash.
    Rehash {
        /// The algorithm and parameters of the former hash.
        before: HashParameters,
        /// The algorithm and parameters of the new hash.
        after: HashParameters,
    },
    /// A ban of client addresses, or its lift.
    Ban {
        /// The first of the addresses.
        address: IpAddr,
        /// The number of bits that they have in common.
        prefix_length: u8,
        /// The duration; of a lifted ban the remaining one.
        seconds: u64,
        /// The number of offences before the one that started the ban.
        #[serde(skip_serializing_if = "Option::is_none")]
        offences: Option<u32>,
        /// The number of former bans.
        former_bans: u32,
    },
    /// An invitation.
    Invitation {
        /// The id of the invitation.
        invitation: InvitationId,
        /// The invited address.
        email: AuditValue,
        /// The role of the account.
        role: AuditValue,
        /// The kind of the account.
        kind: AuditValue,
    },
    /// An API key, without its text.
    ApiKey {
        /// The id of the key.
        key: ApiKeyId,
        /// The name that its owner gave it.
        name: AuditValue,
        /// The pairs of resource and action that it may use.
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<AuditValue>,
        /// The networks that it may be used from; none allows all.
        #[serde(skip_serializing_if = "Option::is_none")]
        networks: Option<AuditValue>,
        /// The end of its life.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// The key that it replaces.
        #[serde(skip_serializing_if = "Option::is_none")]
        replaces: Option<ApiKeyId>,
    },
    /// Uses of an API key.
    ApiKeyUse {
        /// The id of the key.
        key: ApiKeyId,
        /// The number of uses.
        uses: u64,
    },
    /// Mails that an operator sent again.
    Mails {
        /// The number of the mails.
        messages: u64,
        /// The mail, if it is one that an administrator chose.
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    },
    /// The risk of a sign-in. [`RecordedRisk`](crate::RecordedRisk) reads it back.
    Risk {
        /// The sum of the points of all signals.
        score: u32,
        /// The decision.
        outcome: RiskOutcome,
        /// The facts that the score rests on.
        facts: RiskFacts,
    },
    /// A restore of a backup.
    Restore {
        /// The start of the backup.
        backup_made_at: Timestamp,
        /// The latest checkpoint in the backup: later ones that were exported belong to the lost state.
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<u64>,
        /// The number of live sessions that ended.
        sessions_ended: u64,
        /// The number of API keys that were revoked.
        api_keys_revoked: u64,
    },
    /// A purge of old entries.
    Purge {
        /// The checkpoint up to which entries were removed.
        checkpoint: u64,
        /// The number of removed events.
        events: u64,
        /// The number of removed decisions.
        decisions: u64,
    },
}

/// The algorithm and parameters of a password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "algorithm", rename_all = "lowercase")]
#[non_exhaustive]
pub enum HashParameters {
    /// A hash of bcrypt.
    Bcrypt {
        /// The binary logarithm of the number of rounds.
        cost: u32,
    },
    /// A hash of Argon2id.
    Argon2id {
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes of the memory.
        parallelism: u32,
    },
}

impl Details {
    /// Returns the fields that differ between two states of one account, or all fields of a new
    /// account; [`Details::None`] if nothing differs.
    pub fn of_account(before: Option<&Account>, after: &Account) -> Self {
        let before = before.map(fields);
        let changes: Vec<_> = fields(after)
            .into_iter()
            .enumerate()
            .map(|(place, (field, after))| {
                let before = before.as_ref().and_then(|fields| fields.get(place));
                FieldChange { field, before: before.and_then(|(_, value)| value.clone()), after }
            })
            .filter(|change| change.before != change.after)
            .collect();
        if changes.is_empty() {
            Self::None
        } else {
            Self::Changes { changes, sessions_ended: None }
        }
    }

    /// Returns the fields of an invitation.
    pub fn of_invitation(
        invitation: InvitationId,
        email: &Email,
        role: &Role,
        kind: AccountKind,
    ) -> Self {
        Self::Invitation { invitation, email: email.into(), role: role.into(), kind: kind.into() }
    }

    /// Returns the details of an event about an API key. `scope` is its list of pairs of words.
    pub fn of_api_key(
        key: ApiKeyId,
        name: &DisplayName,
        scope: &str,
        networks: &NetworkList,
        expires_at: Timestamp,
    ) -> Self {
        let networks = (!networks.is_empty()).then(|| networks.into());
        let scope = Some(AuditValue::of_pairs(scope));
        let (name, expires_at) = (name.into(), Some(expires_at));
        Self::ApiKey { key, name, scope, networks, expires_at, replaces: None }
    }

    /// Returns the details of an event about an API key that is gone.
    pub fn of_revoked_api_key(key: ApiKeyId, name: &DisplayName) -> Self {
        let name = name.into();
        Self::ApiKey { key, name, scope: None, networks: None, expires_at: None, replaces: None }
    }

    /// Adds the API key that the one of these details replaces.
    #[must_use]
    pub fn replacing(self, former: ApiKeyId) -> Self {
        match self {
            Self::ApiKey { key, name, scope, networks, expires_at, .. } => {
                let replaces = Some(former);
                Self::ApiKey { key, name, scope, networks, expires_at, replaces }
            }
            other => other,
        }
    }

    /// Adds the number of sessions that ended because of the event.
    #[must_use]
    pub fn ending(self, sessions: usize) -> Self {
        let ended = u64::try_from(sessions).unwrap_or(u64::MAX);
        let sessions_ended = Some(ended);
        match self {
            Self::None => Self::Sessions { sessions_ended: ended },
            Self::Changes { changes, .. } => Self::Changes { changes, sessions_ended },
            Self::Family { presented, family, left_out, .. } => {
                Self::Family { presented, family, left_out, sessions_ended }
            }
            Self::Factor { factor, .. } => Self::Factor { factor, sessions_ended },
            other => other,
        }
    }

    /// Returns the details of an event about a second factor.
    pub const fn of_factor(factor: Factor) -> Self {
        Self::Factor { factor, sessions_ended: None }
    }

    /// Returns the text to store: JSON without spaces, its members in a fixed order.
    ///
    /// The link seals exactly this text, so the column must keep it unchanged: `jsonb` would
    /// rearrange it, and verification would report a change.
    pub fn to_json(&self) -> Option<String> {
        if *self == Self::None {
            return None;
        }
        serde_json::to_string(self).ok()
    }
}

/// One field before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The name of the field.
    pub field: &'static str,
    /// The value before the change, if any.
    pub before: Option<AuditValue>,
    /// The value after the change, if any.
    pub after: Option<AuditValue>,
}

/// One refresh token of a session: its time and its client. Its id is not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FamilyToken {
    token: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<TokenId>,
    issued_at: Timestamp,
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

impl FamilyToken {
    /// Creates the entry of the token that `client` got as replacement of `parent`; the first token
    /// of a session has no parent.
    pub fn new(
        token: TokenId,
        parent: Option<TokenId>,
        issued_at: Timestamp,
        client: &Origin,
    ) -> Self {
        let Origin { address, user_agent, request_id: _ } = client.clone();
        Self { token, parent, issued_at, address, user_agent }
    }
}

/// The fields of an account that an auditor may see.
fn fields(account: &Account) -> [(&'static str, Option<AuditValue>); 11] {
    // The fields are listed one by one: a new field does not compile until it is handled here.
    let Account {
        id: _,
        username,
        email,
        display_name,
        kind,
        role,
        is_active,
        is_blocked,
        email_verified,
        password_must_change,
        mfa_enabled,
        allowed_networks,
        created_at: _,
        last_sign_in_at: _,
    } = account;
    let networks = (!allowed_networks.is_empty()).then(|| allowed_networks.into());
    [
        ("username", Some(username.into())),
        ("email", Some(email.into())),
        ("display_name", display_name.as_ref().map(AuditValue::from)),
        ("kind", Some((*kind).into())),
        ("role", Some(role.into())),
        ("is_active", Some((*is_active).into())),
        ("is_blocked", Some((*is_blocked).into())),
        ("email_verified", Some((*email_verified).into())),
        ("password_must_change", Some((*password_must_change).into())),
        ("mfa_enabled", Some((*mfa_enabled).into())),
        ("allowed_networks", networks),
    ]
}
