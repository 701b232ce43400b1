//! Metrics of the process, under the names that programs of every language use for them.

use std::{fs, io};

use portcullis_domain::Timestamp;
use prometheus_client::registry::Registry;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::registration::{counter, gauge};

/// Registers the metrics of this process; those of the kernel only where it has `/proc`.
pub(super) fn register(registry: &mut Registry, started_at: Timestamp) {
    let about = "Start of the process, in seconds since 1970";
    gauge(registry, "process_start_time_seconds", about, started_at.as_seconds());
    if let Some(maximum) = getrlimit(Resource::Nofile).current {
        gauge(registry, "process_max_fds", "Maximum number of open files", maximum);
    }
    if let Ok(files) = open_files() {
        gauge(registry, "process_open_fds", "Number of open files, connections included", files);
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let Some(usage) = Usage::parse(&stat, ticks(), bytes(page_size())) else { return };
    let about = "Time of the processor that the process has used";
    counter(registry, "process_cpu_seconds", about, usage.cpu_seconds);
    gauge(registry, "process_threads", "Number of threads", usage.threads);
    let about = "Memory that the process occupies";
    gauge(registry, "process_resident_memory_bytes", about, usage.resident_bytes);
    let about = "Addresses that the process has reserved, most of them without memory";
    gauge(registry, "process_virtual_memory_bytes", about, usage.virtual_bytes);
}

fn open_files() -> io::Result<u64> {
    let files = fs::read_dir("/proc/self/fd")?.count();
    // Without the one that lists them.
    Ok(bytes(files).saturating_sub(1))
}

fn ticks() -> f64 {
    u32::try_from(clock_ticks_per_second()).map_or(100.0, f64::from)
}

fn bytes(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// The use of the machine, from `/proc/self/stat` (`proc_pid_stat(5)`).
#[derive(Debug, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Usage {
    fn parse(stat: &str, ticks: f64, page: u64) -> Option<Self> {
        // The name of the program, in parentheses, may contain anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The manual counts from 1, and the state after the name is field 3.
        let field = |number: usize| fields.get(number - 3).copied();
        let time = |number| field(number)?.parse::<f64>().ok();
        let count = |number| field(number)?.parse::<u64>().ok();
        Some(Self {
            cpu_seconds: (time(14)? + time(15)?) / ticks,
            threads: count(20)?,
            virtual_bytes: count(23)?,
            resident_bytes: count(24)?.saturating_mul(page),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "7 (a) b) R 1 7 7 0 -1 4194304 1 2 3 4 150 50 5 6 20 0 12 0 99 4096 3 18446744073709551615";

    #[test]
    fn the_name_of_the_program_hides_no_field() {
        let usage = Usage::parse(STAT, 100.0, 4096).unwrap();
        let expected =
            Usage { cpu_seconds: 2.0, threads: 12, virtual_bytes: 4096, resident_bytes: 3 * 4096 };
        assert_eq!(usage, expected);
    }

    #[test]
    fn a_short_text_has_no_usage() {
        for text in ["", "7 (a) R", "7 (a) R 1 7 7 0 -1 4194304 1 2 3 4 150 fifty"] {
            assert_eq!(Usage::parse(text, 100.0, 4096), None, "{text}");
        }
    }
}
