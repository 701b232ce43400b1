//! Heap of the process: freed memory goes back to the system.
//!
//! glibc keeps freed memory that lies below memory in use. After ten thousand connections that have
//! ended, the process would keep what it needed for all of them.

use std::fs;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that the process has more than when it had least, before freed memory is released.
const MIN_GROWTH: u64 = 16 * 1024 * 1024;

/// The smallest resident memory so far, in bytes.
///
/// That after the last release would not do: if it happens while the memory is in use, nothing shows
/// later that it was freed.
#[derive(Debug)]
pub(crate) struct Heap {
    lowest: AtomicU64,
}

impl Heap {
    pub(crate) fn new() -> Self {
        Self { lowest: AtomicU64::new(u64::MAX) }
    }

    /// Releases freed memory while the process has grown.
    pub(crate) fn release_freed(&self) -> io::Result<()> {
        let resident = resident()?;
        let lowest = self.lowest.fetch_min(resident, Ordering::Relaxed).min(resident);
        if resident - lowest >= MIN_GROWTH {
            trim();
        }
        Ok(())
    }
}

/// The resident memory of this process, in bytes (proc(5), `statm`).
fn resident() -> io::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX);
    pages.map(|pages| pages.saturating_mul(page)).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Returns free pages to the system. Each arena is locked while glibc searches it, in turn.
#[expect(
    unsafe_code,
    reason = "glibc has this function only, and no crate offers it as a safe one"
)]
fn trim() {
    // SAFETY: the function takes no pointer, and other threads may allocate meanwhile (malloc_trim(3)).
    unsafe { libc::malloc_trim(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Freed pages below one that stays in use.
    #[test]
    fn freed_memory_is_released_after_growth() {
        let heap = Heap::new();
        heap.release_freed().unwrap();
        let (mut freed, mut kept) = (Vec::new(), Vec::new());
        for number in 0..200_000_usize {
            let piece = vec![number; 64];
            if number % 1_000 == 999 { kept.push(piece) } else { freed.push(piece) }
        }
        let full = resident().unwrap();
        heap.release_freed().unwrap();
        drop(freed);
        let before = resident().unwrap();
        heap.release_freed().unwrap();
        let after = resident().unwrap();
        assert!(before > full / 2, "the allocator has released it by itself: {before} of {full}");
        assert!(after + 64 * 1024 * 1024 < before, "{before} to {after} with {}", kept.len());
    }
}
