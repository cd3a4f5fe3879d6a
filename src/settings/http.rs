//! What is sent, to whom and through whom: the settings of requests.

use std::fmt;
use std::net::SocketAddr;
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
    /// The certificate to show to origins of the list that ask for one.
    pub identity: Option<Identity>,
    /// Which URLs to ask.
    pub schemes: Schemes,
    /// Which addresses to connect to.
    pub reach: Reach,
    /// Through whom to ask.
    pub proxies: Proxies,
    /// The Unix socket to connect to, whatever host a URL names. There is no proxy then.
    pub unix_socket: Option<PathBuf>,
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
            identity: None,
            schemes: Schemes::default(),
            reach: Reach::default(),
            proxies: Proxies::default(),
            unix_socket: None,
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

    /// Is nothing wrong with the scheme of this URL?
    pub(crate) fn hold(self, url: &Url) -> bool {
        self == Self::Any || url.scheme() == "https"
    }

    fn check(self, url: &Url, why: &'static str) -> Result<(), TransferError> {
        if self.hold(url) {
            Ok(())
        } else {
            Err(TransferError::Refused(why))
        }
    }
}

/// Which addresses to connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reach {
    /// Any.
    #[default]
    Anywhere,
    /// Those of the public internet ([`is_public`](crate::reach::is_public)), on redirects too. What a name stands for is
    /// decided by the lookup whose addresses are connected to. A proxy looks names up itself, so there can be none.
    Public,
}

impl Reach {
    /// May this host be asked, as far as its name tells?
    pub(crate) fn allow_host(self, url: &Url) -> Result<(), TransferError> {
        match self {
            Self::Anywhere => Ok(()),
            Self::Public => crate::reach::allow_host(url),
        }
    }

    /// The addresses that may be connected to. An error is why none may.
    pub(crate) fn filter(self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, TransferError> {
        if self == Self::Anywhere {
            return Ok(found.collect());
        }
        let (mut fine, mut why) = (Vec::new(), None);
        for address in found {
            match crate::reach::allow(address.ip()) {
                Ok(()) => fine.push(address),
                Err(error) => why = why.or(Some(error)),
            }
        }
        match why {
            Some(error) if fine.is_empty() => Err(error),
            _ => Ok(fine),
        }
    }
}

/// A certificate of the user's (RFC 8446 section 4.4.2), for servers that ask who comes. It is shown to the origins of
/// the list, and not where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A PEM file with the certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// A PEM file with its private key; `None` is the same file.
    pub key: Option<PathBuf>,
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

impl Proxies {
    /// One for all URLs but those of `except`.
    pub fn all(url: &Url, except: Option<String>) -> Self {
        Self {
            http: Some(url.clone()),
            https: Some(url.clone()),
            except,
        }
    }

    /// Is there a URL that one of them is asked for?
    pub(crate) fn are_asked(&self) -> bool {
        let is_all = self.except.as_ref().is_some_and(|except| except.trim() == "*");
        !is_all && (self.http.is_some() || self.https.is_some())
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |url: &Option<Url>| url.as_ref().map(|url| crate::tame::redact(url).into_owned());
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("except", &self.except)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_can_be_shown_without_their_secrets() {
        let mut field = HeaderValue::from_static("s3cret");
        field.set_sensitive(true);
        let http = Http {
            headers: vec![(HeaderName::from_static("x-key"), field)],
            credentials: Some(Credentials {
                user: "s3cret".into(),
                password: "s3cret".into(),
            }),
            token: Token::new("s3cret"),
            netrc: Netrc::parse("machine h login s3cret password s3cret").unwrap(),
            cookies: Cookies::parse(b"h\tFALSE\t/\tFALSE\t0\tn\ts3cret").unwrap(),
            proxies: Proxies::all(&Url::parse("http://s3cret:s3cret@p").unwrap(), None),
            ..Http::default()
        };
        let shown = format!("{http:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_token_is_one_word_of_ascii() {
        for (text, is_fine) in [
            ("abc.DEF-_~+/=", true),
            ("ghp_x:y", true),
            ("", false),
            ("a b", false),
            ("a\n", false),
            ("ä", false),
        ] {
            assert_eq!(Token::new(text).is_some(), is_fine, "{text:?}");
        }
    }

    #[test]
    fn of_the_addresses_of_a_name_those_that_are_not_public_are_left_out() {
        let filter = |reach: Reach, addresses: &[&str]| {
            let addresses = addresses
                .iter()
                .map(|address| SocketAddr::new(address.parse().unwrap(), 0));
            let left = reach.filter(addresses).map_err(|error| error.to_string())?;
            Ok::<_, String>(
                left.iter()
                    .map(|left| left.ip().to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let mixed = ["10.0.0.1", "93.184.216.34", "::1", "2606:4700::1"];
        assert_eq!(filter(Reach::Public, &mixed).unwrap(), "93.184.216.34 2606:4700::1");
        assert_eq!(filter(Reach::Anywhere, &mixed).unwrap(), mixed.join(" "));
        let why = filter(Reach::Public, &["10.0.0.1", "::1"]).unwrap_err();
        assert_eq!(why, "10.0.0.1 is a private address, and --public-only refuses that");
    }
}
