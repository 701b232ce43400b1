//! Proofs: one variant for each verified factor, with its `amr` and `acr`. Add a factor here.

use portcullis_domain::{
    AssuranceLevel, Authentication, AuthenticationMethod, ExposeSecret, Factor, MessageId,
    PasswordEpoch,
};
use portcullis_mfa::BackupCode;
use portcullis_token::Digest;

use super::password::PasswordProof;
use crate::sign_in::factor::{FactorAnswer, FactorProof};

/// A verified credential. The transaction that opens a session validates it again.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password.
    Password(PasswordProof),
    /// The password, verified when the challenge was issued that this sign-in answers. Invalid once
    /// the account has a password of another epoch.
    EarlierPassword(PasswordEpoch),
    /// The code of a mail. It is no factor of the account: it answers a high risk.
    MailedCode(MailedCode),
    /// A second factor; a passkey that verifies its user is also a proof without a password.
    Factor(FactorProof),
}

/// A typed code, and the mail that has the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailedCode {
    /// The mail.
    pub message: MessageId,
    /// The digest of the typed code; `None` if it is no code.
    pub digest: Option<Digest>,
}

impl MailedCode {
    pub(super) fn of(message: MessageId, answer: &FactorAnswer) -> Self {
        let code = match answer {
            FactorAnswer::Code(typed) => BackupCode::parse(typed.expose_secret()).ok(),
            FactorAnswer::Passkey(_) => None,
        };
        Self { message, digest: code.map(|code| Digest::of(code.expose())) }
    }
}

impl Proof {
    fn methods(&self) -> Vec<AuthenticationMethod> {
        match self {
            Self::Password(_) | Self::EarlierPassword(_) => vec![PasswordProof::METHOD],
            Self::MailedCode(_) => Vec::new(),
            Self::Factor(proof) => proof.methods(),
        }
    }

    /// The kind of the factor, if it is none that the person knows.
    pub const fn factor(&self) -> Option<Factor> {
        match self {
            Self::Password(_) | Self::EarlierPassword(_) | Self::MailedCode(_) => None,
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
