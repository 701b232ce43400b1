//! Baseline: Argon2id in a loop, the minimum cost of a password check.
//!
//! It uses as many threads as the server by default, and reuses memory as the server does. So the
//! difference is the cost of the rest of the server.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::comparison::{MeasuredWork, Round, Window};
use crate::outcome::Result;

/// The default of the server: memory in KiB, passes, lanes.
pub(crate) const COST: (u32, u32, u32) = (19_456, 2, 1);

/// One thread per core, each with its memory.
pub(crate) struct RawHashing {
    threads: Vec<Hasher>,
}

struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl RawHashing {
    pub(crate) fn new() -> Result<Self> {
        let threads = std::thread::available_parallelism()?.get();
        Ok(Self { threads: (0..threads).map(|_| Hasher::new()).collect::<Result<_>>()? })
    }
}

impl MeasuredWork for RawHashing {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        let window = Window::opening_soon(length);
        let mut running = Vec::new();
        for mut hasher in self.threads.drain(..) {
            running.push(spawn_blocking(move || Ok((hasher.hash_during(window)?, hasher))));
        }
        let mut count = 0;
        for thread in running {
            let (done, hasher): (usize, Hasher) = thread.await?.map_err(raise)?;
            count += done;
            self.threads.push(hasher);
        }
        Ok(Round::new(count, length, Vec::new()))
    }
}

impl Hasher {
    fn new() -> Result<Self> {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None).map_err(raise)?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory })
    }

    fn hash_during(&mut self, window: Window) -> argon2::Result<usize> {
        let mut tag = [0; 32];
        let mut hashes = 0;
        while Instant::now() < window.closes {
            self.argon2.hash_password_into_with_memory(
                b"a password of usual length",
                b"sixteen of salt.",
                &mut tag,
                &mut self.memory,
            )?;
            hashes += usize::from(window.contains(Instant::now()));
        }
        Ok(hashes)
    }
}

fn raise(error: argon2::Error) -> String {
    format!("Argon2id: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_hashes_round_after_round() {
        let mut hashing = RawHashing::new().unwrap();
        for _ in 0..2 {
            assert!(hashing.round(Duration::from_secs(1)).await.unwrap().rate > 0.0);
        }
    }
}
