pub use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Whether two secrets are equal, in time that depends on their lengths only.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
