//! TLS before an origin: what comes in is decrypted and passed on, so that everything an origin can do wrong, it can do
//! over TLS.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::{Origin, Streams};

/// Signs certificates, and nobody knows it but who is given its own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut params = params("authority.test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Its certificate, for who is to believe it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for this host.
    pub fn certifies(&self, host: &str) -> Identity {
        self.signs(&params(host))
    }

    /// One that was good until 2001.
    pub fn certified(&self, host: &str) -> Identity {
        let mut params = params(host);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.signs(&params)
    }

    fn signs(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity::new(certificate.der().clone(), &key)
    }
}

/// Who a server says it is.
pub struct Identity(Arc<ServerConfig>);

impl Identity {
    /// Somebody for whom nobody speaks.
    pub fn self_signed(host: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = params(host).self_signed(&key).expect("a certificate");
        Self::new(certificate.der().clone(), &key)
    }

    /// Somebody who speaks for himself, until the end of this year; and what he says, for who is to believe it.
    pub fn of_its_own(host: &str, is_authority: bool, end: i32) -> (Self, String) {
        let mut params = params(host);
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(end, 12, 31));
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        (Self::new(certificate.der().clone(), &key), certificate.pem())
    }

    /// One that speaks these protocols (RFC 7301), and no others.
    pub fn speaking(&self, protocols: &[&str]) -> Self {
        let mut config = ServerConfig::clone(&self.0);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }

    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        Self(Arc::new(config.expect("a server's certificate")))
    }
}

fn params(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).expect("a host's name")
}

/// Takes TLS connections on a free port of the loopback until it is dropped.
pub struct TlsFront {
    address: SocketAddr,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    closing: AtomicBool,
    connections: AtomicUsize,
}

impl TlsFront {
    /// Before this origin, as this identity.
    pub fn new(origin: &Origin, identity: &Identity) -> Self {
        Self::before(origin.authority(), None, identity)
    }

    /// The same before any other server, and one for those with which HTTP/2 was agreed on.
    pub fn before(behind: String, streams: Option<&Streams>, identity: &Identity) -> Self {
        let streams = streams.map(Streams::authority);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on the loopback");
        let address = listener.local_addr().expect("the address of a listener");
        let state = Arc::<State>::default();
        let acceptor = thread::spawn({
            let (state, config) = (Arc::clone(&state), Arc::clone(&identity.0));
            move || accept(&listener, &state, &config, &[behind.clone(), streams.unwrap_or(behind)])
        });
        Self {
            address,
            state,
            acceptor: Some(acceptor),
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Connections that were opened so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::SeqCst);
        // The acceptor sleeps in `accept`; one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, state: &State, config: &Arc<ServerConfig>, behind: &[String; 2]) {
    for client in listener.incoming().flatten() {
        if state.closing.load(Ordering::SeqCst) {
            return;
        }
        state.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, behind) = (ServerConnection::new(Arc::clone(config)), behind.clone());
        let tls = tls.expect("a server's configuration");
        // An error is a peer that went away, or does not like the certificate.
        thread::spawn(move || drop(pass(tls, client, &behind)));
    }
}

/// Passes on what comes from either side, until one of them ends.
fn pass(mut tls: ServerConnection, mut client: TcpStream, [old, streams]: &[String; 2]) -> io::Result<()> {
    while tls.is_handshaking() {
        tls.complete_io(&mut client)?;
    }
    let is_new = tls.alpn_protocol() == Some(b"h2");
    let mut origin = TcpStream::connect(if is_new { streams } else { old })?;
    let mut bytes = [0; 16 * 1024];
    // What came along with the end of the handshake.
    pass_plain(&mut tls, &mut origin)?;
    loop {
        let (from_client, from_origin) = readable(&client, &origin)?;
        if from_client {
            if tls.read_tls(&mut client)? == 0 {
                return Ok(());
            }
            pass_plain(&mut tls, &mut origin)?;
        }
        if from_origin {
            match origin.read(&mut bytes)? {
                0 => return end(&mut tls, &mut client),
                read => tls.writer().write_all(&bytes[..read])?,
            }
        }
        while tls.wants_write() {
            tls.write_tls(&mut client)?;
        }
    }
}

fn pass_plain(tls: &mut ServerConnection, origin: &mut TcpStream) -> io::Result<()> {
    let state = tls.process_new_packets().map_err(io::Error::other)?;
    let mut plain = vec![0; state.plaintext_bytes_to_read()];
    tls.reader().read_exact(&mut plain)?;
    origin.write_all(&plain)
}

fn readable(client: &TcpStream, origin: &TcpStream) -> io::Result<(bool, bool)> {
    let mut watched = [PollFd::new(client, PollFlags::IN), PollFd::new(origin, PollFlags::IN)];
    poll(&mut watched, None)?;
    Ok((!watched[0].revents().is_empty(), !watched[1].revents().is_empty()))
}

fn end(tls: &mut ServerConnection, client: &mut TcpStream) -> io::Result<()> {
    tls.send_close_notify();
    while tls.wants_write() {
        tls.write_tls(client)?;
    }
    Ok(())
}
