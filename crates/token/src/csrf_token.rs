//! CSRF tokens that are bound to a session and not stored.
//!
//! A token is a random nonce and a MAC over nonce and session, so a token stolen or planted from
//! another session is invalid (the signed double-submit pattern of the OWASP CSRF cheat sheet). The
//! nonce makes each response different, which defeats compression attacks.

use portcullis_domain::{SecureRandom, SessionId, constant_time_eq};

use crate::{Purpose, SecretKey, base64url, mac};

/// Issues and verifies CSRF tokens.
#[derive(Clone)]
pub struct CsrfKey {
    key: [u8; 32],
    previous: Option<[u8; 32]>,
}

impl CsrfKey {
    /// Derives the key from the configured secret.
    pub fn new(secret: &SecretKey) -> Self {
        Self { key: secret.derive(Purpose::Csrf), previous: None }
    }

    /// Also accepts tokens that were issued under a previous secret, during its replacement.
    #[must_use]
    pub fn accepting(self, previous: &SecretKey) -> Self {
        Self { previous: Some(previous.derive(Purpose::Csrf)), ..self }
    }

    /// Issues a token of 64 characters; any number of tokens are valid for a session at the same
    /// time.
    pub fn issue(&self, session: SessionId, random: &dyn SecureRandom) -> String {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        base64url::encode([nonce.as_slice(), &tag(&self.key, &nonce, session)].concat())
    }

    /// Returns whether the token was issued for this session, in constant time.
    pub fn verify(&self, token: &str, session: SessionId) -> bool {
        let Some(bytes) = base64url::decode_exact::<{ NONCE + TAG }>(token) else {
            return false;
        };
        let (nonce, given) = bytes.split_at(NONCE);
        let fits = |key: &[u8; 32]| constant_time_eq(given, &tag(key, nonce, session));
        fits(&self.key) || self.previous.as_ref().is_some_and(fits)
    }
}

fn tag(key: &[u8; 32], nonce: &[u8], session: SessionId) -> [u8; TAG] {
    mac::hmac_sha256(key, &[nonce, session.as_uuid().as_bytes()])
}

impl std::fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CsrfKey([REDACTED])")
    }
}

const NONCE: usize = 16;
const TAG: usize = 32;

#[cfg(test)]
mod tests {
    use portcullis_domain::{SecretString, SystemRandom, Timestamp};
    use proptest::prelude::*;

    use super::*;

    const FORMER: &str = "f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU";

    fn key(secret: &str) -> CsrfKey {
        CsrfKey::new(&SecretKey::parse(&SecretString::from(secret)).unwrap())
    }

    fn session() -> SessionId {
        SessionId::generate(Timestamp::from_seconds(1_800_000_000), &SystemRandom)
    }

    #[test]
    fn a_token_is_good_for_its_session_and_its_key_only() {
        let (key, other) =
            (key("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU"), key("mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2"));
        let (mine, yours) = (session(), session());
        let token = key.issue(mine, &SystemRandom);
        assert_eq!(token.len(), 64);
        assert!(key.verify(&token, mine));
        assert!(!key.verify(&token, yours));
        assert!(!other.verify(&token, mine));
        assert_ne!(token, key.issue(mine, &SystemRandom));
    }

    #[test]
    fn a_token_of_the_previous_key_stays_good_for_its_session() {
        let [former, stranger] = [FORMER, "pJ4aUf83kQz0v7LwB2mXn5cRt9yHs1dG"].map(key);
        let secret = SecretKey::parse(&SecretString::from(FORMER)).unwrap();
        let new = key("mXn5cRt9yHs1dGpJ4aUf83kQz0v7LwB2").accepting(&secret);
        let (mine, yours) = (session(), session());
        let token = former.issue(mine, &SystemRandom);
        assert!(new.verify(&token, mine));
        assert!(!new.verify(&token, yours));
        assert!(!new.verify(&stranger.issue(mine, &SystemRandom), mine));
        assert!(!former.verify(&new.issue(mine, &SystemRandom), mine), "it issues under its own");
    }

    #[test]
    fn a_token_of_another_length_is_refused() {
        let (key, session) = (key("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU"), session());
        let token = key.issue(session, &SystemRandom);
        for text in ["", &token[..63], &token[..60], &format!("{token}A"), &format!("{token}AAAA")]
        {
            assert!(!key.verify(text, session), "{text}");
        }
    }

    #[test]
    fn debug_output_does_not_tell_the_key() {
        assert_eq!(format!("{:?}", key("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU")), "CsrfKey([REDACTED])");
    }

    proptest! {
        #[test]
        fn a_token_with_one_flipped_bit_is_refused(position in 0..64_usize, bit in 0..8_u8) {
            let (key, session) = (key("f83kQz0v7LwB2mXn5cRt9yHs1dGpJ4aU"), session());
            let mut token = key.issue(session, &SystemRandom).into_bytes();
            token[position] ^= 1 << bit;
            prop_assert!(!key.verify(&String::from_utf8_lossy(&token), session));
        }
    }
}
