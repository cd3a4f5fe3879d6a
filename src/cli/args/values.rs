//! The values of options, understood.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use reqwest::header::{self, HeaderName, HeaderValue};

use super::Levels;
use crate::checksum::{Checksum, Checksums};
use crate::settings::Credentials;

pub(super) fn at_least_one(text: &str) -> anyhow::Result<NonZeroUsize> {
    let number = number(text)?;
    NonZeroUsize::new(number).ok_or_else(|| anyhow!("at least 1 is needed"))
}

pub(super) fn number<N: std::str::FromStr>(text: &str) -> anyhow::Result<N> {
    text.parse().ok().context("a whole number is needed")
}

/// `30`, `30s`, `2m`, `500ms`; a number alone is seconds.
pub(super) fn time(text: &str) -> anyhow::Result<Duration> {
    let seconds = text.parse::<f64>().ok();
    let time = match seconds {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        None => humantime::parse_duration(text).ok(),
    };
    let time = time.context("a time is needed, such as 30s, 2m or 500ms")?;
    ensure!(!time.is_zero(), "more than nothing is needed");
    Ok(time)
}

pub(super) fn checksum(text: &str) -> anyhow::Result<Checksum> {
    Checksum::parse(text).context("ALGO:HEX is needed, with md5, sha1, sha256, sha512 or blake3 and all its digits")
}

pub(super) fn checksums(path: &str) -> anyhow::Result<Checksums> {
    let text = std::fs::read(path).map_err(|error| anyhow!("cannot read it: {}", crate::error::os(&error)))?;
    let text = String::from_utf8_lossy(&text);
    Checksums::parse(&text).map_err(|line| anyhow!("line {line} is no checksum and name"))
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

pub(super) fn value(text: &str) -> anyhow::Result<HeaderValue> {
    HeaderValue::from_str(text).context("it holds characters that no header field may have")
}

/// `Name: value`. Fields that say how the bytes travel are haul's own: with another value the file would be wrong.
pub(super) fn field(text: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    const OURS: [HeaderName; 7] = [
        header::ACCEPT_ENCODING,
        header::RANGE,
        header::IF_RANGE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::TE,
    ];
    let (name, text) = text.split_once(':').context("'NAME: VALUE' is needed")?;
    let name = HeaderName::try_from(name.trim()).context("its name is none of a header field")?;
    ensure!(!OURS.contains(&name), "haul sets {name} itself");
    let mut value = value(text.trim())?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

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
