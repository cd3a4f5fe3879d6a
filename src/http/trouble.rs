//! What went wrong on the wire, in our own terms: reqwest's errors are read down to the one that says it.

use std::error::Error;
use std::io;
use std::time::Duration;

use thiserror::Error;

use super::client::Connection;
use crate::error::TransferError;

/// The name lookup failed.
#[derive(Debug, Error)]
#[error("{}", crate::error::os(.0))]
pub(super) struct NoAddress(pub(super) io::Error);

/// The name has addresses, and none of them may be connected to.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct OutOfReach(pub(super) TransferError);

/// Why there is no answer, from a request that had this to do with making a connection.
pub(super) fn before_head(error: &reqwest::Error, connection: Connection, connect: Duration) -> TransferError {
    if let Some(NoAddress(source)) = find(error) {
        if crate::error::lacks_descriptors(source) {
            return TransferError::Connect(copy(source));
        }
        let said = crate::error::os(source);
        let said = said
            .strip_prefix("failed to lookup address information: ")
            .unwrap_or(&said);
        return TransferError::Dns(said.into());
    }
    if let Some(OutOfReach(TransferError::NotPublic(what))) = find(error) {
        return TransferError::NotPublic(what.clone());
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_tls(tls);
    }
    if error.is_timeout() {
        return TransferError::ConnectTimeout(connect);
    }
    if error.is_connect() {
        return match find::<io::Error>(error) {
            Some(io) => TransferError::Connect(copy(io)),
            None => of_proxy(deepest(error)),
        };
    }
    on_connection(error, connection.is_older_than(find(error)))
}

/// Proxies have no errors of a type of their own that could be asked.
fn of_proxy(said: String) -> TransferError {
    if said.contains("authorization required") {
        TransferError::ProxyAuthentication
    } else {
        TransferError::Tunnel(said)
    }
}

fn on_connection(error: &reqwest::Error, reused: bool) -> TransferError {
    if let Some(h2) = find::<h2::Error>(error) {
        // The server takes no more streams here and did not look at this one (RFC 9113 sections 6.8 and 8.7).
        let unseen = h2.is_go_away() || h2.reason() == Some(h2::Reason::REFUSED_STREAM);
        if unseen || h2.is_io() {
            return TransferError::Closed {
                reused: unseen || reused,
                cause: h2.get_io().map(copy),
            };
        }
        return TransferError::Protocol(format!("HTTP/2: {h2}"));
    }
    let cause = find::<io::Error>(error).map(copy);
    match find::<hyper::Error>(error) {
        Some(hyper) if hyper.is_parse() => {
            TransferError::Protocol(format!("not a valid HTTP answer: {}", deepest(hyper)))
        }
        Some(hyper) if cause.is_some() || hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() => {
            TransferError::Closed { reused, cause }
        }
        _ => TransferError::Protocol(deepest(error)),
    }
}

fn of_tls(error: &rustls::Error) -> TransferError {
    use rustls::{AlertDescription as Alert, CertificateError, Error as E};
    const UNTRUSTED: &str = "the certificate is not to be trusted";
    let passing = !matches!(
        error,
        E::InvalidCertificate(_)
            | E::InvalidCertRevocationList(_)
            | E::NoCertificatesPresented
            | E::UnsupportedNameType
            | E::PeerIncompatible(_)
            | E::AlertReceived(
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::AccessDenied
            )
    );
    let what = match error {
        E::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{UNTRUSTED}: its issuer is unknown here (--ca-cert FILE adds one)")
        }
        E::InvalidCertificate(why) => format!("{UNTRUSTED}: {why}"),
        E::AlertReceived(Alert::CertificateRequired) => "the server wants a certificate (--cert FILE)".into(),
        other => other.to_string(),
    };
    TransferError::Tls {
        what: crate::tame::tame(&what).into_owned(),
        passing,
    }
}

/// The first error of this type in the chain. An `io::Error` hides what it wraps from `source`, so it is opened.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What the last error of the chain says: the ones before it only say where.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    crate::tame::tame(&last.to_string()).into_owned()
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
