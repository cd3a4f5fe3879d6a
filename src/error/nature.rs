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
            Self::ConnectTimeout(_) | Self::NoAnswer(_) | Self::Silence(_) | Self::Slow { .. } => Kind::Timeout,
            Self::ShortBody { .. } => Kind::ShortBody,
            Self::InTheWay(_) | Self::Name(_) | Self::Locked | Self::Appeared => Kind::Name,
            Self::Disk { .. } | Self::DiskFull | Self::ReadOnly | Self::Denied => Kind::Disk,
            Self::Checksum(_) | Self::WrongSize { .. } => Kind::Checksum,
            Self::TooLarge { .. } | Self::Refused(_) | Self::NotPublic(_) => Kind::Refused,
            Self::Cancelled => Kind::Cancelled,
        }
    }

    /// Would the same request fail again? That it is not worth another try now does not say so: some failures are none of
    /// the request's own.
    pub fn is_permanent(&self) -> bool {
        match self.bare() {
            // Nothing was asked, it was asked too soon, or somebody else was at the file.
            Self::HostDown { .. }
            | Self::TooPatient { .. }
            | Self::DiskFull
            | Self::ReadOnly
            | Self::Denied
            | Self::Locked
            | Self::Appeared
            | Self::Cancelled => false,
            Self::Disk { source, .. } => !is_out_of_room(source) && !self.is_passing(),
            _ => !self.is_passing(),
        }
    }

    /// May the same request succeed a little later? Then it is tried again.
    pub fn is_passing(&self) -> bool {
        match self.bare() {
            Self::Dns(_)
            | Self::Connect(_)
            | Self::Tunnel(_)
            | Self::Closed { .. }
            | Self::ConnectTimeout(_)
            | Self::NoAnswer(_)
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
            Self::Tls { .. } | Self::Closed { .. } | Self::Stream { .. } | Self::NoAnswer(_) | Self::Protocol(_)
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
                lost: Lost::TooMuch | Lost::Refused,
                ..
            }
        );
        asks_for_less || self.status().is_some_and(|status| matches!(status.as_u16(), 429 | 503))
    }

    /// Was a new connection closed before its first answer?
    pub(crate) fn is_turned_away(&self) -> bool {
        matches!(self.bare(), Self::Closed { reused: false, .. })
    }

    /// The status code of the answer, when there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.bare() {
            Self::Status { status, .. } | Self::TooPatient { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Does the disk take nothing now, whatever it is?
fn is_out_of_room(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem)
}

/// Were there too few file descriptors, of the process or of the machine?
pub(crate) fn lacks_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> TransferError {
        TransferError::Status {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
        }
    }

    fn disk(kind: io::ErrorKind) -> TransferError {
        TransferError::Disk {
            doing: "write",
            source: kind.into(),
        }
    }

    #[test]
    fn what_is_not_tried_again_may_still_succeed_another_time() {
        let host = HostKey::of(&"http://h/".parse().unwrap());
        let down = TransferError::HostDown {
            host: host.clone(),
            kind: Kind::Connect,
            why: "connection refused".into(),
        };
        let too_patient = TransferError::TooPatient {
            status: StatusCode::TOO_MANY_REQUESTS,
            wait: Duration::from_secs(3600),
        };
        let refused = TransferError::Connect(io::ErrorKind::ConnectionRefused.into());
        for (error, passing, permanent) in [
            (status(404), false, true),
            (status(503), true, false),
            (refused.at_end_of_redirect(&host), true, false),
            (down, false, false),
            (too_patient, false, false),
            (TransferError::Cancelled, false, false),
            (TransferError::DiskFull, false, false),
            (TransferError::ReadOnly, false, false),
            (TransferError::Denied, false, false),
            (TransferError::Locked, false, false),
            (TransferError::Appeared, false, false),
            (disk(io::ErrorKind::StorageFull), false, false),
            (disk(io::ErrorKind::PermissionDenied), false, true),
            (TransferError::TooLarge { limit: 1 }, false, true),
        ] {
            assert_eq!(
                (error.is_passing(), error.is_permanent()),
                (passing, permanent),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_refused_for_there_is_enough_to_do_is_push_back() {
        let stream = |lost| TransferError::Stream {
            lost,
            what: String::new(),
        };
        for (error, is_push_back) in [
            (status(429), true),
            (status(503), true),
            (status(500), false),
            (stream(Lost::TooMuch), true),
            (stream(Lost::Refused), true),
            (stream(Lost::Unseen), false),
            (stream(Lost::Late), false),
            (stream(Lost::Broken), false),
        ] {
            assert_eq!(error.is_push_back(), is_push_back, "{error:?}");
        }
    }
}
