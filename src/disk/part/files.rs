//! The files of a part, by their names in an open folder: which are ours, and the steps in which one becomes the other.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{
    self as posix, AtFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps,
};
use rustix::io::{Errno, pwritev};

use super::super::kind::is_local;
use super::super::name::SUFFIXES;
use super::super::record::Record;
use super::super::{Disk, Folder, name_of};
use super::sink::add_blocks;
use super::{DoesNotAddUp, Finish, Replace};
use crate::checksum::{Adding, Checksum};
use crate::settings::Durability;

/// Blocks of one write: as many as Linux and its peers take (`IOV_MAX`).
const AT_ONCE: usize = 1024;
/// Names to try for a part before giving up: each is passed over only when a stranger's file has it.
const NAMES: u32 = 9;
const READ_WRITE: OFlags = OFlags::RDWR
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);

/// The open folder, and the names in it.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: Folder,
    last: String,
    part: String,
    record: String,
    growing: String,
}

/// A part that is open and locked for us.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) file: File,
    pub(super) files: Files,
    pub(super) length: u64,
    /// The device that it is on, where that may be written to in place.
    pub(super) device: Option<u64>,
}

#[derive(Debug)]
pub(super) enum Standing {
    Locked,
    Ours(Taken),
}

/// What stands under a part's name.
enum Kind {
    Nothing,
    /// A file with a record, or without a byte: an earlier try left it.
    Ours,
    /// Somebody else's, whatever it is. It stays.
    Strange,
}

impl Files {
    fn nth(folder: &Folder, path: &Path, n: u32) -> Self {
        let last = name_of(path).to_string_lossy().into_owned();
        let number = if n == 1 { String::new() } else { format!(".{n}") };
        let name = |suffix: &str| format!("{last}{number}{suffix}");
        Self {
            folder: Folder::clone(folder),
            part: name(SUFFIXES[0]),
            record: name(SUFFIXES[1]),
            growing: name(SUFFIXES[2]),
            last,
        }
    }

    /// The part that an earlier try left, if it did.
    pub(super) fn find(disk: &Disk, path: &Path) -> io::Result<Option<Standing>> {
        let folder = match disk.folder_of(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        for n in 1..=NAMES {
            let files = Self::nth(&folder, path, n);
            match files.kind()? {
                Kind::Nothing => return Ok(None),
                Kind::Ours => return files.take(),
                Kind::Strange => {}
            }
        }
        Ok(None)
    }

    /// A new, empty part, locked. `WouldBlock` when another process is at it, `AlreadyExists` when one has left bytes.
    pub(super) fn create(disk: &Disk, path: &Path) -> io::Result<Taken> {
        let folder = disk.folder_for(path)?;
        for n in 1..=NAMES {
            let files = Self::nth(&folder, path, n);
            let found = match files.kind()? {
                Kind::Strange => continue,
                Kind::Ours => files.take()?,
                Kind::Nothing => files.make()?,
            };
            let Some(Standing::Ours(taken)) = found else {
                return Err(io::Error::from(io::ErrorKind::WouldBlock));
            };
            // Nobody has looked at these bytes: another process left them a moment ago.
            if taken.length > 0 {
                return Err(io::Error::from(io::ErrorKind::AlreadyExists));
            }
            return Ok(taken);
        }
        Err(io::Error::other("other files have every name for its part"))
    }

    /// Removes the record of a part that is gone: the file was finished, and then the machine or the process was.
    pub(super) fn remove_orphan(disk: &Disk, path: &Path) {
        if let Ok(folder) = disk.folder_of(path) {
            let files = Self::nth(&folder, path, 1);
            if let Ok(Some(_)) = files.record() {
                let _ = files.remove_record();
            }
        }
    }

    /// Removes the record of a part that is no more. The part's name is held while it goes: a record that another
    /// process has written for a part of its own is not touched.
    fn remove_record(&self) -> io::Result<()> {
        match self.make() {
            Ok(Some(Standing::Ours(taken))) => self.remove(&taken.file),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The part is looked at before its record: it has that before its first byte, and loses it after its name.
    fn kind(&self) -> io::Result<Kind> {
        let part = stat(&self.folder, &self.part)?;
        let record = stat(&self.folder, &self.record)?;
        let growing = stat(&self.folder, &self.growing)?;
        if [&record, &growing].into_iter().flatten().any(|stat| !is_plain(stat)) {
            return Ok(Kind::Strange);
        }
        let Some(part) = part else {
            // Alone, a file with the name of a record is ours only if it is one.
            let is_strange = record.is_some_and(|stat| stat.st_size > 0) && self.record()?.is_none();
            return Ok(if is_strange { Kind::Strange } else { Kind::Nothing });
        };
        if is_plain(&part) && (part.st_size == 0 || record.is_some()) {
            return Ok(Kind::Ours);
        }
        match stat(&self.folder, &self.part)? {
            Some(now) if is_same(&now, &part) && (now.st_size > 0 || !is_plain(&now)) => Ok(Kind::Strange),
            // Another process has finished it meanwhile, or removes it, or has begun anew.
            _ => self.kind(),
        }
    }

    /// Makes the part, locked; `None` if it is there or another by now.
    fn make(&self) -> io::Result<Option<Standing>> {
        let flags = READ_WRITE | OFlags::CREATE | OFlags::EXCL;
        match posix::openat(&self.folder, &self.part, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => self.lock(file),
            Err(Errno::EXIST) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Is there a file of this name, or of the part's path?
    pub(super) fn is_finished(&self, name: Option<&str>) -> io::Result<bool> {
        Ok(stat(&self.folder, name.unwrap_or(&self.last))?.is_some())
    }

    /// Opens and locks the part that stands there; `None` if it is gone or another by now.
    fn take(&self) -> io::Result<Option<Standing>> {
        match posix::openat(&self.folder, &self.part, READ_WRITE, Mode::empty()) {
            Ok(file) => self.lock(file),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks an open part, and makes sure that it still has its name: the process that held the lock before may have
    /// given it its final one.
    fn lock(&self, file: OwnedFd) -> io::Result<Option<Standing>> {
        match posix::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => {}
            Err(Errno::WOULDBLOCK) => return Ok(Some(Standing::Locked)),
            Err(error) => return Err(error.into()),
        }
        let opened = posix::fstat(&file)?;
        let named = stat(&self.folder, &self.part)?;
        if named.is_none_or(|named| !is_same(&named, &opened)) {
            return Ok(None);
        }
        // It may have become a stranger's since it was looked at.
        if !is_plain(&opened) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        Ok(Some(Standing::Ours(Taken {
            device: is_local(&file).then_some(opened.st_dev),
            file: file.into(),
            files: self.clone(),
            length: u64::try_from(opened.st_size).unwrap_or(0),
        })))
    }

    /// The part's record, if it can be read.
    pub(super) fn record(&self) -> io::Result<Option<Record>> {
        match Record::read(&self.folder, &self.record) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other,
        }
    }

    pub(super) fn write_record(&self, record: &Record) -> io::Result<()> {
        record.write(&self.folder, &self.record, &self.growing)
    }

    /// Gives a whole file its name, and removes what was only needed until then.
    pub(super) fn settle(&self, file: &File, sums: Option<Adding>, mut finish: Finish) -> io::Result<()> {
        if file.metadata()?.len() != finish.mark.size {
            self.remove(file)?;
            return Err(io::Error::other("its part is not as long as the file"));
        }
        // That it cannot be read says nothing against it.
        let adds_up = add_up(file, sums, &finish.wanted)?;
        if let Err(other) = adds_up {
            self.remove(file)?;
            return Err(io::Error::other(other));
        }
        dress(file, &mut finish)?;
        // Somebody may have removed it, and another process may have begun one of the same name: that is not this file.
        let (opened, named) = (posix::fstat(file)?, stat(&self.folder, &self.part)?);
        if named.is_none_or(|named| !is_same(&named, &opened)) {
            return Err(io::Error::other("its part was removed, or is another file by now"));
        }
        let last = finish.name.as_deref().unwrap_or(&self.last);
        if let Err(error) = rename(&self.folder, &self.part, last, finish.replace) {
            if error.kind() == io::ErrorKind::AlreadyExists {
                self.remove(file)?;
            }
            return Err(error);
        }
        self.remove_record()?;
        synchronise_names(&self.folder, finish.durability)
    }

    /// Removes the part and its record. The part is emptied first and goes last: until then its name and its lock keep
    /// others away, and an empty part claims nothing.
    pub(super) fn remove(&self, file: &File) -> io::Result<()> {
        file.set_len(0)?;
        unlink(&self.folder, &self.growing)?;
        unlink(&self.folder, &self.record)?;
        unlink(&self.folder, &self.part)
    }
}

/// Does anything have the first name of the part?
pub(super) fn has_part(folder: &Folder, path: &Path) -> io::Result<bool> {
    Ok(stat(folder, &format!("{}{}", name_of(path).to_string_lossy(), SUFFIXES[0]))?.is_some())
}

/// Does anything have the first name of the part's record?
pub(super) fn has_record(folder: &Folder, path: &Path) -> io::Result<bool> {
    Ok(stat(folder, &format!("{}{}", name_of(path).to_string_lossy(), SUFFIXES[1]))?.is_some())
}

/// Writes a small file that has no name until it is whole. One that takes another's place needs a name to do so.
pub(super) fn write_whole(
    disk: &Disk,
    path: &Path,
    blocks: &[Bytes],
    mut sums: Option<Adding>,
    finish: &mut Finish,
) -> io::Result<()> {
    add_blocks(blocks, sums.as_mut());
    if let Some(algorithm) = sums.and_then(Adding::mismatch) {
        return Err(io::Error::other(DoesNotAddUp(algorithm)));
    }
    let folder = disk.folder_for(path)?;
    let nameless = (finish.replace == Replace::Never).then(|| disk.nameless().file(&folder));
    let Some(file) = nameless.flatten() else {
        return write_named(disk, path, blocks, finish);
    };
    write_all(&file, blocks)?;
    dress(&file, finish)?;
    let last = match &finish.name {
        Some(name) => name.as_str().into(),
        None => name_of(path).to_string_lossy(),
    };
    disk.nameless().name(&file, &folder, &last)?;
    synchronise_names(&folder, finish.durability)
}

fn write_all(mut file: &File, blocks: &[Bytes]) -> io::Result<()> {
    blocks.iter().try_for_each(|block| file.write_all(block))
}

/// Writes blocks from this offset on.
pub(super) fn write_at(file: &File, blocks: &[Bytes], mut offset: u64) -> io::Result<()> {
    let mut slices: Vec<_> = blocks.iter().map(|block| IoSlice::new(block)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let most = left.len().min(AT_ONCE);
        match pwritev(file, &left[..most], offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut left, written);
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Does the file add up to what is wanted? Without sums of all its bytes, it is read.
fn add_up(file: &File, sums: Option<Adding>, wanted: &[Checksum]) -> io::Result<Result<(), DoesNotAddUp>> {
    if wanted.is_empty() {
        return Ok(Ok(()));
    }
    let sums = if let Some(sums) = sums {
        sums
    } else {
        let mut sums = Adding::new(wanted.iter().cloned());
        read_all(file, &mut |bytes| sums.update(bytes))?;
        sums
    };
    Ok(sums.mismatch().map_or(Ok(()), |algorithm| Err(DoesNotAddUp(algorithm))))
}

fn write_named(disk: &Disk, path: &Path, blocks: &[Bytes], finish: &Finish) -> io::Result<()> {
    let Taken { file, files, .. } = Files::create(disk, path)?;
    // Without a record, a part that is not empty is a stranger's to the next run. This one claims nothing.
    let record = Record::new(String::new(), String::new(), None, vec![(0, u64::MAX)]);
    let written = files.write_record(&record).and_then(|()| write_all(&file, blocks));
    // It was added up before it was written.
    let finish = Finish {
        wanted: Vec::new(),
        ..finish.clone()
    };
    let done = written.and_then(|()| files.settle(&file, None, finish));
    if done.is_err() {
        let _ = files.remove(&file);
    }
    done
}

/// Reads a file from its beginning to its end.
pub(super) fn read_all(file: &File, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
    let mut block = vec![0; 128 * 1024];
    let mut at = 0;
    loop {
        match file.read_at(&mut block, at) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                each(&block[..read]);
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Date and mark, in this order: the mark remembers the date.
fn dress(file: &File, finish: &mut Finish) -> io::Result<()> {
    let time = finish.modified.and_then(timespec);
    let dated = time.filter(|&time| {
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        // A file system that keeps no times still keeps the bytes.
        posix::futimens(file, &times).is_ok()
    });
    finish.mark.put(file.as_fd(), dated.map(|time| time.tv_sec));
    match finish.durability {
        Durability::System => Ok(()),
        Durability::Disk => file.sync_all(),
    }
}

fn timespec(time: SystemTime) -> Option<Timespec> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(Timespec {
        tv_sec: since.as_secs().try_into().ok()?,
        tv_nsec: 0,
    })
}

fn synchronise_names(folder: &Folder, durability: Durability) -> io::Result<()> {
    match durability {
        Durability::System => Ok(()),
        Durability::Disk => Ok(posix::fsync(folder)?),
    }
}

/// Are they of one and the same file?
fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// A file with one name.
fn is_plain(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
}

fn stat(folder: &Folder, name: &str) -> io::Result<Option<Stat>> {
    match posix::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unlink(folder: &Folder, name: &str) -> io::Result<()> {
    match posix::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn rename(folder: &Folder, from: &str, to: &str, replace: Replace) -> io::Result<()> {
    let (from, to) = (OsStr::new(from), OsStr::new(to));
    if replace == Replace::Old {
        return Ok(posix::renameat(folder, from, folder, to)?);
    }
    match posix::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        // Not every file system knows the flag; a second name and the end of the first say the same in two steps.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => link_and_unlink(folder, from, to),
        other => Ok(other?),
    }
}

fn link_and_unlink(folder: &Folder, from: &OsStr, to: &OsStr) -> io::Result<()> {
    match posix::linkat(folder, from, folder, to, AtFlags::empty()) {
        Ok(()) => Ok(posix::unlinkat(folder, from, AtFlags::empty())?),
        // Without links either (FAT, some network folders), looking first is all there is.
        Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => {
            match posix::statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => Ok(posix::renameat(folder, from, folder, to)?),
                Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_got_its_name_or_went_before_it_was_locked_is_not_taken() {
        type Between = fn(&Files, &File) -> io::Result<()>;
        let ways: [Between; 2] = [
            |files, _| rename(&files.folder, &files.part, &files.last, Replace::Never),
            |files, file| files.remove(file),
        ];
        for (between, is_followed) in ways.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::open(dir.path(), 1).unwrap();
            let Taken { file, files, .. } = Files::create(&disk, Path::new("a")).unwrap();
            let open = || posix::openat(&files.folder, &files.part, READ_WRITE, Mode::empty()).unwrap();
            let (early, late) = (open(), open());
            assert!(matches!(files.lock(early).unwrap(), Some(Standing::Locked)));
            between(&files, &file).unwrap();
            drop(file);
            if is_followed {
                File::create(dir.path().join("a.part")).unwrap();
            }
            assert!(files.lock(late).unwrap().is_none());
        }
    }
}
