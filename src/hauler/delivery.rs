//! One entry, from its name to its row: as many tries as it takes. Nobody below here knows that there are retries.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use url::Url;

use super::{Shared, row};
use crate::error::TransferError;
use crate::event::{Event, Events, Meter};
use crate::http::Leg;
use crate::job::{HostKey, Job};
use crate::report::{Outcome, Row, Source};
use crate::slots::Slot;
use crate::stop::Stop;
use crate::transfer::{Cost, Plan, Step, Try, Want, disk, plan};

/// Redirects followed for one answer.
const REDIRECTS: u32 = 10;
/// Tries of one entry that are not counted: a server may close idle connections, but not for ever.
const FREE: u32 = 64;

/// Delivers one entry. While it waits for its first slot it is small and holds nothing.
pub(super) async fn deliver(shared: Arc<Shared>, job: Arc<Job>, path: Arc<PathBuf>, events: Events, stop: Stop) -> Row {
    let planned = match shared.tools.disk.look(Arc::clone(&path)).await {
        Ok(found) => plan(shared.settings.existing, found),
        Err(source) => Plan::Fail(disk("look into the folder", source)),
    };
    let unasked = |outcome| Row {
        path: Some(Arc::clone(&path)),
        ..row(Source::Job(Arc::clone(&job)), outcome)
    };
    let want = match planned {
        Plan::Ask(want) => want,
        Plan::Done(outcome) => return unasked(outcome),
        Plan::Fail(error) => return unasked(Outcome::Failed(Arc::new(error))),
    };
    let home = job.url.host();
    let Some(slot) = stop.or(shared.slots.acquire(&home)).await else {
        return unasked(Outcome::Failed(Arc::new(TransferError::Cancelled)));
    };
    let delivery = Delivery {
        shared: &shared,
        job: &job,
        path: &path,
        events: &events,
        stop: &stop,
        meter: Arc::default(),
        want,
        cost: Cost::default(),
        busy: Duration::ZERO,
        tries: 0,
    };
    // The state of a transfer is large, and only an entry that has a slot has one.
    Box::pin(delivery.run(&home, slot)).await
}

struct Delivery<'a> {
    shared: &'a Shared,
    job: &'a Arc<Job>,
    path: &'a Arc<PathBuf>,
    events: &'a Events,
    stop: &'a Stop,
    meter: Arc<Meter>,
    want: Want,
    cost: Cost,
    busy: Duration,
    /// Tries that count.
    tries: u32,
}

/// What a failed try means for the next.
#[derive(Debug)]
enum Next {
    /// Again, as if nothing had been.
    AtOnce,
    /// Again, after a wait.
    After(Duration, TransferError),
    GiveUp(TransferError),
}

impl Delivery<'_> {
    async fn run(mut self, home: &HostKey, slot: Slot) -> Row {
        let begun = Instant::now();
        let result = self.try_until_done(home, slot).await;
        let (outcome, size) = result.unwrap_or_else(|error| (Outcome::Failed(Arc::new(error)), 0));
        Row {
            path: Some(Arc::clone(self.path)),
            size,
            received: self.cost.received,
            tries: self.tries,
            busy: self.busy,
            disk: self.cost.disk,
            elapsed: begun.elapsed(),
            ..row(Source::Job(Arc::clone(self.job)), outcome)
        }
    }

    async fn try_until_done(&mut self, home: &HostKey, first: Slot) -> Result<(Outcome, u64), TransferError> {
        let retry = &self.shared.settings.retry;
        let (mut waits, mut free) = (retry.waits(), FREE);
        let mut slot = first;
        loop {
            self.tries += 1;
            let error = match self.attempt(slot).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match next(error, &mut waits, &mut free, retry.max_wait) {
                Next::GiveUp(error) => return Err(error),
                Next::AtOnce => self.tries -= 1,
                Next::After(wait, error) => {
                    self.tell_retry(&error, wait).await;
                    self.unless_stopped(tokio::time::sleep(wait)).await?;
                }
            }
            slot = self.unless_stopped(self.shared.slots.acquire(home)).await?;
        }
    }

    /// One try: asks, and follows where the answers lead. The slot is given back at its end, whatever that is.
    async fn attempt(&mut self, mut slot: Slot) -> Result<(Outcome, u64), TransferError> {
        self.tell_start().await;
        let mut url = self.job.url.reveal().clone();
        let (mut leg, mut hops) = (Leg::Home, 0);
        loop {
            let step = match self.ask(&url, leg).await {
                Ok(step) => step,
                Err(error) => {
                    self.heed(&url, &error).await;
                    return Err(error);
                }
            };
            match step {
                Step::Done { outcome, size } => return Ok((outcome, size)),
                Step::AskAgain(want) => self.want = want,
                Step::Moved(_) if hops == REDIRECTS => {
                    return Err(TransferError::Redirect(format!("more than {REDIRECTS} redirects")));
                }
                Step::Moved(to) => {
                    hops += 1;
                    if to.origin() != url.origin() {
                        self.warn_of_downgrade(&url, &to).await;
                        leg = Leg::Away;
                        let host = HostKey::of(&to);
                        slot = self.unless_stopped(self.shared.slots.exchange(slot, &host)).await?;
                    }
                    url = to;
                }
            }
        }
    }

    async fn ask(&mut self, url: &Url, leg: Leg) -> Result<Step, TransferError> {
        let since = Instant::now();
        let asked = Try {
            url,
            leg,
            path: self.path,
            want: self.want,
            meter: &self.meter,
            stop: self.stop,
        };
        let step = self.shared.tools.attempt(asked, &mut self.cost).await;
        self.busy += since.elapsed();
        step
    }

    async fn unless_stopped<F: Future>(&self, future: F) -> Result<F::Output, TransferError> {
        self.stop.or(future).await.ok_or(TransferError::Cancelled)
    }

    /// A server that asks for time gets it, from every entry: its host pauses.
    async fn heed(&self, url: &Url, error: &TransferError) {
        let asked = error.retry_after().filter(|wait| error.is_passing() && !wait.is_zero());
        let Some(wait) = asked.filter(|&wait| wait <= self.shared.settings.retry.max_wait) else {
            return;
        };
        let host = HostKey::of(url);
        let grown = self.shared.slots.pause(&host, wait);
        if grown.is_zero() {
            return;
        }
        let micros = u64::try_from(grown.as_micros()).unwrap_or(u64::MAX);
        self.shared.paused.fetch_add(micros, Ordering::Relaxed);
        // Answers that came a moment later and ask for the same move the end by that moment: it is one pause.
        if grown < wait / 2 {
            return;
        }
        let why = error.to_string();
        self.events.send(|| Event::Paused { host, wait, why }).await;
    }

    async fn warn_of_downgrade(&self, from: &Url, to: &Url) {
        let host = HostKey::of(from);
        if from.scheme() == "https" && to.scheme() == "http" && self.shared.is_new_downgrade(&host) {
            let warning = format!("{host} redirects from https to plain http; followed without credentials");
            self.events.send(|| Event::Warning(warning)).await;
        }
    }

    async fn tell_start(&self) {
        let event = || Event::Started {
            id: self.job.id,
            url: self.job.url.clone(),
            path: Arc::clone(self.path),
            meter: Arc::clone(&self.meter),
            attempt: self.tries,
        };
        self.events.send(event).await;
    }

    async fn tell_retry(&self, error: &TransferError, wait: Duration) {
        let event = || Event::Retrying {
            id: self.job.id,
            url: self.job.url.clone(),
            why: error.to_string(),
            wait,
        };
        self.events.send(event).await;
    }
}

/// Decides about the next try. A connection that the server closed between two requests is no failure of this one:
/// it is tried again at once, and no wait is used up.
fn next(error: TransferError, waits: &mut impl Iterator<Item = Duration>, free: &mut u32, max_wait: Duration) -> Next {
    if matches!(error, TransferError::Closed { reused: true, .. }) && *free > 0 {
        *free -= 1;
        return Next::AtOnce;
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

    fn decided(error: TransferError, waits: &[u64], free: u32) -> String {
        let mut waits = waits.iter().map(|&s| Duration::from_secs(s));
        let mut left = free;
        let shown = match next(error, &mut waits, &mut left, Duration::from_secs(60)) {
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

    fn closed(reused: bool) -> TransferError {
        TransferError::Closed { reused, cause: None }
    }

    #[test]
    fn a_failed_try_is_followed_by_the_right_one() {
        let refused = TransferError::Connect(io::Error::from(io::ErrorKind::ConnectionRefused));
        let too_long =
            "give up: 429 Too Many Requests (asks for a wait of 1:01; --retry-max-wait is shorter), 1 waits left";
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
            (closed(true), &[1], 1, "at once, 1 waits left"),
            (closed(true), &[1], 0, "after 1, 0 waits left"),
            (closed(false), &[1], 1, "after 1, 0 waits left"),
            (refused, &[1], 1, "after 1, 0 waits left"),
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
