//! Proofs: one variant for each verified factor, with its `amr` and `acr`. Add a factor here.

use portcullis_domain::{
    AssuranceLevel, Authentication, AuthenticationMethod, Factor, PasswordEpoch,
};

use super::password::PasswordProof;
use crate::sign_in::factor::FactorProof;

/// A verified credential. The transaction that opens a session validates it again.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password.
    Password(PasswordProof),
    /// The password, verified when the challenge was issued that this sign-in answers. Invalid once
    /// the account has a password of another epoch.
    EarlierPassword(PasswordEpoch),
    /// A second factor; a passkey that verifies its user is also a proof without a password.
    Factor(FactorProof),
}

impl Proof {
    fn methods(&self) -> Vec<AuthenticationMethod> {
        match self {
            Self::Password(_) | Self::EarlierPassword(_) => vec![PasswordProof::METHOD],
            Self::Factor(proof) => proof.methods(),
        }
    }

    /// The kind of the factor, if it is none that the person knows.
    pub const fn factor(&self) -> Option<Factor> {
        match self {
            Self::Password(_) | Self::EarlierPassword(_) => None,
            Self::Factor(proof) => Some(proof.factor()),
        }
    }
}

/// The methods and the assurance level of these proofs together.
pub(super) fn authentication(proofs: &[Proof]) -> Authentication {
    let methods = proofs.iter().flat_map(Proof::methods).collect();
    let first = Authentication { methods, assurance: AssuranceLevel::Aal1 };
    if proofs.iter().any(|proof| proof.factor().is_some()) { first.multi_factor() } else { first }
}
