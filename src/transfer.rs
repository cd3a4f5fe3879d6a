//! One try at one file: ask, decide, copy. Nobody here knows of retries, lists or screens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::{Method, StatusCode};
use url::Url;

use crate::disk::part::{Part, Replace};
use crate::disk::{Disk, Found};
use crate::error::TransferError;
use crate::event::Meter;
use crate::http::{Answer, Head, Http, Leg, Request};
use crate::report::Outcome;
use crate::settings::Existing;
use crate::stop::Stop;

/// What a transfer works with.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) http: Http,
    pub(crate) disk: Disk,
}

/// What is wanted of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// The file; nothing is in its place.
    File,
    /// The file, for the place of the one that is there.
    Replacement,
    /// The file, if it is newer than the one that is there.
    Newer { than: SystemTime, size: u64 },
    /// Only its size, to compare with the one that is there.
    Size { here: u64 },
    /// The same, by a GET whose body nobody reads: the server does not answer HEAD.
    SizeByGet { here: u64 },
}

/// How to go about an entry, once it is known what stands under its name.
#[derive(Debug)]
pub(crate) enum Plan {
    Ask(Want),
    Done(Outcome),
    Fail(TransferError),
}

/// Looks at what is there and decides, after the settings, what to do about it.
pub(crate) fn plan(existing: Existing, found: Found) -> Plan {
    let fail = |why| Plan::Fail(TransferError::InTheWay(why));
    match (existing, found) {
        (_, Found::Nothing) => Plan::Ask(Want::File),
        (Existing::Overwrite, Found::File { .. }) => Plan::Ask(Want::Replacement),
        (Existing::Fail, _) => fail("is there already"),
        (_, Found::Other) => fail("something that is no file has its name"),
        (Existing::Skip, Found::File { .. }) => Plan::Done(Outcome::AlreadyThere),
        (Existing::Update, Found::File { size, modified }) => Plan::Ask(Want::Newer { than: modified, size }),
        // A free name was chosen before; the file came in between.
        (Existing::Rename, Found::File { .. }) => fail("appeared while the list was read"),
        (Existing::Check, Found::File { size, .. }) => Plan::Ask(Want::Size { here: size }),
    }
}

/// One try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) url: &'a Url,
    pub(crate) leg: Leg,
    pub(crate) path: &'a Arc<PathBuf>,
    pub(crate) want: Want,
    pub(crate) meter: &'a Meter,
    pub(crate) stop: &'a Stop,
}

/// How a try ended that did not fail.
#[derive(Debug)]
pub(crate) enum Step {
    /// The file is there, whole.
    Done { outcome: Outcome, size: u64 },
    /// It is elsewhere.
    Moved(Url),
    /// Ask again, in another way.
    AskAgain(Want),
}

/// What a try cost, however it ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cost {
    /// Body bytes received.
    pub(crate) received: u64,
    /// Time waited for the disk.
    pub(crate) disk: Duration,
}

impl Tools {
    /// Makes one try.
    pub(crate) async fn attempt(&self, job: Try<'_>, cost: &mut Cost) -> Result<Step, TransferError> {
        let asked = job.stop.or(self.http.send(job.request()));
        let answer = asked.await.ok_or(TransferError::Cancelled)??;
        if let Some(target) = answer.head.redirect(job.url) {
            answer.drain().await;
            return Ok(Step::Moved(target?));
        }
        match decide(job.want, &answer.head) {
            Decision::Copy(replace) => self.copy(answer, job, replace, cost).await,
            Decision::Leave(step) => {
                answer.drain().await;
                Ok(step)
            }
            Decision::Fail(error) => {
                answer.drain().await;
                Err(error)
            }
        }
    }

    async fn copy(
        &self,
        mut answer: Answer,
        job: Try<'_>,
        replace: Replace,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let mut part = Part::new(&self.disk, job.path);
        job.meter.restart(answer.head.length);
        if let Some(length) = answer.head.length {
            part.expect(length);
        }
        let received = receive(&mut answer, &mut part, job, cost).await;
        cost.disk = part.waited();
        match received {
            Ok(size) => {
                let since = std::time::Instant::now();
                let committed = part.commit(answer.head.modified, replace).await;
                cost.disk += since.elapsed();
                committed.map_err(not_committed)?;
                let outcome = match job.want {
                    Want::Newer { .. } => Outcome::Updated,
                    _ => Outcome::Downloaded,
                };
                Ok(Step::Done { outcome, size })
            }
            Err(TransferError::Cancelled) => {
                part.park().await.map_err(|source| disk("keep what came", source))?;
                Err(TransferError::Cancelled)
            }
            Err(error) => {
                // The failure that is told is the one that came first.
                let _ = part.discard().await;
                Err(error)
            }
        }
    }
}

impl<'a> Try<'a> {
    fn request(&self) -> Request<'a> {
        Request {
            method: match self.want {
                Want::Size { .. } => Method::HEAD,
                _ => Method::GET,
            },
            url: self.url,
            leg: self.leg,
            modified_since: match self.want {
                Want::Newer { than, .. } => Some(than),
                _ => None,
            },
        }
    }
}

/// Copies the body. Only the reading is ever given up half-way.
async fn receive(answer: &mut Answer, part: &mut Part, job: Try<'_>, cost: &mut Cost) -> Result<u64, TransferError> {
    let mut size = 0;
    while let Some(bytes) = job.stop.or(answer.chunk()).await.ok_or(TransferError::Cancelled)?? {
        size += bytes.len() as u64;
        cost.received += bytes.len() as u64;
        part.write(&bytes).await.map_err(|source| disk("write", source))?;
        job.meter.add(bytes.len() as u64);
    }
    Ok(size)
}

/// What to do with an answer.
#[derive(Debug)]
enum Decision {
    Copy(Replace),
    Leave(Step),
    Fail(TransferError),
}

fn decide(want: Want, head: &Head) -> Decision {
    let is_success = matches!(head.status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION);
    match want {
        Want::Newer { size, .. } if head.status == StatusCode::NOT_MODIFIED => done(Outcome::Unchanged, size),
        Want::Size { here } if head_is_no_help(head) => Decision::Leave(Step::AskAgain(Want::SizeByGet { here })),
        _ if !is_success => Decision::Fail(TransferError::Status {
            status: head.status,
            retry_after: head.retry_after,
        }),
        Want::File => Decision::Copy(Replace::Never),
        Want::Newer { than, size } if head.modified.is_some_and(|time| time <= than) && head.length == Some(size) => {
            done(Outcome::Unchanged, size)
        }
        Want::Replacement | Want::Newer { .. } => Decision::Copy(Replace::Old),
        Want::Size { here } | Want::SizeByGet { here } => match head.length {
            Some(there) if there == here => done(Outcome::AlreadyThere, here),
            Some(_) => in_the_way("is there with another size; -f replaces it"),
            None => in_the_way("is there, and the server does not tell its size; -f replaces it"),
        },
    }
}

/// Some servers do not answer HEAD, or sign their URLs for GET alone. What will pass may pass for HEAD, too.
fn head_is_no_help(head: &Head) -> bool {
    let refused = head.status.is_client_error() || head.status == StatusCode::NOT_IMPLEMENTED;
    let gone = matches!(
        head.status,
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::TOO_MANY_REQUESTS
    );
    (refused && !gone) || (head.status == StatusCode::OK && head.length.is_none())
}

fn done(outcome: Outcome, size: u64) -> Decision {
    Decision::Leave(Step::Done { outcome, size })
}

fn in_the_way(why: &'static str) -> Decision {
    Decision::Fail(TransferError::InTheWay(why))
}

fn not_committed(source: std::io::Error) -> TransferError {
    if source.kind() == std::io::ErrorKind::AlreadyExists {
        return TransferError::InTheWay("a file of that name appeared meanwhile");
    }
    disk("finish the file", source)
}

pub(crate) fn disk(doing: &'static str, source: std::io::Error) -> TransferError {
    TransferError::Disk { doing, source }
}
