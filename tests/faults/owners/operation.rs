//! One operation of a history: a request of an owner, and its outcome.

/// One request of an owner.
pub(super) struct Operation {
    /// The user agent of the request, by which the audit log identifies it.
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The single-use secrets that it presented.
    pub(super) secrets: Vec<String>,
    pub(super) outcome: Outcome,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Password,
    SecondStep,
    StepUp,
    AppEnrolment,
    AppConfirmation,
    AppRemoval,
    PasskeyOptions,
    PasskeyRegistration,
    PasskeySignIn,
    PasskeyRemoval,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Acknowledged.
    Done,
    /// Refused.
    Refused,
    /// No answer: it was done or not.
    Unknown,
}

impl Kind {
    /// The event of a success, one of these.
    pub(super) const fn events(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["sign_in", "challenge_issued"],
            Self::SecondStep | Self::PasskeySignIn => &["sign_in"],
            Self::StepUp => &["step_up"],
            Self::AppEnrolment => &["factor_enrolment_started"],
            Self::AppConfirmation | Self::PasskeyRegistration => &["factor_added"],
            Self::AppRemoval | Self::PasskeyRemoval => &["factor_removed"],
            // The audit log has nothing of it.
            Self::PasskeyOptions => &[],
        }
    }

    /// True if the same request may be sent again whatever became of the first one.
    pub(super) const fn may_be_repeated(self) -> bool {
        matches!(self, Self::SecondStep | Self::StepUp | Self::PasskeySignIn)
    }

    /// The longest time from its request to a kill, in microseconds: a password is hashed first.
    pub(crate) const fn window(self) -> u64 {
        match self {
            Self::Password | Self::AppEnrolment | Self::AppRemoval | Self::PasskeyRemoval => {
                150_000
            }
            _ => 25_000,
        }
    }
}
