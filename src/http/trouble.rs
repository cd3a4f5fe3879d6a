//! What went wrong on the wire, in our own terms: reqwest's errors are read down to the one that says it.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use thiserror::Error;

use super::client::Connection;
use crate::error::{Lost, TransferError};
use crate::settings::Timeouts;

/// The name lookup failed.
#[derive(Debug, Error)]
#[error("{}", crate::error::os(.0))]
pub(super) struct NoAddress(pub(super) io::Error);

/// The name has addresses, and none of them may be connected to.
#[derive(Debug, Error)]
#[error(transparent)]
pub(super) struct OutOfReach(pub(super) TransferError);

/// Why there is no answer, from a request that had this to do with making a connection.
pub(super) fn before_head(error: &reqwest::Error, connection: Connection, timeouts: &Timeouts) -> TransferError {
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
        // What is no TLS tells of a server that speaks none only where TLS was to begin.
        if matches!(tls, rustls::Error::InvalidMessage(_)) && !error.is_connect() {
            return TransferError::Closed { reused, cause: None };
        }
        return of_tls(tls);
    }
    // Not even a PING was answered (RFC 9113 section 6.7).
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_timeout) {
        return TransferError::NoAnswer(timeouts.silence);
    }
    if error.is_timeout() {
        return TransferError::ConnectTimeout(timeouts.connect);
    }
    if error.is_connect() {
        return match find_io(error) {
            // What could be connected to ends only while it is agreed on how to speak.
            Some(io) if is_end(io) => TransferError::Closed {
                reused: false,
                cause: Some(io::Error::new(io.kind(), "in the TLS handshake")),
            },
            Some(io) => TransferError::Connect(copy(io)),
            None => of_proxy(deepest(error)),
        };
    }
    on_connection(error, reused)
}

/// Did the other side end the connection?
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

/// Is what came no valid answer, whatever there was before?
pub(super) fn is_invalid(error: &reqwest::Error) -> bool {
    find::<h2::Error>(error).is_some_and(h2::Error::is_library)
        || find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
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
    let cause = find_io(error).map(copy);
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
        // It ended, or spoke before it was asked: who has too much to do says so, and closes.
        Some(_) => TransferError::Closed { reused, cause },
        None => TransferError::Protocol(deepest(error)),
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
        (h2::Reason::REFUSED_STREAM, true, false) => (Lost::Refused, "the server did not take the request"),
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
    use rustls::{AlertDescription as Alert, Error as E, InvalidMessage};
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
        E::InvalidCertificate(why) => of_certificate(why),
        E::InvalidMessage(InvalidMessage::InvalidContentType) => "the server does not speak it there".into(),
        E::AlertReceived(Alert::CertificateRequired) => "the server wants a certificate (--cert FILE)".into(),
        other => other.to_string(),
    };
    TransferError::Tls {
        what: crate::tame::tame(&what).into_owned(),
        passing,
    }
}

/// What is wrong with a certificate, and what helps.
fn of_certificate(error: &CertificateError) -> String {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => "the certificate's issuer is unknown here (--ca-cert FILE adds it)".into(),
        E::Other(why) if super::tls::is_of_an_authority(why) => {
            "self-signed certificate (--ca-cert FILE trusts it)".into()
        }
        E::NotValidForNameContext { expected, presented } => {
            format!(
                "the certificate is not for {}, but for {}",
                expected.to_str(),
                names(presented)
            )
        }
        E::ExpiredContext { not_after, .. } => format!("the certificate expired on {}", day(*not_after)),
        E::NotValidYetContext { not_before, .. } => format!("the certificate begins on {}", day(*not_before)),
        why => format!("the certificate is not to be trusted: {why}"),
    }
}

/// Names of a certificate, as the verifier writes them (`DnsName("example.org")`), in a few words.
fn names(presented: &[String]) -> String {
    const SHOWN: usize = 3;
    let bare = |name: &String| {
        let (_, name) = name.split_once('(').unwrap_or(("", name));
        name.trim_end_matches(')').trim_matches('"').to_owned()
    };
    let mut names: Vec<_> = presented.iter().take(SHOWN).map(bare).collect();
    match presented.len() {
        0 => names.push("no host".into()),
        more if more > SHOWN => names.push("others".into()),
        _ => {}
    }
    names.join(", ")
}

/// The day in UTC.
fn day(time: UnixTime) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    let shown = time.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    let shown = shown.unwrap_or_default();
    shown.split('T').next().unwrap_or_default().to_owned()
}

/// The first error of this type in the chain.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// What the system said, or who speaks for it: the last one, for others wrap it in one that says less.
fn find_io<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
}

/// An error and what it comes from. An `io::Error` hides what it wraps from `source`, so it is opened.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
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
