//! Why an entry has no file.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use super::{Kind, LineError, os};
use crate::job::HostKey;

/// Why an entry has no file. `Display` is the reason, in one line, without URL, secret or untamed text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The line is no entry.
    #[error("{0}")]
    Line(#[from] LineError),
    /// The name lookup failed.
    #[error("no address for this host: {}", .0)]
    Dns(String),
    /// No connection could be made.
    #[error("{}", os(.0))]
    Connect(#[source] io::Error),
    /// A proxy, or something else on the way, refused to connect.
    #[error("cannot connect: {0}")]
    Tunnel(String),
    /// Nobody was ever reached there, whatever was tried, or it asks everybody to come back much later: it is not tried for
    /// every entry.
    #[error("{host} is given up: {why}")]
    HostDown {
        /// The host.
        host: HostKey,
        /// What kind of thing went wrong when it was tried.
        kind: Kind,
        /// What went wrong when it was given up, in words.
        why: Arc<str>,
    },
    /// No connection, on a way that leads past others than the URL's host.
    #[error("{failed} ({way})")]
    OnTheWay {
        /// What went wrong.
        failed: Box<TransferError>,
        /// Past whom, in words.
        way: String,
    },
    /// A proxy wants to know who asks (RFC 9110 section 15.5.8).
    #[error("the proxy does not let us in; credentials stand in its URL: http://USER:PASSWORD@HOST")]
    ProxyAuthentication,
    /// TLS failed.
    #[error("TLS: {what}")]
    Tls {
        /// What rustls said.
        what: String,
        /// Would another try help? Not when the certificate is wrong.
        passing: bool,
    },
    /// The server answered, and it was no success.
    #[error("{}", status_line(*.status))]
    Status {
        /// The status code (RFC 9110 section 15).
        status: StatusCode,
        /// How long the server asked to be left alone (RFC 9110 section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// The server asked for more patience than the settings allow.
    #[error("{} (asks for a wait of {}; --retry-max-wait is shorter)", status_line(*.status), asked(*.wait))]
    TooPatient {
        /// The status code.
        status: StatusCode,
        /// The wait it asked for.
        wait: Duration,
    },
    /// The answer is not HTTP, or not an answer to what was asked.
    #[error("{0}")]
    Protocol(String),
    /// The connection ended before the answer began.
    #[error("connection closed before the answer{}", why(.cause.as_ref()))]
    Closed {
        /// It had carried an earlier request: the server's right, and no fault of this one.
        reused: bool,
        /// What the system said, if it did.
        cause: Option<io::Error>,
    },
    /// The request was given up with what it shared a connection with: over HTTP/2, its stream or all of them were (RFC 9113
    /// sections 5.4 and 6.8); over HTTP/1.1, what came may be the rest of an earlier answer.
    #[error("{what}")]
    Stream {
        /// What that means for the request.
        lost: Lost,
        /// What happened, in words.
        what: String,
    },
    /// Not connected in time.
    #[error("not connected within {}", crate::report::seconds(*.0))]
    ConnectTimeout(Duration),
    /// No head of an answer in time. What comes before that is whole, nobody sees.
    #[error("no answer within {}", crate::report::seconds(*.0))]
    NoAnswer(Duration),
    /// No byte of a body in time.
    #[error("no byte for {}", crate::report::seconds(*.0))]
    Silence(Duration),
    /// Too few bytes for too long.
    #[error("slower than {}/s for {} (--min-speed)", crate::report::size(*.least), crate::report::seconds(*.over))]
    Slow {
        /// Bytes a second that were asked for.
        least: u64,
        /// For how long there were fewer.
        over: Duration,
    },
    /// The body ended early.
    #[error("{}", short_body(*.got, *.of))]
    ShortBody {
        /// Bytes that came.
        got: u64,
        /// Bytes that were announced, when they were.
        of: Option<u64>,
    },
    /// The file does not add up to what was announced.
    #[error("wrong {} checksum", .0.as_str())]
    Checksum(crate::checksum::Algorithm),
    /// An earlier entry found the disk full.
    #[error("not begun: the disk is full")]
    DiskFull,
    /// An earlier entry found that nothing can be written there.
    #[error("not begun: the file system is read-only")]
    ReadOnly,
    /// This user may make no files in its folder.
    #[error("not begun: permission denied in its folder")]
    Denied,
    /// The file is not as long as the list says.
    #[error("{}", wrong_size(*.listed, *.found))]
    WrongSize {
        /// Bytes by the list.
        listed: u64,
        /// Bytes by the server; `None` when it is only known that there are more.
        found: Option<u64>,
    },
    /// The file is larger than the settings allow.
    #[error("larger than {} (--max-size)", crate::report::size(*.limit))]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// The body went on after its end.
    #[error("more bytes than were announced")]
    LongBody,
    /// Another process is downloading this very file.
    #[error("another haul is at this file")]
    Locked,
    /// A file of that name appeared while this one came.
    #[error("a file of that name appeared meanwhile")]
    Appeared,
    /// A redirect that is not followed (RFC 9110 section 15.4).
    #[error("{0}")]
    Redirect(String),
    /// There is a file of that name, and the settings keep it.
    #[error("{0}")]
    InTheWay(&'static str),
    /// The disk said no.
    #[error("cannot {doing}: {}", os(.source))]
    Disk {
        /// What was tried, in words.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The name cannot be used.
    #[error("{0}")]
    Name(&'static str),
    /// The settings forbid it.
    #[error("{0}")]
    Refused(&'static str),
    /// The address is not one of the public internet.
    #[error("{0}, and --public-only refuses that")]
    NotPublic(String),
    /// The run was stopped first.
    #[error("stopped before it was done")]
    Cancelled,
}
/// What it means for a request that its stream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The server did not look at it (RFC 9113 section 8.7).
    Unseen,
    /// The server refused it, unseen, for it has enough to do (`REFUSED_STREAM`).
    Refused,
    /// The connection was closed for more requests, as a server may do at any time (RFC 9113 section 6.8).
    Late,
    /// The server has too much to do with us (`ENHANCE_YOUR_CALM`).
    TooMuch,
    /// It is as if the connection had broken.
    Broken,
}
fn why(cause: Option<&io::Error>) -> String {
    cause.map_or_else(String::new, |e| format!(": {}", os(e)))
}

fn status_line(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) if status == StatusCode::UNAUTHORIZED => {
            format!("{} {reason} (credentials: -u or -H)", status.as_u16())
        }
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => format!("{} (unknown status)", status.as_u16()),
    }
}

/// A server may name any number.
fn asked(wait: Duration) -> String {
    const LONG: Duration = Duration::from_secs(100 * 24 * 60 * 60);
    if wait > LONG {
        "more than 100 days".to_owned()
    } else {
        crate::report::seconds(wait)
    }
}

fn wrong_size(listed: u64, found: Option<u64>) -> String {
    match found {
        Some(found) => format!("the server has {found} bytes, the list says {listed}"),
        None => format!("the server has more than the {listed} bytes that the list says"),
    }
}

fn short_body(got: u64, of: Option<u64>) -> String {
    let size = crate::report::size;
    match of {
        // They differ, and so does what is said of them.
        Some(of) if size(got) == size(of) => format!("body ended at {got} of {of} bytes"),
        Some(of) => format!("body ended at {} of {}", size(got), size(of)),
        None => format!("body broke off at {}", size(got)),
    }
}
