//! The header of a backup: its time, its version, and the derivation of its key.

use std::fmt;
use std::io::{Read, Write};

use portcullis_domain::{ExposeSecret, SecretString, SecureRandom, Timestamp};
use portcullis_password::{Argon2Params, key_of_passphrase};
use portcullis_token::ChunkSeal;
use serde::{Deserialize, Serialize};

use super::BackupError;

/// The first line of every backup.
const MAGIC: &[u8; 20] = b"portcullis backup 1\n";

/// The first line without the number of the format.
const NAME: &[u8] = b"portcullis backup ";

/// The maximum length of a header.
const MAX_LENGTH: u32 = 16 * 1024;

/// Memory, passes and lanes for a passphrase: the second recommendation of RFC 9106.
const PASSPHRASE_COST: (u32, u32, u32) = (64 * 1024, 3, 4);

/// The header, which is not encrypted, and which no content opens without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the program.
    pub version: String,
    /// The start of the backup, in microseconds since 1970. Every write that was confirmed before is in it.
    made_at: i64,
    /// The encryption of the content.
    pub encryption: Encryption,
}

/// The encryption of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "key", rename_all = "snake_case")]
pub enum Encryption {
    /// Checksums only.
    None,
    /// A key from a file.
    KeyFile {
        /// Makes the key of each backup another one.
        salt: [u8; 16],
    },
    /// A key from a passphrase, by Argon2id.
    Passphrase {
        /// Makes the key of each backup another one.
        salt: [u8; 16],
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes of the memory.
        parallelism: u32,
    },
}

/// The key of an encrypted backup, as the operator has it.
pub enum BackupKey {
    /// The content of a key file: at least 32 random bytes.
    File(SecretString),
    /// A passphrase.
    Passphrase(SecretString),
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupKey([REDACTED])")
    }
}

impl Header {
    /// Creates the header of a backup that starts now.
    pub fn new(made_at: Timestamp, key: Option<&BackupKey>, random: &dyn SecureRandom) -> Self {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let (memory_kib, iterations, parallelism) = PASSPHRASE_COST;
        let encryption = match key {
            None => Encryption::None,
            Some(BackupKey::File(_)) => Encryption::KeyFile { salt },
            Some(BackupKey::Passphrase(_)) => {
                Encryption::Passphrase { salt, memory_kib, iterations, parallelism }
            }
        };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { version, made_at: made_at.as_micros(), encryption }
    }

    /// The start of the backup.
    pub const fn made_at(&self) -> Timestamp {
        Timestamp::from_micros(self.made_at)
    }

    /// Writes the header, and returns the seal of the chunks after it.
    pub(super) fn write(
        &self,
        to: &mut dyn Write,
        key: Option<&BackupKey>,
    ) -> Result<ChunkSeal, BackupError> {
        let json = serde_json::to_vec(self).map_err(std::io::Error::from)?;
        let length = u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes();
        let bytes = [MAGIC.as_slice(), &length, &json].concat();
        to.write_all(&bytes)?;
        self.seal(key, &bytes)
    }

    /// Reads the header, and returns the seal of the chunks after it and the length of the header.
    pub(super) fn read(
        from: &mut dyn Read,
        key: Option<&BackupKey>,
    ) -> Result<(Self, ChunkSeal, u64), BackupError> {
        let mut start = Vec::new();
        from.take(24).read_to_end(&mut start)?;
        let Some((magic, length)) = start.split_first_chunk::<20>() else {
            return Err(BackupError::NotABackup);
        };
        if magic != MAGIC {
            let is_newer = magic.starts_with(NAME);
            return Err(if is_newer { BackupError::NewerFormat } else { BackupError::NotABackup });
        }
        let length = length.try_into().map(u32::from_be_bytes);
        let length = length.ok().filter(|length| *length <= MAX_LENGTH);
        let length = length.ok_or(BackupError::Damaged(20))?;
        let mut json = Vec::new();
        from.take(length.into()).read_to_end(&mut json)?;
        let header: Self = serde_json::from_slice(&json).map_err(|_| BackupError::Damaged(24))?;
        let bytes = [start, json].concat();
        let seal = header.seal(key, &bytes)?;
        Ok((header, seal, 24 + u64::from(length)))
    }

    fn seal(&self, key: Option<&BackupKey>, bytes: &[u8]) -> Result<ChunkSeal, BackupError> {
        let key = match (&self.encryption, key) {
            (Encryption::None, None) => return Ok(ChunkSeal::with_checksums(bytes)),
            (Encryption::None, Some(_)) => return Err(BackupError::NotEncrypted),
            (Encryption::KeyFile { salt }, Some(BackupKey::File(random))) => {
                ChunkSeal::key_of_file(random.expose_secret().as_bytes(), salt)
            }
            (
                Encryption::Passphrase { salt, memory_kib, iterations, parallelism },
                Some(BackupKey::Passphrase(passphrase)),
            ) => {
                // The limits of the parameters protect the reader of a forged file.
                let params = Argon2Params::new(*memory_kib, *iterations, *parallelism);
                let params = params.map_err(|_| BackupError::Damaged(24))?;
                key_of_passphrase(passphrase.expose_secret(), salt, &params)?
            }
            (Encryption::KeyFile { .. }, _) => return Err(BackupError::NeedsKey("key file")),
            (Encryption::Passphrase { .. }, _) => return Err(BackupError::NeedsKey("passphrase")),
        };
        Ok(ChunkSeal::encrypting(key, bytes))
    }
}
