//! What this process has used, as the system tells it (proc(5)).

use std::fs;
use std::time::Duration;

use crate::report::Usage;

/// So far; `None` where there is no `/proc`.
pub(crate) fn so_far() -> Option<Usage> {
    let ticks = rustix::param::clock_ticks_per_second();
    read(
        &fs::read_to_string("/proc/self/stat").ok()?,
        &fs::read_to_string("/proc/self/status").ok()?,
        ticks,
    )
}

fn read(stat: &str, status: &str, ticks: u64) -> Option<Usage> {
    // The second field is the command in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map_while(|field| field.parse().ok());
    let time = |count: u64| Duration::from_millis(count.saturating_mul(1000) / ticks.max(1));
    let (user, system) = (time(times.next()?), time(times.next()?));
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Usage {
        user,
        system,
        max_rss: kib * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_counted_after_the_name_of_the_command() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 30 0 0 20 0 5 0 100 1 2";
        let status = "Name:\ta\nVmPeak:\t  9 kB\nVmHWM:\t  2048 kB\n";
        let usage = Usage {
            user: Duration::from_millis(2500),
            system: Duration::from_millis(300),
            max_rss: 2 << 20,
        };
        assert_eq!(read(stat, status, 100), Some(usage));
        assert_eq!(read("", status, 100), None);
    }

    #[test]
    fn this_process_uses_memory() {
        if cfg!(target_os = "linux") {
            assert!(so_far().is_some_and(|usage| usage.max_rss > 100_000));
        }
    }
}
