//! One request, one answer. The only room that reads header text.
//!
//! reqwest carries the bytes. Redirects and retries are not left to it: a redirect may lead to a host that has its
//! own limit and must not learn our secrets, and a retry is somebody else's decision.

mod body;
mod client;
mod clients;
mod coding;
mod credentials;
mod digest;
mod disposition;
mod head;
mod lanes;
mod slowness;
mod tls;
mod trouble;

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use tokio::time::{Instant, Sleep, sleep, timeout};
use url::Url;

use crate::cookies::Cookies;
use crate::error::{SetupError, TransferError};
use crate::job::{HostKey, OwnRequest};
use crate::report::Exchange;
use crate::settings::{Http as Settings, Pace, Reach, Timeouts};
use crate::throttle::Throttle;
use body::Body;
use lanes::{Lane, Lanes};
use slowness::Slowness;

pub(crate) use coding::Decoded;
#[cfg(fuzzing)]
pub(crate) use disposition::filename;
#[cfg(fuzzing)]
pub(crate) use head::retry_after;
pub(crate) use head::{ContentRange, Head};

/// An error's body up to this many bytes is read, so that its connection can serve the next request.
const DRAINED: u64 = 64 * 1024;
/// How long that may take.
const DRAINING: Duration = Duration::from_secs(1);

/// A timer that goes off so late says that this process stood still, and nothing of the server. Once in a wait: a flood of
/// what is no answer keeps timers from going off, too.
const LATE: Duration = Duration::from_millis(500);

/// Asks servers.
#[derive(Debug)]
pub(crate) struct Http {
    clients: clients::Clients,
    lanes: Arc<Lanes>,
    home: HeaderMap,
    away: HeaderMap,
    keyring: credentials::Keyring,
    cookies: Cookies,
    reach: Reach,
    timeouts: Timeouts,
    /// For all bodies.
    throttle: Option<Arc<Throttle>>,
    /// Bytes a second that a body has to bring.
    least: Option<NonZeroU64>,
}

/// Where a request goes, as far as secrets are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    /// To an origin that the list names: with credentials and all header fields.
    Home,
    /// To where a redirect led: with nothing that could be a secret, but for what the user keeps for that very host in a
    /// netrc or a cookie file. There is no way back home.
    Away,
}

/// What to ask.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) leg: Leg,
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

/// What came back: the head, and the body to read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Arc<Head>,
    body: Body,
    /// Its place among other answers, until its end.
    _lane: Option<Lane>,
    received: u64,
    silence: Silence,
    slowness: Option<Slowness>,
    throttle: Option<Arc<Throttle>>,
    /// What came and is not handed on yet.
    rest: Bytes,
}

impl Http {
    pub(crate) fn new(settings: &Settings, timeouts: &Timeouts) -> Result<Self, SetupError> {
        let is_direct = !settings.proxies.are_asked() && settings.unix_socket.is_none();
        if settings.reach == Reach::Public && !is_direct {
            return Err(SetupError::Proxied);
        }
        let maker = client::Maker::new(settings, timeouts)?;
        let away = base_fields(settings, is_no_secret);
        Ok(Self {
            clients: clients::Clients::new(maker, settings.kept)?,
            lanes: Arc::default(),
            home: base_fields(settings, |_| true),
            away,
            keyring: credentials::Keyring::new(settings),
            cookies: settings.cookies.clone(),
            reach: settings.reach,
            timeouts: timeouts.clone(),
            throttle: None,
            least: None,
        })
    }

    /// With bodies that come as fast as this.
    pub(crate) fn paced(self, pace: &Pace) -> Self {
        Self {
            throttle: pace.limit.map(|rate| Arc::new(Throttle::new(rate))),
            least: pace.least,
            ..self
        }
    }

    /// Sends a request and waits for the head of its answer, whatever its status.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<(Box<Answer>, Exchange), TransferError> {
        self.reach.allow_host(request.url)?;
        let lane = (request.url.scheme() == "https").then(|| self.lanes.enter(HostKey::of(request.url)));
        let client = self.clients.of(request.leg, lane.as_ref())?;
        let built = self.build(&request);
        let began = Instant::now();
        let (sent, connection) = client::observed(client.execute(built), began, &self.timeouts).await;
        let Some(sent) = sent else {
            lane.inspect(Lane::fell_silent);
            return Err(TransferError::Silence(self.timeouts.silence));
        };
        let response = sent.map_err(|error| {
            lane.as_ref()
                .filter(|_| trouble::wants_http1(&error))
                .inspect(|lane| lane.is_too_new());
            trouble::before_head(&error, connection, self.timeouts.connect)
        })?;
        let head = Head::read(&response, &request.method)?;
        let exchange = exchange(&response, &head, connection.took(&response, began), began);
        let answer = Answer {
            head: Arc::new(head),
            _lane: lane.map(|lane| lane.answered(response.version())),
            body: Body::new(response),
            received: 0,
            silence: Silence::new(self.timeouts.silence),
            slowness: self.least.map(|least| Slowness::new(least, self.timeouts.silence)),
            throttle: self.throttle.clone(),
            rest: Bytes::new(),
        };
        Ok((Box::new(answer), exchange))
    }

    /// Closes the connections that are kept for later: something else needs their descriptors.
    pub(crate) fn forget_idle(&self) {
        self.clients.renew();
    }

    fn build(&self, request: &Request<'_>) -> reqwest::Request {
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
            Some(Unless::Since(time)) => Some((
                header::IF_MODIFIED_SINCE,
                HeaderValue::try_from(httpdate::fmt_http_date(*time)),
            )),
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

fn exchange(response: &reqwest::Response, head: &Head, connect: Duration, began: Instant) -> Exchange {
    Exchange {
        status: head.status,
        version: response.version(),
        remote: response.remote_addr(),
        away: None,
        etag: head.etag.clone(),
        connect,
        wait: began.elapsed().saturating_sub(connect),
    }
}

impl Answer {
    /// The next bytes of the body; `None` at its whole end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        let Some(throttle) = self.throttle.clone() else {
            return self.read().await;
        };
        if self.rest.is_empty() {
            match self.read().await? {
                Some(bytes) => self.rest = bytes,
                None => return Ok(None),
            }
        }
        Ok(Some(throttle.slice(&mut self.rest).await))
    }

    /// What the server sends next, as soon as it is here.
    async fn read(&mut self) -> Result<Option<Bytes>, TransferError> {
        let slow = self.slowness.as_ref().and_then(Slowness::verdict);
        // What is here to its end is here, however long that took.
        if let Some(error) = slow.filter(|_| self.head.length != Some(self.received)) {
            return Err(error);
        }
        let since = self.slowness.is_some().then(Instant::now);
        let read = self.receive().await;
        if let (Some(slowness), Some(since), Ok(Some(bytes))) = (&mut self.slowness, since, &read) {
            slowness.note(since.elapsed(), bytes.len() as u64);
        }
        read
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, TransferError> {
        match self.silence.broken_by(self.body.chunk()).await? {
            Ok(Some(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Ok(None) if self.head.length.is_some_and(|length| length != self.received) => Err(self.short()),
            Ok(None) if self.head.length.is_none() && !self.body.has_ended() => Err(self.short()),
            Ok(None) => Ok(None),
            Err(_) => Err(self.short()),
        }
    }

    /// Reads what is left of a small body that nobody wants, so that the connection stays of use.
    pub(crate) async fn drain(mut self: Box<Self>) {
        if self.head.length.is_some_and(|length| length > DRAINED) {
            return;
        }
        let rest = async { while self.received <= DRAINED && matches!(self.chunk().await, Ok(Some(_))) {} };
        let _ = timeout(DRAINING, rest).await;
    }

    fn short(&self) -> TransferError {
        TransferError::ShortBody {
            got: self.received,
            of: self.head.length,
        }
    }
}

/// Notices that nothing comes. One timer for the whole body, moved only when it goes off: a chunk costs a clock
/// reading, not a timer.
#[derive(Debug)]
struct Silence {
    limit: Duration,
    /// Set when bytes are waited for the first time.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    async fn broken_by<F: Future>(&mut self, future: F) -> Result<F::Output, TransferError> {
        tokio::pin!(future);
        if let Poll::Ready(output) = futures::poll!(&mut future) {
            return Ok(output);
        }
        let (mut since, mut is_forgiven) = (Instant::now(), false);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        loop {
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = &mut *timer => {
                    if !is_forgiven && timer.deadline().elapsed() > LATE {
                        (since, is_forgiven) = (Instant::now(), true);
                    } else if since.elapsed() >= self.limit {
                        return Err(TransferError::Silence(self.limit));
                    }
                    timer.as_mut().reset(since + self.limit);
                }
            }
        }
    }
}

fn base_fields(settings: &Settings, may_go: impl Fn(&header::HeaderName) -> bool) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, settings.user_agent.clone());
    let own = settings.headers.iter().filter(|(name, _)| may_go(name));
    for (name, value) in own {
        if *name == header::USER_AGENT || *name == header::HOST {
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

    #[tokio::test(start_paused = true)]
    async fn a_process_that_stood_still_has_learnt_nothing_of_the_server() {
        let mut silence = Silence::new(Duration::from_secs(1));
        let (answer, waiting) = tokio::sync::oneshot::channel();
        let mut waiting = std::pin::pin!(silence.broken_by(waiting));
        assert!(futures::poll!(&mut waiting).is_pending());
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(futures::poll!(&mut waiting).is_pending());
        answer.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_for_too_long_is_silent() {
        let mut silence = Silence::new(Duration::from_secs(1));
        let since = Instant::now();
        let silent = silence.broken_by(std::future::pending::<()>()).await;
        assert!(matches!(silent, Err(TransferError::Silence(_))), "{silent:?}");
        assert!(since.elapsed() < Duration::from_millis(1_100));
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
        let http = Http::new(&settings, &Timeouts::default()).unwrap();
        let sent = |url: &str, leg, own: Option<&OwnRequest>| {
            let url = Url::parse(url).unwrap();
            let built = http.build(&Request {
                method: Method::GET,
                url: &url,
                leg,
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
