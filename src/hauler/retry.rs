//! What a failed try means for the next one: a table. Nobody below `hauler` knows that there are retries.

use std::time::Duration;

use crate::error::{Lost, TransferError};
use crate::http::Over;

/// Tries of one entry that are not counted, and requests on one way along redirects: a server may close idle connections,
/// but not for ever.
pub(super) const FREE: u32 = 64;
/// Requests that may meet a connection which takes no more of them: some servers close each after a few.
const LATE: u32 = 16;
/// How often to look whether another process is done with a file.
const LOCKED: Duration = Duration::from_millis(500);
/// How long to wait for a file descriptor.
const BREATH: Duration = Duration::from_millis(100);

/// Bytes of a file that there were at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached(pub(super) u64);

impl Reached {
    /// Are there so many more now, of a file of this size, that it was worth asking for them?
    pub(super) fn grows(&mut self, held: u64, size: Option<u64>) -> bool {
        let grows = is_worth_it(held.saturating_sub(self.0), size);
        if grows {
            self.0 = held;
        }
        grows
    }
}

/// Tries that use up no wait.
#[derive(Debug)]
pub(super) struct Allowance {
    most: Reached,
    /// For what is no failure of this entry.
    free: u32,
    /// Those of them that met a connection which the server had closed.
    stale: u32,
    /// For a file that did not add up.
    fresh: bool,
    /// For a request that its server did not look at.
    unseen: bool,
    /// For one whose connection was closed for more of them.
    late: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            most: Reached(0),
            free: FREE,
            stale: 0,
            fresh: true,
            unseen: true,
            late: LATE,
        }
    }
}

impl Allowance {
    /// Has the entry, of this size, so much more than ever before that what follows is counted anew?
    pub(super) fn has_grown(&mut self, held: u64, size: Option<u64>) -> bool {
        let has = self.most.grows(held, size);
        if has {
            *self = Self {
                most: self.most,
                fresh: self.fresh,
                ..Self::default()
            };
        }
        has
    }

    /// What the next try may go over.
    pub(super) fn over(&self) -> Over {
        over(self.stale)
    }
}

/// What a request may go over that met so many connections which the server had closed. It may have closed them because of
/// this very request: only one of its own tells.
pub(super) fn over(stale: u32) -> Over {
    if stale < 2 { Over::Any } else { Over::New }
}

/// Was a try worth it that brought so many more bytes of a file of this size? A few bytes at a time would be asked for as
/// long as the file has some.
fn is_worth_it(more: u64, size: Option<u64>) -> bool {
    let least = size.map_or(4096, |size| (size / 1024).clamp(1, 4096));
    more >= least
}

/// What a failed try means for the next.
#[derive(Debug)]
pub(super) enum Next {
    /// Again, as if nothing had been.
    AtOnce,
    /// Again, after a wait.
    After(Duration, TransferError),
    GiveUp(TransferError),
}

/// Decides about the next try. A connection that the server closed between two requests is no failure of this one:
/// it is tried again at once, and no wait is used up. Neither is one where another process was there first.
pub(super) fn next(
    error: TransferError,
    waits: &mut impl Iterator<Item = Duration>,
    Allowance {
        free,
        stale,
        fresh,
        unseen,
        late,
        ..
    }: &mut Allowance,
    max_wait: Duration,
) -> Next {
    match error {
        TransferError::Closed { reused: true, .. } | TransferError::Appeared if *free > 0 => {
            *free -= 1;
            *stale += u32::from(!matches!(error, TransferError::Appeared));
            return Next::AtOnce;
        }
        TransferError::Stream { lost: Lost::Late, .. } if *late > 0 => {
            *late -= 1;
            return Next::AtOnce;
        }
        // Once: a server that goes on to refuse is busy.
        TransferError::Stream {
            lost: Lost::Unseen | Lost::Refused,
            ..
        } if *unseen => {
            *unseen = false;
            return Next::AtOnce;
        }
        TransferError::Locked => return Next::After(LOCKED, error),
        // What this process opened, it closes soon.
        _ if *free > 0 && error.lacks_descriptors() => {
            *free -= 1;
            return Next::After(BREATH, error);
        }
        // One fresh try: a byte may have gone wrong on the way.
        TransferError::Checksum(_) if *fresh => {
            *fresh = false;
            return Next::After(Duration::ZERO, error);
        }
        _ => {}
    }
    if !error.is_passing() {
        return Next::GiveUp(error);
    }
    let asked = error.retry_after().filter(|wait| !wait.is_zero());
    if let TransferError::Status { status, .. } = error
        && let Some(wait) = asked.filter(|&wait| wait > max_wait)
    {
        return Next::GiveUp(TransferError::TooPatient { status, wait });
    }
    match waits.next() {
        Some(backoff) => Next::After(asked.unwrap_or(backoff), error),
        None => Next::GiveUp(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use reqwest::StatusCode;

    use super::*;
    use crate::checksum::Algorithm;

    fn decided(error: TransferError, waits: &[u64], free: u32) -> String {
        let mut waits = waits.iter().map(|&s| Duration::from_secs(s));
        let mut allowance = Allowance {
            most: Reached(0),
            free,
            stale: 0,
            fresh: free > 0,
            unseen: free > 0,
            late: free,
        };
        let shown = match next(error, &mut waits, &mut allowance, Duration::from_secs(60)) {
            Next::AtOnce => "at once".into(),
            Next::After(wait, _) => format!("after {}", wait.as_secs()),
            Next::GiveUp(error) => format!("give up: {error}"),
        };
        format!("{shown}, {} waits left", waits.len())
    }

    fn status(code: u16, retry_after: Option<u64>) -> TransferError {
        TransferError::Status {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn too_many() -> TransferError {
        TransferError::Disk {
            doing: "write",
            source: rustix::io::Errno::MFILE.into(),
        }
    }

    fn closed(reused: bool) -> TransferError {
        TransferError::Closed { reused, cause: None }
    }

    fn stream(lost: Lost) -> TransferError {
        TransferError::Stream {
            lost,
            what: String::new(),
        }
    }

    #[test]
    fn a_try_is_worth_it_that_brings_a_thousandth_or_some_kilobytes() {
        for (more, size, is_worth) in [
            (0, None, false),
            (4095, None, false),
            (4096, None, true),
            (0, Some(0), false),
            (1, Some(500), true),
            (99, Some(100 << 10), false),
            (100, Some(100 << 10), true),
            (4095, Some(1 << 40), false),
            (4096, Some(1 << 40), true),
        ] {
            assert_eq!(is_worth_it(more, size), is_worth, "{more} of {size:?}");
        }
    }

    #[test]
    fn what_is_worth_it_is_counted_from_the_most_there_was() {
        let mut most = Reached(1000);
        for (held, grows, then) in [
            (1001, false, 1000),
            (500, false, 1000),
            (1100, true, 1100),
            (1101, false, 1100),
        ] {
            assert_eq!(
                (most.grows(held, Some(100 << 10)), most),
                (grows, Reached(then)),
                "{held}"
            );
        }
    }

    #[test]
    fn a_request_under_which_connections_are_closed_gets_one_of_its_own() {
        let (mut waits, mut allowance) = (std::iter::empty(), Allowance::default());
        for (error, expected) in [
            (TransferError::Appeared, Over::Any),
            (closed(true), Over::Any),
            (TransferError::Appeared, Over::Any),
            (closed(true), Over::New),
            (closed(false), Over::New),
        ] {
            let shown = format!("{error:?}");
            next(error, &mut waits, &mut allowance, Duration::ZERO);
            assert_eq!(allowance.over(), expected, "{shown}");
        }
        assert!(allowance.has_grown(1 << 20, None));
        assert_eq!(allowance.over(), Over::Any);
    }

    #[test]
    fn a_failed_try_is_followed_by_the_right_one() {
        let refused = TransferError::Connect(io::Error::from(io::ErrorKind::ConnectionRefused));
        let too_long =
            "give up: 429 Too Many Requests (asks for a wait of 1:01; --retry-max-wait is shorter), 1 waits left";
        let far_too_long = &too_long.replace("1:01", "more than 100 days");
        for (error, waits, free, expected) in [
            (status(503, None), &[1, 2][..], 1, "after 1, 1 waits left"),
            (
                status(503, None),
                &[],
                1,
                "give up: 503 Service Unavailable, 0 waits left",
            ),
            (status(404, None), &[1], 1, "give up: 404 Not Found, 1 waits left"),
            (status(429, Some(7)), &[1], 1, "after 7, 0 waits left"),
            (status(429, Some(0)), &[1], 1, "after 1, 0 waits left"),
            (status(404, Some(7)), &[1], 1, "give up: 404 Not Found, 1 waits left"),
            (status(429, Some(61)), &[1], 1, too_long),
            (status(429, Some(u64::MAX)), &[1], 1, far_too_long),
            (closed(true), &[1], 1, "at once, 1 waits left"),
            (closed(true), &[1], 0, "after 1, 0 waits left"),
            (closed(false), &[1], 1, "after 1, 0 waits left"),
            (stream(Lost::Unseen), &[1], 1, "at once, 1 waits left"),
            (stream(Lost::Unseen), &[1], 0, "after 1, 0 waits left"),
            (stream(Lost::Refused), &[1], 1, "at once, 1 waits left"),
            (stream(Lost::Refused), &[1], 0, "after 1, 0 waits left"),
            (stream(Lost::Late), &[1], 1, "at once, 1 waits left"),
            (stream(Lost::Late), &[1], 0, "after 1, 0 waits left"),
            (stream(Lost::Broken), &[1], 1, "after 1, 0 waits left"),
            (refused, &[1], 1, "after 1, 0 waits left"),
            (TransferError::Checksum(Algorithm::Md5), &[], 1, "after 0, 0 waits left"),
            (
                TransferError::Checksum(Algorithm::Md5),
                &[1],
                0,
                "give up: wrong md5 checksum, 1 waits left",
            ),
            (TransferError::Locked, &[1], 0, "after 0, 1 waits left"),
            (too_many(), &[], 1, "after 0, 0 waits left"),
            (too_many(), &[1], 0, "after 1, 0 waits left"),
            (TransferError::Appeared, &[1], 1, "at once, 1 waits left"),
            (
                TransferError::Cancelled,
                &[1],
                1,
                "give up: stopped before it was done, 1 waits left",
            ),
        ] {
            assert_eq!(decided(error, waits, free), expected);
        }
    }
}
