//! Who carries what we ask: the proxies of the settings, and for which URLs. A Unix socket leaves them nothing to do.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{NoProxy, Proxy};
use url::Url;

use crate::error::SetupError;
use crate::settings::{Http as Settings, Proxies};

/// The proxies that are asked.
#[derive(Debug, Default)]
pub(super) struct Carriers {
    proxies: Option<Proxies>,
    /// The rules that reqwest goes by, to be asked beforehand.
    matcher: Option<Matcher>,
}

impl Carriers {
    /// An error names a proxy that cannot be used: to leave it out would send the requests around it.
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let proxies = &settings.proxies;
        if settings.unix_socket.is_some() || !proxies.are_asked() {
            return Ok(Self::default());
        }
        for url in [&proxies.http, &proxies.https].into_iter().flatten() {
            check(url, settings.identity.is_some())?;
        }
        let text = |url: &Option<Url>| url.as_ref().map_or_else(String::new, |url| url.as_str().into());
        let matcher = Matcher::builder()
            .http(text(&proxies.http))
            .https(text(&proxies.https))
            .no(except(proxies).unwrap_or_default())
            .build();
        Ok(Self {
            proxies: Some(proxies.clone()),
            matcher: Some(matcher),
        })
    }

    /// Is there one at all?
    pub(super) fn are_there(&self) -> bool {
        self.proxies.is_some()
    }

    /// The proxy that a request for this URL goes through: `host:port`.
    pub(super) fn of(&self, url: &Url) -> Option<String> {
        let asked = url.as_str().parse().ok()?;
        let proxy = self.matcher.as_ref()?.intercept(&asked)?;
        Some(proxy.uri().authority()?.to_string())
    }

    /// Is the proxy of `http:` URLs spoken to by TLS?
    pub(super) fn has_secure(&self) -> bool {
        let http = self.proxies.as_ref().and_then(|proxies| proxies.http.as_ref());
        http.is_some_and(|url| url.scheme() == "https")
    }

    /// As reqwest wants them.
    pub(super) fn list(&self) -> Result<Vec<Proxy>, SetupError> {
        let Some(proxies) = &self.proxies else {
            return Ok(Vec::new());
        };
        let except = except(proxies).as_deref().and_then(NoProxy::from_string);
        let http = proxies.http.as_ref().map(|url| Proxy::http(url.clone()));
        let https = proxies.https.as_ref().map(|url| Proxy::https(url.clone()));
        let made = [http, https].into_iter().flatten();
        made.map(|proxy| Ok(proxy?.no_proxy(except.clone())))
            .collect::<reqwest::Result<_>>()
            .map_err(|error| super::client::refused(&error))
    }
}

/// Can this proxy be used? Its URL may hold a password and is not repeated.
fn check(url: &Url, has_identity: bool) -> Result<(), SetupError> {
    if url.as_str().parse::<hyper::http::Uri>().is_err() {
        return Err(super::client::refused(
            &"the URL of the proxy has a host that is no name",
        ));
    }
    if url.scheme() == "https" && has_identity {
        // There is one identity for a connection and for the one that it goes through.
        return Err(super::client::refused(
            &"a proxy that speaks TLS would be shown the certificate of --cert, too, and it is for servers of the list",
        ));
    }
    Ok(())
}

/// The exceptions as curl reads them: blanks separate them as well as commas do, and a dot at the end says nothing.
fn except(proxies: &Proxies) -> Option<String> {
    let text = proxies.except.as_deref()?;
    let hosts = text
        .split([',', ' ', '\t', '\n'])
        .map(|host| host.trim_end_matches('.'));
    Some(hosts.filter(|host| !host.is_empty()).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers(proxy: &str, except: &str) -> Result<Carriers, SetupError> {
        Carriers::new(&Settings {
            proxies: Proxies::all(&Url::parse(proxy).unwrap(), Some(except.into())),
            ..Settings::default()
        })
    }

    #[test]
    fn a_proxy_carries_all_but_what_is_excepted() {
        for (except, url, is_carried) in [
            ("", "http://a.example/", true),
            ("b", "https://a.example/", true),
            ("b a.example", "https://a.example/", false),
            ("b,\ta.example.", "https://a.example/", false),
            (".example", "https://a.example/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", false),
            ("::1", "http://[::1]/", false),
            ("*", "http://a.example/", false),
        ] {
            let carriers = carriers("http://me:secret@p:3128", except).unwrap();
            let carried = carriers.of(&Url::parse(url).unwrap());
            assert_eq!(carried, is_carried.then(|| "p:3128".to_owned()), "{except} {url}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_and_not_passed_by() {
        assert!(carriers("socks5h://b%C3%BCcher.example:1080", "").is_err());
        assert!(carriers("socks5h://b.example:1080", "").is_ok());
    }

    #[test]
    fn nothing_is_carried_to_a_unix_socket() {
        let settings = Settings {
            proxies: Proxies::all(&Url::parse("http://me:secret@p").unwrap(), None),
            unix_socket: Some("socket".into()),
            ..Settings::default()
        };
        let carriers = Carriers::new(&settings).unwrap();
        assert!(!carriers.are_there() && carriers.list().unwrap().is_empty());
    }
}
