//! A body on its way into its part, and the part on its way to its name.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::help::{Offer, Published};
use super::naming::Target;
use super::places::Place;
use super::resume::Course;
use super::shares::{OWNER, Shares};
use super::{Body, Cost, Received, Step, Tools, Try, Want, disk};
use crate::checksum::Checksum;
use crate::disk::mark::Mark;
use crate::disk::part::{Finish, Identity, Part, Said};
use crate::error::TransferError;
use crate::http::{Answer, Head};
use crate::job::Resource;
use crate::report::Outcome;

/// How long many bytes wait for more, to go to the disk together.
const SOON: Duration = Duration::from_millis(50);
/// How often a file whose turn it is at the disk looks for bytes; in between, its connection can read.
const LOOKS: usize = 3;

/// A body on its way into its part.
pub(super) struct Copy<'a> {
    pub(super) tools: &'a Tools,
    pub(super) ask: Try<'a>,
    pub(super) target: Target,
    /// Bytes are here that this run did not fetch.
    pub(super) foreign: bool,
}

impl Copy<'_> {
    pub(super) async fn follow(
        mut self,
        course: Course,
        answer: Box<Answer>,
        mut part: Box<Part>,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let head = Arc::clone(&answer.head);
        let is_coded = head.hides(&self.name());
        // Bytes without their coding have no place in the file that the server knows.
        let length = head.length.filter(|_| !is_coded);
        // What is here, as far as that goes on, and what was said of it.
        let here = Some(&*part).filter(|_| matches!(course, Course::Continue { .. } | Course::Whole { .. }));
        let kept = here.and_then(Part::validator);
        let identity = Identity {
            url: self.ask.sender.known_as.clone().into_owned(),
            validator: kept.or_else(|| head.validator.clone().filter(|_| !is_coded)),
            name: self.target.name.clone(),
            replace: self.target.replace,
            mixed: self.ask.sender.is_mixed || here.is_some_and(Part::is_mixed),
            said: said(
                &course,
                &head,
                here.and_then(Part::said),
                is_coded,
                self.resource(&head),
            ),
        };
        let listed = self.ask.listed.checksum.iter();
        let wanted: Vec<_> = listed.chain(&identity.said.digests).cloned().collect();
        let mut is_short = false;
        let expected = match course {
            Course::StartOver => {
                part.discard()
                    .await
                    .map_err(|source| disk("remove what does not fit", source))?;
                answer.drain().await;
                return Ok(Step::AskAgain(self.ask.want.clone()));
            }
            Course::Whole { size } => {
                part.go_on(identity, size, Some(size))
                    .await
                    .map_err(|source| disk("go on", source))?;
                answer.drain().await;
                return Ok(self.received(part, wanted, &head, size, None));
            }
            Course::Fresh => {
                // What was here goes.
                self.foreign = false;
                self.ask.meter.restart(0, length);
                part.begin(identity, length, &wanted)
                    .await
                    .map_err(|source| disk("begin", source))?;
                length
            }
            Course::Continue { end, size } => {
                let gap = part.gaps().first().unwrap_or_default();
                let start = gap.start;
                is_short = end < gap.end;
                self.ask.meter.restart(part.gaps().held(), size);
                part.go_on(identity, start, size)
                    .await
                    .map_err(|source| disk("go on", source))?;
                Some(end - start)
            }
        };
        let body = Body::of(answer, is_coded)?;
        let offer = if is_coded {
            None
        } else {
            self.offer(&head, &part, expected)
        };
        let step = self.receive(body, &head, part, (expected, offer), wanted, cost).await?;
        Ok(match step {
            Step::GoOn if is_short => Step::CameShort,
            step => step,
        })
    }

    /// Offers the end of a large file to others, where the server has shown that its parts belong together.
    fn offer(&self, head: &Head, part: &Part, expected: Option<u64>) -> Option<Published> {
        let (offers, size) = (self.ask.offers?, part.gaps().size()?);
        let takes_ranges = head.takes_ranges || head.status == StatusCode::PARTIAL_CONTENT;
        let (file, validator) = (part.beside()?, part.validator().filter(|_| takes_ranges)?);
        let start = part.offset();
        let own = start..start + expected?;
        let others = part.gaps().ranges().filter(|gap| gap.start >= own.end).collect();
        let here = Place::own(self.ask.url, self.ask.leg, self.ask.sender.own, validator);
        let mirrors = self.ask.mirrors.iter().map(|&mirror| Place::mirror(mirror));
        let mut shares = Shares::new(own, others, tokio::time::Instant::now());
        if !self.ask.mirrors.is_empty() {
            shares = shares.with_mirrors();
        }
        Some(offers.publish(Offer {
            places: std::iter::once(here).chain(mirrors).collect(),
            size,
            file,
            shares,
            meter: Arc::clone(self.ask.meter),
            coding: part.said().map(|said| said.coding.clone()).unwrap_or_default(),
            is_mixed: AtomicBool::new(false),
        }))
    }

    fn resource(&self, head: &Head) -> Option<Resource> {
        let validator = head.validator.as_deref()?;
        Some(self.ask.sender.resource(self.ask.url, validator))
    }

    fn name(&self) -> Cow<'_, str> {
        let path = || self.ask.path.file_name().unwrap_or_default().to_string_lossy();
        self.target.name.as_deref().map_or_else(path, Cow::Borrowed)
    }

    async fn receive(
        self,
        mut body: Body,
        head: &Head,
        mut part: Box<Part>,
        (expected, offer): (Option<u64>, Option<Published>),
        wanted: Vec<Checksum>,
        cost: &mut Cost,
    ) -> Result<Step, TransferError> {
        let before = cost.received;
        let mut received = self.copy(&mut body, &mut part, expected, offer.as_ref(), cost).await;
        drop(body);
        if let Some(offer) = &offer {
            offer.shares().end_owner();
            if received.is_err() {
                offer.shares().close();
                // The failure that is told is the one that came first.
                let _ = offer.rejoin(&mut part).await;
                cost.hear(offer);
            }
        }
        if received.is_ok() {
            let ended = match (expected, &offer) {
                (None, _) => part.end().await,
                // A part of a file ends where it was said to, which need not be where the file ends.
                (Some(_), None) => part.settle().await,
                // Others may be at it for long, and what they write gets into the record.
                (Some(_), Some(_)) => part.store().await,
            };
            received = ended.map_err(|source| disk("write", source));
        }
        cost.disk += part.waited();
        match received {
            Ok(()) => {
                cost.kept += cost.received - before;
                if let Some(offer) = offer {
                    if !offer.shares().close_if_alone() {
                        let size = offer.size();
                        return Ok(self.received(part, wanted, head, size, Some(offer)));
                    }
                    let rejoined = offer.rejoin(&mut part).await;
                    cost.hear(&offer);
                    rejoined.map_err(|source| disk("write", source))?;
                }
                let Some(size) = part.gaps().size().filter(|_| part.gaps().is_empty()) else {
                    cost.held = part.park().await.map_err(|source| disk("keep what came", source))?;
                    return Ok(Step::GoOn);
                };
                if let Some(error) = self.ask.listed.incomplete(size) {
                    let _ = part.discard().await;
                    return Err(error);
                }
                Ok(self.received(part, wanted, head, size, None))
            }
            Err(
                error @ (TransferError::LongBody | TransferError::WrongSize { .. } | TransferError::TooLarge { .. }),
            ) => {
                // Whatever that was, it is not the file that was announced, or none that is wanted.
                let _ = part.discard().await;
                Err(error)
            }
            Err(error) => {
                // The failure that is told is the one that came first; what came is kept as far as it can be.
                cost.held = part.park().await.unwrap_or(0);
                if cost.held > 0 {
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
        offer: Option<&Published>,
        cost: &mut Cost,
    ) -> Result<(), TransferError> {
        let (mut left, mut came) = (expected, 0);
        loop {
            let Some(mut bytes) = self.chunk(body, part, offer).await? else {
                break;
            };
            let count = bytes.len() as u64;
            if let Some(left) = &mut left {
                *left = left.checked_sub(count).ok_or(TransferError::LongBody)?;
            }
            cost.received += count;
            came += count;
            // What was announced was judged before.
            if let Some(error) = self.ask.listed.outgrown(came).filter(|_| left.is_none()) {
                return Err(error);
            }
            let own = offer.map_or(count, |offer| offer.shares().take(OWNER, count));
            bytes.truncate(usize::try_from(own).unwrap_or(usize::MAX));
            part.write(bytes).await.map_err(|source| disk("write", source))?;
            self.ask.meter.add(own);
            if offer.is_some_and(|offer| offer.shares().is_done(OWNER)) && left != Some(0) {
                // The rest is somebody else's by now.
                return Ok(());
            }
        }
        match left {
            Some(missing) if missing > 0 => Err(TransferError::ShortBody {
                got: expected.unwrap_or(missing) - missing,
                of: expected,
            }),
            _ => Ok(()),
        }
    }

    /// The next bytes. As long as it is others' turn at the disk, ours stay with the connection, which then reads no more.
    /// In our turn, the connection may read first: bytes that are taken without a turn wait here, and more behind them with
    /// the connection. Meanwhile helpers are attended to.
    async fn chunk(
        &self,
        body: &mut Body,
        part: &mut Part,
        offer: Option<&Published>,
    ) -> Result<Option<Bytes>, TransferError> {
        let mut chunk = pin!(self.ask.stop.unless(body.chunk()));
        let attend = async |part: &mut Part| match offer {
            Some(offer) => offer.attend(part).await.map_err(|source| disk("write", source)),
            None => Ok(()),
        };
        attend(part).await?;
        if part.turn().await {
            for look in 0..LOOKS {
                if look > 0 {
                    yield_now().await;
                }
                if let Poll::Ready(chunk) = futures::poll!(&mut chunk) {
                    return chunk?;
                }
            }
            part.pass();
            if part.has_plenty() {
                match timeout(SOON, &mut chunk).await {
                    Ok(chunk) => return chunk?,
                    Err(_) => part.rest().await.map_err(|source| disk("write", source))?,
                }
            }
        }
        let Some(offer) = offer else {
            return chunk.await?;
        };
        // One wait for the bytes, however much news there is: it may be one for their turn in a limited rate.
        loop {
            tokio::select! {
                biased;
                chunk = &mut chunk => return chunk?,
                () = offer.shares().news() => attend(part).await?,
            }
        }
    }

    /// The part is whole, but for what others are at, its checks and its name.
    fn received(
        self,
        part: Box<Part>,
        wanted: Vec<Checksum>,
        head: &Head,
        size: u64,
        helped: Option<Published>,
    ) -> Step {
        let checksum = self.ask.listed.checksum.as_ref().map(ToString::to_string);
        let modified = part.said().and_then(|said| said.modified);
        let validator = part.validator().or_else(|| head.validator.clone());
        let mark = Mark::new(size, (self.ask.entry, &self.name()), validator, checksum);
        let named = self.ask.namer.and_then(|namer| namer.given.get());
        let mark = mark.instead_of(named.and_then(|named| named.instead_of.as_deref()));
        Step::Received(Box::new(Received {
            part,
            helped,
            finish: Finish {
                wanted,
                name: self.target.name,
                modified,
                mark,
                replace: self.target.replace,
                durability: self.tools.durability,
            },
            outcome: match self.ask.want {
                Want::Newer(_) => Outcome::Updated,
                _ if self.foreign => Outcome::Resumed,
                _ => Outcome::Downloaded,
            },
        }))
    }
}

/// What the server says of the whole file, in this answer or in an earlier one to what is continued.
fn said(course: &Course, head: &Head, earlier: Option<&Said>, is_coded: bool, resource: Option<Resource>) -> Said {
    let now = match course {
        // The answer has a body of its own, and is about that.
        Course::Whole { .. } => Said::default(),
        _ => Said {
            // With a coding, they are of the file with it.
            digests: if is_coded { Vec::new() } else { head.digests.clone() },
            modified: head.modified,
            filename: head.filename.clone(),
            resource,
            coding: if is_coded { String::new() } else { head.encoding.clone() },
        },
    };
    let Some(earlier) = earlier else { return now };
    let mut digests = now.digests;
    for digest in &earlier.digests {
        if !digests.contains(digest) {
            digests.push(digest.clone());
        }
    }
    Said {
        digests,
        modified: now.modified.or(earlier.modified),
        filename: now.filename.or_else(|| earlier.filename.clone()),
        resource: earlier.resource.or(now.resource),
        coding: earlier.coding.clone(),
    }
}
