//! Who we say that we are, and to whom.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use reqwest::header::{self, HeaderValue};
use url::{Host, Url};

use super::carriers::Carriers;
use super::{Leg, Request};
use crate::job::OwnRequest;
use crate::netrc::Netrc;
use crate::settings::{Credentials, Http as Settings, Token};

/// What the run knows.
#[derive(Debug)]
pub(super) struct Keyring {
    credentials: Option<Credentials>,
    /// Does the run have an `Authorization` field of its own?
    has_field: bool,
    token: Option<Token>,
    netrc: Netrc,
    /// Who carries what goes over plain http, and reads it.
    carriers: Arc<Carriers>,
}

impl Keyring {
    pub(super) fn new(settings: &Settings, carriers: Arc<Carriers>) -> Self {
        Self {
            credentials: settings.credentials.clone(),
            has_field: settings.headers.iter().any(|(name, _)| name == header::AUTHORIZATION),
            token: settings.token.clone(),
            netrc: settings.netrc.clone(),
            carriers,
        }
    }

    /// The `Authorization` field of a request, if it is not among its fields already. At home, what is said more closely
    /// comes first: by the URL, by the entry, on the command line, in the environment, in the netrc. Where a redirect
    /// led, only a machine that the netrc names gets what is kept there for it.
    pub(super) fn authorization(&self, request: &Request<'_>) -> Option<HeaderValue> {
        match request.leg {
            Leg::Home => self.at_home(request),
            Leg::Away => basic(self.netrc(request)?),
        }
    }

    fn at_home(&self, request: &Request<'_>) -> Option<HeaderValue> {
        if let Some((user, password)) = of_url(request.url) {
            let kept = || self.netrc(request).filter(|kept| kept.user.as_bytes() == user);
            return match request.url.password() {
                // The password may be kept elsewhere.
                None if let Some(kept) = kept() => basic(kept),
                _ => field(&user, &password),
            };
        }
        if let Some(listed) = request.own.and_then(|own| own.credentials.as_ref()) {
            return basic(listed);
        }
        let brings = |own: &OwnRequest| own.headers.iter().any(|(name, _)| name == header::AUTHORIZATION);
        if request.own.is_some_and(brings) {
            return None;
        }
        if let Some(credentials) = &self.credentials {
            return basic(credentials);
        }
        if self.has_field {
            return None;
        }
        match &self.token {
            Some(token) if self.is_private(request.url) => Some(token.field()),
            _ => basic(self.netrc(request)?),
        }
    }

    fn netrc(&self, request: &Request<'_>) -> Option<&Credentials> {
        let host = request.url.host_str().filter(|_| self.is_private(request.url))?;
        match request.leg {
            Leg::Home => self.netrc.of_machine_or_default(host),
            Leg::Away => self.netrc.of_machine(host),
        }
    }

    /// May what nobody asked to be sent there be sent? Over TLS (RFC 6750 section 5.3), or to this machine.
    fn is_private(&self, url: &Url) -> bool {
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            // RFC 6761 section 6.3.
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        url.scheme() == "https" || (is_here && self.carriers.of(url).is_none())
    }
}

/// The user and the password in a URL's userinfo, percent-decoded: bytes, in whatever charset.
fn of_url(url: &Url) -> Option<(Vec<u8>, Vec<u8>)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).collect();
    Some((decoded(url.username()), decoded(url.password().unwrap_or_default())))
}

/// The `Authorization` field of these credentials.
pub(crate) fn basic(Credentials { user, password }: &Credentials) -> Option<HeaderValue> {
    field(user.as_bytes(), password.as_bytes())
}

/// The `Authorization` field of the Basic scheme (RFC 7617), marked as sensitive.
fn field(user: &[u8], password: &[u8]) -> Option<HeaderValue> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode([user, b":", password].concat());
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
