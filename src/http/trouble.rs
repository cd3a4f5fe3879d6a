//! What went wrong on the wire, in our own terms: reqwest's errors are read down to the one that says it.

use std::error::Error;
use std::io;
use std::time::Duration;

use thiserror::Error;

use super::client::Connection;
use crate::error::{Lost, TransferError};

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
    let reused = connection.is_older_than(find(error));
    if let Some(tls) = find::<rustls::Error>(error) {
        if let (rustls::Error::InvalidMessage(_), true) = (tls, reused && !error.is_connect()) {
            return TransferError::Closed { reused, cause: None };
        }
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
    on_connection(error, reused)
}

/// Is HTTP/2 not what the server wants (RFC 9113 section 7)?
pub(super) fn wants_http1(error: &reqwest::Error) -> bool {
    find::<h2::Error>(error).and_then(h2::Error::reason) == Some(h2::Reason::HTTP_1_1_REQUIRED)
}

/// Proxies have no errors of a type of their own that could be asked.
fn of_proxy(said: String) -> TransferError {
    // Of SOCKS 5 (RFC 1929): none were offered, or not these, or those that were are not accepted.
    const WANTED: [&str; 4] = [
        "authorization required",
        "authentication incorrectly",
        "user/pass authentication",
        "credentials not accepted",
    ];
    if WANTED.iter().any(|wanted| said.contains(wanted)) {
        TransferError::ProxyAuthentication
    } else if said.ends_with("unsuccessful") {
        TransferError::Tunnel("the proxy refuses to".into())
    } else if said.contains("underlying connection") {
        TransferError::Tunnel("not even to the proxy".into())
    } else {
        TransferError::Tunnel(said)
    }
}

fn on_connection(error: &reqwest::Error, reused: bool) -> TransferError {
    if let Some(h2) = find::<h2::Error>(error) {
        return on_stream(h2, reused);
    }
    let cause = find::<io::Error>(error).map(copy);
    match find::<hyper::Error>(error) {
        // What comes over a connection that was used before may be the rest of an earlier answer.
        Some(hyper) if hyper.is_parse() => {
            let what = format!("not a valid HTTP answer: {}", deepest(hyper));
            if reused {
                let lost = Lost::Unseen;
                return TransferError::Stream { lost, what };
            }
            TransferError::Protocol(what)
        }
        // The task of its connection ended while it waited there.
        Some(hyper) if hyper.is_user() => TransferError::Stream {
            lost: closed_for_more(reused),
            what: "the connection closed before the request was sent".into(),
        },
        Some(hyper) if cause.is_some() || hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() => {
            TransferError::Closed { reused, cause }
        }
        _ => TransferError::Protocol(deepest(error)),
    }
}

/// One that served others before is closed as any may be. One that was new does not serve at all.
fn closed_for_more(reused: bool) -> Lost {
    if reused { Lost::Late } else { Lost::Unseen }
}

/// A stream that was given up, by the server or by what it sent. The others of its connection may be innocent of that.
fn on_stream(error: &h2::Error, reused: bool) -> TransferError {
    let Some(reason) = error.reason() else {
        return TransferError::Closed {
            reused,
            cause: error.get_io().map(copy),
        };
    };
    let (lost, what) = match (reason, error.is_remote(), error.is_go_away()) {
        (h2::Reason::REFUSED_STREAM, true, false) => (Lost::Unseen, "the server did not take the request"),
        (h2::Reason::NO_ERROR, true, true) => (
            closed_for_more(reused),
            "the server takes no more requests over this connection",
        ),
        (h2::Reason::HTTP_1_1_REQUIRED, true, _) => (Lost::Unseen, "the server wants HTTP/1.1"),
        (h2::Reason::ENHANCE_YOUR_CALM, true, _) => (Lost::TooMuch, "the server asks for less"),
        (_, true, true) => (Lost::Broken, "the server closed the connection"),
        (_, true, false) => (Lost::Broken, "the server reset the request"),
        (_, false, _) => (Lost::Broken, "not a valid answer"),
    };
    TransferError::Stream {
        lost,
        what: format!("HTTP/2: {what} ({reason:?})"),
    }
}

fn of_tls(error: &rustls::Error) -> TransferError {
    use rustls::{AlertDescription as Alert, CertificateError, Error as E, InvalidMessage};
    const UNTRUSTED: &str = "the certificate is not to be trusted";
    let passing = !matches!(
        error,
        E::InvalidCertificate(_)
            | E::InvalidCertRevocationList(_)
            | E::NoCertificatesPresented
            | E::UnsupportedNameType
            | E::PeerIncompatible(_)
            | E::InvalidMessage(InvalidMessage::InvalidContentType)
            | E::AlertReceived(
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::AccessDenied
                    // Or they have nothing in common to speak.
                    | Alert::HandshakeFailure
                    | Alert::ProtocolVersion
                    | Alert::InsufficientSecurity
                    | Alert::NoApplicationProtocol
                    | Alert::UnrecognisedName
            )
    );
    let what = match error {
        E::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{UNTRUSTED}: its issuer is unknown here (--ca-cert FILE adds one)")
        }
        E::InvalidCertificate(CertificateError::Other(why)) if super::tls::is_of_an_authority(why) => {
            format!("{UNTRUSTED}: it is its own issuer's (--ca-cert FILE names it)")
        }
        E::InvalidCertificate(why) => format!("{UNTRUSTED}: {why}"),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => "the server does not speak it there".into(),
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
        // rustls explains it at length.
        None if error.kind() == io::ErrorKind::UnexpectedEof => error.kind().into(),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
