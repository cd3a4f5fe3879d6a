//! What is sent, to whom and through whom: the settings of requests.

use std::fmt;
use std::path::PathBuf;

use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use crate::cookies::Cookies;
use crate::error::TransferError;
use crate::netrc::Netrc;

/// What is sent, and whom to trust.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Http {
    /// The `User-Agent` field.
    pub user_agent: HeaderValue,
    /// Fields of every request. To another origin, after a redirect, only what cannot be a secret goes along.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Basic credentials (RFC 7617) for every origin of the list; those in a URL come first.
    pub credentials: Option<Credentials>,
    /// A bearer token (RFC 6750) for every origin of the list, where nothing else is said.
    pub token: Option<Token>,
    /// Credentials of machines, where nothing else is said.
    pub netrc: Netrc,
    /// Cookies, each for the hosts that it names, also where a redirect leads there.
    pub cookies: Cookies,
    /// Which certificates to believe.
    pub trust: Trust,
    /// Which URLs to ask.
    pub schemes: Schemes,
    /// Through whom to ask.
    pub proxies: Proxies,
    /// Connections kept open for a later request, at most and to all hosts together; no fewer than there are jobs.
    /// Each is a file descriptor.
    pub kept: usize,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            user_agent: HeaderValue::from_static(concat!("haul/", env!("CARGO_PKG_VERSION"))),
            headers: Vec::new(),
            credentials: None,
            token: None,
            netrc: Netrc::default(),
            cookies: Cookies::default(),
            trust: Trust::default(),
            schemes: Schemes::default(),
            proxies: Proxies::default(),
            kept: 256,
        }
    }
}

/// A user and a password; `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user-id (RFC 7617).
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A bearer token (RFC 6750); `Debug` does not show it. It goes over https, and over http to this machine alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

impl Token {
    /// The token as its issuer wrote it: printable ASCII without blanks (RFC 6750 section 2.1 has a little less).
    /// `None`: it is none.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {text}")).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }

    /// The `Authorization` field, marked as sensitive.
    pub(crate) fn field(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Which URLs to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Schemes {
    /// `http:` and `https:`.
    #[default]
    Any,
    /// `https:` alone, on redirects too.
    HttpsOnly,
}

impl Schemes {
    /// May this URL of the list be asked?
    pub(crate) fn allow(self, url: &Url) -> Result<(), TransferError> {
        self.check(url, "plain http, and --https-only refuses that; write https://")
    }

    /// May a redirect to this URL be followed?
    pub(crate) fn allow_redirect(self, url: &Url) -> Result<(), TransferError> {
        self.check(url, "redirects to plain http, and --https-only refuses that")
    }

    fn check(self, url: &Url, why: &'static str) -> Result<(), TransferError> {
        let is_fine = self == Self::Any || url.scheme() == "https";
        if is_fine {
            Ok(())
        } else {
            Err(TransferError::Refused(why))
        }
    }
}

/// Which certificates to believe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Trust {
    /// The machine's own store (on Unix `SSL_CERT_FILE` and `SSL_CERT_DIR` name another).
    #[default]
    System,
    /// The machine's own store, and the certificates of this PEM file.
    SystemAnd(PathBuf),
    /// Any certificate at all. Whoever is on the way can read and change everything.
    Anyone,
}

/// Through whom to ask; each URL may hold credentials. Schemes: http, https, socks5, socks5h.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Proxies {
    /// For `http:` URLs.
    pub http: Option<Url>,
    /// For `https:` URLs.
    pub https: Option<Url>,
    /// Hosts, domains and networks asked directly, in the form of the `no_proxy` variable.
    pub except: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<Url>| url.as_ref().map(crate::tame::redact);
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("except", &self.except)
            .finish()
    }
}
