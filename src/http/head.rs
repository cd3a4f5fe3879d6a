//! The head of an answer, read once into plain values.

use std::time::{Duration, SystemTime};

use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::error::TransferError;

/// What the head of an answer says, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    /// Bytes of the representation, when the server says so.
    pub(crate) length: Option<u64>,
    /// `Last-Modified` (RFC 9110 section 8.8.2).
    pub(crate) modified: Option<SystemTime>,
    /// `Retry-After`, from now (RFC 9110 section 10.2.3).
    pub(crate) retry_after: Option<Duration>,
    location: Option<Vec<u8>>,
}

impl Head {
    pub(super) fn read(response: &reqwest::Response, method: &Method) -> Result<Self, TransferError> {
        let fields = response.headers();
        check_coding(fields)?;
        let length = match *method {
            Method::HEAD => content_length(fields),
            _ => response.content_length(),
        };
        let date = date(fields, &header::DATE).unwrap_or_else(SystemTime::now);
        Ok(Self {
            status: response.status(),
            length,
            modified: self::date(fields, &header::LAST_MODIFIED),
            retry_after: text(fields, &header::RETRY_AFTER).and_then(|value| retry_after(value, date)),
            location: fields.get(header::LOCATION).map(|value| value.as_bytes().to_vec()),
        })
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
        let to = from.join(String::from_utf8_lossy(location).trim());
        let to = to.map_err(|why| TransferError::Redirect(format!("{status} redirect to an invalid URL: {why}")))?;
        if !matches!(to.scheme(), "http" | "https") {
            let scheme = crate::tame::tame(to.scheme()).into_owned();
            return Err(TransferError::Redirect(format!(
                "{status} redirect to {scheme}:, which is not http or https"
            )));
        }
        Ok(to)
    }
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

fn content_length(fields: &HeaderMap) -> Option<u64> {
    text(fields, &header::CONTENT_LENGTH)?.trim().parse().ok()
}

fn date(fields: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(fields, name)?.trim()).ok()
}

fn text<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    fields.get(name)?.to_str().ok()
}

/// Seconds, or a date. A date is taken against the server's own clock, which need not be ours.
fn retry_after(value: &str, server_now: SystemTime) -> Option<Duration> {
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
    fn redirects_lead_to_http_or_nowhere() {
        let from = Url::parse("https://h/dir/a?x").unwrap();
        for (status, location, to) in [
            (302, Some("/b"), Ok("https://h/b")),
            (301, Some("b c"), Ok("https://h/dir/b%20c")),
            (307, Some("//other:81/"), Ok("https://other:81/")),
            (308, Some("?y"), Ok("https://h/dir/a?y")),
            (303, Some("http://other/\u{e4}"), Ok("http://other/%C3%A4")),
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
            let head = Head {
                status: StatusCode::from_u16(status).unwrap(),
                length: None,
                modified: None,
                retry_after: None,
                location: location.map(|l| l.as_bytes().to_vec()),
            };
            let target = head
                .redirect(&from)
                .unwrap()
                .map(|url| url.to_string())
                .map_err(|e| e.to_string());
            assert_eq!(target, to.map(str::to_owned).map_err(str::to_owned), "{location:?}");
        }
    }
}
