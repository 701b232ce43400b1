//! The history: operations and their outcomes, as far as the client knows.

/// One operation of a client.
pub(crate) struct Operation {
    /// The user agent of the request, by which the database identifies the operation.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Registration,
    SignIn,
    WrongPassword,
    Rotation,
    SignOut,
    SignOutAll,
    /// A refresh token that was rotated long ago is presented again.
    Replay,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged, with the opened session if any.
    Done(Option<String>),
    /// Refused, as expected, with nothing written.
    Refused,
    /// No answer: the operation was done or not.
    Unknown,
}

impl Kind {
    /// What the audit log has of it: the kind of event and its outcomes. Nothing of a rotation,
    /// and of a sign-out only the first.
    pub(crate) fn event(self) -> Option<(&'static str, &'static [&'static str])> {
        Some(match self {
            Self::Registration => ("registration", &["success"]),
            Self::SignIn => ("sign_in", &["success"]),
            Self::WrongPassword => ("sign_in", &["unknown_account", "wrong_password"]),
            Self::SignOutAll => ("sign_out_all", &["success"]),
            Self::Replay => ("refresh_token_reuse", &["sessions_ended"]),
            Self::Rotation | Self::SignOut => return None,
        })
    }
}
