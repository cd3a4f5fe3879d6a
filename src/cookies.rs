//! A cookie file, in the form that Netscape gave it and that browsers' extensions and curl write: seven fields between
//! tabs in a line.
//!
//! Which of them go along with a request is decided after RFC 6265 section 5.4. What servers set is not kept.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderValue;
use thiserror::Error;
use url::{Host, Url};

/// The cookies of a file; `Debug` counts them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cookies(Vec<Cookie>);

#[derive(Clone, PartialEq, Eq)]
struct Cookie {
    /// In small letters, without a dot before it.
    domain: String,
    reach: Reach,
    path: String,
    channel: Channel,
    /// `None`: as long as a browser's session.
    ends: Option<SystemTime>,
    /// `NAME=VALUE`.
    pair: Vec<u8>,
}

/// Which hosts get a cookie (RFC 6265 section 5.3, its host-only-flag).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Host,
    Subdomains,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    Any,
    /// https alone.
    Secure,
}

/// Why a file cannot be used. What stands there may be a secret and is not told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} is no cookie: {why}")]
pub struct BadCookie {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Cookies {
    /// Reads a file.
    pub fn parse(file: &[u8]) -> Result<Self, BadCookie> {
        let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        let lines = file.split(|&byte| byte == b'\n').enumerate();
        let cookies = lines.filter_map(|(n, line)| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let cookie = cookie(line).transpose()?;
            Some(cookie.map_err(|why| BadCookie { line: n + 1, why }))
        });
        let mut cookies = cookies.collect::<Result<Vec<_>, _>>()?;
        // A later one takes the place of an earlier one (section 5.3).
        let mut seen = HashSet::new();
        cookies.reverse();
        cookies.retain(|cookie| seen.insert((cookie.domain.clone(), cookie.path.clone(), cookie.name().to_owned())));
        cookies.reverse();
        // The longer path comes first (RFC 6265 section 5.4), and of the same length the earlier one.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        Ok(Self(cookies))
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The `Cookie` field of a request for this URL, marked as sensitive.
    pub(crate) fn field(&self, url: &Url, now: SystemTime) -> Option<HeaderValue> {
        let fitting = self.0.iter().filter(|cookie| cookie.fits(url, now));
        let pairs: Vec<_> = fitting.map(|cookie| &*cookie.pair).collect();
        if pairs.is_empty() {
            return None;
        }
        let mut value = HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookies({})", self.0.len())
    }
}

impl Cookie {
    fn name(&self) -> &[u8] {
        self.pair.split(|&byte| byte == b'=').next().unwrap_or_default()
    }

    fn fits(&self, url: &Url, now: SystemTime) -> bool {
        let is_secure = self.channel == Channel::Any || url.scheme() == "https";
        let is_over = self.ends.is_some_and(|ends| ends <= now);
        is_secure && !is_over && self.is_for_host(url) && self.is_for_path(url.path())
    }

    /// RFC 6265 section 5.1.3. An address has no subdomains.
    fn is_for_host(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let below = host.strip_suffix(&self.domain);
        match (self.reach, url.host()) {
            (Reach::Subdomains, Some(Host::Domain(_))) => {
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            _ => host == self.domain,
        }
    }

    /// RFC 6265 section 5.1.4.
    fn is_for_path(&self, path: &str) -> bool {
        let below = path.strip_prefix(&self.path);
        below.is_some_and(|below| below.is_empty() || self.path.ends_with('/') || below.starts_with('/'))
    }
}

/// A line; `None` is an empty one or a comment.
fn cookie(line: &[u8]) -> Result<Option<Cookie>, &'static str> {
    // What begins so is no comment, but a cookie that scripts of a page do not see.
    let line = match line.strip_prefix(b"#HttpOnly_") {
        Some(line) => line,
        None if line.starts_with(b"#") || line.trim_ascii().is_empty() => return Ok(None),
        None => line,
    };
    let fields: Vec<_> = line.splitn(7, |&byte| byte == b'\t').collect();
    let (fields, value) = match *fields {
        [domain, flag, path, secure, ends, name, value] => ([domain, flag, path, secure, ends, name], value),
        // curl leaves out what is empty.
        [domain, flag, path, secure, ends, name] => ([domain, flag, path, secure, ends, name], &[][..]),
        _ => return Err("seven fields between tabs are needed"),
    };
    let [domain, flag, path, secure, ends, name] = fields;
    let text = |field| str::from_utf8(field).map_err(|_| "invalid UTF-8");
    let domain = text(domain)?;
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    if domain.is_empty() {
        return Err("no domain");
    }
    let path = Some(text(path)?).filter(|path| path.starts_with('/')).unwrap_or("/");
    let pair = [name, value].join(&b'=');
    if name.is_empty() || pair.contains(&b'\t') || HeaderValue::from_bytes(&pair).is_err() {
        return Err("a name or value that no header field may have");
    }
    Ok(Some(Cookie {
        domain,
        reach: if flag_of(flag)? { Reach::Subdomains } else { Reach::Host },
        path: path.to_owned(),
        channel: if flag_of(secure)? {
            Channel::Secure
        } else {
            Channel::Any
        },
        ends: end(text(ends)?)?,
        pair,
    }))
}

fn flag_of(field: &[u8]) -> Result<bool, &'static str> {
    match field {
        _ if field.eq_ignore_ascii_case(b"TRUE") => Ok(true),
        _ if field.eq_ignore_ascii_case(b"FALSE") => Ok(false),
        _ => Err("the second and fourth fields are TRUE or FALSE"),
    }
}

/// Seconds since 1970, from some writers with a fraction; nothing, zero and less mean the session, which lasts.
fn end(text: &str) -> Result<Option<SystemTime>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    let seconds: f64 = text.parse().map_err(|_| "the fifth field is a time in seconds")?;
    let since = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|since| !since.is_zero());
    // What ends later than time does, never ends.
    Ok(since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is sent to a URL at second 1000.
    fn sent(file: &str, url: &str) -> Option<String> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let cookies = Cookies::parse(file.as_bytes()).unwrap();
        let field = cookies.field(&Url::parse(url).unwrap(), now);
        field.map(|field| field.to_str().unwrap().to_owned())
    }

    fn line(domain: &str, flag: &str, path: &str, secure: &str, ends: &str) -> String {
        [domain, flag, path, secure, ends, "n", "v"].join("\t")
    }

    #[test]
    fn a_later_cookie_takes_the_place_of_an_earlier_one_of_its_name() {
        let line = |domain: &str, path: &str, name: &str, value: &str| {
            [domain, "FALSE", path, "FALSE", "0", name, value].join("\t")
        };
        let file = [
            line("h", "/", "a", "old"),
            line("h", "/", "b", "1"),
            line("h", "/x", "a", "below"),
            line("other", "/", "a", "other"),
            line("h", "/", "a", "new"),
        ];
        assert_eq!(sent(&file.join("\n"), "http://h/x").unwrap(), "a=below; b=1; a=new");
    }

    #[test]
    fn a_cookie_goes_where_rfc_6265_lets_it_go() {
        for (domain, flag, path, secure, ends, url, goes) in [
            // Host-only or not is for the flag to say; a dot before the domain is of an older time.
            ("h.org", "FALSE", "/", "FALSE", "0", "http://h.org/", true),
            ("h.org", "FALSE", "/", "FALSE", "0", "http://H.ORG:81/", true),
            ("H.org", "FALSE", "/", "FALSE", "0", "http://h.org/", true),
            ("h.org", "FALSE", "/", "FALSE", "0", "http://a.h.org/", false),
            (".h.org", "FALSE", "/", "FALSE", "0", "http://a.h.org/", false),
            (".h.org", "TRUE", "/", "FALSE", "0", "http://h.org/", true),
            (".h.org", "TRUE", "/", "FALSE", "0", "http://a.b.h.org/", true),
            ("h.org", "TRUE", "/", "FALSE", "0", "http://a.h.org/", true),
            ("h.org", "TRUE", "/", "FALSE", "0", "http://ah.org/", false),
            ("h.org", "TRUE", "/", "FALSE", "0", "http://org/", false),
            ("h.org", "TRUE", "/", "FALSE", "0", "http://h.org.evil/", false),
            ("a.h.org", "TRUE", "/", "FALSE", "0", "http://h.org/", false),
            ("0.0.1", "TRUE", "/", "FALSE", "0", "http://127.0.0.1/", false),
            ("127.0.0.1", "TRUE", "/", "FALSE", "0", "http://127.0.0.1/", true),
            ("::1", "FALSE", "/", "FALSE", "0", "http://[::1]/", true),
            // Paths.
            ("h", "FALSE", "/a", "FALSE", "0", "http://h/a", true),
            ("h", "FALSE", "/a", "FALSE", "0", "http://h/a/b", true),
            ("h", "FALSE", "/a", "FALSE", "0", "http://h/a?b", true),
            ("h", "FALSE", "/a", "FALSE", "0", "http://h/ab", false),
            ("h", "FALSE", "/a", "FALSE", "0", "http://h/A", false),
            ("h", "FALSE", "/a/", "FALSE", "0", "http://h/a/b", true),
            ("h", "FALSE", "/a/", "FALSE", "0", "http://h/a", false),
            ("h", "FALSE", "", "FALSE", "0", "http://h/a", true),
            // Secure.
            ("h", "FALSE", "/", "TRUE", "0", "https://h/", true),
            ("h", "FALSE", "/", "TRUE", "0", "http://h/", false),
            ("localhost", "FALSE", "/", "TRUE", "0", "http://localhost/", false),
            // Its end.
            ("h", "FALSE", "/", "FALSE", "1001", "http://h/", true),
            ("h", "FALSE", "/", "FALSE", "1000", "http://h/", false),
            ("h", "FALSE", "/", "FALSE", "1", "http://h/", false),
            ("h", "FALSE", "/", "FALSE", "1000.5", "http://h/", true),
            ("h", "FALSE", "/", "FALSE", "-1", "http://h/", true),
            ("h", "FALSE", "/", "FALSE", "", "http://h/", true),
            ("h", "false", "/", "true", "9e30", "https://h/", true),
        ] {
            let line = line(domain, flag, path, secure, ends);
            assert_eq!(sent(&line, url).is_some(), goes, "{line} {url}");
        }
    }

    #[test]
    fn a_file_is_read_as_browsers_and_curl_write_it() {
        let file = "\u{FEFF}# Netscape HTTP Cookie File\r\n\r\n#HttpOnly_h\tFALSE\t/\tFALSE\t0\ta\t1\r\n# comment\n\
            h\tFALSE\t/a/b\tFALSE\t0\tb\t2=\"3\"\nh\tFALSE\t/a\tFALSE\t0\tc\nh\tFALSE\t/a\tFALSE\t0\td\t\n";
        assert_eq!(sent(file, "http://h/a/b").as_deref(), Some("b=2=\"3\"; c=; d=; a=1"));
        assert_eq!(sent("", "http://h/"), None);
        let cookies = Cookies::parse(file.as_bytes()).unwrap();
        assert_eq!(format!("{cookies:?}"), "Cookies(4)");
    }

    #[test]
    fn what_is_no_cookie_is_named_by_its_line_and_not_repeated() {
        const FIELDS: &str = "seven fields between tabs are needed";
        const VALUE: &str = "a name or value that no header field may have";
        for (line, why) in [
            ("[{\"domain\": \"h\", \"value\": \"s3cret\"}]", FIELDS),
            ("h FALSE / FALSE 0 n s3cret", FIELDS),
            ("h\tFALSE\t/\tFALSE\t0", FIELDS),
            (
                "h\tyes\t/\tFALSE\t0\tn\tv",
                "the second and fourth fields are TRUE or FALSE",
            ),
            ("h\tFALSE\t/\tFALSE\tsoon\tn\tv", "the fifth field is a time in seconds"),
            (".\tFALSE\t/\tFALSE\t0\tn\tv", "no domain"),
            ("h\tFALSE\t/\tFALSE\t0\tn\tv\tw", VALUE),
            ("h\tFALSE\t/\tFALSE\t0\tn\tv\u{1}", VALUE),
            ("h\tFALSE\t/\tFALSE\t0\t\tv", VALUE),
        ] {
            let error = Cookies::parse(format!("# one\n{line}").as_bytes()).unwrap_err();
            assert_eq!(error, BadCookie { line: 2, why }, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(file in proptest::collection::vec(any::<u8>(), 0..60), url in "http://[a-z.]{1,9}/[a-z/]{0,9}") {
            if let (Ok(cookies), Ok(url)) = (Cookies::parse(&file), Url::parse(&url)) {
                let _ = cookies.field(&url, SystemTime::now());
            }
        }

        /// A host that is neither the domain nor below it gets nothing.
        #[test]
        fn nobody_else_gets_a_cookie(domain in "[a-c.]{1,5}", flag in "TRUE|FALSE", host in "[a-c]{1,3}(\\.[a-c]{1,3}){0,2}") {
            let is_below = host == domain || host.ends_with(&format!(".{}", domain.trim_start_matches('.')));
            let line = line(&domain, &flag, "/", "FALSE", "0");
            if let (false, Ok(cookies)) = (is_below || host == domain.trim_start_matches('.'), Cookies::parse(line.as_bytes())) {
                let url = Url::parse(&format!("http://{host}/")).unwrap();
                prop_assert_eq!(cookies.field(&url, SystemTime::now()), None);
            }
        }
    }
}
