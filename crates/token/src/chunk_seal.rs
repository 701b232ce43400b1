//! Sealed chunks: a file that is larger than memory, with authenticated content, order and end.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, 2015) over ChaCha20-Poly1305: the nonce of a
//! chunk is its number and a flag for the last one. So a chunk that was changed, moved, left out or added does not
//! open, and neither does a file that was cut. Every file has its own key, because its key is derived with a
//! random salt.
//!
//! Without a key the same chunks carry checksums: damage is detected, a forgery is not.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use hkdf::Hkdf;
use portcullis_domain::constant_time_eq;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// Seals or opens the chunks of one file, one after another.
///
/// It prints as redacted, and its key is wiped when dropped.
pub struct ChunkSeal {
    cipher: Option<ChaCha20Poly1305>,
    context: [u8; 32],
    number: u32,
}

/// The bytes that a sealed chunk is longer than its content.
pub const CHUNK_OVERHEAD: usize = 16;

impl ChunkSeal {
    /// Derives the key of one file from a random key of at least 32 bytes: HKDF-SHA-256 with the salt of the file.
    #[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8160 bytes, this asks for 32")]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn key_of_file(random_key: &[u8], salt: &[u8; 16]) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(salt), random_key)
            .expand(b"portcullis/v1/backup", &mut key)
            .expect("32 bytes are within the limit");
        key
    }

    /// Encrypts under this key, which must be used for one file only. No chunk opens with another `context`,
    /// such as the header of the file.
    pub fn encrypting(mut key: [u8; 32], context: &[u8]) -> Self {
        let cipher = ChaCha20Poly1305::new(&key.into());
        key.zeroize();
        Self { cipher: Some(cipher), ..Self::with_checksums(context) }
    }

    /// Adds checksums, without encryption.
    pub fn with_checksums(context: &[u8]) -> Self {
        Self { cipher: None, context: Sha256::digest(context).into(), number: 0 }
    }

    /// Seals the next chunk; the last one ends the file.
    pub fn seal(&mut self, chunk: &[u8], is_last: bool) -> Result<Vec<u8>, ChunkError> {
        let nonce = self.next(is_last)?;
        let Some(cipher) = &self.cipher else {
            return Ok([&self.checksum(&nonce, chunk), chunk].concat());
        };
        let payload = Payload { msg: chunk, aad: &self.context };
        cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| ChunkError)
    }

    /// Opens the next chunk. `is_last` says whether the file ends after it.
    pub fn open(&mut self, sealed: &[u8], is_last: bool) -> Result<Zeroizing<Vec<u8>>, ChunkError> {
        let nonce = self.next(is_last)?;
        let Some(cipher) = &self.cipher else {
            let (checksum, chunk) =
                sealed.split_first_chunk::<CHUNK_OVERHEAD>().ok_or(ChunkError)?;
            let is_intact = constant_time_eq(checksum, &self.checksum(&nonce, chunk));
            return is_intact.then(|| Zeroizing::new(chunk.to_vec())).ok_or(ChunkError);
        };
        let payload = Payload { msg: sealed, aad: &self.context };
        cipher.decrypt(&Nonce::from(nonce), payload).map(Zeroizing::new).map_err(|_| ChunkError)
    }

    /// The nonce of the next chunk: seven zero bytes, its number, and the flag of the last one.
    fn next(&mut self, is_last: bool) -> Result<[u8; 12], ChunkError> {
        let mut nonce = [0; 12];
        let [.., a, b, c, d, last] = &mut nonce;
        [*a, *b, *c, *d] = self.number.to_be_bytes();
        *last = u8::from(is_last);
        self.number = self.number.checked_add(1).ok_or(ChunkError)?;
        Ok(nonce)
    }

    fn checksum(&self, nonce: &[u8; 12], chunk: &[u8]) -> [u8; CHUNK_OVERHEAD] {
        let hash = Sha256::new().chain_update(self.context).chain_update(nonce);
        let hash: [u8; 32] = hash.chain_update(chunk).finalize().into();
        let mut checksum = [0; CHUNK_OVERHEAD];
        checksum.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        checksum
    }
}

impl fmt::Debug for ChunkSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkSeal([REDACTED])")
    }
}

/// The chunk was changed, is not the next one, or was sealed under another key; or the file is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunk cannot be opened")]
pub struct ChunkError;

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn both(context: &[u8]) -> [ChunkSeal; 2] {
        [ChunkSeal::encrypting(KEY, context), ChunkSeal::with_checksums(context)]
    }

    /// Seals three chunks.
    fn sealed(mut seal: ChunkSeal) -> Vec<Vec<u8>> {
        let chunks = [("one", false), ("two", false), ("three", true)];
        chunks.map(|(chunk, last)| seal.seal(chunk.as_bytes(), last).unwrap()).to_vec()
    }

    /// Opens a file of these chunks.
    fn opened(mut seal: ChunkSeal, chunks: &[Vec<u8>]) -> Option<String> {
        let last = chunks.len().checked_sub(1)?;
        let mut text = String::new();
        for (place, chunk) in chunks.iter().enumerate() {
            text.push_str(std::str::from_utf8(&seal.open(chunk, place == last).ok()?).unwrap());
        }
        Some(text)
    }

    #[test]
    fn a_file_opens_whole_and_in_order_only() {
        for (writer, reader) in [0, 1].map(|mode: usize| (mode, mode)) {
            let seal = |mode: usize, context: &[u8]| {
                both(context).into_iter().nth(mode).expect("there are two")
            };
            let chunks = sealed(seal(writer, b"header"));
            assert_eq!(chunks[0].len(), 3 + CHUNK_OVERHEAD);
            let open = |chunks: &[Vec<u8>]| opened(seal(reader, b"header"), chunks);
            assert_eq!(open(&chunks).as_deref(), Some("onetwothree"));
            assert_eq!(opened(seal(reader, b"another"), &chunks), None);
            assert_eq!(open(&chunks[..2]), None, "cut");
            assert_eq!(open(&chunks[1..]), None, "without the first");
            let [a, b, c] = [0, 1, 2].map(|place: usize| chunks[place].clone());
            assert_eq!(open(&[b.clone(), a.clone(), c.clone()]), None, "swapped");
            assert_eq!(open(&[a.clone(), a.clone(), c.clone()]), None, "repeated");
            assert_eq!(open(&[a.clone(), b.clone(), c.clone(), c.clone()]), None, "continued");
            for (place, byte) in [(0, 0), (1, 5), (2, 18)] {
                let mut changed = chunks.clone();
                changed[place][byte] ^= 1;
                assert_eq!(open(&changed), None, "byte {byte} of chunk {place}");
            }
        }
    }

    #[test]
    fn another_key_opens_nothing_and_the_content_is_hidden() {
        let chunks = sealed(ChunkSeal::encrypting(KEY, b""));
        assert_eq!(opened(ChunkSeal::encrypting([8; 32], b""), &chunks), None);
        assert_eq!(opened(ChunkSeal::with_checksums(b""), &chunks), None);
        assert!(!chunks[2].windows(5).any(|part| part == b"three"));
        assert_eq!(format!("{:?}", ChunkSeal::encrypting(KEY, b"")), "ChunkSeal([REDACTED])");
    }

    #[test]
    fn every_salt_gives_another_key() {
        let key = |salt| ChunkSeal::key_of_file(&[1; 32], &[salt; 16]);
        assert_ne!(key(1), key(2));
        assert_ne!(key(1), ChunkSeal::key_of_file(&[2; 32], &[1; 16]));
    }
}
