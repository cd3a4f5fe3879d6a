//! What a failure is like: of which kind, whether it passes, and whose fault it may be.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::{Lost, TransferError};
use crate::job::HostKey;

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

impl TransferError {
    /// The same, if there was no connection: by way of this proxy, and it may be the proxy's fault.
    pub(crate) fn through(self, proxy: Option<String>) -> Self {
        match proxy {
            Some(proxy) => self.by_way(|| format!("through the proxy {proxy}")),
            None => self,
        }
    }

    /// The same, if there was no connection: where a redirect leads.
    pub(crate) fn at_end_of_redirect(self, host: &HostKey) -> Self {
        self.by_way(|| format!("redirected to {host}"))
    }

    fn by_way(self, way: impl FnOnce() -> String) -> Self {
        if !self.has_no_connection() {
            return self;
        }
        Self::OnTheWay {
            failed: Box::new(self),
            way: way(),
        }
    }

    /// What went wrong, by whatever way.
    pub(crate) fn bare(&self) -> &Self {
        match self {
            Self::OnTheWay { failed, .. } => failed.bare(),
            _ => self,
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        match self.bare() {
            Self::Line(_) => Kind::BadLine,
            Self::Dns(_) => Kind::Dns,
            Self::Connect(_) | Self::Tunnel(_) | Self::ProxyAuthentication | Self::Closed { .. } => Kind::Connect,
            Self::HostDown { kind, .. } => *kind,
            Self::OnTheWay { failed, .. } => failed.kind(),
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
        match self.bare() {
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
        matches!(self.bare(), Self::Connect(source) | Self::Disk { source, .. } if lacks_descriptors(source))
    }

    /// Did it happen before there was a connection to ask over?
    pub(crate) fn has_no_connection(&self) -> bool {
        matches!(
            self.bare(),
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
        match self.bare() {
            Self::Connect(source) => !lacks_descriptors(source) && source.kind() != io::ErrorKind::AddrNotAvailable,
            Self::Dns(_) | Self::Tunnel(_) | Self::ConnectTimeout(_) => true,
            _ => false,
        }
    }

    /// Did it go wrong over a connection, before there was an answer?
    pub(crate) fn had_a_connection(&self) -> bool {
        matches!(
            self.bare(),
            Self::Tls { .. } | Self::Closed { .. } | Self::Stream { .. } | Self::Silence(_) | Self::Protocol(_)
        )
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.bare() {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Does the server ask to be asked less?
    pub(crate) fn is_push_back(&self) -> bool {
        let asks_for_less = matches!(
            self.bare(),
            Self::Stream {
                lost: Lost::TooMuch,
                ..
            }
        );
        asks_for_less || self.status().is_some_and(|status| matches!(status.as_u16(), 429 | 503))
    }

    /// The status code of the answer, when there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.bare() {
            Self::Status { status, .. } | Self::TooPatient { status, .. } => Some(*status),
            _ => None,
        }
    }
}
/// Were there too few file descriptors, of the process or of the machine?
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}
