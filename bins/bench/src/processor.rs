//! The processor time of a process, from /proc.

use std::time::Duration;

use crate::outcome::Result;

/// The time of all threads in user mode and in the kernel, in hundredths of a second.
pub(crate) fn time(process: u32) -> Result<Duration> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    ticks(&status).map(|ticks| Duration::from_millis(10 * ticks)).ok_or_else(|| "no times".into())
}

/// The fields 14 and 15 of proc(5). The name in field 2 may contain blanks, and ends with a bracket.
fn ticks(status: &str) -> Option<u64> {
    let (_, fields) = status.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_are_added_whatever_the_program_is_called() {
        let status = "7 (a ) b) S 1 7 7 0 -1 4194304 9 0 0 0 120 30 0 0 20 0 4 0 1";
        assert_eq!(ticks(status), Some(150));
        assert!(time(std::process::id()).is_ok());
    }
}
