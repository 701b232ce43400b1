//! The content of a backup: sealed chunks of 64 KiB, written and read in constant memory.

use std::io::{self, Read, Write};

use portcullis_token::{CHUNK_OVERHEAD, ChunkSeal};

use super::{BackupError, BackupKey, Header, Manifest};

/// The content of a full chunk.
const CHUNK: usize = 64 * 1024;

/// The maximum length of a manifest.
const MAX_MANIFEST: u32 = 1024 * 1024;

/// Writes a backup.
pub struct ArchiveWriter<W> {
    to: W,
    seal: ChunkSeal,
    chunk: Vec<u8>,
}

impl<W: Write> ArchiveWriter<W> {
    /// Writes the header.
    pub fn begin(mut to: W, header: &Header, key: Option<&BackupKey>) -> Result<Self, BackupError> {
        let seal = header.write(&mut to, key)?;
        Ok(Self { to, seal, chunk: Vec::with_capacity(CHUNK) })
    }

    /// Writes the last chunk: without it the backup is incomplete.
    pub fn finish(mut self) -> Result<W, BackupError> {
        self.write_chunk(true)?;
        Ok(self.to)
    }

    fn write_chunk(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.seal.seal(&self.chunk, is_last).map_err(io::Error::other)?;
        self.chunk.clear();
        self.to.write_all(&sealed)
    }
}

impl<W: Write> Write for ArchiveWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() >= CHUNK {
            self.write_chunk(false)?;
        }
        let (taken, _) = bytes.split_at(bytes.len().min(CHUNK.saturating_sub(self.chunk.len())));
        self.chunk.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Manifest {
    /// Writes the manifest, which is the begin of the content.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let json = serde_json::to_vec(self)?;
        to.write_all(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        to.write_all(&json)
    }

    fn read(from: &mut dyn Read) -> Result<Self, BackupError> {
        let invalid = || BackupError::Invalid("it has no manifest".to_owned());
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MAX_MANIFEST {
            return Err(invalid());
        }
        let mut json = Vec::new();
        from.take(length.into()).read_to_end(&mut json)?;
        serde_json::from_slice(&json).map_err(|_| invalid())
    }
}

/// Reads a backup. Every byte that it gives is authentic, if the backup is encrypted; only its end proves that the
/// backup is complete.
pub struct ArchiveReader<R> {
    from: R,
    seal: ChunkSeal,
    /// The sealed chunk that was read ahead.
    ahead: Vec<u8>,
    /// The place of that chunk in the file, and that of the first chunk.
    position: u64,
    first: u64,
    is_over: bool,
    is_encrypted: bool,
    /// The rest of the chunk that was opened last.
    open: io::Cursor<Vec<u8>>,
}

impl<R: Read> ArchiveReader<R> {
    /// Reads header and manifest.
    pub fn begin(
        mut from: R,
        key: Option<&BackupKey>,
    ) -> Result<(Header, Manifest, Self), BackupError> {
        let (header, seal, first) = Header::read(&mut from, key)?;
        let ahead = sealed_chunk(&mut from)?;
        let mut reader = Self {
            from,
            seal,
            ahead,
            position: first,
            first,
            is_over: false,
            is_encrypted: key.is_some(),
            open: io::Cursor::default(),
        };
        // The first chunk is opened by itself, so that its error is not that of a short manifest.
        reader.open_next()?;
        let manifest = Manifest::read(&mut reader)?;
        Ok((header, manifest, reader))
    }

    /// Reads to the end, which proves that the backup is complete and unchanged. Returns the number of read bytes.
    pub fn verify(mut self) -> Result<u64, BackupError> {
        while !self.is_over {
            self.open_next()?;
        }
        Ok(self.position)
    }

    fn open_next(&mut self) -> Result<(), BackupError> {
        let following = sealed_chunk(&mut self.from)?;
        let is_last = following.is_empty();
        let chunk = self.seal.open(&self.ahead, is_last).map_err(|_| {
            let may_be_the_key = self.is_encrypted && self.position == self.first;
            let damaged = BackupError::Damaged(self.position);
            if may_be_the_key { BackupError::AnotherKey } else { damaged }
        })?;
        self.open = io::Cursor::new(chunk.to_vec());
        let length = u64::try_from(self.ahead.len()).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(length);
        (self.ahead, self.is_over) = (following, is_last);
        Ok(())
    }
}

impl<R: Read> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.open.read(buffer)?;
            if count > 0 || self.is_over || buffer.is_empty() {
                return Ok(count);
            }
            self.open_next().map_err(|error| match error {
                BackupError::File(error) => error,
                other => io::Error::other(other),
            })?;
        }
    }
}

/// Reads a full sealed chunk, or what is left of the file.
fn sealed_chunk(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let full = CHUNK.saturating_add(CHUNK_OVERHEAD);
    let mut chunk = Vec::with_capacity(full);
    from.take(u64::try_from(full).unwrap_or(u64::MAX)).read_to_end(&mut chunk)?;
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use portcullis_domain::{SecretString, SystemRandom, Timestamp};

    use super::*;
    use crate::node::backup::DatabaseKind;

    const MADE_AT: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// The place of the first chunk of [`archive`] without encryption is past the header.
    fn manifest() -> Manifest {
        let migrations = vec!["20261120215000".to_owned()];
        Manifest { database: DatabaseKind::Sqlite, migrations, secret: None, checkpoint: Some(7) }
    }

    fn keys() -> [Option<BackupKey>; 3] {
        let secret = SecretString::from("plover-xylem-quartz-41-plover-xylem");
        [None, Some(BackupKey::File(secret.clone())), Some(BackupKey::Passphrase(secret))]
    }

    fn archive(key: Option<&BackupKey>, content: &[u8]) -> Vec<u8> {
        let header = Header::new(MADE_AT, key, &SystemRandom);
        let mut writer = ArchiveWriter::begin(Vec::new(), &header, key).unwrap();
        manifest().write(&mut writer).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8], key: Option<&BackupKey>) -> Result<Vec<u8>, BackupError> {
        let (header, found, reader) = ArchiveReader::begin(bytes, key)?;
        assert_eq!((header.made_at(), found), (MADE_AT, manifest()));
        reader.verify()?;
        let (_, _, mut reader) = ArchiveReader::begin(bytes, key)?;
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn a_backup_of_any_length_is_read_as_it_was_written() {
        // Lengths around the borders of chunks: the manifest is in the first one.
        let mut start = Vec::new();
        manifest().write(&mut start).unwrap();
        let rest = CHUNK - start.len();
        for length in [0, 1, rest - 1, rest, rest + 1, rest + CHUNK, rest + CHUNK + 1, 300_000] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            for key in &keys()[..2] {
                let bytes = archive(key.as_ref(), &content);
                assert!(read(&bytes, key.as_ref()).unwrap() == content, "{length}");
            }
        }
    }

    #[test]
    fn a_cut_changed_swapped_or_longer_file_is_refused() {
        let content: Vec<u8> = (0..=250).cycle().take(4 * CHUNK).collect();
        for key in &keys()[..2] {
            let key = key.as_ref();
            let bytes = archive(key, &content);
            let first = bytes.len() - (4 * (CHUNK + CHUNK_OVERHEAD));
            let fails = |changed: &[u8], why: &str| {
                assert!(read(changed, key).is_err(), "{why}");
            };
            for length in [0, 10, 22, 30, first / 2, first + 100, CHUNK, 2 * CHUNK, bytes.len() - 1]
            {
                fails(&bytes[..length], &format!("cut at {length}"));
            }
            for place in (0..bytes.len()).step_by(4_001).chain([25, 60, bytes.len() - 1]) {
                let mut changed = bytes.clone();
                changed[place] ^= 1;
                fails(&changed, &format!("byte {place}"));
            }
            fails(&[bytes.as_slice(), b"more"].concat(), "longer");
            let sealed = CHUNK + CHUNK_OVERHEAD;
            let header = bytes.windows(2).position(|pair| pair == b"}}").unwrap() + 2;
            let mut swapped = bytes.clone();
            swapped[header..header + 2 * sealed].rotate_left(sealed);
            fails(&swapped, "swapped");
            // At the border of a chunk.
            fails(&bytes[..header + sealed], "without the last chunks");
            fails(&bytes[..header], "without any chunk");
        }
    }

    #[test]
    fn the_key_must_be_the_right_one_of_the_right_kind() {
        let [_, file, passphrase] = keys();
        let (file, passphrase) = (file.as_ref(), passphrase.as_ref());
        let error = |bytes: &[u8], key| read(bytes, key).unwrap_err().to_string();
        let bytes = archive(passphrase, b"content");
        assert_eq!(read(&bytes, passphrase).unwrap(), b"content");
        assert_eq!(error(&bytes, None), "the backup is encrypted: give its passphrase");
        assert_eq!(error(&bytes, file), "the backup is encrypted: give its passphrase");
        let another = BackupKey::Passphrase(SecretString::from("plover-xylem-quartz-42"));
        assert!(error(&bytes, Some(&another)).starts_with("the key is another one"));
        let bytes = archive(file, b"content");
        assert_eq!(error(&bytes, passphrase), "the backup is encrypted: give its key file");
        assert!(!bytes.windows(7).any(|part| part == b"content"));
        // A forgery without encryption does not pass for an encrypted backup.
        let bytes = archive(None, b"content");
        let said = "the backup is not encrypted, although a key was given";
        assert_eq!(error(&bytes, file), said);
    }

    #[test]
    fn other_files_are_told_apart() {
        let error = |bytes: &[u8]| read(bytes, None).unwrap_err().to_string();
        assert_eq!(
            error(b"SQLite format 3\0 and so on and on"),
            "the file is no backup of Portcullis"
        );
        let newer = b"portcullis backup 2\n and so on";
        assert_eq!(error(newer), "the file has a format of a newer version of Portcullis");
    }
}
