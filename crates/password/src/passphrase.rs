//! Passphrase: the key of an encrypted file, derived from a text that a person remembers.

use argon2::{Algorithm, Argon2, Version};

use crate::Argon2Params;

/// Derives a key from a passphrase by Argon2id. The parameters and the salt are stored with what the key encrypts.
pub fn key_of_passphrase(
    passphrase: &str,
    salt: &[u8; 16],
    params: &Argon2Params,
) -> Result<[u8; 32], PassphraseError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.as_argon2().clone());
    let mut key = [0; 32];
    argon2
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .map_err(|error| PassphraseError(error.to_string()))?;
    Ok(key)
}

/// No key was derived, because the machine has too little memory or the passphrase is too long.
#[derive(Debug, thiserror::Error)]
#[error("no key can be derived from the passphrase: {0}")]
pub struct PassphraseError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_depends_on_passphrase_salt_and_cost() {
        let cheap = Argon2Params::default();
        let costly = Argon2Params::new(19_456, 3, 1).unwrap();
        let key = |passphrase, salt, params| key_of_passphrase(passphrase, &[salt; 16], params);
        let one = key("plover xylem", 1, &cheap).unwrap();
        assert_eq!(key("plover xylem", 1, &cheap).unwrap(), one);
        assert_ne!(key("plover xylen", 1, &cheap).unwrap(), one);
        assert_ne!(key("plover xylem", 2, &cheap).unwrap(), one);
        assert_ne!(key("plover xylem", 1, &costly).unwrap(), one);
    }
}
