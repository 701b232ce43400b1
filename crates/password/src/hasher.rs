//! `Hasher`: hash, verify and needs-rehash with one configured cost.

use argon2::{Algorithm, Argon2, Block, KeyId, Params, ParamsBuilder, Version};
use portcullis_domain::{SecureRandom, constant_time_eq};

use crate::hash::ParsedHash;
use crate::{Argon2Params, HashCost, HashError, Password, PasswordHash, Pepper, Peppers, Scratch};

/// Hashes new passwords with the configured cost, and verifies hashes of any stored cost.
#[derive(Clone, Debug)]
pub struct Hasher {
    params: Argon2Params,
    peppers: Peppers,
    /// Salt and tag of decoy hashes.
    decoy: ([u8; SALT_BYTES], [u8; TAG_BYTES]),
}

/// The result of a password verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum VerificationResult {
    /// The password matches.
    Match {
        /// The hash is bcrypt, has another pepper than new hashes, or a new hash would cost an
        /// attacker more memory or more work and not less of either. Hash the password again now, and replace the stored hash.
        needs_rehash: bool,
    },
    /// The password does not match.
    Mismatch,
}

/// The lengths of salt and tag in bytes, as recommended in RFC 9106 section 4.
pub(crate) const SALT_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The length of the part of a password that bcrypt reads, in bytes.
const BCRYPT_BYTES: usize = 72;

impl Hasher {
    /// Creates a hasher with that cost. The randomness is for [`Hasher::decoy`].
    pub fn new(params: Argon2Params, random: &dyn SecureRandom) -> Self {
        let (mut salt, mut tag) = ([0; SALT_BYTES], [0; TAG_BYTES]);
        random.fill(&mut salt);
        random.fill(&mut tag);
        Self { params, peppers: Peppers::default(), decoy: (salt, tag) }
    }

    /// The same hasher with these peppers.
    #[must_use]
    pub fn with_peppers(self, peppers: Peppers) -> Self {
        Self { peppers, ..self }
    }

    /// The configured cost of new hashes.
    pub const fn params(&self) -> &Argon2Params {
        &self.params
    }

    /// The cost of new hashes, in the form for comparison with stored hashes.
    pub const fn cost(&self) -> HashCost {
        HashCost::of_argon2(self.params.as_argon2())
    }

    /// A decoy hash of that cost, which no password matches. It has the configured cost if no
    /// stored hash could have the given one.
    ///
    /// Verify against it when the account does not exist, so that the response takes as long as for
    /// a wrong password and does not reveal which accounts exist.
    pub fn decoy(&self, cost: HashCost) -> PasswordHash {
        let (salt, tag) = &self.decoy;
        let wanted = match cost {
            HashCost::Bcrypt { cost } => {
                tag.first_chunk().map(|tag| PasswordHash::bcrypt(cost, salt, tag))
            }
            HashCost::Argon2id { memory_kib, iterations, parallelism } => {
                let params = Params::new(memory_kib, iterations, parallelism, None);
                params.ok().map(|params| PasswordHash::argon2id(&params, salt, tag))
            }
        };
        // Parsing bounds its cost.
        wanted
            .and_then(|hash| PasswordHash::parse(hash.as_str()).ok())
            .unwrap_or_else(|| PasswordHash::argon2id(self.params.as_argon2(), salt, tag))
    }

    /// Hashes a password with a fresh salt.
    pub fn hash(
        &self,
        password: &Password,
        random: &dyn SecureRandom,
        scratch: &mut Scratch,
    ) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        self.hash_with_salt(password, &salt, scratch)
    }

    pub(crate) fn hash_with_salt(
        &self,
        password: &Password,
        salt: &[u8; SALT_BYTES],
        scratch: &mut Scratch,
    ) -> Result<PasswordHash, HashError> {
        let pepper = self.peppers.current.as_ref();
        let params = self.params_with(pepper).map_err(HashError::Argon2)?;
        let mut tag = [0; TAG_BYTES];
        argon2id(&params, pepper, password, salt, scratch, &mut tag).map_err(HashError::Argon2)?;
        Ok(PasswordHash::argon2id(&params, salt, &tag))
    }

    fn params_with(&self, pepper: Option<&Pepper>) -> argon2::Result<Params> {
        let params = self.params.as_argon2();
        let Some(pepper) = pepper else { return Ok(params.clone()) };
        ParamsBuilder::new()
            .m_cost(params.m_cost())
            .t_cost(params.t_cost())
            .p_cost(params.p_cost())
            .keyid(KeyId::new(pepper.id())?)
            .build()
    }

    /// Hashes a text with the salt, the pepper and the cost of another hash, so that the two are equal if their
    /// texts are. For a set of random codes with one salt: one computation finds which of them was
    /// typed, in time that does not depend on it.
    ///
    /// # Errors
    ///
    /// [`HashError::UnsupportedAlgorithm`] if the other hash is not Argon2id.
    pub fn hash_like(
        &self,
        typed: &Password,
        other: &PasswordHash,
        scratch: &mut Scratch,
    ) -> Result<PasswordHash, HashError> {
        let ParsedHash::Argon2id { params, salt, tag } = other.form() else {
            return Err(HashError::UnsupportedAlgorithm);
        };
        let mut computed = vec![0; tag.len()];
        // Without its pepper the hash is another one.
        let (_, pepper) = self.pepper_of(params);
        argon2id(params, pepper, typed, salt, scratch, &mut computed).map_err(HashError::Argon2)?;
        Ok(PasswordHash::argon2id(params, salt, &computed))
    }

    /// Verifies a password against a stored hash, in time that does not depend on the difference.
    ///
    /// bcrypt ignores everything after 72 bytes or a NUL byte. Such passwords never match a bcrypt
    /// hash here, because two different passwords must not open one account (ASVS 6.2.8,
    /// CVE-2025-22228). A hash whose pepper is not known matches no password.
    pub fn verify(
        &self,
        password: &Password,
        stored: &PasswordHash,
        scratch: &mut Scratch,
    ) -> VerificationResult {
        match stored.form() {
            ParsedHash::Argon2id { params, salt, tag } => {
                let mut computed = vec![0; tag.len()];
                let (id, pepper) = self.pepper_of(params);
                let is_unknown = !id.is_empty() && pepper.is_none();
                // An unknown pepper costs the same as a wrong password.
                let done = argon2id(params, pepper, password, salt, scratch, &mut computed);
                if is_unknown || done.is_err() || !constant_time_eq(&computed, tag) {
                    return VerificationResult::Mismatch;
                }
            }
            ParsedHash::Bcrypt { .. } => {
                if !matches_bcrypt(password.expose().as_bytes(), stored.as_str()) {
                    return VerificationResult::Mismatch;
                }
            }
        }
        VerificationResult::Match { needs_rehash: self.needs_rehash(stored) }
    }

    /// The id of the pepper in the parameters of a hash, and the pepper if it is known.
    fn pepper_of<'p>(&'p self, params: &'p Params) -> (&'p [u8], Option<&'p Pepper>) {
        let id = params.keyid();
        (id, self.peppers.find(id))
    }

    /// Returns whether a stored hash should be replaced after a successful verification; see
    /// [`VerificationResult::Match`].
    pub fn needs_rehash(&self, stored: &PasswordHash) -> bool {
        match stored.form() {
            ParsedHash::Argon2id { params, salt, tag } => {
                let is_short = salt.len() < SALT_BYTES || tag.len() < TAG_BYTES;
                let (id, _) = self.pepper_of(params);
                id != self.peppers.current_id() || self.params.improve_on(params, is_short)
            }
            ParsedHash::Bcrypt { .. } => true,
        }
    }
}

fn argon2id(
    params: &Params,
    pepper: Option<&Pepper>,
    password: &Password,
    salt: &[u8],
    scratch: &mut Scratch,
    tag: &mut [u8],
) -> argon2::Result<()> {
    let blocks: &mut [Block] = scratch.blocks(params.block_count());
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let key = pepper.map(Pepper::key).unwrap_or_default();
    Argon2::new_with_secret(key, algorithm, version, params.clone())?
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, tag, blocks)
}

/// Computes the hash before it refuses: a response without this work would reveal that the account
/// is an imported one.
fn matches_bcrypt(password: &[u8], stored: &str) -> bool {
    let equal = bcrypt::verify(password, stored).unwrap_or(false);
    equal && password.len() <= BCRYPT_BYTES && !password.contains(&0)
}

#[cfg(test)]
mod tests {
    use portcullis_domain::SystemRandom;

    use super::*;

    fn hasher(memory_kib: u32, iterations: u32) -> Hasher {
        Hasher::new(Argon2Params::new(memory_kib, iterations, 1).unwrap(), &SystemRandom)
    }

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    #[test]
    fn a_hash_matches_its_password_and_no_other() {
        let hasher = hasher(19_456, 2);
        let mut scratch = Scratch::default();
        let stored =
            hasher.hash(&password("pa\u{308}ssword"), &SystemRandom, &mut scratch).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let fresh = VerificationResult::Match { needs_rehash: false };
        assert_eq!(hasher.verify(&password("p\u{e4}ssword"), &stored, &mut scratch), fresh);
        for other in ["", "password", "p\u{e4}ssword ", "P\u{e4}ssword"] {
            let result = hasher.verify(&password(other), &stored, &mut scratch);
            assert_eq!(result, VerificationResult::Mismatch, "{other}");
        }
    }

    #[test]
    fn a_hash_with_a_pepper_matches_only_where_the_pepper_is_known() {
        let [old, new] = [1, 2].map(|byte| Pepper::new([byte; 8], [byte; 32]));
        let peppered = |current: Option<&Pepper>, previous: &[&Pepper]| {
            let previous = previous.iter().map(|pepper| (*pepper).clone()).collect();
            hasher(19_456, 2).with_peppers(Peppers { current: current.cloned(), previous })
        };
        let mut scratch = Scratch::default();
        let right = password("violet-otter-plays-7-cellos");
        let stored = peppered(Some(&old), &[]).hash(&right, &SystemRandom, &mut scratch).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid=AQEBAQEBAQE$"));
        assert!(stored.as_str().contains(&old.name()));
        let stored = PasswordHash::parse(stored.as_str()).unwrap();
        let peppers = |pepper: &Pepper| Peppers { current: None, previous: vec![pepper.clone()] };
        assert!(
            stored.has_other_pepper(&peppers(&new)) && !stored.has_other_pepper(&peppers(&old))
        );
        let matches = |needs_rehash| VerificationResult::Match { needs_rehash };
        let key = format!("{:?}", [1_u8; 32]);
        for (hasher, expected) in [
            (peppered(Some(&old), &[]), matches(false)),
            (peppered(Some(&new), &[&old]), matches(true)),
            (peppered(None, &[&old]), matches(true)),
            (peppered(Some(&new), &[]), VerificationResult::Mismatch),
            (peppered(None, &[]), VerificationResult::Mismatch),
            (
                hasher(19_456, 2).with_peppers(Peppers {
                    current: Some(Pepper::new([1; 8], [3; 32])),
                    previous: Vec::new(),
                }),
                VerificationResult::Mismatch,
            ),
        ] {
            assert_eq!(hasher.verify(&right, &stored, &mut scratch), expected, "{hasher:?}");
            let wrong = hasher.verify(&password("wrong"), &stored, &mut scratch);
            assert_eq!(wrong, VerificationResult::Mismatch);
            assert!(!format!("{hasher:?}").contains(&key), "{hasher:?}");
        }
        let plain = hasher(19_456, 2).hash(&right, &SystemRandom, &mut scratch).unwrap();
        let verified = peppered(Some(&new), &[]).verify(&right, &plain, &mut scratch);
        assert_eq!(verified, matches(true), "a hash without a pepper gets one");
    }

    #[test]
    fn one_password_never_has_the_same_hash_twice() {
        let hasher = hasher(19_456, 2);
        let mut scratch = Scratch::default();
        let [one, other] = [(); 2]
            .map(|()| hasher.hash(&password("violet otter"), &SystemRandom, &mut scratch).unwrap());
        assert_ne!(one.as_str(), other.as_str());
    }

    #[test]
    fn a_hash_of_another_cost_matches_and_asks_for_renewal() {
        let mut scratch = Scratch::default();
        let password = password("violet otter");
        let stored = hasher(19_456, 2).hash(&password, &SystemRandom, &mut scratch).unwrap();
        for configured in [hasher(19_456, 3), hasher(20_480, 2), hasher(20_480, 3)] {
            let result = configured.verify(&password, &stored, &mut scratch);
            assert_eq!(result, VerificationResult::Match { needs_rehash: true });
        }
    }

    #[test]
    fn a_new_hash_never_takes_the_place_of_a_costlier_one() {
        let mut scratch = Scratch::default();
        let password = password("violet otter");
        let stored = hasher(20_480, 3).hash(&password, &SystemRandom, &mut scratch).unwrap();
        for configured in [
            hasher(19_456, 2),
            hasher(19_456, 3),
            hasher(20_480, 2),
            hasher(19_456, 16),
            hasher(20_480, 3),
        ] {
            let result = configured.verify(&password, &stored, &mut scratch);
            assert_eq!(result, VerificationResult::Match { needs_rehash: false }, "{configured:?}");
        }
    }

    #[test]
    fn a_decoy_costs_what_a_real_hash_costs_and_matches_nothing() {
        let hasher = hasher(19_456, 2);
        let mut scratch = Scratch::default();
        let password = password("violet otter");
        let real = [
            hasher.hash(&password, &SystemRandom, &mut scratch).unwrap(),
            PasswordHash::parse(&bcrypt::hash("violet otter", 4).unwrap()).unwrap(),
        ];
        let form = |hash: &PasswordHash| {
            let parts: Vec<String> = hash.as_str().split('$').map(str::to_owned).collect();
            (parts[..3].to_vec(), hash.as_str().len())
        };
        for real in real {
            let decoy = hasher.decoy(real.cost());
            assert_eq!((decoy.cost(), form(&decoy)), (real.cost(), form(&real)));
            let result = hasher.verify(&password, &decoy, &mut scratch);
            assert_eq!(result, VerificationResult::Mismatch);
        }
        let absurd = HashCost::Argon2id { memory_kib: u32::MAX, iterations: 9, parallelism: 1 };
        for absurd in [absurd, HashCost::Bcrypt { cost: 31 }] {
            assert_eq!(hasher.decoy(absurd).cost(), hasher.cost());
        }
    }

    #[test]
    fn bcrypt_matches_only_what_it_has_seen_whole() {
        let hasher = hasher(19_456, 2);
        let mut scratch = Scratch::default();
        let bcrypt = |typed: &str| PasswordHash::parse(&bcrypt::hash(typed, 4).unwrap()).unwrap();
        let longest = "a".repeat(72);
        let stored = bcrypt(&longest);
        let result = hasher.verify(&password(&longest), &stored, &mut scratch);
        assert_eq!(result, VerificationResult::Match { needs_rehash: true });
        let over = password(&format!("{longest}b"));
        assert_eq!(hasher.verify(&over, &stored, &mut scratch), VerificationResult::Mismatch);
        let with_nul = "otter\0violet";
        let stored = bcrypt(with_nul);
        assert_eq!(
            hasher.verify(&password(with_nul), &stored, &mut scratch),
            VerificationResult::Mismatch
        );
    }
}
