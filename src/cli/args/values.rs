//! The values of options, understood.

use std::ffi::OsStr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::{Apart, Levels};
use crate::checksum::{Checksum, Checksums};
use crate::cookies::Cookies;
use crate::job::Field;
use crate::settings::{Credentials, Split};

pub(super) fn at_least_one(text: &str) -> anyhow::Result<NonZeroUsize> {
    let number = number(text)?;
    NonZeroUsize::new(number).ok_or_else(|| anyhow!("at least 1 is needed"))
}

pub(super) fn number<N: std::str::FromStr>(text: &str) -> anyhow::Result<N> {
    text.parse().ok().with_context(|| {
        if is_digits(text) {
            "a smaller number is needed"
        } else {
            "a whole number is needed"
        }
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `30`, `30s`, `2m`, `500ms`; a number alone is seconds.
pub(super) fn time(text: &str) -> anyhow::Result<Duration> {
    const NEEDED: &str = "a time is needed, such as 30s, 2m or 500ms";
    const SHORTER: &str = "a shorter time is needed";
    let time = match text.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 && seconds.is_finite() => {
            Duration::try_from_secs_f64(seconds).context(SHORTER)?
        }
        Ok(_) => bail!(NEEDED),
        Err(_) => humantime::parse_duration(text).map_err(|error| match error {
            humantime::DurationError::NumberOverflow => anyhow!(SHORTER),
            _ => anyhow!(NEEDED),
        })?,
    };
    ensure!(!time.is_zero(), "more than nothing is needed");
    Ok(time)
}

/// `500`, `10K`, `1.5M`, `2GiB`, `1 GB`: bytes, and units of 1024.
pub(super) fn size(text: &str) -> anyhow::Result<u64> {
    const NEEDED: &str = "a size is needed, such as 500, 10K, 1.5M or 2G";
    let text = text.trim();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (amount, unit) = (text[..end].trim_end(), text[end..].to_ascii_uppercase());
    let unit = unit.strip_suffix("IB").or(unit.strip_suffix('B')).unwrap_or(&unit);
    let shift = match unit {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => bail!(NEEDED),
    };
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
    ensure!(is_digits(whole) && is_digits(part), NEEDED);
    // Thousandths of a byte are nobody's concern.
    let part = &part[..part.len().min(15)];
    let (whole, digits): (u64, u32) = (number(whole)?, u32::try_from(part.len())?);
    let part = (u128::from(part.parse::<u64>()?) << shift) / 10_u128.pow(digits);
    let bytes = whole.checked_mul(1 << shift).context("a smaller size is needed")?;
    let bytes = bytes.saturating_add(u64::try_from(part)?);
    ensure!(bytes > 0, "more than nothing is needed");
    Ok(bytes)
}

/// Bytes a second: a size, with or without `/s`.
pub(super) fn speed(text: &str) -> anyhow::Result<NonZeroU64> {
    let size = size(text.trim().strip_suffix("/s").unwrap_or(text))?;
    NonZeroU64::new(size).context("more than nothing is needed")
}

/// `5/s`, `100/m`, `1000/h`.
pub(super) fn rate(text: &str) -> anyhow::Result<Apart> {
    const NEEDED: &str = "a number and a unit are needed, such as 5/s, 100/m or 1000/h";
    let (count, unit) = text.split_once('/').context(NEEDED)?;
    ensure!(is_digits(count.trim()), NEEDED);
    let count: u32 = number(count.trim())?;
    let seconds = match unit.trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" => 1,
        "m" | "min" | "minute" => 60,
        "h" | "hour" => 60 * 60,
        "d" | "day" => 24 * 60 * 60,
        _ => bail!(NEEDED),
    };
    let apart = Duration::from_secs(seconds).checked_div(count);
    Ok(Apart(apart.context("at least 1 is needed")?))
}

pub(super) fn checksum(text: &str) -> anyhow::Result<Checksum> {
    Checksum::parse(text).context("ALGO:HEX is needed, with md5, sha1, sha256, sha512 or blake3 and all its digits")
}

pub(super) fn checksums(path: &OsStr) -> anyhow::Result<Checksums> {
    let text = std::fs::read(path).map_err(|error| anyhow!("cannot read it: {}", crate::error::os(&error)))?;
    let text = String::from_utf8_lossy(&text);
    let sums = Checksums::parse(&text)
        .map_err(|line| anyhow!("line {line} is no checksum and name, or contradicts an earlier one"))?;
    if sums.is_empty() {
        bail!("there is no checksum in it");
    }
    Ok(sums)
}

pub(super) fn cookies(path: &OsStr) -> anyhow::Result<Cookies> {
    let file = std::fs::read(path).map_err(|error| match error.kind() {
        // curl takes either, and who comes from there may give either.
        std::io::ErrorKind::NotFound if path.as_encoded_bytes().contains(&b'=') => {
            anyhow!("a file is needed; a cookie itself: -H 'Cookie: NAME=VALUE'")
        }
        _ => anyhow!("cannot read it: {}", crate::error::os(&error)),
    })?;
    Ok(Cookies::parse(&file)?)
}

pub(super) fn levels(text: &str) -> anyhow::Result<Levels> {
    let named = text.split(',').map(str::trim).filter(|level| !level.is_empty());
    Ok(Levels(named.map(at_least_one).collect::<Result<_, _>>()?))
}

pub(super) fn credentials(text: &str) -> anyhow::Result<Credentials> {
    let (user, password) = text.split_once(':').context("USER:PASSWORD is needed")?;
    Ok(Credentials {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

pub(super) fn proxy(text: &str) -> anyhow::Result<Url> {
    // As with aria2c, where it is another option: a number is an address, too.
    ensure!(
        !is_digits(text),
        "-x is a proxy; connections to one server: --per-host N"
    );
    let url = crate::cli::environment::proxy_url(text);
    url.context("the URL of a proxy is needed, with http, https, socks5 or socks5h")
}

pub(super) fn value(text: &str) -> anyhow::Result<HeaderValue> {
    HeaderValue::from_str(text).context("it holds characters that no header field may have")
}

/// `Name: value`. Fields that say how the bytes travel are haul's own: with another value the file would be wrong.
pub(super) fn field(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    match crate::job::field(text).map_err(|why| anyhow!(why))? {
        Field::Sent(name, value) => Ok((name, value)),
        Field::Ours(name) => bail!("haul sets {name} itself"),
    }
}

/// A number of connections, or `auto`.
pub(super) fn split(text: &str) -> anyhow::Result<Split> {
    if text == "auto" {
        return Ok(Split::Auto);
    }
    at_least_one(text).map(Split::UpTo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        for (text, bytes) in [
            ("500", Some(500)),
            ("500B", Some(500)),
            ("10K", Some(10 << 10)),
            ("10 KiB", Some(10 << 10)),
            ("1.5m", Some(3 << 19)),
            ("1.50000000000000000000m", Some(3 << 19)),
            ("2GB", Some(2 << 30)),
            ("1T", Some(1 << 40)),
            ("0", None),
            ("-1", None),
            ("1e3", None),
            ("K", None),
            ("1.", None),
            ("99999999999999999999", None),
            ("99999999T", None),
        ] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_too_large_is_called_that() {
        let many = "9".repeat(30);
        let why = |result: anyhow::Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            why(number::<u32>("5000000000").map(|_| ())),
            "a smaller number is needed"
        );
        assert_eq!(why(at_least_one(&many).map(|_| ())), "a smaller number is needed");
        assert_eq!(why(split(&many).map(|_| ())), "a smaller number is needed");
        assert_eq!(
            why(rate(&format!("{many}/s")).map(|_| ())),
            "a smaller number is needed"
        );
        assert_eq!(why(size(&many).map(|_| ())), "a smaller number is needed");
        assert_eq!(why(size("99999999T").map(|_| ())), "a smaller size is needed");
        for text in [many.clone(), format!("{many}h"), format!("{}h", u64::MAX)] {
            assert_eq!(why(time(&text).map(|_| ())), "a shorter time is needed", "{text}");
        }
        for text in ["many", "", "-1", "1.5"] {
            assert_eq!(
                why(number::<u32>(text).map(|_| ())),
                "a whole number is needed",
                "{text}"
            );
        }
    }

    #[test]
    fn rates_are_a_number_and_a_unit() {
        for (text, ms) in [
            ("5/s", Some(200)),
            ("100/m", Some(600)),
            ("1000/h", Some(3600)),
            ("1/day", Some(86_400_000)),
            (" 2 / Min ", Some(30_000)),
            ("0/s", None),
            ("5", None),
            ("5/", None),
            ("/s", None),
            ("-1/s", None),
            ("1.5/s", None),
            ("5/w", None),
        ] {
            let apart = rate(text).ok().map(|Apart(time)| time);
            assert_eq!(apart, ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn speeds_are_sizes_a_second() {
        for (text, bytes) in [
            ("10K", Some(10 << 10)),
            ("1.5M/s", Some(3 << 19)),
            ("0", None),
            ("1/m", None),
        ] {
            assert_eq!(speed(text).ok().map(NonZeroU64::get), bytes, "{text}");
        }
    }

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (text, ms) in [
            ("30", 30_000),
            ("0.5", 500),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h 5s", 3_605_000),
        ] {
            assert_eq!(time(text).unwrap(), Duration::from_millis(ms));
        }
        for text in ["0", "", "-1", "soon", "inf", "1x"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_that_would_spoil_the_file_are_refused() {
        for (text, is_fine) in [
            ("X-Key: a: b", true),
            ("Accept:text/plain", true),
            ("Range: bytes=0-1", false),
            ("accept-encoding: gzip", false),
            ("no colon", false),
            ("bad name: x", false),
            ("X: a\nb", false),
        ] {
            assert_eq!(field(text).is_ok(), is_fine, "{text}");
        }
    }
}
