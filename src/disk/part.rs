//! A file that is not whole yet. It ends in [`Part::commit`], [`Part::park`] or [`Part::discard`].
//!
//! The bytes gather in memory first. A small file never has a name before it is whole: one blocking hop makes, fills,
//! dates, marks and links it. A larger one grows in `NAME.part`, written in big [`steps`], and `NAME.part.json` says what
//! it holds ([`recorded`]). A step is a blocking hop of its own, as in `tokio::fs`, unless the disk is as quick as memory
//! ([`sink`]); but the blocks go to the system as they came from the network, which a `tokio::fs::File` would copy, and are
//! added up on the way.

mod beside;
mod blocks;
mod earlier;
mod entries;
mod files;
mod gathered;
mod recorded;
mod room;
mod sink;
mod steps;
mod whole;

use std::fs::File;
use std::io;
use std::ops::ControlFlow::{Break, Continue};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::crowd::{Member, Turn};
use super::mark::Mark;
use super::pace::Made;
use super::{Disk, aside};
use crate::checksum::{Adding, Algorithm, Checksum};
use crate::gaps::Gaps;
use crate::job::Resource;
use crate::settings::Durability;
pub(crate) use beside::Beside;
pub(crate) use earlier::Earlier;
#[cfg(fuzzing)]
pub(crate) use earlier::gaps_of;
pub(super) use earlier::glance;
use files::Files;
use gathered::Gathered;
use sink::{Sink, add_blocks};
use steps::Writing;
pub(super) use whole::synchronise_names;

/// The size up to which a file that tells it is written in one go.
const SMALL: usize = 256 * 1024;
/// May the file take another's place?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Whatever is there stays, also what appeared in the meantime.
    Never,
    /// The old file goes when the new one is whole.
    Old,
}

/// Whose bytes they are: what a later try needs to know before it adds to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The entry's URL without secrets.
    pub(crate) url: String,
    /// What `If-Range` is to say; without it the bytes are worth nothing to a later try.
    pub(crate) validator: Option<String>,
    /// The name it is to get in its folder, if that is not its path's.
    pub(crate) name: Option<String>,
    pub(crate) replace: Replace,
    /// Several sources may have sent them.
    pub(crate) mixed: bool,
    pub(crate) said: Said,
}

/// What the server said of the whole file when it sent the first bytes, and need not say again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// What it adds up to.
    pub(crate) digests: Vec<Checksum>,
    /// `Last-Modified`.
    pub(crate) modified: Option<SystemTime>,
    /// The name of `Content-Disposition`.
    pub(crate) filename: Option<String>,
    /// What sent it.
    pub(crate) resource: Option<Resource>,
    /// Its content coding, where that is the file itself.
    pub(crate) coding: String,
}

/// What a whole file is given along with its name.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    /// The name it gets in its folder, if that is not its path's.
    pub(crate) name: Option<String>,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) mark: Mark,
    /// What it has to add up to.
    pub(crate) wanted: Vec<Checksum>,
    pub(crate) replace: Replace,
    pub(crate) durability: Durability,
}

/// A file that is not whole yet. The bytes that came are in memory or in `NAME.part`.
#[derive(Debug)]
#[must_use]
pub(crate) struct Part {
    disk: Disk,
    path: Arc<PathBuf>,
    identity: Option<Identity>,
    gaps: Gaps,
    gathered: Gathered,
    /// Where the gathered bytes begin in the file.
    offset: u64,
    open: Option<Open>,
    /// What is being written.
    writing: Option<Writing>,
    /// The bytes written so far, added up, if they came from the first on.
    sums: Option<Adding>,
    /// A write has failed, and where the file ends is not where it should.
    is_broken: bool,
    /// Bytes written since they were last synchronised.
    unrecorded: u64,
    /// What holds over a crash of the machine.
    synchronised: Vec<(u64, u64)>,
    /// The bytes come in no order: how many were written since the last record.
    scattered: Option<u64>,
    /// How long the disk kept the transfer waiting.
    waited: Duration,
    /// The right to give steps to the disk, as long as the next bytes come at once.
    turn: Option<Turn>,
}

#[derive(Debug)]
struct Open {
    sink: Sink,
    files: Files,
    _member: Member,
}

impl Part {
    /// A part of which there is nothing yet. It is large, and moves from hand to hand.
    pub(crate) fn new(disk: &Disk, path: &Arc<PathBuf>) -> Box<Self> {
        Box::new(Self {
            disk: disk.clone(),
            path: Arc::clone(path),
            identity: None,
            gaps: Gaps::all(None),
            gathered: Gathered::default(),
            offset: 0,
            open: None,
            writing: None,
            sums: None,
            is_broken: false,
            unrecorded: 0,
            synchronised: Vec::new(),
            scattered: None,
            waited: Duration::ZERO,
            turn: None,
        })
    }

    /// Where the next bytes go.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The validator of the bytes that are here.
    pub(crate) fn validator(&self) -> Option<String> {
        self.identity.as_ref().and_then(|identity| identity.validator.clone())
    }

    /// What the server said of the whole file when it sent the bytes that are here.
    pub(crate) fn said(&self) -> Option<&Said> {
        self.identity.as_ref().map(|identity| &identity.said)
    }

    /// May several sources have sent what is here?
    pub(crate) fn is_mixed(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.mixed)
    }

    /// Was it to take another file's place?
    pub(crate) fn replaces(&self) -> bool {
        self.identity
            .as_ref()
            .is_some_and(|identity| identity.replace == Replace::Old)
    }

    /// Which bytes are missing, not counting those that are gathered.
    pub(crate) fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// From here on, the bytes of this file come, from its beginning. What an earlier try left goes. A file that is
    /// known to be large gets its room now, or none of its bytes is fetched. `wanted` is what will be added up.
    pub(crate) async fn begin(&mut self, identity: Identity, size: Option<u64>, wanted: &[Checksum]) -> io::Result<()> {
        self.gaps = Gaps::all(size);
        self.scattered = None;
        self.identity = Some(identity);
        self.offset = 0;
        self.sums = Some(Adding::new(wanted.iter().cloned()));
        self.gathered.expect(self.most());
        if self.open.is_some() {
            self.empty().await
        } else if size.is_some_and(|size| size > SMALL as u64) {
            self.create().await
        } else {
            Ok(())
        }
    }

    /// Takes what an earlier try left away, and has room for the new bytes.
    async fn empty(&mut self) -> io::Result<()> {
        self.synchronised = self.gaps.pairs();
        // The old bytes go first: what is in a part is taken for what its record is of. The old record claims nothing of
        // an empty part.
        self.with_file(|file| file.set_len(0)).await?;
        self.write_record().await?;
        let reserved = self.reserve().await;
        if let (Err(_), Some(Open { sink, files, .. })) = (&reserved, &self.open) {
            let (file, files) = (Arc::clone(sink.file()), files.clone());
            aside(move || files.remove(&file)).await?;
        }
        reserved
    }

    /// Has something done with the file, if there is one.
    async fn with_file(&self, work: impl FnOnce(&File) -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let Some(Open { sink, .. }) = &self.open else {
            return Ok(());
        };
        let file = Arc::clone(sink.file());
        aside(move || work(&file)).await
    }

    /// Has room for the whole file.
    async fn reserve(&mut self) -> io::Result<()> {
        let size = self.gaps.size();
        self.with_file(move |file| room::reserve(file, size).map_err(NoRoom::wrap))
            .await
    }

    /// From here on, the bytes at this offset come, of the same file as before.
    pub(crate) async fn go_on(&mut self, identity: Identity, offset: u64, size: Option<u64>) -> io::Result<()> {
        self.identity = Some(identity);
        self.sums = None;
        self.scattered = None;
        // What lies behind the bytes that are here, over a crash of the machine, is nobody's: the next record would let
        // it pass for ours.
        let reach = self.gaps.reach();
        self.with_file(move |file| file.set_len(reach)).await?;
        if let Some(size) = size {
            self.gaps.ends_at(size);
        }
        self.synchronise().await?;
        self.offset = offset;
        self.reserve().await
    }

    /// How long the disk kept the transfer waiting so far.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// For others to write to the same file.
    pub(crate) fn beside(&self) -> Option<Beside> {
        self.open.as_ref().map(|open| Beside::new(&open.sink))
    }

    async fn create(&mut self) -> io::Result<()> {
        self.synchronised = self.gaps.pairs();
        let (disk, path) = (self.disk.clone(), Arc::clone(&self.path));
        let (record, size) = (self.record(), self.gaps.size());
        let identity = self.identity.clone();
        let taken = aside(move || {
            let taken = Files::create(&disk, &path)?;
            // Another process may have been faster: what is to come would be for nothing.
            if let Some(identity) = identity.filter(|identity| identity.replace == Replace::Never)
                && taken.files.is_finished(identity.name.as_deref())?
            {
                taken.files.remove(&taken.file)?;
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            let reserved = || room::reserve(&taken.file, size).map_err(NoRoom::wrap);
            if let Err(error) = taken.files.write_record(&record).and_then(|()| reserved()) {
                let _ = taken.files.remove(&taken.file);
                return Err(error);
            }
            Ok(taken)
        })
        .await?;
        self.open = Some(Open {
            sink: Sink::new(&self.disk, taken.file, taken.device),
            files: taken.files,
            _member: self.disk.crowd().join(),
        });
        Ok(())
    }

    /// The file is whole: if it adds up, it gets its date, its mark and, in one step, its name. `AlreadyExists` when a file
    /// of that name is there and may not be replaced, [`DoesNotAddUp`] when it is another file; what came is removed then.
    pub(crate) async fn commit(mut self: Box<Self>, finish: Finish) -> io::Result<()> {
        self.written().await?;
        let (blocks, start, sums) = (self.gathered.take(), self.offset, self.sums.take());
        let Some(Open { sink, files, .. }) = self.open.take() else {
            let takes_long = finish.durability == Durability::Disk || !finish.wanted.is_empty();
            let (disk, path, at) = (self.disk.clone(), self.path, self.disk);
            let mut finish = finish;
            // All of it comes back: memory that another thread than its own gives back costs a lock.
            let write = move || {
                let written = whole::write_whole(&disk, &path, &blocks, sums, &mut finish);
                Ok((written, (disk, path, blocks, finish)))
            };
            let (written, _) = if takes_long {
                aside(write).await?
            } else {
                at.errand(write).await?
            };
            return written;
        };
        let turn = self.turn.take();
        aside(move || {
            let _synchronising = match finish.durability {
                Durability::Disk => sink.synchronising(),
                Durability::System => None,
            };
            let mut sums = sums;
            add_blocks(&blocks, sums.as_mut());
            sink.write(&blocks, start, Made::Aside)?;
            drop((blocks, turn));
            files.settle(sink.file(), sums, finish)
        })
        .await
    }

    /// What came is kept for a later try: bytes first, then the record that claims them. Bytes that no later try could
    /// trust go. Says how many bytes of the file are kept.
    pub(crate) async fn park(mut self: Box<Self>) -> io::Result<u64> {
        let is_worth = self
            .identity
            .as_ref()
            .is_some_and(|identity| identity.validator.is_some());
        let written = self.written().await;
        let is_there = self.gaps.held() > 0 || self.gathered.len() > 0;
        if !is_worth || !is_there {
            self.discard().await?;
            return Ok(0);
        }
        if self.is_broken || written.is_err() {
            // What the record that is there says of it still holds; another byte would stand in the wrong place.
            return Ok(0);
        }
        self.store().await?;
        let held = self.gaps.held();
        self.synchronise().await?;
        Ok(held)
    }

    /// What came is worth nothing: it goes.
    pub(crate) async fn discard(mut self: Box<Self>) -> io::Result<()> {
        // A step that is still being written would bring the file back to its length.
        let _ = self.written().await;
        let Some(Open { sink, files, .. }) = self.open.take() else {
            return Ok(());
        };
        aside(move || files.remove(sink.file())).await
    }
}

/// Reads the file of this path from its beginning to its end, block by block. Whoever gives this up gives the reading up.
pub(crate) async fn read_file<T: Send + 'static>(
    disk: &Disk,
    path: &Arc<PathBuf>,
    mut state: T,
    each: impl Fn(&mut T, &[u8]) + Send + 'static,
) -> io::Result<T> {
    let (disk, path) = (disk.clone(), Arc::clone(path));
    // What runs on a thread of its own does not end because nobody waits for it.
    let given_up = CancellationToken::new();
    let _gives_up = given_up.clone().drop_guard();
    aside(move || {
        let file = disk.open_file(&path)?;
        blocks::read_all(&file, &mut |bytes: &[u8]| {
            each(&mut state, bytes);
            if given_up.is_cancelled() {
                Break(())
            } else {
                Continue(())
            }
        })
        .map(|()| state)
    })
    .await
}

/// There is no room for the whole file.
#[derive(Debug, thiserror::Error)]
#[error("{}", crate::error::os(.0))]
pub(crate) struct NoRoom(io::Error);

impl NoRoom {
    fn wrap(error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(error))
    }
}

/// It is another file than the one that was wanted.
#[derive(Debug, thiserror::Error)]
#[error("wrong {} checksum", .0.as_str())]
pub(crate) struct DoesNotAddUp(pub(crate) Algorithm);

#[cfg(test)]
mod tests;
