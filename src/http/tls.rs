//! TLS: whom to believe, and who we are.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use super::client::refused;
use super::stated;
use crate::error::SetupError;
use crate::settings::{Http as Settings, Identity, Trust};

/// HTTP/2 in a list of protocols (RFC 9113 section 3.2).
const H2: &[u8] = b"h2";

/// As whom we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// With the user's certificate, if there is one.
    Known,
    /// Without.
    Anonymous,
}

/// Whom to believe.
#[derive(Debug)]
struct Trusted {
    roots: Arc<RootCertStore>,
    /// Certificates that the user named.
    named: Arc<[CertificateDer<'static>]>,
}

impl Default for Trusted {
    fn default() -> Self {
        Self {
            roots: Arc::new(RootCertStore::empty()),
            named: Arc::default(),
        }
    }
}

/// What is offered to speak (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    /// HTTP/2, or HTTP/1.1.
    All,
    /// To a server that wants HTTP/1.1, and yet takes HTTP/2 when it is offered.
    Http1,
}

/// What all connections over TLS have in common.
#[derive(Debug)]
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    trust: Trust,
    extra: Vec<CertificateDer<'static>>,
    identity: Option<Arc<CertifiedKey>>,
    /// Read once, and late: there are many.
    trusted: OnceLock<Trusted>,
    /// Made once: they remember sessions, each its own.
    known: OnceLock<ClientConfig>,
    anonymous: OnceLock<ClientConfig>,
}

impl Tls {
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        let provider = Arc::new(stated::provider());
        let extra = match &settings.trust {
            Trust::SystemAnd(path) => certificates(path)?,
            _ => Vec::new(),
        };
        let identity = settings.identity.as_ref();
        Ok(Self {
            identity: identity.map(|identity| certified(identity, &provider)).transpose()?,
            provider,
            trust: settings.trust.clone(),
            extra,
            trusted: OnceLock::new(),
            known: OnceLock::new(),
            anonymous: OnceLock::new(),
        })
    }

    pub(super) fn is_named(&self) -> bool {
        !self.extra.is_empty() || self.has_identity()
    }

    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    pub(super) fn as_somebody(&self, face: Face, versions: Versions) -> Result<ClientConfig, SetupError> {
        let mut config = self.believing(face)?;
        if versions == Versions::Http1 {
            config.alpn_protocols.retain(|protocol| protocol != H2);
        }
        Ok(config)
    }

    fn believing(&self, face: Face) -> Result<ClientConfig, SetupError> {
        let kept = match face {
            Face::Known => &self.known,
            Face::Anonymous => &self.anonymous,
        };
        if let Some(config) = kept.get() {
            return Ok(config.clone());
        }
        let config = self.config(self.trusted.get_or_init(|| self.read_trusted()), face)?;
        Ok(kept.get_or_init(|| config).clone())
    }

    /// For who will not need it.
    pub(super) fn without_trust(&self) -> Result<ClientConfig, SetupError> {
        self.config(&Trusted::default(), Face::Anonymous)
    }

    fn read_trusted(&self) -> Trusted {
        if self.trust == Trust::Anyone {
            return Trusted::default();
        }
        let (mut roots, mut named) = (RootCertStore::empty(), self.extra.clone());
        let native = rustls_native_certs::load_native_certs().certs;
        if std::env::var_os("SSL_CERT_FILE").is_some() {
            named.extend(native.iter().cloned());
        }
        roots.add_parsable_certificates(native);
        roots.add_parsable_certificates(self.extra.iter().cloned());
        Trusted {
            roots: Arc::new(roots),
            named: named.into(),
        }
    }

    fn config(&self, trusted: &Trusted, face: Face) -> Result<ClientConfig, SetupError> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?;
        let config = match self.trust {
            Trust::Anyone => {
                let verifier = Arc::new(BelieveAnyone(Arc::clone(&self.provider)));
                config.dangerous().with_custom_certificate_verifier(verifier)
            }
            _ if trusted.named.is_empty() => config.with_root_certificates(Arc::clone(&trusted.roots)),
            _ => {
                let roots = Arc::clone(&trusted.roots);
                let rules = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider));
                let verifier = Arc::new(BelieveNamed {
                    rules: rules.build().map_err(|error| refused(&error))?,
                    named: Arc::clone(&trusted.named),
                });
                config.dangerous().with_custom_certificate_verifier(verifier)
            }
        };
        let mut config = match &self.identity {
            Some(identity) if face == Face::Known => {
                config.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(Arc::clone(identity))))
            }
            _ => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let certificates = chain(path)?;
    let wrong = |what| unusable(path, what);
    // One that cannot be read would be missed only when a server is not believed, and nobody would know why.
    let mut trial = RootCertStore::empty();
    let mut added = certificates.iter().map(|certificate| trial.add(certificate.clone()));
    added
        .try_for_each(|added| added)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(certificates)
}

/// The certificates of a PEM file, in their order.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, error.to_string()))?;
    if certificates.is_empty() {
        return Err(unusable(path, "no PEM certificate in it".into()));
    }
    Ok(certificates)
}

/// The user's certificate with its key, if they belong together.
fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, SetupError> {
    let Identity { certificate, key } = identity;
    let chain = chain(certificate)?;
    let path = key.as_ref().unwrap_or(certificate);
    let key = PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| match error {
        pem::Error::NoItemsFound => unusable(path, "no PEM key in it, or one with a passphrase".into()),
        error => unusable(path, error.to_string()),
    })?;
    let certified = CertifiedKey::from_der(chain, key, provider);
    let certified = certified.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => unusable(path, "its key is of another certificate".into()),
        error => unusable(path, error.to_string()),
    })?;
    Ok(Arc::new(certified))
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    fs::read(path).map_err(|error| unusable(path, crate::error::os(&error)))
}

fn unusable(path: &Path, what: String) -> SetupError {
    SetupError::Certificates {
        path: path.to_owned(),
        what,
    }
}

/// Is it that a server shows a certificate with which others are signed?
pub(super) fn is_of_an_authority(why: &OtherError) -> bool {
    why.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// Believes what authorities sign, and a certificate that the user named even if it calls itself an authority's, as most do
/// that a server's owner makes for it with `openssl req -x509`. By the rules it could not be a server's, too (RFC 5280
/// section 4.2.1.9); whether its time is right they look at before that.
#[derive(Debug)]
struct BelieveNamed {
    rules: Arc<WebPkiServerVerifier>,
    named: Arc<[CertificateDer<'static>]>,
}

impl ServerCertVerifier for BelieveNamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .rules
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match &verdict {
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(why)))
                if is_of_an_authority(why) && self.named.iter().any(|named| named == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            _ => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.rules.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.rules.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
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
