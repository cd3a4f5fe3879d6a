//! How the connections are made: TLS, proxies, name lookup, and a note when one is new.

use std::cell::Cell;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::Error;
use hyper_util::client::legacy::connect::{self, Connected, HttpInfo};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, NoProxy, Proxy, Response, redirect, retry};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::time::{Instant, sleep_until};
use tower_layer::Layer;
use tower_service::Service;

use super::trouble::NoAddress;
use crate::error::SetupError;
use crate::lock::lock;
use crate::settings::{Http as Settings, Proxies, Timeouts, Trust};

/// Bytes of one answer that may be under way over HTTP/2 (RFC 9113 section 5.2): 40 MiB/s at a round trip of 100 ms.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all answers of one connection. What nobody takes stays in memory, so this is a bound for that, too.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Makes clients from settings.
#[derive(Debug)]
pub(super) struct Maker {
    proxies: Vec<Proxy>,
    extra: Vec<CertificateDer<'static>>,
    trust: Trust,
    timeouts: Timeouts,
    /// For `https:` URLs. Made once: it holds the machine's certificates and remembers TLS sessions.
    tls: OnceLock<ClientConfig>,
}

/// How many connections were begun.
pub(super) type Made = Arc<AtomicUsize>;

impl Maker {
    pub(super) fn new(settings: &Settings, timeouts: &Timeouts) -> Result<Self, SetupError> {
        let extra = match &settings.trust {
            Trust::SystemAnd(path) => certificates(path)?,
            _ => Vec::new(),
        };
        Ok(Self {
            proxies: proxies(&settings.proxies).map_err(|e| SetupError::Http(e.to_string()))?,
            extra,
            trust: settings.trust.clone(),
            timeouts: timeouts.clone(),
            tls: OnceLock::new(),
        })
    }

    /// Did the user name certificates? Then what is wrong with them is said before the first request.
    pub(super) fn must_be_tried(&self) -> bool {
        !self.extra.is_empty()
    }

    /// A client for `http:` URLs, which trusts nobody's certificate and reads none.
    pub(super) fn plain(&self, made: &Made) -> Result<Client, SetupError> {
        self.client(self.tls(RootCertStore::empty())?, made)
    }

    /// A client for `https:` URLs.
    pub(super) fn secure(&self, made: &Made) -> Result<Client, SetupError> {
        if let Some(tls) = self.tls.get() {
            return self.client(tls.clone(), made);
        }
        let mut roots = RootCertStore::empty();
        if self.trust != Trust::Anyone {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots.add_parsable_certificates(self.extra.iter().cloned());
        }
        let tls = self.tls(roots)?;
        self.client(self.tls.get_or_init(|| tls).clone(), made)
    }

    fn client(&self, tls: ClientConfig, made: &Made) -> Result<Client, SetupError> {
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
            // A field that goes on in the next line is one field, its line ends blanks (RFC 9112 section 5.2): whoever
            // reads it so reads the same lengths as its sender. The other leniencies stay off: a field that is dropped
            // because it is malformed may be the one that says where the body ends.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .dns_resolver(Lookup)
            .connector_layer(NoteNew(Arc::clone(made)));
        for proxy in &self.proxies {
            builder = builder.proxy(proxy.clone());
        }
        builder.build().map_err(|error| refused(&error))
    }

    fn tls(&self, roots: RootCertStore) -> Result<ClientConfig, SetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?;
        let mut config = match self.trust {
            Trust::Anyone => {
                let verifier = Arc::new(BelieveAnyone(provider));
                config
                    .dangerous()
                    .with_custom_certificate_verifier(verifier)
                    .with_no_client_auth()
            }
            _ => config.with_root_certificates(roots).with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn refused(error: &dyn std::fmt::Display) -> SetupError {
    SetupError::Http(error.to_string())
}

fn proxies(settings: &Proxies) -> reqwest::Result<Vec<Proxy>> {
    let except = settings.except.as_deref().and_then(NoProxy::from_string);
    let http = settings.http.as_ref().map(|url| Proxy::http(url.clone()));
    let https = settings.https.as_ref().map(|url| Proxy::https(url.clone()));
    let proxies = [http, https].into_iter().flatten();
    proxies.map(|proxy| Ok(proxy?.no_proxy(except.clone()))).collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let wrong = |what: String| SetupError::Certificates {
        path: path.to_owned(),
        what,
    };
    let pem = fs::read(path).map_err(|error| wrong(crate::error::os(&error)))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("no PEM certificate in it".into()));
    }
    // One that cannot be read would be missed only when a server is not believed, and nobody would know why.
    let mut trial = RootCertStore::empty();
    let mut added = certificates.iter().map(|certificate| trial.add(certificate.clone()));
    added
        .try_for_each(|added| added)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(certificates)
}

/// The system's name lookup, with an error that can be told from others.
struct Lookup;

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(NoAddress)?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
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

/// Runs a request, gives up on it when nothing comes for too long once it has a connection, and tells how it came by
/// that. When it fails on one that it did not make, the server has only closed what it had kept open, as it may at
/// any time (RFC 9112 section 9.5).
pub(super) async fn observed<F: Future>(request: F, timeouts: &Timeouts) -> (Option<F::Output>, Connection) {
    let start = Instant::now();
    let due = || match CONNECTION.with(Cell::get) {
        Connection::Reused => start.checked_add(timeouts.silence),
        Connection::Making => start.checked_add(timeouts.connect.saturating_add(timeouts.silence)),
        Connection::Made { at, .. } => at.checked_add(timeouts.silence),
    };
    let watched = async {
        tokio::pin!(request);
        loop {
            let due = due().unwrap_or(start + Duration::from_secs(u64::from(u32::MAX)));
            if due <= Instant::now() {
                return (None, CONNECTION.with(Cell::get));
            }
            tokio::select! {
                biased;
                output = &mut request => return (Some(output), CONNECTION.with(Cell::get)),
                () = sleep_until(due) => {}
            }
        }
    };
    CONNECTION.scope(Cell::new(Connection::Reused), watched).await
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
        Box::pin(async move {
            let connection = connecting.await?;
            note(Connection::Made {
                at: Instant::now(),
                end: local_end(&connect::Connection::connected(&connection)),
            });
            Ok(connection)
        })
    }
}

/// `--insecure`: whoever is on the way can read and change everything, and the user has said so.
#[derive(Debug)]
struct BelieveAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for BelieveAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
