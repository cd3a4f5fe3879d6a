//! What the environment asks for, read here and nowhere else: the engine takes settings.

use std::env::{self, VarError};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::netrc::Netrc;
use crate::settings::{Proxies, Token};

/// A variable of the process; `None` when it is not set. One that is no text is not passed over: it was meant.
pub(super) fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("the variable {name} is not UTF-8"),
    }
}

/// The bearer token of `HAUL_TOKEN`. There is no option for it: everybody on a machine can read command lines.
pub(super) fn token(variable: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<Option<Token>> {
    let text = variable("HAUL_TOKEN")?.unwrap_or_default();
    match text.trim() {
        "" => Ok(None),
        // The value is a secret and is not repeated.
        text => Token::new(text)
            .map(Some)
            .context("HAUL_TOKEN is no token: it holds blanks, or characters that are not ASCII"),
    }
}

/// The netrc that the variable `NETRC` names, or that of the home directory if there is one.
pub(super) fn netrc(variable: impl Fn(&str) -> Option<OsString>) -> anyhow::Result<Netrc> {
    let read = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = read("NETRC");
    let Some(path) = named.clone().or_else(|| Some(read("HOME")?.join(".netrc"))) else {
        return Ok(Netrc::default());
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Netrc::parse(&text).map_err(|error| refused(&path, &error.to_string())),
        Err(error) if named.is_none() && is_nothing(&error) => Ok(Netrc::default()),
        Err(error) => Err(refused(&path, &crate::error::os(&error))),
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn refused(path: &Path, why: &str) -> anyhow::Error {
    anyhow!("cannot use {}: {why}; --no-netrc leaves it alone", path.display())
}

/// The proxies of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as curl reads them: small letters come
/// first, and `HTTP_PROXY` in capitals is not read, since a CGI server sets it from a request's `Proxy` field.
pub(super) fn proxies(variable: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<Proxies> {
    let all = proxy("all_proxy", either(&variable, "all_proxy")?)?;
    Ok(Proxies {
        http: proxy("http_proxy", said(&variable, "http_proxy")?)?.or_else(|| all.clone()),
        https: proxy("https_proxy", either(&variable, "https_proxy")?)?.or(all),
        except: except(&variable)?,
    })
}

/// The hosts of `no_proxy`, which are asked directly whoever names the proxy.
pub(super) fn except(variable: impl Fn(&str) -> anyhow::Result<Option<String>>) -> anyhow::Result<Option<String>> {
    either(&variable, "no_proxy")
}

/// What a variable says, in small letters or else in capitals.
fn either(variable: &impl Fn(&str) -> anyhow::Result<Option<String>>, name: &str) -> anyhow::Result<Option<String>> {
    match said(variable, name)? {
        None => said(variable, &name.to_uppercase()),
        small => Ok(small),
    }
}

/// What a variable says; blanks are nothing.
fn said(variable: &impl Fn(&str) -> anyhow::Result<Option<String>>, name: &str) -> anyhow::Result<Option<String>> {
    Ok(variable(name)?.filter(|value| !value.trim().is_empty()))
}

fn proxy(name: &str, value: Option<String>) -> anyhow::Result<Option<Url>> {
    let Some(value) = value else { return Ok(None) };
    // The value may hold a password and is not repeated.
    let url = proxy_url(&value).map(Some);
    url.with_context(|| format!("{name} is not the URL of a proxy"))
}

/// The URL of a proxy; one without a scheme speaks http.
pub(super) fn proxy_url(text: &str) -> Option<Url> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("http://{text}"))
    };
    let url = url
        .ok()
        .filter(|url| url.has_host() && SCHEMES.contains(&url.scheme()))?;
    with_plain_host(url)
}

/// The same URL, its host as in one of http: a name of ASCII, or an address. Of other schemes a URL keeps it as written
/// (<https://url.spec.whatwg.org/#host-parsing>).
fn with_plain_host(mut url: Url) -> Option<Url> {
    let host = percent_decode_str(url.host_str()?).decode_utf8().ok()?;
    let host = Host::parse(&host).ok()?;
    url.set_host(Some(&host.to_string())).ok()?;
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> anyhow::Result<(Option<String>, Option<String>, Option<String>)> {
        let find = |name: &str| {
            let found = set.iter().find(|(n, _)| *n == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        };
        let Proxies { http, https, except } = proxies(find)?;
        Ok((http.map(Into::into), https.map(Into::into), except))
    }

    #[test]
    fn proxies_are_read_as_curl_reads_them() {
        let url = |text: &str| Some(text.to_owned());
        for (set, expected) in [
            (&[][..], (None, None, None)),
            (&[("http_proxy", "p:1")], (url("http://p:1/"), None, None)),
            (&[("HTTP_PROXY", "p:1")], (None, None, None)),
            (
                &[("HTTPS_PROXY", "http://p:1"), ("https_proxy", "http://q:2")],
                (None, url("http://q:2/"), None),
            ),
            (
                &[("all_proxy", "socks5h://s:3"), ("NO_PROXY", "a,.b")],
                (url("socks5h://s:3"), url("socks5h://s:3"), url("a,.b")),
            ),
            (
                &[("http_proxy", "socks5h://b\u{fc}cher.example:1080")],
                (url("socks5h://xn--bcher-kva.example:1080"), None, None),
            ),
            (&[("http_proxy", "[::1]:8080")], (url("http://[::1]:8080/"), None, None)),
            (
                &[("http_proxy", "socks5://pro%78y")],
                (url("socks5://proxy"), None, None),
            ),
            (&[("http_proxy", " ")], (None, None, None)),
        ] {
            assert_eq!(read(set).unwrap(), expected, "{set:?}");
        }
        let error = read(&[("http_proxy", "ftp://me:secret@p")]).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
