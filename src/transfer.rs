//! One try at one file: ask, decide, copy. Nobody here knows of retries, lists or screens.

mod check;
mod naming;
mod resume;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use url::Url;

use crate::checksum::{Adding, Checksum};
use crate::disk::mark::Mark;
use crate::disk::part::{self, Earlier, Finish, Identity, Part, Replace};
use crate::disk::record::Record;
use crate::disk::{Disk, Found};
use crate::error::TransferError;
use crate::event::Meter;
use crate::http::{Answer, Decoded, Head, Http, Leg, Request, Unless, is_the_file};
use crate::report::Outcome;
use crate::settings::{Durability, Existing};
use crate::stop::Stop;
use check::Check;
pub(crate) use naming::Namer;
use naming::Target;
use resume::{Asked, Course};

/// What a transfer works with.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) http: Http,
    pub(crate) disk: Disk,
    pub(crate) durability: Durability,
}

/// What is wanted of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// The file; nothing is in its place.
    File,
    /// The file, for the place of the one that is there.
    Replacement,
    /// The file, if it is not the one of this size and date that is there.
    Newer {
        than: SystemTime,
        size: u64,
        unless: Unless,
    },
    /// Only its size, to compare with the one that is there.
    Size { here: u64 },
    /// The same, by a GET whose body nobody reads: the server does not answer HEAD.
    SizeByGet { here: u64 },
}

impl Want {
    /// Does a good answer bring bytes that are to be kept?
    pub(crate) fn is_for_bytes(&self) -> bool {
        matches!(self, Self::File | Self::Replacement | Self::Newer { .. })
    }
}

/// How to go about an entry, once it is known what stands under its name.
#[derive(Debug)]
pub(crate) enum Plan {
    Ask(Want),
    /// It is right if it adds up to this.
    AddUp {
        size: u64,
        checksum: Checksum,
    },
    Done(Outcome, u64),
    Fail(TransferError),
}

/// Decides, after the settings, what to do about what is there. `entry` is the URL as it is shown, `listed` what the
/// file has to add up to.
pub(crate) fn plan(existing: Existing, found: Found, entry: &str, listed: Option<&Checksum>) -> Plan {
    let fail = |why| Plan::Fail(TransferError::InTheWay(why));
    let (size, modified, mark) = match (existing, found) {
        (_, Found::Nothing) => return Plan::Ask(Want::File),
        (Existing::Fail, _) => return fail("is there already"),
        (_, Found::Other) => return fail("something that is no file has its name"),
        (_, Found::File { size, modified, mark }) => (size, modified, mark),
    };
    match existing {
        Existing::Overwrite => Plan::Ask(Want::Replacement),
        Existing::Skip => Plan::Done(Outcome::AlreadyThere, size),
        // A free name was chosen before; the file came in between.
        Existing::Rename => fail("appeared while the list was read"),
        Existing::Update => Plan::Ask(Want::Newer {
            than: modified,
            size,
            unless: unless(mark.filter(|mark| mark.is_intact(size, modified)), modified),
        }),
        _ => check(size, modified, mark.as_ref(), entry, listed),
    }
}

/// A mark, or a checksum, decides without a request.
fn check(size: u64, modified: SystemTime, mark: Option<&Mark>, entry: &str, listed: Option<&Checksum>) -> Plan {
    let known = mark.filter(|mark| mark.is_intact(size, modified));
    match listed {
        Some(checksum) if known.is_some_and(|mark| mark.checksum.as_ref() == Some(&checksum.to_string())) => {
            Plan::Done(Outcome::AlreadyThere, size)
        }
        Some(checksum) => Plan::AddUp {
            size,
            checksum: checksum.clone(),
        },
        None if known.is_some_and(|mark| mark.vouches_for(entry, size, modified)) => {
            Plan::Done(Outcome::AlreadyThere, size)
        }
        None => Plan::Ask(Want::Size { here: size }),
    }
}

fn unless(mark: Option<Mark>, modified: SystemTime) -> Unless {
    let tag = mark
        .and_then(|mark| mark.validator)
        .filter(|validator| validator.starts_with('"'));
    tag.map_or(Unless::Since(modified), Unless::Tag)
}

/// One try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) url: &'a Url,
    /// The entry's URL as it is shown: what parts and marks know it by.
    pub(crate) entry: &'a str,
    pub(crate) leg: Leg,
    pub(crate) path: &'a Arc<PathBuf>,
    pub(crate) want: &'a Want,
    /// What the file has to add up to, as the user said.
    pub(crate) listed: Option<&'a Checksum>,
    /// Who names the file, if that is not the list.
    pub(crate) namer: Option<&'a Namer<'a>>,
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
    /// Ask again: there is more to be had, or what there was is gone.
    GoOn,
}

/// What tries cost, however they ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cost {
    /// Body bytes received.
    pub(crate) received: u64,
    /// Of those, the bytes that were kept for a later try, or are in the file.
    pub(crate) kept: u64,
    /// Time waited for the disk.
    pub(crate) disk: Duration,
}

/// What is here of the file, and what may be asked because of it.
#[derive(Debug)]
pub(crate) struct Held {
    part: Part,
    asked: Option<Asked>,
    /// Bytes of it that this run did not fetch.
    foreign: bool,
}

impl Tools {
    /// Looks for a file of that name and for what an earlier try left of it, and locks that.
    pub(crate) async fn survey(&self, path: &Arc<PathBuf>) -> Result<(Found, Earlier), TransferError> {
        let surveyed = Part::survey(&self.disk, path).await;
        surveyed.map_err(|source| disk("look into the folder", source))
    }

    /// What an earlier try left, as far as this entry can use it.
    pub(crate) fn held(&self, earlier: Earlier, entry: &str, cost: &Cost) -> Result<Option<Held>, TransferError> {
        match earlier {
            Earlier::Nothing => Ok(None),
            Earlier::Locked => Err(TransferError::Locked),
            Earlier::Part(part, record) => {
                let asked = record.and_then(|record| usable(&part, &record, entry));
                let foreign = asked.is_some() && cost.kept == 0;
                Ok(Some(Held {
                    part: *part,
                    asked,
                    foreign,
                }))
            }
        }
    }

    /// Does the file that is there add up?
    pub(crate) async fn adds_up(&self, path: &Arc<PathBuf>, checksum: Checksum) -> Result<(), TransferError> {
        let adding = Adding::new([checksum]);
        let added = part::read_file(&self.disk, path, adding, Adding::update).await;
        match added
            .map_err(|source| disk("read the file that is there", source))?
            .mismatch()
        {
            None => Ok(()),
            Some(_) => Err(TransferError::InTheWay(
                "is there with another checksum; -f replaces it",
            )),
        }
    }

    /// Makes one try. `held` is taken when the answer decides about it; a failure leaves on the disk what is worth it.
    pub(crate) async fn attempt(
        &self,
        job: Try<'_>,
        held: &mut Option<Held>,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let asked = held.as_ref().and_then(|held| held.asked.clone());
        let answer = job.stop.or(self.http.send(job.request(asked.as_ref())));
        let answer = answer.await.ok_or(TransferError::Cancelled)??;
        if let Some(target) = answer.head.redirect(job.url) {
            answer.drain().await;
            return Ok(Step::Moved(target?));
        }
        let replace = match decide(job.want, &answer.head) {
            Decision::Copy(replace) => replace,
            Decision::Leave(step) => {
                answer.drain().await;
                return Ok(step);
            }
            Decision::Fail(error) => {
                answer.drain().await;
                return Err(error);
            }
        };
        let course = resume::plan(asked.as_ref(), &answer.head);
        if let Course::Fail(error) = course {
            answer.drain().await;
            return Err(error);
        }
        let target = match job.namer {
            None => Target { name: None, replace },
            Some(namer) => match namer.target(self, job.path, &answer.head, &course).await? {
                Ok(target) => target,
                Err(step) => {
                    answer.drain().await;
                    return Ok(step);
                }
            },
        };
        let copy = Copy {
            tools: self,
            job,
            target,
            foreign: held.as_ref().is_some_and(|held| held.foreign),
        };
        let part = held
            .take()
            .map_or_else(|| Part::new(&self.disk, job.path), |held| held.part);
        copy.follow(course, answer, part, cost).await
    }
}

/// A part continues when its record is of this entry and names a validator.
fn usable(part: &Part, record: &Record, entry: &str) -> Option<Asked> {
    let gaps = part.gaps();
    let is_ours = record.url == entry && !record.validator.is_empty() && gaps.held() > 0;
    let size = gaps.size();
    let gap = gaps.first().or_else(|| size.map(|size| size..size));
    is_ours.then(|| {
        Some(Asked {
            gap: gap?,
            validator: record.validator.clone(),
            size,
        })
    })?
}

/// A body on its way into its part.
struct Copy<'a> {
    tools: &'a Tools,
    job: Try<'a>,
    target: Target,
    foreign: bool,
}

/// A body, as it comes or without a coding that nobody asked for.
enum Body {
    Plain(Answer),
    Decoded(Decoded),
}

impl Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransferError> {
        match self {
            Self::Plain(answer) => answer.chunk().await,
            Self::Decoded(decoded) => decoded.chunk().await,
        }
    }
}

impl Copy<'_> {
    async fn follow(
        self,
        course: Course,
        answer: Answer,
        mut part: Part,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let head = answer.head.clone();
        let is_coded = !head.encoding.is_empty() && !is_the_file(&self.name());
        // Bytes without their coding have no place in the file that the server knows.
        let length = head.length.filter(|_| !is_coded);
        let identity = Identity {
            url: self.job.entry.to_owned(),
            validator: head.validator.clone().filter(|_| !is_coded),
        };
        let listed = self.job.listed.cloned();
        let wanted = listed
            .into_iter()
            .chain(head.digests.iter().filter(|_| !is_coded).cloned())
            .collect();
        let (expected, check) = match course {
            Course::StartOver | Course::Fail(_) => {
                part.discard()
                    .await
                    .map_err(|source| disk("remove what does not fit", source))?;
                answer.drain().await;
                return Ok(Step::GoOn);
            }
            Course::Whole { size } => {
                part.go_on(identity, size, Some(size))
                    .await
                    .map_err(|source| disk("go on", source))?;
                answer.drain().await;
                return self.finish(part, Check::later(wanted), &head, size, cost).await;
            }
            Course::Fresh => {
                self.job.meter.restart(0, length);
                part.begin(identity, length)
                    .await
                    .map_err(|source| disk("begin", source))?;
                (length, Check::from_start(wanted))
            }
            Course::Continue { end, size } => {
                let start = part.gaps().first().map_or(0, |gap| gap.start);
                self.job.meter.restart(part.gaps().held(), size);
                let identity = Identity {
                    validator: identity.validator.or_else(|| part.validator()),
                    ..identity
                };
                part.go_on(identity, start, size)
                    .await
                    .map_err(|source| disk("go on", source))?;
                (Some(end - start), Check::later(wanted))
            }
        };
        let body = if is_coded {
            Body::Decoded(Decoded::new(answer)?)
        } else {
            Body::Plain(answer)
        };
        self.receive(body, &head, part, expected, check, cost).await
    }

    fn name(&self) -> String {
        let path = self.job.path.file_name().unwrap_or_default().to_string_lossy();
        self.target.name.clone().unwrap_or_else(|| path.into_owned())
    }

    async fn receive(
        self,
        mut body: Body,
        head: &Head,
        mut part: Part,
        expected: Option<u64>,
        mut check: Check,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let before = cost.received;
        let received = self.copy(&mut body, &mut part, expected, &mut check, cost).await;
        cost.disk += part.waited();
        match received {
            Ok(()) => {
                cost.kept += cost.received - before;
                part.end();
                let Some(size) = part.gaps().size().filter(|_| part.gaps().is_empty()) else {
                    part.park().await.map_err(|source| disk("keep what came", source))?;
                    return Ok(Step::GoOn);
                };
                self.finish(part, check, head, size, cost).await
            }
            Err(error) => {
                // The failure that is told is the one that came first; what came is kept as far as it can be.
                if part.park().await.is_ok_and(|is_kept| is_kept) {
                    cost.kept += cost.received - before;
                }
                Err(error)
            }
        }
    }

    /// Copies the body. Only the reading is ever given up half-way.
    async fn copy(
        &self,
        body: &mut Body,
        part: &mut Part,
        expected: Option<u64>,
        check: &mut Check,
        cost: &mut Cost,
    ) -> Result<(), TransferError> {
        let mut left = expected;
        loop {
            let Some(bytes) = self.job.stop.or(body.chunk()).await.ok_or(TransferError::Cancelled)?? else {
                break;
            };
            let count = bytes.len() as u64;
            if let Some(left) = &mut left {
                *left = left.checked_sub(count).ok_or(TransferError::LongBody)?;
            }
            cost.received += count;
            check.update(&bytes);
            part.write(bytes).await.map_err(|source| disk("write", source))?;
            self.job.meter.add(count);
        }
        match left {
            Some(missing) if missing > 0 => Err(TransferError::ShortBody {
                got: expected.unwrap_or(missing) - missing,
                of: expected,
            }),
            _ => Ok(()),
        }
    }

    async fn finish(
        self,
        mut part: Part,
        check: Check,
        head: &Head,
        size: u64,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        if let Err(error) = check.verify(&mut part).await {
            if let TransferError::Checksum(_) = error {
                part.discard()
                    .await
                    .map_err(|source| disk("remove what does not add up", source))?;
            } else {
                // It could not be read, and says nothing against the bytes.
                let _ = part.park().await;
            }
            return Err(error);
        }
        let since = Instant::now();
        let checksum = self.job.listed.map(ToString::to_string);
        let finish = Finish {
            name: self.target.name,
            modified: head.modified,
            mark: Mark::new(size, self.job.entry, head.validator.clone(), checksum),
            replace: self.target.replace,
            durability: self.tools.durability,
        };
        let committed = part.commit(finish).await;
        cost.disk += since.elapsed();
        committed.map_err(not_committed)?;
        let outcome = match self.job.want {
            Want::Newer { .. } => Outcome::Updated,
            _ if self.foreign => Outcome::Resumed,
            _ => Outcome::Downloaded,
        };
        Ok(Step::Done { outcome, size })
    }
}

impl<'a> Try<'a> {
    fn request(&self, asked: Option<&'a Asked>) -> Request<'a> {
        let unless = match self.want {
            Want::Newer { unless, .. } => Some(unless),
            _ => None,
        };
        let is_head = matches!(self.want, Want::Size { .. });
        let takes_parts = matches!(self.want, Want::File | Want::Replacement);
        let range = asked.filter(|_| takes_parts).map(|asked| {
            let end = Some(asked.gap.end).filter(|&end| Some(end) != asked.size && end != u64::MAX);
            (asked.gap.start, end, &*asked.validator)
        });
        Request {
            method: if is_head { Method::HEAD } else { Method::GET },
            url: self.url,
            leg: self.leg,
            unless,
            range,
        }
    }
}

/// What to do with an answer.
#[derive(Debug)]
enum Decision {
    Copy(Replace),
    Leave(Step),
    Fail(TransferError),
}

fn decide(want: &Want, head: &Head) -> Decision {
    let is_success = matches!(head.status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION);
    match *want {
        Want::File => Decision::Copy(Replace::Never),
        Want::Replacement => Decision::Copy(Replace::Old),
        Want::Newer { size, .. } if head.status == StatusCode::NOT_MODIFIED => done(Outcome::Unchanged, size),
        Want::Newer { than, size, .. } => {
            let is_older = head.modified.is_some_and(|time| time <= than) && head.length == Some(size);
            let is_same = is_success && is_older;
            if is_same {
                done(Outcome::Unchanged, size)
            } else {
                Decision::Copy(Replace::Old)
            }
        }
        Want::Size { here } if head_is_no_help(head) => Decision::Leave(Step::AskAgain(Want::SizeByGet { here })),
        Want::Size { .. } | Want::SizeByGet { .. } if !is_success => Decision::Fail(TransferError::Status {
            status: head.status,
            retry_after: head.retry_after,
        }),
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
        return TransferError::Appeared;
    }
    disk("finish the file", source)
}

/// What was tried when there was no room for a whole file.
pub(crate) const RESERVE: &str = "reserve room for the whole file";

pub(crate) fn disk(doing: &'static str, source: std::io::Error) -> TransferError {
    let has_no_room = source.get_ref().is_some_and(|inner| inner.is::<part::NoRoom>());
    let doing = if has_no_room { RESERVE } else { doing };
    if source.kind() == std::io::ErrorKind::WouldBlock {
        return TransferError::Locked;
    }
    TransferError::Disk { doing, source }
}
