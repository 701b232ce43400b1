use std::fmt;

/// What a guard asks of a request, as the route table and the API document say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Who may call at all.
    pub audience: Audience,
    /// What the access matrix must grant, all of it: pairs of resource and action.
    pub permissions: &'static [(&'static str, &'static str)],
    /// Whether the sign-in must be recent.
    pub recent_sign_in: bool,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody.
    Everybody,
    /// Programs on the machine that the server runs on.
    ThisMachine,
    /// Services that show their credential.
    Service,
    /// Whoever is signed in, even if the password must be changed first.
    SignedIn,
    /// Whoever is signed in with a password that need not be changed.
    Settled,
}

impl Requirement {
    pub(crate) const fn of(audience: Audience) -> Self {
        Self { audience, permissions: &[], recent_sign_in: false }
    }

    /// Whether it takes an access token.
    pub const fn is_signed_in(&self) -> bool {
        matches!(self.audience, Audience::SignedIn | Audience::Settled)
    }
}

/// Prints `public`, `this machine`, `service`, `authenticated`, `caller`, or the permissions as in
/// `audit_log:export, recent sign-in`.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let audience = match self.audience {
            Audience::Everybody => "public",
            Audience::ThisMachine => "this machine",
            Audience::Service => "service",
            Audience::SignedIn => "authenticated",
            Audience::Settled => "caller",
        };
        let permissions: Vec<String> = self
            .permissions
            .iter()
            .map(|(resource, action)| format!("{resource}:{action}"))
            .collect();
        let mut words: Vec<&str> = permissions.iter().map(String::as_str).collect();
        if words.is_empty() {
            words.push(audience);
        }
        if self.recent_sign_in {
            words.push("recent sign-in");
        }
        f.pad(&words.join(", "))
    }
}
