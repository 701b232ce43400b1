use std::net::IpAddr;

use portcullis_domain::{Account, Timestamp, TokenId};
use serde::Serialize;

use crate::{
    ChainId, DecisionId, ExportFormat, Filter, Fingerprint, Origin, SharedSecretName, Shown,
    Thumbprint, TrailAlarm,
};

/// What an event carries besides the columns that every event has.
///
/// Only numbers, words, names, digests, [`Shown`] values and what every event says of a client have a
/// place here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Details {
    /// Nothing.
    #[default]
    None,
    /// What an account looked like before and after.
    Changes {
        /// The fields that differ, never empty by [`Details::of_account`].
        changes: Vec<FieldChange>,
        /// How many sessions ended because of it, where it ends any.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions_ended: Option<u64>,
    },
    /// The end of sessions.
    Sessions {
        /// How many were live until then.
        sessions_ended: u64,
    },
    /// The refresh tokens of a session of which one came back.
    Family {
        /// The one that came back.
        presented: TokenId,
        /// The latest tokens and the one that came back, oldest first.
        family: Vec<FamilyToken>,
        /// How many older ones are not shown.
        left_out: u64,
        /// How many sessions ended because of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions_ended: Option<u64>,
    },
    /// A version of the access matrix.
    Matrix {
        /// Its number.
        version: u32,
        /// The digest of its canonical form.
        digest: Fingerprint,
        /// The version that was in force before.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous: Option<u32>,
    },
    /// A replay of past decisions.
    Replay {
        /// The digest of the candidate.
        digest: Fingerprint,
        /// From when the decisions were taken.
        from: Timestamp,
        /// Until when, exclusive.
        until: Timestamp,
        /// How many decisions were taken again.
        examined: u64,
        /// How many came out differently.
        changed: u64,
    },
    /// A search of the trail.
    Search {
        /// What was looked for.
        filter: Filter,
    },
    /// An export from the trail.
    Export {
        /// What was asked for.
        filter: Filter,
        /// In which form.
        format: ExportFormat,
    },
    /// One decision.
    Decision {
        /// Which.
        decision: DecisionId,
    },
    /// A decision of which the database refused the content.
    Quarantine {
        /// Which.
        decision: DecisionId,
        /// How large the refused record was.
        bytes: u64,
    },
    /// A key pair that signs access tokens.
    SigningKey {
        /// Its name.
        kid: Thumbprint,
        /// The algorithm it is pinned to, such as `EdDSA`.
        algorithm: &'static str,
        /// From when it signs, if that is still to come.
        #[serde(skip_serializing_if = "Option::is_none")]
        signs_from: Option<Timestamp>,
    },
    /// A shared secret, under which HS256 signs access tokens.
    SharedSecret {
        /// The name of its key, which tells nothing about it.
        kid: SharedSecretName,
        /// Until when tokens under it are accepted, if something else signs.
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted_until: Option<Timestamp>,
    },
    /// What the server found wrong with the trail.
    TrailAlarm {
        /// What.
        alarm: TrailAlarm,
        /// The checkpoint that it is about, or that shows it.
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<u64>,
        /// The chain that it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        chain: Option<ChainId>,
    },
    /// A hash in the place of another.
    Rehash {
        /// The algorithm of the hash before, with its parameters.
        before: HashParameters,
        /// That of the new one.
        after: HashParameters,
    },
    /// A purge of old entries.
    Purge {
        /// The checkpoint up to which entries were removed.
        checkpoint: u64,
        /// How many events were removed.
        events: u64,
        /// How many decisions were removed.
        decisions: u64,
    },
}

/// How a password hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "algorithm", rename_all = "lowercase")]
#[non_exhaustive]
pub enum HashParameters {
    /// By bcrypt.
    Bcrypt {
        /// The power of two of its rounds.
        cost: u32,
    },
    /// By Argon2id.
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
    /// What differs between two states of one account, or all of a new one that had no state before;
    /// [`Details::None`] if nothing differs.
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

    /// The same, and how many sessions ended because of what it tells.
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
            other => other,
        }
    }

    /// The text that is stored: JSON without spaces, its members in a fixed order.
    ///
    /// The link seals this very text, so it belongs in a column that keeps it as it is: in `jsonb`
    /// it would come back rearranged and look tampered with.
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
    /// Its value before, if it had one.
    pub before: Option<Shown>,
    /// Its value after, if it has one.
    pub after: Option<Shown>,
}

/// One refresh token of a session: when and to whom it was handed out. Its name is no secret.
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
    /// The token that `client` got in the place of `parent`; the first of a session has none.
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

/// What an auditor may see of an account.
fn fields(account: &Account) -> [(&'static str, Option<Shown>); 8] {
    // Named one by one: a new field must be thought of here before this compiles again.
    let Account {
        id: _,
        username,
        email,
        display_name,
        kind,
        role,
        is_active,
        email_verified,
        password_must_change,
        created_at: _,
        last_sign_in_at: _,
    } = account;
    [
        ("username", Some(username.into())),
        ("email", Some(email.into())),
        ("display_name", display_name.as_ref().map(Shown::from)),
        ("kind", Some((*kind).into())),
        ("role", Some(role.into())),
        ("is_active", Some((*is_active).into())),
        ("email_verified", Some((*email_verified).into())),
        ("password_must_change", Some((*password_must_change).into())),
    ]
}
