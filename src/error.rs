//! Why something did not work, in words that name it once and hold no secret.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use thiserror::Error;

use crate::job::HostKey;

/// A cause from below, kept for the chain.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a run could not begin. Nothing was requested.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The folder for the files cannot be made or used.
    #[error("cannot use folder {}: {}", tamed(.dir), folder(.source))]
    Dir {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A certificate file cannot be read or holds no certificate.
    #[error("cannot use certificates of {}: {what}", tamed(.path))]
    Certificates {
        /// The PEM file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Only public addresses, and a proxy or a Unix socket.
    #[error(
        "--public-only needs direct connections, for a proxy looks names up itself; without -x and the proxy variables, \
         or with no_proxy='*', there is none"
    )]
    Proxied,
    /// The HTTP client refused its settings.
    #[error("cannot set up HTTP: {0}")]
    Http(String),
}

/// What kind of thing went wrong; the names are those of the JSON output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The line of the list is no entry.
    BadLine,
    /// No address for the host name.
    Dns,
    /// No connection.
    Connect,
    /// No trusted connection.
    Tls,
    /// An answer that is no success, or no HTTP.
    Http,
    /// Too long without a byte.
    Timeout,
    /// The body ended too early.
    ShortBody,
    /// The file does not add up.
    Checksum,
    /// The file could not be written.
    Disk,
    /// The name cannot be used.
    Name,
    /// haul's own settings forbid it.
    Refused,
    /// The run was stopped first.
    Cancelled,
}

impl Kind {
    /// Its name in machine-readable output; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadLine => "bad_line",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Timeout => "timeout",
            Self::ShortBody => "short_body",
            Self::Checksum => "checksum",
            Self::Disk => "disk",
            Self::Name => "name",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

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
    /// Nobody was ever reached there, whatever was tried, and it is not tried for every entry.
    #[error("{host} is given up: {why}")]
    HostDown {
        /// The host.
        host: HostKey,
        /// What kind of thing went wrong when it was tried.
        kind: Kind,
        /// What went wrong the first time, in words.
        why: Arc<str>,
    },
    /// A proxy wants to know who asks (RFC 9110 section 15.5.8).
    #[error("the proxy asks for credentials; they stand in its URL: http://USER:PASSWORD@HOST")]
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
    #[error("{} (asks for a wait of {}; --retry-max-wait is shorter)", status_line(*.status), crate::report::seconds(*.wait))]
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
    /// No byte in time.
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

impl TransferError {
    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Line(_) => Kind::BadLine,
            Self::Dns(_) => Kind::Dns,
            Self::Connect(_) | Self::Tunnel(_) | Self::ProxyAuthentication | Self::Closed { .. } => Kind::Connect,
            Self::HostDown { kind, .. } => *kind,
            Self::Tls { .. } => Kind::Tls,
            Self::Status { .. }
            | Self::TooPatient { .. }
            | Self::Protocol(_)
            | Self::Redirect(_)
            | Self::LongBody
            | Self::Stream { .. } => Kind::Http,
            Self::ConnectTimeout(_) | Self::Silence(_) | Self::Slow { .. } => Kind::Timeout,
            Self::ShortBody { .. } => Kind::ShortBody,
            Self::InTheWay(_) | Self::Name(_) | Self::Locked | Self::Appeared => Kind::Name,
            Self::Disk { .. } | Self::DiskFull | Self::ReadOnly => Kind::Disk,
            Self::Checksum(_) | Self::WrongSize { .. } => Kind::Checksum,
            Self::TooLarge { .. } | Self::Refused(_) | Self::NotPublic(_) => Kind::Refused,
            Self::Cancelled => Kind::Cancelled,
        }
    }

    /// May the same request succeed a little later?
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Dns(_)
            | Self::Connect(_)
            | Self::Tunnel(_)
            | Self::Closed { .. }
            | Self::ConnectTimeout(_)
            | Self::Silence(_)
            | Self::Slow { .. }
            | Self::ShortBody { .. }
            | Self::Stream { .. }
            | Self::LongBody => true,
            Self::Tls { passing, .. } => *passing,
            Self::Disk { source, .. } => lacks_descriptors(source),
            Self::Status { status, .. } => matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504 | 520..=524),
            _ => false,
        }
    }

    /// Were there too few file descriptors, of the process or of the machine?
    pub(crate) fn lacks_descriptors(&self) -> bool {
        matches!(self, Self::Connect(source) | Self::Disk { source, .. } if lacks_descriptors(source))
    }

    /// Did it happen before there was a connection to ask over?
    pub(crate) fn has_no_connection(&self) -> bool {
        matches!(
            self,
            Self::Dns(_)
                | Self::Connect(_)
                | Self::Tunnel(_)
                | Self::ProxyAuthentication
                | Self::Tls { .. }
                | Self::ConnectTimeout(_)
                | Self::NotPublic(_)
        )
    }

    /// Was nobody reached, and is that no fault of this machine?
    pub(crate) fn found_nobody(&self) -> bool {
        match self {
            Self::Connect(source) => !lacks_descriptors(source) && source.kind() != io::ErrorKind::AddrNotAvailable,
            Self::Dns(_) | Self::Tunnel(_) | Self::ConnectTimeout(_) => true,
            _ => false,
        }
    }

    /// Did it go wrong over a connection, before there was an answer?
    pub(crate) fn had_a_connection(&self) -> bool {
        matches!(
            self,
            Self::Tls { .. } | Self::Closed { .. } | Self::Stream { .. } | Self::Silence(_) | Self::Protocol(_)
        )
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Does the server ask to be asked less?
    pub(crate) fn is_push_back(&self) -> bool {
        let asks_for_less = matches!(
            self,
            Self::Stream {
                lost: Lost::TooMuch,
                ..
            }
        );
        asks_for_less || self.status().is_some_and(|status| matches!(status.as_u16(), 429 | 503))
    }

    /// The status code of the answer, when there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } | Self::TooPatient { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// What it means for a request that its stream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The server did not look at it (RFC 9113 section 8.7).
    Unseen,
    /// The server has too much to do with us (`ENHANCE_YOUR_CALM`).
    TooMuch,
    /// It is as if the connection had broken.
    Broken,
}

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineError {
    /// It does not begin with `scheme://`.
    #[error("not a URL (a URL begins with http:// or https://)")]
    NoUrl,
    /// It begins like one and goes wrong.
    #[error("not a URL: {0}")]
    BadUrl(#[from] url::ParseError),
    /// Another scheme.
    #[error("{}: is not http or https", crate::tame::tame(.0))]
    Scheme(String),
    /// Bytes that are not text.
    #[error("invalid UTF-8")]
    Utf8,
    /// A NUL in it.
    #[error("a NUL byte in the line")]
    Nul,
    /// A line break or the like, which would be left out of the URL without a word.
    #[error("a control character in the URL")]
    Control,
    /// Too long to be an entry.
    #[error("longer than {} KiB", .0 / 1024)]
    TooLong(usize),
    /// More than one URL, and they are not mirrors.
    #[error("more than one URL in a line (mirrors are separated by a tab, and nothing else stands with them)")]
    SeveralUrls,
    /// A field of the entry that cannot be used. Its value may be a secret and is not told.
    #[error("{}: {why}", crate::tame::tame(.name))]
    Field {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An option that belongs to no entry.
    #[error("an option, and no URL above it")]
    Orphan,
    /// An option of an entry that was given on: the list paused between them.
    #[error("an option that came too late: the list paused, and its entry was begun without it")]
    Late,
    /// One entry holds more than that.
    #[error("an entry of more than {} KiB", .0 / 1024)]
    TooMuch(usize),
    /// Broken JSON, from this column on.
    #[error("not JSON from column {0} on")]
    Json(usize),
    /// A table row that cannot be read.
    #[error("{0}")]
    Table(&'static str),
    /// A web page instead of a list.
    #[error("this is a web page, not a list; is the list behind a login, or is there a link to its raw text?")]
    Html,
    /// Metalink (RFC 5854) or other XML.
    #[error("this is XML (a metalink?), not a list; haul reads no metalinks: write the URLs of its files as lines")]
    Xml,
    /// UTF-16.
    #[error("this is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")]
    Utf16,
    /// The list itself could not be read on.
    #[error("the list cannot be read on: {0}")]
    Unreadable(String),
}

/// Were there too few file descriptors, of the process or of the machine?
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// An operating-system error in words, without its number.
pub(crate) fn os(error: &(impl std::error::Error + ?Sized)) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn tamed(path: &std::path::Path) -> String {
    crate::tame::tame(&path.to_string_lossy()).into_owned()
}

/// Why a folder cannot be used.
fn folder(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "it is a file; -d names a folder".into(),
        _ => os(error),
    }
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

fn wrong_size(listed: u64, found: Option<u64>) -> String {
    match found {
        Some(found) => format!("the server has {found} bytes, the list says {listed}"),
        None => format!("the server has more than the {listed} bytes that the list says"),
    }
}

fn short_body(got: u64, of: Option<u64>) -> String {
    match of {
        Some(of) => format!(
            "body ended at {} of {}",
            crate::report::size(got),
            crate::report::size(of)
        ),
        None => format!("body broke off at {}", crate::report::size(got)),
    }
}
