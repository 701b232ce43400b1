//! Sign-in, sessions and their tokens, lockout, sign-out.

pub mod device;
pub mod hash_cost;
pub mod lockout;
pub mod mass_sign_out;
mod pipeline;
pub mod refresh;
pub mod session;
pub mod session_tokens;
pub mod sign_out;
pub mod step_up;
pub mod unlock;

pub(crate) use self::pipeline::verify;
pub use self::pipeline::{
    HashReplacement, Identifier, PasswordProof, Proof, SessionOpening, SessionOpeningResult,
    SignIn, SignInError, SignInRequest, SignInStore, SignedIn, StoredCredentials, StoredPassword,
};
