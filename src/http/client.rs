//! How the connections are made: TLS, proxies, name lookup, and a note when one is new.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::Error;
use hyper_util::client::legacy::connect::{self, Connected, HttpInfo};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Proxy, Response, redirect, retry};
use rustls::ClientConfig;
use tokio::time::{Instant, sleep_until};
use tower_layer::Layer;
use tower_service::Service;

use super::Leg;
use super::carriers::Carriers;
use super::clients::Way;
use super::lanes::Lane;
use super::silence::LATE;
use super::stated::LISTENER;
use super::tls::{Face, Tls, Versions};
use super::trouble::{NoAddress, OutOfReach};
use crate::error::SetupError;
use crate::lock::lock;
use crate::settings::{Http as Settings, Reach, Timeouts};

/// Bytes of one answer that may be under way over HTTP/2 (RFC 9113 section 5.2): 40 MiB/s at a round trip of 100 ms.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all answers of one connection. What nobody takes stays in memory, so this is a bound for that, too.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Bytes of the header fields of one answer over HTTP/2, about what is taken over HTTP/1.1.
const LARGEST_HEAD: u32 = 400 << 10;

/// Whatever is longer never comes.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it is looked whether a request waits for others.
const LOOK: Duration = Duration::from_millis(100);

/// Makes clients from settings.
#[derive(Debug)]
pub(super) struct Maker {
    proxies: Vec<Proxy>,
    unix_socket: Option<PathBuf>,
    /// Is the proxy of `http:` URLs spoken to by TLS?
    has_secure_proxy: bool,
    tls: Tls,
    reach: Reach,
    timeouts: Timeouts,
}

/// How many connections were begun.
pub(super) type Made = Arc<AtomicUsize>;

impl Maker {
    pub(super) fn new(settings: &Settings, carriers: &Carriers, timeouts: &Timeouts) -> Result<Self, SetupError> {
        Ok(Self {
            proxies: carriers.list()?,
            unix_socket: settings.unix_socket.clone(),
            has_secure_proxy: carriers.has_secure(),
            tls: Tls::new(settings)?,
            reach: settings.reach,
            timeouts: timeouts.clone(),
        })
    }

    /// Did the user name certificates? Then what is wrong with them is said before the first request.
    pub(super) fn must_be_tried(&self) -> bool {
        self.tls.is_named()
    }

    /// As whom a request over TLS is made.
    pub(super) fn face(&self, leg: Leg) -> Face {
        match leg {
            Leg::Away if self.tls.has_identity() => Face::Anonymous,
            _ => Face::Known,
        }
    }

    /// A client for `http:` URLs, which trusts nobody's certificate and reads none, unless its proxy has one.
    pub(super) fn plain(&self, made: &Made) -> Result<Client, SetupError> {
        let tls = if self.has_secure_proxy {
            self.tls.as_somebody(Face::Anonymous, Versions::All)?
        } else {
            self.tls.without_trust()?
        };
        self.client(tls, made)
    }

    /// A client for `https:` URLs.
    pub(super) fn secure(&self, way: Way, made: &Made) -> Result<Client, SetupError> {
        self.client(self.tls.as_somebody(way.face, way.versions)?, made)
    }

    fn client(&self, tls: ClientConfig, made: &Made) -> Result<Client, SetupError> {
        let silence = self.timeouts.silence.min(A_DAY);
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.timeouts.connect)
            .tcp_nodelay(true)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(LARGEST_HEAD)
            // A connection that is gone without a word would keep every request that shares it, and those to come. It is
            // known to be gone a little before its requests are given up.
            .http2_keep_alive_interval(silence / 2)
            .http2_keep_alive_timeout(silence * 2 / 5)
            // A field that goes on in the next line is one field, its line ends blanks (RFC 9112 section 5.2): whoever
            // reads it so reads the same lengths as its sender. The other leniencies stay off: a field that is dropped
            // because it is malformed may be the one that says where the body ends.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .dns_resolver(Lookup(self.reach))
            .connector_layer(NoteNew(Arc::clone(made)));
        for proxy in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        if let Some(path) = &self.unix_socket {
            builder = builder.unix_socket(path.as_path());
        }
        builder.build().map_err(|error| refused(&error))
    }
}

pub(super) fn refused(error: &dyn std::fmt::Display) -> SetupError {
    SetupError::Http(error.to_string())
}

/// The system's name lookup, with errors that can be told from others. There is no other one, so addresses that are not
/// in reach are left out of what is connected to, however often a name server changes its mind.
struct Lookup(Reach);

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            // An address of version 6 comes here in its brackets (RFC 3986 section 3.2.2), on its way to a SOCKS proxy.
            let name = name.as_str().trim_start_matches('[').trim_end_matches(']');
            let found = tokio::net::lookup_host((name, 0)).await.map_err(NoAddress)?;
            let found = reach.filter(found).map_err(OutOfReach)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What a request has to do with making a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// Nothing: it goes over one that was there.
    Reused,
    /// It began to make one, and may yet be given one that becomes free.
    Making,
    /// It made its own, and had it then. It may still have gone over another, which became free while this one was
    /// being prepared for its first request.
    Made { at: Instant, end: Option<SocketAddr> },
}

impl Connection {
    /// Did the request that ended with this error go over a connection that it had not made?
    pub(super) fn is_older_than(self, error: Option<&Error>) -> bool {
        let Self::Made { end, .. } = self else { return true };
        let used = error.and_then(Error::connect_info).and_then(local_end);
        used.is_some() && end.is_some() && used != end
    }

    /// How long it took to make the connection that this answer came over; nothing when it was there before.
    pub(super) fn took(self, response: &Response, began: Instant) -> Duration {
        let used = response.extensions().get::<HttpInfo>().map(HttpInfo::local_addr);
        match self {
            Self::Made { at, end } if end.is_some() && end == used => at.saturating_duration_since(began),
            _ => Duration::ZERO,
        }
    }
}

/// The local end of a connection, which no other connection has at that time.
fn local_end(connected: &Connected) -> Option<SocketAddr> {
    let mut notes = hyper::http::Extensions::new();
    connected.get_extras(&mut notes);
    notes.get::<HttpInfo>().map(HttpInfo::local_addr)
}

tokio::task_local! {
    /// Of the request that is polled now.
    static CONNECTION: Cell<Connection>;
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Observed<T> {
    /// An answer, or an error.
    Ended(T),
    /// Nothing, for too long.
    Silent,
    /// It waits for others of its lane: it was not sent.
    Held,
}

/// Runs a request, gives up on it when nothing comes for too long once it has a connection, or when it waits for others of
/// its lane, and tells how it came by its connection. When it fails on one that it did not make, the server has only closed
/// what it had kept open, as it may at any time (RFC 9112 section 9.5).
pub(super) async fn observed<F: Future>(
    request: F,
    lane: Option<&Lane>,
    start: Instant,
    timeouts: &Timeouts,
) -> (Observed<F::Output>, Connection) {
    let due = || {
        let due = match CONNECTION.with(Cell::get) {
            Connection::Reused => start.checked_add(timeouts.silence),
            Connection::Making => start.checked_add(timeouts.connect.saturating_add(timeouts.silence)),
            Connection::Made { at, .. } => at.checked_add(timeouts.silence),
        };
        due.unwrap_or(start + Duration::from_secs(u64::from(u32::MAX)))
    };
    let watched = async {
        tokio::pin!(request);
        // For the time that this process stood still.
        let mut grace = Duration::ZERO;
        loop {
            let silent = due() + grace;
            let look = lane.map_or(silent, |_| silent.min(Instant::now() + LOOK));
            tokio::select! {
                biased;
                output = &mut request => return (Observed::Ended(output), CONNECTION.with(Cell::get)),
                () = sleep_until(look) => {}
            }
            if lane.is_some_and(Lane::is_held) {
                return (Observed::Held, CONNECTION.with(Cell::get));
            }
            let overdue = Instant::now().checked_duration_since(due() + grace);
            if grace.is_zero() && overdue.is_some_and(|overdue| overdue > LATE) {
                grace += timeouts.silence + overdue.unwrap_or_default();
            } else if overdue.is_some() {
                return (Observed::Silent, CONNECTION.with(Cell::get));
            }
        }
    };
    let noted = CONNECTION.scope(Cell::new(Connection::Reused), watched);
    LISTENER.scope(lane.map(Lane::listener), noted).await
}

/// Notes in [`CONNECTION`] that one is being made, and that it is ready. One that is still being made when an older
/// connection becomes free is finished outside the request, and so is not noted as ready. Counts them all.
#[derive(Debug, Clone)]
struct NoteNew(Made);

/// A client copies its connector for every request, whether it needs a connection or not: the copies share what is
/// expensive to copy.
#[derive(Debug)]
struct Noting<S> {
    inner: Arc<Mutex<S>>,
    made: Made,
}

impl<S> Clone for Noting<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            made: Arc::clone(&self.made),
        }
    }
}

impl<S> Layer<S> for NoteNew {
    type Service = Noting<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Noting {
            inner: Arc::new(Mutex::new(inner)),
            made: Arc::clone(&self.0),
        }
    }
}

impl<S, R> Service<R> for Noting<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: connect::Connection,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = futures::future::BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        lock(&self.inner).poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let note = |state| {
            let _ = CONNECTION.try_with(|connection| connection.set(state));
        };
        note(Connection::Making);
        self.made.fetch_add(1, Ordering::Relaxed);
        let connecting = lock(&self.inner).call(request);
        let listener = LISTENER.try_with(Clone::clone).ok().flatten();
        Box::pin(async move {
            let connection = LISTENER.scope(listener, connecting).await?;
            note(Connection::Made {
                at: Instant::now(),
                end: local_end(&connect::Connection::connected(&connection)),
            });
            Ok(connection)
        })
    }
}
