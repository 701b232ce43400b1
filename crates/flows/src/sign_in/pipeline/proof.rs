//! Proofs: one variant for each verified factor, with its `amr` and `acr`. Add a second factor
//! here.

use portcullis_domain::{AssuranceLevel, Authentication, AuthenticationMethod};

use super::password::PasswordProof;

/// A verified credential. The transaction that opens a session validates it again.
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

/// The methods and the assurance level of these proofs together.
pub(super) fn authentication(proofs: &[Proof]) -> Authentication {
    Authentication {
        methods: proofs.iter().map(Proof::method).collect(),
        assurance: AssuranceLevel::Aal1,
    }
}
