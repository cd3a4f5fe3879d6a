//! What is asked, and the header fields that go along: who may see which is decided here.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use super::carriers::Carriers;
use super::credentials::Keyring;
use crate::cookies::Cookies;
use crate::job::{OwnRequest, is_single};
use crate::settings::Http as Settings;

/// Where a request goes, as far as secrets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// To an origin that the list names: with credentials and all header fields.
    Home,
    /// To where a redirect led: with nothing that could be a secret, but for what the user keeps for that very host in a
    /// netrc or a cookie file. There is no way back home.
    Away,
}

/// Which connections a request may go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// One that is there, or a new one.
    Any,
    /// One of its own: those that are there were closed under it too often.
    New,
}

/// What to ask.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) leg: Leg,
    pub(crate) over: Over,
    /// What the entry says beyond the settings.
    pub(crate) own: Option<&'a OwnRequest>,
    /// Only if it changed.
    pub(crate) unless: Option<&'a Unless>,
    /// Only the bytes from here on, to the end or to this one; and only if the validator, where there is one, still holds
    /// (RFC 9110 sections 14.2 and 13.1.5).
    pub(crate) range: Option<(u64, Option<u64>, Option<&'a str>)>,
}

/// What must have changed for an answer to be worth its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unless {
    /// `If-None-Match` (RFC 9110 section 13.1.2).
    Tag(String),
    /// `If-Modified-Since` (section 13.1.3).
    Since(SystemTime),
}

/// The end of the year 9999.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_800);

/// The header fields of requests, by where they go.
#[derive(Debug)]
pub(super) struct Fields {
    home: HeaderMap,
    away: HeaderMap,
    keyring: Keyring,
    cookies: Cookies,
}

impl Fields {
    pub(super) fn new(settings: &Settings, carriers: Arc<Carriers>) -> Self {
        Self {
            home: base_fields(settings, |_| true),
            away: base_fields(settings, is_no_secret),
            keyring: Keyring::new(settings, carriers),
            cookies: settings.cookies.clone(),
        }
    }

    /// The request as it is sent.
    pub(super) fn dress(&self, request: &Request<'_>) -> reqwest::Request {
        let mut url = request.url.clone();
        let has_userinfo = !url.username().is_empty() || url.password().is_some();
        if has_userinfo {
            // An http or https URL can do without, so these do not fail.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        let mut built = reqwest::Request::new(request.method.clone(), url);
        let fields = built.headers_mut();
        fields.clone_from(match request.leg {
            Leg::Home => &self.home,
            Leg::Away => &self.away,
        });
        let may_go = |name: &header::HeaderName| request.leg == Leg::Home || is_no_secret(name);
        let own = request.own.map_or(&[][..], |own| &own.headers);
        put_in_place(fields, own.iter().filter(|(name, _)| may_go(name)));
        if let Some(value) = self.keyring.authorization(request) {
            fields.insert(header::AUTHORIZATION, value);
        }
        if !fields.contains_key(header::COOKIE)
            && let Some(value) = self.cookies.field(request.url, SystemTime::now())
        {
            fields.insert(header::COOKIE, value);
        }
        let condition = match request.unless {
            None => None,
            Some(Unless::Tag(tag)) => Some((header::IF_NONE_MATCH, HeaderValue::try_from(tag))),
            // Later dates than these have no form (RFC 9110 section 5.6.7), and a server none to compare with them.
            Some(Unless::Since(time)) => (*time < SystemTime::UNIX_EPOCH + LAST_DATE).then(|| {
                let date = httpdate::fmt_http_date(*time);
                (header::IF_MODIFIED_SINCE, HeaderValue::try_from(date))
            }),
        };
        fields.extend(condition.and_then(|(name, value)| Some((name, value.ok()?))));
        if let Some((start, end, validator)) = request.range
            && let Ok(validator) = validator.map(HeaderValue::try_from).transpose()
        {
            let last = end.map_or_else(String::new, |end| (end - 1).to_string());
            fields.extend(HeaderValue::try_from(format!("bytes={start}-{last}")).map(|range| (header::RANGE, range)));
            fields.extend(validator.map(|validator| (header::IF_RANGE, validator)));
        }
        built
    }
}

fn base_fields(settings: &Settings, may_go: impl Fn(&header::HeaderName) -> bool) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, settings.user_agent.clone());
    let own = settings.headers.iter().filter(|(name, _)| may_go(name));
    for (name, value) in own {
        if is_single(name) {
            fields.insert(name.clone(), value.clone());
        } else {
            fields.append(name.clone(), value.clone());
        }
    }
    // Bytes are saved as sent, so they have to be sent as they are.
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    fields
}

/// Fields that take the place of those of the same name.
fn put_in_place<'f>(fields: &mut HeaderMap, own: impl Iterator<Item = &'f (header::HeaderName, HeaderValue)> + Clone) {
    for (name, _) in own.clone() {
        fields.remove(name);
    }
    for (name, value) in own {
        fields.append(name.clone(), value.clone());
    }
}

/// Fields that say what we are and what we take. Anything else may be a key to somebody's door.
fn is_no_secret(name: &header::HeaderName) -> bool {
    [header::USER_AGENT, header::ACCEPT, header::ACCEPT_LANGUAGE].contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Credentials;

    #[test]
    fn a_date_beyond_the_calendar_is_no_condition() {
        let fields = Fields::new(&Settings::default(), Arc::default());
        let url = Url::parse("http://h/").unwrap();
        for (seconds, is_sent) in [
            (0, true),
            (253_402_300_799, true),
            (253_402_300_800, false),
            (u64::MAX >> 2, false),
        ] {
            let unless = Unless::Since(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let built = fields.dress(&Request {
                method: Method::GET,
                url: &url,
                leg: Leg::Home,
                over: Over::Any,
                own: None,
                unless: Some(&unless),
                range: None,
            });
            let condition = built.headers().get(header::IF_MODIFIED_SINCE);
            assert_eq!(condition.is_some(), is_sent, "{seconds}");
        }
    }

    #[test]
    fn secrets_stay_at_home() {
        let settings = Settings {
            headers: vec![
                (header::ACCEPT, HeaderValue::from_static("text/plain")),
                (header::COOKIE, HeaderValue::from_static("a=b")),
                (
                    header::HeaderName::from_static("x-api-key"),
                    HeaderValue::from_static("k"),
                ),
            ],
            credentials: Some(Credentials {
                user: "u".into(),
                password: "p".into(),
            }),
            ..Settings::default()
        };
        let fields = Fields::new(&settings, Arc::default());
        let sent = |url: &str, leg, own: Option<&OwnRequest>| {
            let url = Url::parse(url).unwrap();
            let built = fields.dress(&Request {
                method: Method::GET,
                url: &url,
                leg,
                over: Over::Any,
                own,
                unless: None,
                range: None,
            });
            assert_eq!(built.url().username(), "");
            let mut names: Vec<_> = built.headers().keys().map(|n| n.as_str().to_owned()).collect();
            names.sort_unstable();
            (names.join(" "), built.headers().get(header::AUTHORIZATION).cloned())
        };
        let (home, basic) = sent("http://h/", Leg::Home, None);
        assert_eq!(home, "accept accept-encoding authorization cookie user-agent x-api-key");
        assert_eq!(basic.unwrap(), "Basic dTpw");
        assert_eq!(sent("http://me:pw%40@h/", Leg::Home, None).1.unwrap(), "Basic bWU6cHdA");
        // Whatever charset it is in: RFC 7617 section 2.1 leaves that to the two of them.
        assert_eq!(sent("http://me:%E9@h/", Leg::Home, None).1.unwrap(), "Basic bWU66Q==");
        assert_eq!(
            sent("http://me:pw@h/", Leg::Away, None).0,
            "accept accept-encoding user-agent"
        );
        let mut own = OwnRequest::default();
        for (name, value) in [
            ("x-api-key", "mine"),
            ("x-other", "k"),
            ("user-agent", "me"),
            ("authorization", "Bearer t"),
        ] {
            own.headers
                .push((name.parse().unwrap(), HeaderValue::from_static(value)));
        }
        let (home, bearer) = sent("http://h/", Leg::Home, Some(&own));
        assert_eq!(
            home,
            "accept accept-encoding authorization cookie user-agent x-api-key x-other"
        );
        assert_eq!(bearer.unwrap(), "Bearer t");
        own.credentials = Some(Credentials {
            user: "a".into(),
            password: "b".into(),
        });
        assert_eq!(sent("http://h/", Leg::Home, Some(&own)).1.unwrap(), "Basic YTpi");
        assert_eq!(
            sent("http://me:pw%40@h/", Leg::Home, Some(&own)).1.unwrap(),
            "Basic bWU6cHdA"
        );
        let (away, basic) = sent("http://h/", Leg::Away, Some(&own));
        assert_eq!((away.as_str(), basic), ("accept accept-encoding user-agent", None));
    }
}
