//! The head of an answer, read once into plain values.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, StatusCode};
use url::Url;

use super::digest::digests;
use super::disposition::filename;
use crate::checksum::Checksum;
use crate::error::TransferError;

/// What the head of an answer says, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    /// Bytes of the representation, when the server says so.
    pub(crate) length: Option<u64>,
    /// `Last-Modified` (RFC 9110 section 8.8.2).
    pub(crate) modified: Option<SystemTime>,
    /// `ETag`, as sent (RFC 9110 section 8.8.3).
    pub(crate) etag: Option<String>,
    /// What a later `If-Range` may say: an entity tag that is strong, else a date that is (section 13.1.5).
    pub(crate) validator: Option<String>,
    /// Does it take requests for ranges of this resource (`Accept-Ranges: bytes`, section 14.3)?
    pub(crate) takes_ranges: bool,
    /// `Content-Range` (section 14.4), when there is exactly one that makes sense.
    pub(crate) range: Option<ContentRange>,
    /// Does it call its body a part, and not the whole? In a 200 that means nothing (section 14.4), but who says so may mean
    /// a 206.
    pub(crate) is_cut: bool,
    /// What the whole representation adds up to, as the server says (RFC 9530, RFC 3230, RFC 1864).
    pub(crate) digests: Vec<Checksum>,
    /// The name that `Content-Disposition` gives (RFC 6266), not cleaned.
    pub(crate) filename: Option<String>,
    /// Content codings, which nobody asked for; empty when there is none.
    pub(crate) encoding: String,
    /// `Retry-After`, from now (RFC 9110 section 10.2.3).
    pub(crate) retry_after: Option<Duration>,
    location: Option<Vec<u8>>,
}

/// What a `Content-Range` says (RFC 9110 section 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentRange {
    /// `bytes 0-99/200`, with the first byte and the end, and the whole size if it is told.
    Part { start: u64, end: u64, size: Option<u64> },
    /// `bytes */200`: no such range in a file of this size.
    None { size: u64 },
}

impl ContentRange {
    /// Reads a field value; anything that does not add up is `None`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let (unit, range) = value.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (range, size) = range.trim().split_once('/')?;
        let size = match size {
            "*" => None,
            size => Some(number(size)?),
        };
        if range == "*" {
            return Some(Self::None { size: size? });
        }
        let (first, last) = range.split_once('-')?;
        let (start, end) = (number(first)?, number(last)?.checked_add(1)?);
        let fits = start < end && size.is_none_or(|size| end <= size);
        fits.then_some(Self::Part { start, end, size })
    }
}

/// Digits and nothing else: Rust's own parser takes a sign.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl Head {
    pub(super) fn read(response: &reqwest::Response, method: &Method) -> Result<Self, TransferError> {
        let fields = response.headers();
        check_coding(fields)?;
        let length = match *method {
            Method::HEAD => content_length(fields),
            _ => response.content_length(),
        };
        Ok(Self::from_fields(response.status(), length, fields))
    }

    fn from_fields(status: StatusCode, length: Option<u64>, fields: &HeaderMap) -> Self {
        let sent = || date(fields, &header::DATE);
        let etag = only(fields, &header::ETAG).map(|tag| tag.trim().to_owned());
        let has_tag = fields.contains_key(header::ETAG);
        let modified = date(fields, &header::LAST_MODIFIED);
        let last_modified = text(fields, &header::LAST_MODIFIED).map(str::trim);
        let wait = |value| retry_after(value, sent().unwrap_or_else(SystemTime::now));
        Self {
            status,
            length,
            validator: validator(
                has_tag.then(|| etag.as_deref().unwrap_or_default()),
                last_modified,
                modified,
                sent,
            ),
            etag,
            modified,
            takes_ranges: text(fields, &header::ACCEPT_RANGES)
                .is_some_and(|units| units.split(',').any(|unit| unit.trim().eq_ignore_ascii_case("bytes"))),
            range: range(fields),
            is_cut: is_cut(fields),
            encoding: encoding(fields),
            digests: digests(fields, status != StatusCode::PARTIAL_CONTENT),
            filename: filename(
                fields
                    .get_all(header::CONTENT_DISPOSITION)
                    .iter()
                    .map(header::HeaderValue::as_bytes),
            ),
            retry_after: text(fields, &header::RETRY_AFTER).and_then(wait),
            location: fields.get(header::LOCATION).map(|value| value.as_bytes().to_vec()),
        }
    }

    /// A head as a test wants it.
    #[cfg(test)]
    pub(crate) fn of(status: u16, fields: &[(&str, &str)]) -> Self {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        Self::from_fields(StatusCode::from_u16(status).unwrap(), content_length(&map), &map)
    }

    /// Its status, as the reason why there is no file.
    pub(crate) fn failure(&self) -> TransferError {
        TransferError::Status {
            status: self.status,
            retry_after: self.retry_after,
        }
    }

    /// Where a redirect leads, if the answer is one that is followed automatically (RFC 9110 section 15.4).
    pub(crate) fn redirect(&self, from: &Url) -> Option<Result<Url, TransferError>> {
        if !matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        Some(self.target(from))
    }

    fn target(&self, from: &Url) -> Result<Url, TransferError> {
        let status = self.status.as_u16();
        let Some(location) = &self.location else {
            return Err(TransferError::Redirect(format!("{status} redirect without a Location")));
        };
        // Bytes that are no ASCII stand for themselves, as in a URL of that time.
        let location: String = location.utf8_chunks().fold(String::new(), |mut text, chunk| {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
            text
        });
        let to = from.join(location.trim());
        let to = to.map_err(|why| TransferError::Redirect(format!("{status} redirect to an invalid URL: {why}")))?;
        if !matches!(to.scheme(), "http" | "https") {
            let scheme = crate::tame::tame(to.scheme()).into_owned();
            return Err(TransferError::Redirect(format!(
                "{status} redirect to {scheme}:, which is not http or https"
            )));
        }
        Ok(with_userinfo_of(from, to))
    }
}

/// Who asked an origin as somebody still is that one where it leads within itself. To another origin, nothing goes along.
fn with_userinfo_of(from: &Url, mut to: Url) -> Url {
    let has_none = to.username().is_empty() && to.password().is_none();
    if has_none && to.origin() == from.origin() {
        // An http or https URL can have both, so these do not fail.
        let _ = to.set_username(from.username());
        let _ = to.set_password(from.password());
    }
    to
}

/// A transfer coding other than `chunked` would be saved undecoded; hyper takes only `chunked` off.
fn check_coding(fields: &HeaderMap) -> Result<(), TransferError> {
    let mut codings = fields.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |value: &header::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(only), None) if is_chunked(only) => Ok(()),
        _ => Err(TransferError::Protocol("a transfer coding other than chunked".into())),
    }
}

/// A strong entity tag; without any tag, a date that lies so far before the answer's own that no second change can
/// hide in its second (RFC 9110 section 8.8.2.2).
fn validator(
    etag: Option<&str>,
    last_modified: Option<&str>,
    modified: Option<SystemTime>,
    sent: impl FnOnce() -> Option<SystemTime>,
) -> Option<String> {
    /// Apart this far, clocks that differ a little do not matter either.
    const APART: Duration = Duration::from_secs(60);
    if let Some(tag) = etag {
        return is_strong(tag).then(|| tag.to_owned());
    }
    let apart = sent()?.duration_since(modified?).ok()?;
    (apart >= APART).then(|| last_modified.map(str::to_owned))?
}

/// `"…"` without a weakness indicator, and nothing in it that a header field could not carry back.
fn is_strong(tag: &str) -> bool {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    inner.is_some_and(|inner| tag.len() <= 512 && inner.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x7E)))
}

/// Several parts in one body say their ranges in it, and what the head says is none of them (RFC 9110 section 15.3.7.2).
fn range(fields: &HeaderMap) -> Option<ContentRange> {
    if is_of_type(fields, "multipart/") {
        return None;
    }
    ContentRange::parse(only(fields, &header::CONTENT_RANGE)?)
}

/// Are there ranges in the body, or in the head one of less than all? Of several, one is enough.
fn is_cut(fields: &HeaderMap) -> bool {
    if is_of_type(fields, "multipart/byteranges") {
        return true;
    }
    let values = fields.get_all(header::CONTENT_RANGE).iter();
    let mut ranges = values.filter_map(|value| ContentRange::parse(value.to_str().ok()?));
    ranges.any(|range| match range {
        ContentRange::Part { start, end, size } => start > 0 || size.is_some_and(|size| end < size),
        ContentRange::None { .. } => false,
    })
}

/// Does its media type begin like this?
fn is_of_type(fields: &HeaderMap, beginning: &str) -> bool {
    let kind = fields
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], header::HeaderValue::as_bytes);
    let begins = kind.get(..beginning.len());
    begins.is_some_and(|begins| begins.eq_ignore_ascii_case(beginning.as_bytes()))
}

fn encoding(fields: &HeaderMap) -> String {
    let all = fields.get_all(header::CONTENT_ENCODING).iter();
    let codings = all.flat_map(|value| value.as_bytes().split(|&b| b == b',').map(<[u8]>::trim_ascii));
    let codings = codings.map(|coding| String::from_utf8_lossy(coding).to_ascii_lowercase());
    let codings: Vec<_> = codings
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    codings.join(", ")
}

/// The same number may stand there several times (RFC 9110 section 8.6); different ones are none.
fn content_length(fields: &HeaderMap) -> Option<u64> {
    let values = fields.get_all(header::CONTENT_LENGTH).iter();
    let members = values.flat_map(|value| value.as_bytes().split(|&b| b == b','));
    let mut lengths = members.map(|member| number(std::str::from_utf8(member).ok()?.trim()));
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then_some(first)
}

fn date(fields: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(only(fields, name)?.trim()).ok()
}

/// Of several, nobody knows which one holds.
fn only<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = fields.get_all(name).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    only.to_str().ok()
}

fn text<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    fields.get(name)?.to_str().ok()
}

/// Seconds, or a date. A date is taken against the server's own clock, which need not be ours.
pub(crate) fn retry_after(value: &str, server_now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(server_now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, wait) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sunday, 06-Nov-94 08:49:40 GMT", Some(3)),
            ("Sun Nov  6 08:49:40 1994", Some(3)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), wait.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn a_content_range_adds_up_or_is_none() {
        let part = |start, end, size| Some(ContentRange::Part { start, end, size });
        for (value, expected) in [
            ("bytes 0-99/200", part(0, 100, Some(200))),
            ("Bytes 5-5/6", part(5, 6, Some(6))),
            ("bytes 5-9/*", part(5, 10, None)),
            ("bytes */200", Some(ContentRange::None { size: 200 })),
            ("bytes */*", None),
            ("bytes 9-5/200", None),
            ("bytes 0-200/200", None),
            ("bytes 0-18446744073709551615/*", None),
            ("bytes +0-9/10", None),
            ("bytes -9/10", None),
            ("items 0-9/10", None),
            ("bytes=0-9/10", None),
            ("bytes 0-9", None),
            ("", None),
        ] {
            assert_eq!(ContentRange::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn only_what_is_strong_can_prove_that_bytes_fit() {
        let then = "Sun, 06 Nov 1994 08:49:37 GMT";
        let modified = httpdate::parse_http_date(then).ok();
        let later = |seconds| modified.map(|time| time + Duration::from_secs(seconds));
        for (etag, date, sent, expected) in [
            (Some("\"v1\""), None, None, Some("\"v1\"")),
            (Some("\"\""), None, None, Some("\"\"")),
            (Some("W/\"v1\""), Some(then), later(3600), None),
            (Some("v1"), None, None, None),
            (Some("\"a\"b\""), None, None, None),
            (Some("\"a b\""), None, None, None),
            (None, Some(then), later(60), Some(then)),
            (None, Some(then), later(59), None),
            (None, Some(then), None, None),
            (None, None, later(60), None),
        ] {
            let modified = modified.filter(|_| date.is_some());
            assert_eq!(
                validator(etag, date, modified, || sent).as_deref(),
                expected,
                "{etag:?} {date:?}"
            );
        }
    }

    #[test]
    fn a_length_is_told_once_or_the_same_again() {
        for (values, expected) in [
            (&["7"][..], Some(7)),
            (&["7, 7"], Some(7)),
            (&["7", "7"], Some(7)),
            (&["7", "9"], None),
            (&["7, 9"], None),
            (&["+7"], None),
            (&["7,"], None),
            (&[""], None),
            (&[], None),
        ] {
            let fields: Vec<_> = values.iter().map(|&value| ("content-length", value)).collect();
            assert_eq!(Head::of(200, &fields).length, expected, "{values:?}");
        }
    }

    #[test]
    fn of_several_tags_nobody_knows_which_one_holds_and_a_date_does_not_take_their_place() {
        let old = [
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("date", "Sun, 06 Nov 2024 08:49:37 GMT"),
        ];
        let tags = [("etag", "\"1\""), ("etag", "\"2\"")];
        let head = Head::of(200, &[&tags[..], &old].concat());
        assert_eq!((head.etag, head.validator), (None, None));
    }

    #[test]
    fn bytes_of_a_location_that_are_no_text_are_asked_for_as_they_are() {
        let mut fields = HeaderMap::new();
        let location = header::HeaderValue::from_bytes(b"/caf\xe9/\xc3\xa4").unwrap();
        fields.insert(header::LOCATION, location);
        let head = Head::from_fields(StatusCode::FOUND, None, &fields);
        let target = head.redirect(&Url::parse("http://h/").unwrap()).unwrap().unwrap();
        assert_eq!(target.as_str(), "http://h/caf%E9/%C3%A4");
    }

    #[test]
    fn redirects_lead_to_http_or_nowhere() {
        let from = Url::parse("https://h/dir/a?x").unwrap();
        for (status, location, to) in [
            (302, Some("/b"), Ok("https://h/b")),
            (301, Some("b c"), Ok("https://h/dir/b%20c")),
            (307, Some("//other:81/"), Ok("https://other:81/")),
            (308, Some("?y"), Ok("https://h/dir/a?y")),
            (303, Some("http://other/%e4"), Ok("http://other/%e4")),
            (302, None, Err("302 redirect without a Location")),
            (
                302,
                Some("file:///etc/passwd"),
                Err("302 redirect to file:, which is not http or https"),
            ),
            (
                302,
                Some("data:text/plain,x"),
                Err("302 redirect to data:, which is not http or https"),
            ),
            (302, Some("http://"), Err("302 redirect to an invalid URL: empty host")),
        ] {
            let fields = location.map(|location| ("location", location));
            let head = Head::of(status, fields.as_slice());
            let target = head
                .redirect(&from)
                .unwrap()
                .map(|url| url.to_string())
                .map_err(|e| e.to_string());
            assert_eq!(target, to.map(str::to_owned).map_err(str::to_owned), "{location:?}");
        }
    }
}
