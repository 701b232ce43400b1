//! Cryptographic randomness: the `SecureRandom` trait and the generator of the operating system.

/// A source of randomness that is secure enough for keys, salts and identifiers.
pub trait SecureRandom: Send + Sync {
    /// Fills the whole buffer with unpredictable bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// The random number generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    /// # Panics
    ///
    /// When the operating system provides no randomness: nothing secure is possible without it.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    #[expect(clippy::panic, reason = "a server without randomness must not go on")]
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}
