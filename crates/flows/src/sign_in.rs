//! Sign-in, sessions and their tokens, lockout, sign-out.

pub mod backup_code;
pub mod device;
pub mod device_description;
pub mod factor;
pub mod factor_reset;
pub mod hash_cost;
pub mod lockout;
pub mod lockout_directory;
pub mod mass_sign_out;
pub mod network_policy;
pub mod outcome;
pub mod passkey;
pub mod passkey_challenge;
mod pipeline;
pub mod reauthentication;
pub mod refresh;
pub mod replacement;
pub mod risk;
pub mod risk_replay;
pub mod session;
pub mod session_directory;
pub mod session_tokens;
pub mod sign_out;
pub mod step_up;
pub mod totp;
pub mod unlock;

pub(crate) use self::pipeline::verify;
pub use self::pipeline::{
    BrowserCookies, CHALLENGE_LIFETIME, ChallengeAnswer, ChallengeError, ChallengeResult,
    ChallengeUse, HashReplacement, Identifier, IssuedChallenge, MAX_CHALLENGE_TRIES, MailedCode,
    NewChallenge, NewMailedCode, OpenChallenge, PasskeySignIn, PasskeySignInError,
    PasskeySignInOptions, PasskeySignInRequest, PasswordProof, Proof, RiskAssessor, RiskFiles,
    RiskInputs, RiskQuery, RiskStore, SecondFactor, SessionOpening, SessionOpeningResult, SignIn,
    SignInError, SignInRequest, SignInResult, SignInStore, SignedIn, StoredCredentials,
    StoredPassword,
};
