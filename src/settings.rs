//! What a run may do: plain data in groups, each with a `Default`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use crate::checksum::Checksums;
use crate::shard::Shard;

mod http;

pub use http::{Credentials, Http, Identity, Proxies, Reach, Schemes, Token, Trust};

/// How a [`Hauler`](crate::Hauler) works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The folder that files go into; created when it is not there. Nothing is written outside it.
    pub dir: PathBuf,
    /// Connections at once. One is strictly sequential, in list order.
    pub jobs: NonZeroUsize,
    /// Connections at once to one scheme, host and port; `None` is as many as [`jobs`](Self::jobs).
    pub per_host: Option<NonZeroUsize>,
    /// Connections for one file.
    pub split: Split,
    /// What to do about a file that is already there.
    pub existing: Existing,
    /// Who names the files.
    pub naming: Naming,
    /// Which folders files get for which the list gives no path.
    pub layout: Layout,
    /// Paths in [`dir`](Self::dir) that no entry gets: something else of the run is written there.
    pub taken: Vec<PathBuf>,
    /// The largest file to fetch, in bytes.
    pub max_size: Option<u64>,
    /// What files have to add up to, by name.
    pub checksums: Checksums,
    /// When a file counts as done.
    pub durability: Durability,
    /// What an entry that fails means for the others.
    pub on_failure: OnFailure,
    /// When to try again.
    pub retry: Retry,
    /// Only this share of the list. Names are those of the whole list.
    pub shard: Option<Shard>,
    /// How fast.
    pub pace: Pace,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// What is sent, and whom to trust.
    pub http: Http,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("."),
            jobs: NonZeroUsize::new(16).unwrap_or(NonZeroUsize::MIN),
            per_host: None,
            split: Split::default(),
            existing: Existing::default(),
            naming: Naming::default(),
            layout: Layout::default(),
            taken: Vec::new(),
            max_size: None,
            checksums: Checksums::default(),
            durability: Durability::default(),
            on_failure: OnFailure::default(),
            retry: Retry::default(),
            shard: None,
            pace: Pace::default(),
            timeouts: Timeouts::default(),
            http: Http::default(),
        }
    }
}

/// Connections for one file, within those of the run and of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Split {
    /// At the end of the list, those that would be idle help with the largest file.
    #[default]
    Auto,
    /// At most so many, as soon as they are free and the file is large enough.
    UpTo(NonZeroUsize),
}

/// What to do about a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Existing {
    /// Ask the server for the size: equal is done, different fails the entry and touches nothing.
    #[default]
    Check,
    /// It counts as done, without a request.
    Skip,
    /// Fetch it when the server has a newer one.
    Update,
    /// Replace it once the new one is whole.
    Overwrite,
    /// Take a free name.
    Rename,
    /// Fail the entry.
    Fail,
}

/// Who names a file for which the list gives no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Naming {
    /// Its URL: the last component of the path.
    #[default]
    Url,
    /// The server, in `Content-Disposition` (RFC 6266); else its URL.
    Server,
}

/// Which folders a file gets for which the list gives no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// None.
    #[default]
    Flat,
    /// Those of its URL.
    Path,
    /// Its host, and in it those of its URL.
    Host,
}

/// When a file counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When the operating system has it: it survives the process.
    #[default]
    System,
    /// When the disk has it, and its name: it survives a power cut.
    Disk,
}

/// What an entry that fails means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// Nothing.
    #[default]
    GoOn,
    /// None begins any more; what is under way is kept for a later run.
    Stop,
}

/// When to try again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retry {
    /// Tries after the first.
    pub times: u32,
    /// The first wait is drawn from between zero and this; it doubles with every try.
    pub base: Duration,
    /// The cap of the backoff, and the longest `Retry-After` that is obeyed.
    pub max_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            times: 5,
            base: Duration::from_millis(500),
            max_wait: Duration::from_secs(60),
        }
    }
}

impl Retry {
    /// The waits before the second, third… try: each drawn anew from between zero and a bound that doubles (full
    /// jitter), so that tries that failed together do not come back together. A schedule is an iterator.
    pub fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let retry = self.clone();
        (0..self.times).map(move |n| retry.bound(n).mul_f64(fastrand::f64()))
    }

    /// What the wait after this try, counted from 0, is drawn below.
    pub(crate) fn bound(&self, n: u32) -> Duration {
        let bound = self.base.saturating_mul(1_u32.checked_shl(n).unwrap_or(u32::MAX));
        bound.min(self.max_wait)
    }
}

/// How fast, over the whole run.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Pace {
    /// Bytes a second at most, of all transfers together.
    pub limit: Option<NonZeroU64>,
    /// Requests begin no closer to each other than this: every one counts, also of retries and redirects.
    pub apart: Option<Duration>,
    /// A body that brings fewer bytes a second for as long as [`Timeouts::silence`] is given up and gone on with.
    pub least: Option<NonZeroU64>,
}

/// How long to wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Timeouts {
    /// For name lookup, TCP and TLS together.
    pub connect: Duration,
    /// Without a byte from the server.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_as_many_as_tries_and_stay_under_a_doubling_bound() {
        let retry = Retry {
            times: 40,
            ..Retry::default()
        };
        let waits: Vec<_> = retry.waits().collect();
        assert_eq!(waits.len(), 40);
        for (n, wait) in waits.iter().enumerate() {
            let bound = 0.5 * 2_f64.powi(i32::try_from(n).unwrap());
            assert!(wait.as_secs_f64() <= bound.min(60.0), "{n}: {wait:?}");
        }
    }
}
