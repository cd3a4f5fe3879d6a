//! Help for a large file: others fetch what its own transfer has not come to yet.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use tokio::sync::Notify;

use super::places::{self, Place};
use super::resume::{self, Asked, Course};
use super::shares::{self, Most, Shares};
use super::{Tools, disk};
use crate::disk::part::{Beside, Part};
use crate::error::TransferError;
use crate::event::Meter;
use crate::http::{Answer, Over, Request};
use crate::lock::lock;
use crate::stop::Stop;

/// The files that could do with help.
#[derive(Debug)]
pub(crate) struct Offers {
    most: Most,
    open: Mutex<Vec<Arc<Offer>>>,
    changed: Notify,
}

/// A file that several may fetch at once: its server takes ranges and can prove that they belong together. Where a
/// checksum says in the end what that proof does not, its mirrors may have a part in it.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The first is where the transfer itself is.
    pub(crate) places: Vec<Place>,
    /// The whole file's size in bytes.
    pub(crate) size: u64,
    pub(crate) file: Beside,
    pub(crate) shares: Shares,
    pub(crate) meter: Arc<Meter>,
    /// Its content coding, where that is the file itself.
    pub(super) coding: String,
    /// Bytes of a mirror are in the file.
    pub(super) is_mixed: AtomicBool,
}

impl Offer {
    /// The places to ask, those first that have the least to do.
    pub(crate) fn in_turn(&self) -> Vec<usize> {
        places::in_turn(&self.places)
    }
}

impl Offers {
    pub(crate) fn new(most: Most) -> Self {
        Self {
            most,
            open: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(crate) fn most(&self) -> Most {
        self.most
    }

    pub(super) fn publish(self: &Arc<Self>, offer: Offer) -> Published {
        let offer = Arc::new(offer);
        lock(&self.open).push(Arc::clone(&offer));
        self.changed.notify_one();
        Published {
            offers: Arc::clone(self),
            offer,
        }
    }

    /// All that are open.
    pub(crate) fn open(&self) -> Vec<Arc<Offer>> {
        lock(&self.open).clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.open).is_empty()
    }

    /// Waits for a new one.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// An offer, as its owner holds it.
#[derive(Debug)]
#[must_use]
pub(super) struct Published {
    offers: Arc<Offers>,
    offer: Arc<Offer>,
}

impl Drop for Published {
    fn drop(&mut self) {
        self.offer.shares.close();
        lock(&self.offers.open).retain(|other| !Arc::ptr_eq(other, &self.offer));
    }
}

impl Published {
    pub(super) fn shares(&self) -> &Shares {
        &self.offer.shares
    }

    /// Are bytes of a mirror in the file?
    pub(super) fn is_mixed(&self) -> bool {
        self.offer.is_mixed.load(Ordering::Relaxed)
    }

    /// The file's size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.offer.size
    }

    /// Hears what helpers have to say: what they wrote gets into the record, and they may write when it tells of them.
    pub(super) async fn attend(&self, part: &mut Part) -> io::Result<()> {
        let attended = self.note(part).await;
        if attended.is_err() {
            self.shares().close();
        }
        attended
    }

    async fn note(&self, part: &mut Part) -> io::Result<()> {
        part.hear(self.shares().heard()).await?;
        if self.shares().wants_record() {
            part.scatter().await?;
            self.shares().set_recorded();
        }
        Ok(())
    }

    /// Waits until all helpers have ended.
    pub(super) async fn rejoin(&self, part: &mut Part) -> io::Result<()> {
        let mut attended = Ok(());
        loop {
            let noted = self.attend(part).await;
            attended = attended.and(noted);
            if self.shares().close_if_alone() {
                break;
            }
            self.shares().news().await;
        }
        // What they said last.
        attended.and(self.attend(part).await)
    }
}

/// A share on its way, which is given back whatever happens to its helper.
struct Fetching<'a> {
    offer: &'a Offer,
    place: &'a Place,
    id: usize,
    /// Up to where it was written.
    written: u64,
    range: Range<u64>,
    received: u64,
    /// Bytes that the answer has, as it says. What comes behind them is of something else.
    announced: u64,
    has_failed: bool,
}

impl Drop for Fetching<'_> {
    fn drop(&mut self) {
        let rest = self.written..self.range.end;
        self.offer.shares.end(self.id, rest, self.received, self.has_failed);
    }
}

impl Tools {
    /// Fetches a share from one of the file's places. What was written of it is told; what was not is left to others.
    pub(crate) async fn help(
        &self,
        (offer, place): (&Offer, usize),
        (id, range): (usize, Range<u64>),
        stop: &Stop,
    ) -> Result<(), TransferError> {
        let place = &offer.places[place];
        let _busy = place.enter();
        let helped = self.fetch_share(offer, place, (id, range), stop).await;
        if helped.is_err() && place.is_mirror {
            place.drop_out();
        }
        helped
    }

    async fn fetch_share(
        &self,
        offer: &Offer,
        place: &Place,
        (id, range): (usize, Range<u64>),
        stop: &Stop,
    ) -> Result<(), TransferError> {
        let mut fetching = Fetching {
            offer,
            place,
            id,
            written: range.start,
            range,
            received: 0,
            announced: 0,
            // A mirror is not asked again, and says nothing of the others.
            has_failed: !place.is_mirror,
        };
        let given_up = async {
            tokio::select! {
                biased;
                () = offer.shares.closing() => {}
                () = stop.asked() => {}
            }
        };
        tokio::pin!(given_up);
        let (answer, end) = tokio::select! {
            biased;
            () = &mut given_up => {
                fetching.has_failed = false;
                return Ok(());
            }
            answer = self.ask_for_share(offer, place, &fetching.range) => answer?,
        };
        fetching.announced = end - fetching.range.start;
        if !shares::is_worth_it(&fetching.range, end) {
            // As long as the share is whole, its bytes can be had from who has those before it.
            return Err(another());
        }
        if !offer.shares.prove(id, end) || !offer.shares.may_write().await {
            fetching.has_failed = false;
            return Ok(());
        }
        let copied = copy(&mut fetching, answer, given_up).await;
        fetching.has_failed &= copied.is_err();
        copied
    }

    /// The answer, and up to where it goes.
    async fn ask_for_share(
        &self,
        offer: &Offer,
        place: &Place,
        range: &Range<u64>,
    ) -> Result<(Box<Answer>, u64), TransferError> {
        let validator = place.validator();
        let end = Some(range.end).filter(|&end| end != offer.size);
        let request = Request {
            method: Method::GET,
            url: &place.url,
            leg: place.leg,
            over: Over::Any,
            own: place.own.as_ref(),
            unless: None,
            range: Some((range.start, end, validator.as_deref())),
        };
        let (answer, _) = self.http.send(request).await?;
        let Some(validator) = validator else {
            // Nothing tells that a mirror has the same file but its size, until the checksum does.
            let head = Arc::clone(&answer.head);
            return match resume::part_of(range, offer.size, &offer.coding, &head) {
                Some(end) => {
                    place.learn(head.validator.clone());
                    Ok((answer, end))
                }
                None if head.status.is_success() => Err(another()),
                None => Err(head.failure()),
            };
        };
        let asked = Asked {
            gap: range.clone(),
            validator,
            size: Some(offer.size),
            // It is asked for at this very place.
            resource: None,
            coding: offer.coding.clone(),
        };
        match resume::plan(Some(&asked), &answer.head, |_| None)? {
            Course::Continue { end, .. } => Ok((answer, end)),
            // Nobody asks it for a share again.
            _ => Err(another()),
        }
    }
}

fn another() -> TransferError {
    TransferError::Protocol("no part of the same file".into())
}

/// Copies the body to its place, up to where the share ends by then.
async fn copy(
    fetching: &mut Fetching<'_>,
    mut answer: Box<Answer>,
    mut given_up: impl Future<Output = ()> + Unpin,
) -> Result<(), TransferError> {
    let (shares, id) = (&fetching.offer.shares, fetching.id);
    let mut steps = fetching.offer.file.at(fetching.written);
    loop {
        let (chunk, is_given_up) = tokio::select! {
            biased;
            () = &mut given_up => (None, true),
            chunk = answer.chunk() => match chunk {
                Ok(chunk) => (chunk, false),
                Err(error) => {
                    write(fetching, steps.flush()).await?;
                    return Err(error);
                }
            },
        };
        let is_end = chunk.is_none();
        let mut is_long = false;
        if let Some(bytes) = chunk {
            let left = fetching.announced.saturating_sub(fetching.received);
            fetching.received += bytes.len() as u64;
            is_long = bytes.len() as u64 > left;
            let taken = shares.take(id, left.min(bytes.len() as u64));
            fetching.offer.meter.add(taken);
            steps.add(bytes.slice(..usize::try_from(taken).unwrap_or(0)));
        }
        let is_last = is_end || is_long || shares.is_done(id);
        if is_last || steps.is_full() {
            write(fetching, steps.flush()).await?;
        }
        if is_long && !shares.is_done(id) {
            return Err(TransferError::LongBody);
        }
        if is_last {
            let is_short = fetching.received < fetching.announced && !is_given_up && !shares.is_done(id);
            return if is_short { Err(another()) } else { Ok(()) };
        }
    }
}

async fn write(
    fetching: &mut Fetching<'_>,
    step: impl Future<Output = io::Result<Range<u64>>>,
) -> Result<(), TransferError> {
    let range = step.await.map_err(|source| disk("write", source))?;
    if !range.is_empty() {
        fetching
            .offer
            .is_mixed
            .fetch_or(fetching.place.is_mirror, Ordering::Relaxed);
        fetching.written = range.end;
        fetching.offer.shares.wrote(range);
    }
    Ok(())
}
