//! The resident memory of a process, from /proc.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::outcome::{Error, Result};

/// A size in bytes of resident memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub u64);

/// The current resident memory of the process.
pub(crate) fn resident(process: u32) -> Result<Bytes> {
    field(&status(process)?, "VmRSS")
}

/// The peak resident memory of the process.
pub(crate) fn peak(process: u32) -> Result<Bytes> {
    field(&status(process)?, "VmHWM")
}

/// Samples the memory every 50 ms and keeps the maximum, until sampling fails. Returns that error.
pub(crate) async fn watch(process: u32, most: &mut Bytes) -> Error {
    let mut ticks = interval(Duration::from_millis(50));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match resident(process) {
            Ok(now) => *most = now.max(*most),
            Err(error) => return error,
        }
    }
}

fn status(process: u32) -> Result<String> {
    Ok(std::fs::read_to_string(format!("/proc/{process}/status"))?)
}

fn field(status: &str, name: &str) -> Result<Bytes> {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(Bytes(kib.ok_or_else(|| format!("no {name} in the status of the process"))? * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_read_in_kib() {
        let status = "Name:\tserver\nVmHWM:\t   30724 kB\nVmRSS:\t   20480 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmHWM").unwrap(), Bytes(30_724 * 1024));
        assert_eq!(field(status, "VmRSS").unwrap(), Bytes(20 * 1024 * 1024));
        assert!(field(status, "Vm").is_err());
    }
}
