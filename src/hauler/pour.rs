//! One URL into a writer instead of a file. What is out cannot be taken back: a body that broke off is gone on with only
//! when the server proves that the rest belongs to it, and a checksum that does not come out is told, not tried again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use url::Url;

use super::retry::{Allowance, Next, Reached, next};
use super::row;
use super::way::{Way, downgrade};
use crate::checksum::Adding;
use crate::disk::name;
use crate::error::{SetupError, TransferError};
use crate::event::{Event, Events, Meter};
use crate::http::{Answer, Http, Leg, Over, Request};
use crate::job::{Job, Resource};
use crate::report::{Exchange, Outcome, Row, Source, Summary, Tally};
use crate::settings::Settings;
use crate::stop::Stop;
use crate::throttle::Steps;
use crate::transfer::{Asked, Body, Course, Expect, resume};

/// What came of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Poured {
    /// The run, of one entry.
    pub summary: Summary,
    /// Bytes that the writer took.
    pub written: u64,
    /// Did the reader behind the writer go away? Then nothing else is wrong, and the summary has no entry.
    pub reader: Reader,
}

/// Whoever reads what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// It took everything there was.
    Stayed,
    /// It had enough (`EPIPE`).
    Left,
    /// It took nothing when the run was to end. How much it has of the last pieces, nobody knows.
    Stalled,
}

/// How long it is waited for when the run is to end: what is lost is of no use to it without the rest.
const PATIENCE: Duration = Duration::from_secs(1);

/// Fetches one entry into a writer, with the settings' retries; no folder is looked at or made. Once `stop` was asked, a
/// writer that takes nothing is given up after a second. Runs inside a tokio runtime.
///
/// # Errors
/// The settings name certificates or proxies that cannot be used.
pub async fn pour<W>(
    settings: &Settings,
    job: Job,
    to: &mut W,
    events: &Events,
    stop: &Stop,
) -> Result<Poured, SetupError>
where
    W: AsyncWrite + Unpin,
{
    let begun = Instant::now();
    let job = Arc::new(job);
    let mut pouring = Pouring {
        http: Http::new(&settings.http, &settings.timeouts)?.paced(&settings.pace),
        steps: settings.pace.apart.map(Steps::new),
        settings,
        job: &job,
        way: Way::home(&job.url, job.url.host(), Over::Any),
        to,
        events,
        stop,
        meter: Arc::default(),
        written: 0,
        proof: None,
        adding: Adding::new([]),
        reader: Reader::Stayed,
        tries: 0,
        busy: Duration::ZERO,
        exchange: None,
        answered: None,
    };
    let result = pouring.until_done().await;
    // Only then is it known what went out.
    let result = pouring.flush().await.and(result);
    let mut tally = Tally::default();
    let (reader, written) = (pouring.reader, pouring.written);
    if reader != Reader::Left {
        let outcome = result.map_or_else(|error| Outcome::Failed(Arc::new(error)), |()| Outcome::Downloaded);
        let row = Row {
            size: written,
            received: written,
            tries: pouring.tries,
            busy: pouring.busy,
            redirects: pouring.way.redirects,
            exchange: pouring.exchange,
            answered: pouring.answered,
            elapsed: begun.elapsed(),
            ..row(Source::Job(Arc::clone(&job)), outcome)
        };
        tally.add(&row);
        events.end(row).await;
    }
    let mut summary = tally.finish(begun.elapsed(), stop.is_asked());
    // Without an entry, too, that much came.
    summary.received = written;
    Ok(Poured {
        summary,
        written,
        reader,
    })
}

struct Pouring<'a, W> {
    http: Http,
    steps: Option<Steps>,
    settings: &'a Settings,
    job: &'a Arc<Job>,
    /// Where the requests of the last try went.
    way: Way<'a>,
    to: &'a mut W,
    events: &'a Events,
    stop: &'a Stop,
    meter: Arc<Meter>,
    written: u64,
    /// What the rest has to match, when the server gave a validator.
    proof: Option<Proof>,
    adding: Adding,
    reader: Reader,
    tries: u32,
    busy: Duration,
    /// The last answer.
    exchange: Option<Exchange>,
    /// The status of the answer to the last request, if that had one.
    answered: Option<StatusCode>,
}

#[derive(Debug)]
struct Proof {
    validator: String,
    size: Option<u64>,
    resource: Resource,
    coding: String,
}

/// Is there more to be asked for?
enum Rest {
    None,
    Some,
}

impl<W: AsyncWrite + Unpin> Pouring<'_, W> {
    async fn until_done(&mut self) -> Result<(), TransferError> {
        self.settings.http.schemes.allow(self.job.url.reveal())?;
        let retry = &self.settings.retry;
        let (mut waits, mut allowance) = (retry.waits(), Allowance::default());
        loop {
            let since = Instant::now();
            let tried = self.attempt().await;
            self.busy += since.elapsed();
            let error = match tried {
                Ok(()) => return self.verify(),
                // Without a proof nothing can follow what is out.
                Err(error) if self.written > 0 && self.proof.is_none() => return Err(error),
                Err(error) => error,
            };
            if allowance.has_grown(self.written, self.meter.size()) {
                waits = retry.waits();
            }
            match next(error, &mut waits, &mut allowance, retry.max_wait) {
                Next::GiveUp(error) => return Err(error),
                Next::AtOnce => self.tries = self.tries.saturating_sub(1),
                Next::After(wait, error) => {
                    self.tell_retry(error, wait).await;
                    self.stop.unless(tokio::time::sleep(wait)).await?;
                }
            }
            self.way.over = allowance.over();
        }
    }

    async fn attempt(&mut self) -> Result<(), TransferError> {
        self.tries += 1;
        self.tell_start().await;
        let mut most = Reached(self.written);
        loop {
            let asked = self.asked();
            let (answer, from) = self.ask(asked.as_ref()).await?;
            if let Rest::None = self.copy((answer, from), asked.as_ref()).await? {
                return Ok(());
            }
            let (got, of) = (self.written, self.meter.size());
            if !most.grows(got, of) {
                return Err(TransferError::ShortBody { got, of });
            }
        }
    }

    fn asked(&self) -> Option<Asked> {
        let Proof {
            validator,
            size,
            resource,
            coding,
        } = self.proof.as_ref().filter(|_| self.written > 0)?;
        Some(Asked {
            gap: self.written..size.unwrap_or(u64::MAX),
            validator: validator.clone(),
            size: *size,
            resource: Some(*resource),
            coding: coding.clone(),
        })
    }

    /// The answer, wherever redirects lead for it, and of what it is.
    async fn ask(&mut self, asked: Option<&Asked>) -> Result<(Box<Answer>, Url), TransferError> {
        self.way = Way::home(&self.job.url, self.job.url.host(), self.way.over);
        loop {
            let request = Request {
                method: Method::GET,
                url: &self.way.url,
                leg: self.way.leg,
                over: self.way.over,
                own: self.job.request(),
                unless: None,
                range: asked.map(|asked| (asked.gap.start, None, Some(&*asked.validator))),
            };
            if let Some(steps) = &self.steps {
                self.stop.unless(steps.next()).await?;
            }
            self.answered = None;
            let (answer, exchange) = match self.stop.unless(self.http.send(request)).await? {
                Ok(answered) => answered,
                Err(error) if self.way.asks_again(&error) => continue,
                Err(error) => return Err(self.way.with_its_end(error)),
            };
            self.way.was_answered();
            self.answered = Some(exchange.status);
            self.exchange = Some(Exchange {
                away: (self.way.leg == Leg::Away).then(|| self.way.host.clone()),
                ..exchange
            });
            let Some(target) = answer.head.redirect(&self.way.url) else {
                return Ok((answer, self.way.url.clone().into_owned()));
            };
            answer.drain().await;
            let followed = self.way.follow(target?, self.settings.http.schemes)?;
            if let Some(host) = followed.downgraded_by {
                self.events.send(|| Event::Warning(downgrade(&host))).await;
            }
        }
    }

    async fn copy(&mut self, (answer, from): (Box<Answer>, Url), asked: Option<&Asked>) -> Result<Rest, TransferError> {
        let course = resume::plan(asked, &answer.head, |validator| Some(self.resource(&from, validator)));
        let course = match course {
            Ok(course) => course,
            Err(refusal) => {
                answer.drain().await;
                return Err(refusal.into());
            }
        };
        match course {
            Course::Fresh if self.written == 0 => self.begin(answer, &from).await,
            Course::Continue { end, size } => {
                self.meter.restart(self.written, size);
                if let Some(proof) = &mut self.proof {
                    proof.size = size;
                }
                let expected = end.saturating_sub(self.written);
                self.receive(Body::Plain(answer), Some(expected)).await?;
                Ok(if size == Some(self.written) {
                    Rest::None
                } else {
                    Rest::Some
                })
            }
            Course::Whole { .. } => Ok(Rest::None),
            Course::Fresh | Course::StartOver => Err(TransferError::Protocol(
                "the server cannot prove that the rest belongs to what is out".into(),
            )),
        }
    }

    async fn begin(&mut self, answer: Box<Answer>, from: &Url) -> Result<Rest, TransferError> {
        let head = &answer.head;
        let name = name::of_url(self.job.url.reveal());
        let is_coded = head.hides(&name);
        let length = head.length.filter(|_| !is_coded);
        self.proof = head.validator.clone().filter(|_| !is_coded).map(|validator| Proof {
            resource: self.resource(from, &validator),
            validator,
            size: length,
            coding: head.encoding.clone(),
        });
        let digests = head.digests.iter().filter(|_| !is_coded);
        let named = || self.settings.checksums.get(Path::new(&name));
        let listed = self.job.checksum.as_ref().or_else(named);
        self.adding = Adding::new(listed.into_iter().chain(digests).cloned());
        self.meter.restart(0, length);
        if let Some(error) = self.expect().refuses(&Course::Fresh, head) {
            answer.drain().await;
            return Err(error);
        }
        let body = Body::of(answer, is_coded)?;
        self.receive(body, length).await?;
        Ok(Rest::None)
    }

    /// Writes the body out. Only the reading is ever given up half-way.
    async fn receive(&mut self, mut body: Body, expected: Option<u64>) -> Result<(), TransferError> {
        let mut left = expected;
        while let Some(bytes) = self.stop.unless(body.chunk()).await?? {
            let count = bytes.len() as u64;
            if let Some(left) = &mut left {
                // What such an answer sent is out already, and cannot be fetched anew.
                let wrong = || TransferError::Protocol(TransferError::LongBody.to_string());
                *left = left.checked_sub(count).ok_or_else(wrong)?;
            }
            if let Some(error) = self.expect().outgrown(self.written + count) {
                return Err(error);
            }
            let written = patiently(self.stop, self.to.write_all(&bytes)).await;
            self.note(written)?;
            self.adding.update(&bytes);
            self.written += count;
            self.meter.add(count);
        }
        match left {
            Some(missing) if missing > 0 => Err(TransferError::ShortBody {
                got: self.written,
                of: Some(self.written + missing),
            }),
            _ => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), TransferError> {
        if self.reader != Reader::Stayed {
            return Ok(());
        }
        let flushed = patiently(self.stop, self.to.flush()).await;
        self.note(flushed)
    }

    /// What writing says of the reader.
    fn note(&mut self, written: Option<io::Result<()>>) -> Result<(), TransferError> {
        self.reader = match &written {
            Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Reader::Left,
            Some(_) => Reader::Stayed,
            None => Reader::Stalled,
        };
        written.map_or(Err(TransferError::Cancelled), |written| written.map_err(cannot_write))
    }

    fn resource(&self, from: &Url, validator: &str) -> Resource {
        Resource::of(self.job.url.reveal(), from, validator)
    }

    /// How long it may be. What it adds up to is known when it is out.
    fn expect(&self) -> Expect {
        Expect {
            checksum: None,
            size: self.job.size,
            most: self.settings.max_size,
        }
    }

    fn verify(&mut self) -> Result<(), TransferError> {
        let adding = std::mem::replace(&mut self.adding, Adding::new([]));
        adding
            .mismatch()
            .map_or(Ok(()), |algorithm| Err(TransferError::Checksum(algorithm)))
    }

    async fn tell_start(&self) {
        let event = || Event::Started {
            id: self.job.id,
            url: self.job.url.clone(),
            path: Arc::new(name::of_url(self.job.url.reveal()).into()),
            meter: Arc::clone(&self.meter),
            attempt: self.tries,
        };
        self.events.send(event).await;
    }

    async fn tell_retry(&self, error: TransferError, wait: Duration) {
        self.events
            .send(|| Event::retrying(self.job, self.tries, (error, self.answered), wait))
            .await;
    }
}

/// What came of a write, or `None` when the run was to end and it did not.
async fn patiently<F: Future>(stop: &Stop, write: F) -> Option<F::Output> {
    let overdue = async {
        stop.asked().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        biased;
        written = write => Some(written),
        () = overdue => None,
    }
}

fn cannot_write(source: io::Error) -> TransferError {
    TransferError::Disk {
        doing: "write it out",
        source,
    }
}
