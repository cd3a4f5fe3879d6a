//! One try at one file: ask, decide, copy. Nobody here knows of retries, lists or screens.

mod body;
mod copy;
mod expect;
mod help;
mod naming;
mod places;
mod plan;
mod received;
pub(crate) mod resume;
mod shares;

use std::borrow::Cow;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use url::Url;

use crate::checksum::{Adding, Checksum};
use crate::disk::listing::FRESH;
use crate::disk::mark::origin;
use crate::disk::part::{self, Earlier, Part};
use crate::disk::record::Record;
use crate::disk::{Disk, Found, Glance};
use crate::error::TransferError;
use crate::event::Meter;
use crate::http::{Http, Leg, Over, Request};
use crate::job::{Known, OwnRequest, Resource};
use crate::report::{Exchange, Outcome};
use crate::settings::Durability;
use crate::stop::Stop;

pub(crate) use body::Body;
use copy::Copy;
pub(crate) use expect::Expect;
use help::Published;
pub(crate) use help::{Offer, Offers};
use naming::Target;
pub(crate) use naming::{Named, Namer, leave};
pub(crate) use places::Mirror;
use plan::{Decision, decide};
pub(crate) use plan::{Plan, Want, plan};
pub(crate) use received::Received;
use resume::Refusal;
pub(crate) use resume::{Asked, Course};
pub(crate) use shares::Most;

/// What a transfer works with.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) http: Http,
    pub(crate) disk: Disk,
    pub(crate) durability: Durability,
}

/// One try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) url: &'a Url,
    pub(crate) entry: &'a Known<'a>,
    /// Who sends it.
    pub(crate) sender: &'a Sender<'a>,
    /// The server sends no parts: it is asked for the whole.
    pub(crate) wants_all: bool,
    pub(crate) leg: Leg,
    pub(crate) over: Over,
    pub(crate) path: &'a Arc<PathBuf>,
    pub(crate) want: &'a Want,
    /// What the file has to be, as the user said.
    pub(crate) listed: &'a Expect,
    /// Where the same file may be had, too, where a checksum tells in the end whether it was that.
    pub(crate) mirrors: &'a [Mirror<'a>],
    /// Who names the file, if that is not the list.
    pub(crate) namer: Option<&'a Namer<'a>>,
    pub(crate) meter: &'a Arc<Meter>,
    /// Who wants to know at once that there is an answer.
    pub(crate) hears: &'a dyn Hears,
    /// Where large files find help.
    pub(crate) offers: Option<&'a Arc<Offers>>,
    pub(crate) stop: &'a Stop,
}

/// Who sends an entry's file, as far as what is here of it may be gone on with.
#[derive(Debug)]
pub(crate) struct Sender<'a> {
    /// What a part of it is known by: the entry's URL as it is shown, or that of the source that alone may send it.
    pub(crate) known_as: Cow<'a, str>,
    /// Where its way begins.
    pub(crate) source: &'a Url,
    /// What its requests say beyond those of the run.
    pub(crate) own: Option<&'a OwnRequest>,
    /// Others may send the rest of it ...
    pub(crate) is_mixed: bool,
    /// ... for a checksum tells in the end whether it belongs together.
    pub(crate) is_checked: bool,
}

impl Sender<'_> {
    /// Of what the bytes are that `url` sends, to which the source led, and that this validator goes with.
    fn resource(&self, url: &Url, validator: &str) -> Resource {
        Resource::of(self.source, url, validator).as_asked_for(self.own)
    }

    /// Is this a record of its bytes? With another leave to have it, its URL is shown with other values.
    fn has_sent(&self, record: &Record) -> bool {
        let is_known = record.url == self.known_as;
        let is_the_same = || {
            let resource = self.resource(self.source, &record.validator);
            origin(&record.url) == origin(&self.known_as) && record.resource == Some(resource)
        };
        (self.is_checked || !record.mixed) && (is_known || is_the_same())
    }
}

/// Hears of answers when they begin: their bodies may take hours.
pub(crate) trait Hears: std::fmt::Debug + Sync {
    /// An answer with this status.
    fn head(&self, status: StatusCode);
}

/// How a try ended that did not fail.
#[derive(Debug)]
pub(crate) enum Step {
    /// The file is there, whole.
    Done { outcome: Outcome, size: u64 },
    /// All its bytes are here. The connection is not needed any more.
    Received(Box<Received>),
    /// It is elsewhere.
    Moved(Url),
    /// Ask again, in another way, or because what there was is gone.
    AskAgain(Want),
    /// A part of it is refused, for this reason. Ask again, for the whole.
    Refused(TransferError),
    /// Ask for the rest: what was asked for came.
    GoOn,
    /// The same, but less came than was asked for.
    CameShort,
}

/// What tries cost, however they ended.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    /// Body bytes received.
    pub(crate) received: u64,
    /// Of those, the bytes that were kept for a later try, or are in the file.
    pub(crate) kept: u64,
    /// Bytes of the file that the last try left for a later one.
    pub(crate) held: u64,
    /// Time waited for the disk.
    pub(crate) disk: Duration,
    /// The last answer.
    pub(crate) exchange: Option<Exchange>,
    /// What came from a mirror is in the file.
    pub(crate) is_mixed: bool,
}

impl Cost {
    /// Hears what helpers received; tells how many bytes.
    fn hear(&mut self, offer: &Published) -> u64 {
        let received = offer.shares().received();
        self.received += received;
        self.is_mixed |= offer.is_mixed();
        received
    }
}

/// What is here of the file, and what may be asked because of it.
#[derive(Debug)]
pub(crate) struct Held {
    part: Box<Part>,
    asked: Option<Asked>,
    /// Bytes of it that this run did not fetch.
    foreign: bool,
}

impl Held {
    /// Did an earlier run fetch what is here, and maybe from several sources?
    pub(crate) fn is_mixed(&self) -> bool {
        self.foreign && self.part.is_mixed()
    }
}

impl Tools {
    /// Looks for a file of that name and for what an earlier try left of it, and touches neither.
    pub(crate) async fn glance(&self, path: &Arc<PathBuf>) -> Option<Glance> {
        // Whatever is wrong shows when it is looked at in earnest.
        self.disk.glance(path).await.ok()
    }

    /// Was there nothing of that name a moment ago, and no part of one, as far as that was seen at this time or when the
    /// folder was read?
    pub(crate) fn is_unseen(&self, path: &Path, seen: Option<Instant>) -> bool {
        seen.is_some_and(|at| at.elapsed() < FRESH) || self.disk.seen_empty(path).is_some()
    }

    /// Looks for a file of that name and for what an earlier try left of it, and locks that.
    pub(crate) async fn survey(&self, path: &Arc<PathBuf>) -> Result<(Found, Earlier), TransferError> {
        let surveyed = Part::survey(&self.disk, path).await;
        surveyed.map_err(|source| disk("look into the folder", source))
    }

    /// What an earlier try left, as far as what this sender sends goes on with it.
    pub(crate) fn held(earlier: Earlier, sender: &Sender<'_>, cost: &Cost) -> Result<Option<Held>, TransferError> {
        match earlier {
            Earlier::Nothing => Ok(None),
            Earlier::Locked => Err(TransferError::Locked),
            Earlier::Part(part, record) => {
                let asked = record.and_then(|record| usable(&part, *record, sender));
                let foreign = asked.is_some() && cost.kept == 0;
                Ok(Some(Held { part, asked, foreign }))
            }
        }
    }

    /// The file of this entry is there: what an earlier try left of it goes, and so does a part of which there is nothing.
    pub(crate) async fn tidy(earlier: Earlier, sender: &Sender<'_>) {
        let is_ours = |record: &Record| record.url.is_empty() || (sender.has_sent(record) && !record.replaces);
        if let Earlier::Part(part, record) = earlier
            && (part.gaps().held() == 0 || record.is_none_or(|record| is_ours(&record)))
        {
            let _ = part.discard().await;
        }
    }

    /// Does the file that is there add up?
    pub(crate) async fn adds_up(&self, path: &Arc<PathBuf>, checksum: Checksum) -> Result<bool, TransferError> {
        let adding = Adding::new([checksum]);
        let added = part::read_file(&self.disk, path, adding, Adding::update).await;
        let added = added.map_err(|source| disk("read the file that is there", source))?;
        Ok(added.mismatch().is_none())
    }

    /// A file that is there counts as one that was fetched: where the disk has to have that, it has to have this. The run
    /// that wrote it may have failed at just that.
    pub(crate) async fn secure(&self, path: &Arc<PathBuf>) -> Result<(), TransferError> {
        let secured = match self.durability {
            Durability::System => Ok(()),
            Durability::Disk => self.disk.synchronise(path).await,
        };
        secured.map_err(|source| disk("synchronise the file that is there", source))
    }

    /// Makes one try. `held` is taken when the answer decides about it; a failure leaves on the disk what is worth it.
    pub(crate) async fn attempt(
        &self,
        ask: Try<'_>,
        held: &mut Option<Held>,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let asked = held
            .as_ref()
            .filter(|held| match ask.want {
                _ if ask.wants_all => false,
                Want::File | Want::Replacement => true,
                // It is of a newer one, for its place.
                Want::Newer(_) => held.part.replaces(),
                Want::Size(_) | Want::SizeByGet(_) => false,
            })
            .and_then(|held| held.asked.clone());
        let sent = self.http.send(ask.request(asked.as_ref()));
        let (answer, exchange) = ask.stop.unless(sent).await??;
        ask.hears.head(answer.head.status);
        cost.exchange = Some(exchange);
        if let Some(target) = answer.head.redirect(ask.url) {
            answer.drain().await;
            return Ok(Step::Moved(target?));
        }
        let length = answer.head.length_of(ask.path);
        let replace = match decide(ask.want, asked.as_ref(), &answer.head, length) {
            Decision::Copy(replace) => replace,
            Decision::Leave(step) => {
                answer.drain().await;
                tidy(&step, held).await;
                return Ok(step);
            }
            Decision::Fail(error) => {
                answer.drain().await;
                return Err(error);
            }
        };
        let course = resume::plan(asked.as_ref(), &answer.head, |validator| {
            // With a checksum, the server's word is not all there is to go by.
            ask.listed
                .checksum
                .is_none()
                .then(|| ask.sender.resource(ask.url, validator))
        });
        let course = match course {
            Ok(course) => course,
            Err(refusal) => {
                answer.drain().await;
                return match refusal {
                    Refusal::Part(error) => Ok(Step::Refused(error)),
                    Refusal::All(error) => Err(error),
                };
            }
        };
        if let Some(error) = ask.listed.refuses(&course, &answer.head) {
            answer.drain().await;
            return Err(error);
        }
        let earlier = held.as_ref().and_then(|held| held.part.said()?.filename.as_deref());
        let target = match ask.namer {
            None => Target { name: None, replace },
            Some(namer) => {
                let found = namer.target(self, ask.path, (&answer.head, earlier), &course);
                match ask.stop.unless(found).await?? {
                    Ok(target) => target,
                    Err(step) => {
                        answer.drain().await;
                        tidy(&step, held).await;
                        return Ok(step);
                    }
                }
            }
        };
        let named = ask.namer.and_then(|namer| namer.given.get());
        let copy = Copy {
            tools: self,
            ask: Try {
                listed: named.map_or(ask.listed, |named| &named.listed),
                ..ask
            },
            target,
            foreign: held.as_ref().is_some_and(|held| held.foreign),
        };
        let part = held
            .take()
            .map_or_else(|| Part::new(&self.disk, ask.path), |held| held.part);
        // Large, and moved from future to future until it is first polled.
        Box::pin(copy.follow(course, answer, part, cost)).await
    }
}

/// When the file is there, a part of it that was not to take its place is of no use; nor is any, when the server has
/// nothing newer. That it cannot be removed is no failure.
async fn tidy(step: &Step, held: &mut Option<Held>) {
    let is_useless = |held: &mut Held| match step {
        Step::Done { outcome, .. } => {
            let is_outdated = matches!(outcome, Outcome::Unchanged) && held.asked.is_some();
            is_outdated || !held.part.replaces()
        }
        _ => false,
    };
    if let Some(held) = held.take_if(is_useless) {
        let _ = held.part.discard().await;
    }
}

/// A part continues when its record is of this sender and names a validator.
fn usable(part: &Part, record: Record, sender: &Sender<'_>) -> Option<Asked> {
    let gaps = part.gaps();
    let is_ours = sender.has_sent(&record) && !record.validator.is_empty() && gaps.held() > 0;
    let size = gaps.size();
    let gap = gaps.first().or_else(|| size.map(|size| size..size));
    is_ours.then(|| {
        Some(Asked {
            gap: gap?,
            validator: record.validator,
            size,
            resource: record.resource,
            coding: record.coding,
        })
    })?
}

impl<'a> Try<'a> {
    fn request(&self, asked: Option<&'a Asked>) -> Request<'a> {
        let unless = match self.want {
            // A condition on the whole file and one on a part of it do not go together.
            Want::Newer(here) if asked.is_none() => here.condition(),
            _ => None,
        };
        let is_head = matches!(self.want, Want::Size(_));
        let range = asked.map(|asked| {
            let end = Some(asked.gap.end).filter(|&end| Some(end) != asked.size && end != u64::MAX);
            (asked.gap.start, end, Some(&*asked.validator))
        });
        Request {
            method: if is_head { Method::HEAD } else { Method::GET },
            url: self.url,
            leg: self.leg,
            over: self.over,
            own: self.sender.own,
            unless,
            range,
        }
    }
}

/// What was tried when there was no room for a whole file.
pub(crate) const RESERVE: &str = "reserve room for the whole file";

pub(crate) fn disk(doing: &'static str, source: std::io::Error) -> TransferError {
    let inner = source.get_ref();
    if let Some(part::DoesNotAddUp(algorithm)) = inner.and_then(<dyn Error + Send + Sync>::downcast_ref) {
        return TransferError::Checksum(*algorithm);
    }
    let has_no_room = inner.is_some_and(<dyn Error + Send + Sync>::is::<part::NoRoom>);
    let doing = if has_no_room { RESERVE } else { doing };
    match source.kind() {
        std::io::ErrorKind::WouldBlock => TransferError::Locked,
        std::io::ErrorKind::AlreadyExists => TransferError::Appeared,
        _ => TransferError::Disk { doing, source },
    }
}
