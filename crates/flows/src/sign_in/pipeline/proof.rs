//! What somebody has proven about an account, and what that is worth.

use portcullis_domain::{AssuranceLevel, Authentication, AuthenticationMethod};

use super::password::PasswordProof;

/// A credential that was shown and verified. The transaction that opens a session validates it again.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password.
    Password(PasswordProof),
}

impl Proof {
    const fn method(&self) -> AuthenticationMethod {
        match self {
            Self::Password(_) => PasswordProof::METHOD,
        }
    }
}

/// What these proofs are worth together.
pub(super) fn authentication(proofs: &[Proof]) -> Authentication {
    Authentication {
        methods: proofs.iter().map(Proof::method).collect(),
        assurance: AssuranceLevel::Aal1,
    }
}
