//! Numbers, sizes, speeds and times, as people read them.

use std::time::Duration;

pub(crate) fn per_second(bytes: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a speed needs three digits")]
    let bytes = bytes as f64;
    bytes / time.as_secs_f64().max(1e-9)
}

/// A number with its thousands apart: `1,204`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy)
        .collect();
    groups.join(",")
}

/// A size for people: `812 B`, `29.4 MiB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    size_of(bytes as f64)
}

/// A speed for people: `3.1 MiB/s`, from bytes a second.
pub fn speed(bytes_per_second: f64) -> String {
    format!("{}/s", size_of(bytes_per_second))
}

fn size_of(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024.0 {
        return format!("{bytes:.0} B");
    }
    let mut value = bytes / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A time for people: `35 ms`, `12.3 s`, `4:05`, `1:02:33`.
pub fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 0.9995 {
        return format!("{:.0} ms", s * 1000.0);
    }
    if s < 9.995 {
        return format!("{s:.2} s");
    }
    if s < 59.95 {
        return format!("{s:.1} s");
    }
    let whole = time.as_secs() + u64::from(time.subsec_millis() >= 500);
    let (h, m, s) = (whole / 3600, whole / 60 % 60, whole % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m}:{s:02}")
    }
}

/// A time for people that is compared with others: `76.4 s` and not `1:16`, for what is compared is in one unit.
pub fn in_seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    match s {
        _ if s < 0.9995 => format!("{:.0} ms", s * 1000.0),
        _ if s < 9.995 => format!("{s:.2} s"),
        _ if s < 999.95 => format!("{s:.1} s"),
        _ => format!("{s:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_binary_units() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10 * 1024, "10.0 KiB"),
            (1_023_999, "0.98 MiB"),
            (5 << 20, "5.00 MiB"),
            (999 << 20, "999 MiB"),
            (1000 << 20, "0.98 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), shown, "{bytes}");
        }
    }

    #[test]
    fn times_grow_from_milliseconds_to_hours() {
        for (ms, shown) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1.00 s"),
            (12_340, "12.3 s"),
            (59_940, "59.9 s"),
            (59_960, "1:00"),
            (245_000, "4:05"),
            (3_753_000, "1:02:33"),
        ] {
            assert_eq!(seconds(Duration::from_millis(ms)), shown, "{ms}");
        }
    }
}
