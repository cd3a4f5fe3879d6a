//! A file that is not whole yet. It ends in [`Part::commit`], [`Part::park`] or [`Part::discard`].
//!
//! The bytes gather in memory first. A small file never has a name before it is whole: one blocking hop makes, fills,
//! dates, marks and links it. A larger one grows in `NAME.part`, written in big steps, and `NAME.part.json` says what it
//! holds. A step is a blocking hop of its own, as in `tokio::fs`; but the blocks go to the system as they came from the
//! network, which a `tokio::fs::File` would copy, and are added up on the way.

mod beside;
mod files;
mod gathered;
mod room;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::crowd::{Member, Turn};
use super::mark::Mark;
use super::record::Record;
use super::{Disk, Folder, Found, aside, look_at, name_of, returned};
use crate::checksum::{Adding, Algorithm, Checksum};
use crate::gaps::Gaps;
use crate::settings::Durability;
pub(crate) use beside::Beside;
use files::Files;
use gathered::Gathered;

/// The size up to which a file that tells it is written in one go.
const SMALL: usize = 256 * 1024;
/// Bytes after which what was written is synchronised, so that the record can claim it whatever happens.
const SYNCHRONISED: u64 = 256 << 20;

/// Bytes that come in no order are in the record when there are so many of them.
const NOTED: u64 = 8 << 20;

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
    file: Arc<File>,
    files: Files,
    _member: Member,
}

/// A step on its way to the system.
#[derive(Debug)]
struct Writing {
    range: Range<u64>,
    step: JoinHandle<(io::Result<()>, Option<Adding>)>,
}

/// What there is of a part already.
#[derive(Debug)]
pub(crate) enum Earlier {
    Nothing,
    /// Another process is at it.
    Locked,
    /// These bytes, locked for us. Without a record that can be read, they are worth nothing.
    Part(Box<Part>, Option<Record>),
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

    /// Looks for a file of that name, and for what an earlier try left of one.
    pub(crate) async fn survey(disk: &Disk, path: &Arc<PathBuf>) -> io::Result<(Found, Earlier)> {
        let (at, of) = (disk.clone(), Arc::clone(path));
        let look = move || {
            // The part first: a file that another process finishes in between is seen.
            let earlier = Files::find(&at, &of)?;
            let found = at.look(&of)?;
            if earlier.is_none() && found != Found::Nothing {
                Files::remove_orphan(&at, &of);
            }
            Ok((found, earlier))
        };
        let (found, earlier) = disk.errand(look).await?;
        Ok((found, Self::earlier(disk, path, earlier)?))
    }

    fn earlier(disk: &Disk, path: &Arc<PathBuf>, found: Option<files::Standing>) -> io::Result<Earlier> {
        let files::Taken { file, files, length } = match found {
            None => return Ok(Earlier::Nothing),
            Some(files::Standing::Locked) => return Ok(Earlier::Locked),
            Some(files::Standing::Ours(taken)) => taken,
        };
        let record = files.record()?;
        let mut part = Self::new(disk, path);
        part.open = Some(Open {
            file: Arc::new(file),
            files,
            _member: disk.crowd().join(),
        });
        let known = record
            .as_ref()
            .and_then(|record| Some((record, gaps_of(record, length)?)));
        let record = known.map(|(record, gaps)| {
            part.gaps = gaps;
            part.identity = Some(Identity {
                url: record.url.clone(),
                validator: Some(record.validator.clone()).filter(|validator| !validator.is_empty()),
                name: None,
                replace: if record.replaces { Replace::Old } else { Replace::Never },
            });
            record.clone()
        });
        Ok(Earlier::Part(part, record))
    }

    /// Where the next bytes go.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The validator of the bytes that are here.
    pub(crate) fn validator(&self) -> Option<String> {
        self.identity.as_ref().and_then(|identity| identity.validator.clone())
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
        if let (Err(_), Some(Open { file, files, .. })) = (&reserved, &self.open) {
            let (file, files) = (Arc::clone(file), files.clone());
            aside(move || files.remove(&file)).await?;
        }
        reserved
    }

    /// Has something done with the file, if there is one.
    async fn with_file(&self, work: impl FnOnce(&File) -> io::Result<()> + Send + 'static) -> io::Result<()> {
        let Some(Open { file, .. }) = &self.open else {
            return Ok(());
        };
        let file = Arc::clone(file);
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

    /// How many bytes gather.
    fn most(&self) -> usize {
        if self.open.is_some() {
            return self.disk.crowd().step();
        }
        let small = self.gaps.size().and_then(|size| usize::try_from(size).ok());
        small
            .filter(|&size| size <= SMALL)
            .unwrap_or_else(|| self.disk.crowd().first_step())
    }

    /// Waits until the disk can take steps of a large file. `false` for a file that is small, or of which nothing is here.
    pub(crate) async fn turn(&mut self) -> bool {
        let is_begun = self.gaps.size().is_none() && self.gathered.len() > 0;
        if self.open.is_none() && !is_begun {
            return false;
        }
        if self.turn.is_none() {
            self.turn = self.disk.crowd().turn().await;
        }
        true
    }

    /// It is others' turn: the next bytes are not here soon.
    pub(crate) fn pass(&mut self) {
        self.turn = None;
    }

    /// Takes bytes. Never to be cancelled half-way. A write that fails may be told of by a later one.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.gathered.add(bytes);
        // A small file is one byte short of its step to the end.
        if self.gathered.len() < self.most() || self.is_small_and_whole() {
            return Ok(());
        }
        let since = Instant::now();
        let flushed = self.flush().await;
        self.waited += since.elapsed();
        // The next bytes may be here at once.
        self.turn = flushed?;
        Ok(())
    }

    /// Are there so many bytes of a large file that they go to the disk when the next ones are not here soon?
    pub(crate) fn has_plenty(&self) -> bool {
        self.open.is_some() && self.gathered.len() >= SMALL
    }

    /// Gives the bytes that are here to the disk: the next ones are not here soon.
    pub(crate) async fn rest(&mut self) -> io::Result<()> {
        self.flush().await.map(drop)
    }

    /// Are all the bytes of a small file gathered, and no more?
    fn is_small_and_whole(&self) -> bool {
        self.open.is_none() && self.gaps.size() == Some(self.gathered.len() as u64)
    }

    /// The file has ended here, so nothing is missing behind it.
    pub(crate) async fn end(&mut self) -> io::Result<()> {
        self.gaps.ends_at(self.offset + self.gathered.len() as u64);
        self.settle().await
    }

    /// The bytes that came are with the system: from now on, a record may say so.
    pub(crate) async fn store(&mut self) -> io::Result<()> {
        if self.gathered.len() > 0 {
            self.flush().await?;
        }
        self.pass();
        self.written().await
    }

    /// The bytes that came are here.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        self.written().await?;
        self.gaps.fill(self.offset..self.offset + self.gathered.len() as u64);
        Ok(())
    }

    /// Begins to give the gathered bytes to the system, when it is its turn. What is left of the turn is for who goes on.
    async fn flush(&mut self) -> io::Result<Option<Turn>> {
        if self.open.is_none() {
            self.create().await?;
        }
        self.written().await?;
        self.turn().await;
        let Some(Open { file, .. }) = &self.open else {
            return Ok(None);
        };
        let turn = self.turn.take();
        let rest = turn.as_ref().and_then(|turn| turn.after(self.gathered.len()));
        let range = self.offset..self.offset + self.gathered.len() as u64;
        let (file, blocks, mut sums, start) = (Arc::clone(file), self.gathered.take(), self.sums.take(), self.offset);
        let step = tokio::task::spawn_blocking(move || {
            let written = files::write_at(&file, &blocks, start, sums.as_mut());
            drop((blocks, turn));
            (written, sums)
        });
        self.offset = range.end;
        self.writing = Some(Writing { range, step });
        Ok(rest)
    }

    /// Waits for what is being written.
    async fn written(&mut self) -> io::Result<()> {
        let Some(Writing { range, step, .. }) = self.writing.take() else {
            return Ok(());
        };
        let (written, sums) = returned(step.await).unwrap_or_else(|error| (Err(error), None));
        self.sums = sums.filter(|_| self.scattered.is_none());
        self.is_broken |= written.is_err();
        written?;
        self.came(range).await
    }

    /// These bytes were written: the record says so from time to time.
    async fn came(&mut self, range: Range<u64>) -> io::Result<()> {
        let count = range.end - range.start;
        self.gaps.fill(range);
        self.unrecorded += count;
        self.scattered = self.scattered.map(|before| before + count);
        if self.unrecorded >= SYNCHRONISED {
            // That may take long.
            self.pass();
            self.synchronise().await?;
        } else if self.scattered.is_some_and(|count| count >= NOTED) {
            self.write_record().await?;
        }
        Ok(())
    }

    /// For others to write to the same file.
    pub(crate) fn beside(&self) -> Option<Beside> {
        self.open
            .as_ref()
            .map(|open| Beside::new(&open.file, self.disk.crowd().step()))
    }

    /// From here on the bytes come in no order: how long the file is says nothing any more. What is here of it already is
    /// in the record then.
    pub(crate) async fn scatter(&mut self) -> io::Result<()> {
        if self.scattered.is_some() {
            return Ok(());
        }
        self.scattered = Some(0);
        self.sums = None;
        self.written().await?;
        self.write_record().await
    }

    /// Others wrote these bytes.
    pub(crate) async fn hear(&mut self, ranges: Vec<Range<u64>>) -> io::Result<()> {
        for range in ranges {
            self.came(range).await?;
        }
        Ok(())
    }

    async fn create(&mut self) -> io::Result<()> {
        self.synchronised = self.gaps.pairs();
        let (disk, path) = (self.disk.clone(), Arc::clone(&self.path));
        let (record, size) = (self.record(), self.gaps.size());
        let identity = self.identity.clone();
        let (file, files) = aside(move || {
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
            Ok((taken.file, taken.files))
        })
        .await?;
        self.open = Some(Open {
            file: Arc::new(file),
            files,
            _member: self.disk.crowd().join(),
        });
        Ok(())
    }

    /// What was written is on the disk, and then the record says so.
    async fn synchronise(&mut self) -> io::Result<()> {
        let gaps = self.gaps.pairs();
        self.with_file(File::sync_data).await?;
        self.synchronised = gaps;
        self.unrecorded = 0;
        self.write_record().await
    }

    async fn write_record(&mut self) -> io::Result<()> {
        self.scattered = self.scattered.map(|_| 0);
        let Some(Open { files, .. }) = &self.open else {
            return Ok(());
        };
        let (files, record) = (files.clone(), self.record());
        aside(move || files.write_record(&record)).await
    }

    fn record(&self) -> Record {
        let (url, validator) = match &self.identity {
            Some(identity) => (identity.url.clone(), identity.validator.clone().unwrap_or_default()),
            None => Default::default(),
        };
        let (gaps, missing) = match self.scattered {
            None => (self.gaps.pairs(), None),
            Some(_) => (self.synchronised.clone(), Some(self.gaps.pairs())),
        };
        let mut record = Record::new(url, validator, self.gaps.size(), gaps);
        record.missing = missing;
        record.replaces = self.replaces();
        record
    }

    /// The file is whole: if it adds up, it gets its date, its mark and, in one step, its name. `AlreadyExists` when a file
    /// of that name is there and may not be replaced, [`DoesNotAddUp`] when it is another file; what came is removed then.
    pub(crate) async fn commit(mut self: Box<Self>, finish: Finish) -> io::Result<()> {
        self.written().await?;
        let (blocks, start, sums) = (self.gathered.take(), self.offset, self.sums.take());
        let Some(Open { file, files, .. }) = self.open.take() else {
            let takes_long = finish.durability == Durability::Disk || !finish.wanted.is_empty();
            let (disk, path, at) = (self.disk.clone(), self.path, self.disk);
            let mut finish = finish;
            // All of it comes back: memory that another thread than its own gives back costs a lock.
            let write = move || {
                let written = files::write_whole(&disk, &path, &blocks, sums, &mut finish);
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
            let mut sums = sums;
            files::write_at(&file, &blocks, start, sums.as_mut())?;
            drop((blocks, turn));
            files.settle(&file, sums, finish)
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
        let Some(Open { file, files, .. }) = self.open.take() else {
            return Ok(());
        };
        aside(move || files.remove(&file)).await
    }
}

/// Does anything stand under the names that a part or its record would have, and what under the path's own? Blocks for
/// a few system calls.
pub(super) fn glance(folder: &Folder, path: &Path) -> io::Result<(bool, Found)> {
    let has_part = files::has_part(folder, path)?;
    let found = look_at(folder, name_of(path))?;
    // A record alone matters to a file that is there: it goes then.
    Ok((
        has_part || (found != Found::Nothing && files::has_record(folder, path)?),
        found,
    ))
}

/// Reads the file of this path from its beginning to its end, block by block.
pub(crate) async fn read_file<T: Send + 'static>(
    disk: &Disk,
    path: &Arc<PathBuf>,
    mut state: T,
    each: impl Fn(&mut T, &[u8]) + Send + 'static,
) -> io::Result<T> {
    let (disk, path) = (disk.clone(), Arc::clone(path));
    aside(move || {
        let file = disk.open_file(&path)?;
        files::read_all(&file, &mut |bytes: &[u8]| each(&mut state, bytes)).map(|()| state)
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

/// What a record says is missing of a part of this length; `None` if it cannot be. Within one boot, bytes that were
/// appended since the record are there; over a crash of the machine only what was synchronised before it is.
pub(crate) fn gaps_of(record: &Record, length: u64) -> Option<Gaps> {
    let is_of_this_boot = record.is_of_this_boot();
    let named = record.missing.as_ref().filter(|_| is_of_this_boot);
    let mut gaps = Gaps::from_pairs(record.size, named.unwrap_or(&record.gaps).iter().copied())?;
    if gaps.reach() > length || record.size.is_some_and(|size| length > size) {
        return None;
    }
    let is_in_order = is_of_this_boot && record.missing.is_none();
    if let Some(start) = gaps.tail().filter(|_| is_in_order) {
        gaps.fill(start..length);
    }
    Some(gaps)
}

#[cfg(test)]
mod tests;
