//! The check of a TOTP code: at most three HMAC-SHA-1 of a seed, and the comparison of six digits.
//!
//! Both sides run one after another on one thread. The code is that of the last step of the window, so that
//! the check tries all three.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use portcullis_domain::{ExposeSecret, SecretString, Timestamp};
use portcullis_mfa::TotpSeed;
use tokio::task::block_in_place;
use tokio::time::Instant;

use crate::bench::Bench;
use crate::comparison::{MeasuredWork, Round, compare};
use crate::outcome::Result;
use crate::report::Row;

const SEED: [u8; 20] = [7; 20];

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_005);

/// The steps of the window.
const STEPS: [u64; 3] = [59_999_999, 60_000_000, 60_000_001];

/// Operations between two looks at the clock.
const BATCH: u32 = 1_000;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seed = TotpSeed::from_bytes(SEED);
    let code = seed.code_at(Timestamp::from_seconds(1_800_000_035));
    let mut checks = Checks { seed, code };
    let compared =
        compare(&mut checks, &mut RawHmac, bench.options.rounds, bench.options.round()).await?;
    let micros = 1e6 / compared.subject.median;
    let row = Row::rate("check of a TOTP code, one thread", &compared, "three HMAC-SHA-1", "");
    Ok(vec![Row { detail: format!("{micros:.1} µs each, bound by the HMAC"), ..row }])
}

struct Checks {
    seed: TotpSeed,
    code: SecretString,
}

impl MeasuredWork for Checks {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        repeat(length, || {
            let found = self.seed.verify(black_box(self.code.expose_secret()), NOW, None);
            found.map(drop).ok_or_else(|| "a right code was refused".into())
        })
    }
}

struct RawHmac;

impl MeasuredWork for RawHmac {
    async fn round(&mut self, length: Duration) -> Result<Round> {
        repeat(length, || {
            let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, black_box(&SEED));
            for step in STEPS {
                black_box(sign(&key, &step.to_be_bytes()));
            }
            Ok(())
        })
    }
}

/// The rate of the operation in this time.
fn repeat(length: Duration, mut operation: impl FnMut() -> Result<()>) -> Result<Round> {
    block_in_place(|| {
        let begun = Instant::now();
        let mut batches = 0_u32;
        while begun.elapsed() < length {
            (0..BATCH).try_for_each(|_| operation())?;
            batches += 1;
        }
        let count = f64::from(batches) * f64::from(BATCH);
        Ok(Round { rate: count / begun.elapsed().as_secs_f64(), latencies: Vec::new() })
    })
}
