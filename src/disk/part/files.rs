//! The files of a part, by their names in an open folder: which are ours, and the steps in which one becomes the other.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{self as posix, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::kind::is_local;
use super::super::mark::Mark;
use super::super::name::SUFFIXES;
use super::super::record::Record;
use super::super::{Disk, Folder, mark_of, name_of};
use super::entries::{is_out_of_reach, is_plain, is_same, rename, stat, unlink};
use super::whole::{add_up, dress, synchronise_names};
use super::{Finish, Replace};
use crate::checksum::Adding;

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
    /// Its record alone: the file was finished, and then the process was.
    Orphan,
    /// A second name of a file that was finished, where giving it the first and taking this one are two steps.
    Second,
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
                // Where it cannot be removed, it is in nobody's way.
                Kind::Orphan => {
                    let _ = files.remove_record();
                    return Ok(None);
                }
                Kind::Second => {
                    let _ = files.remove_second();
                    return Ok(None);
                }
                Kind::Ours => match files.take() {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                    taken => return taken,
                },
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
                Kind::Strange | Kind::Second => continue,
                Kind::Ours => match files.take() {
                    // Another user's.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
                    taken => taken?,
                },
                Kind::Nothing | Kind::Orphan => files.make()?,
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

    /// Removes the record of a part that is no more. The part's name is held while it goes: a record that another
    /// process has written for a part of its own is not touched.
    fn remove_record(&self) -> io::Result<()> {
        match self.make() {
            // Empty, and held by its lock.
            Ok(Some(Standing::Ours(_taken))) => self.unlink_all(),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the second name of a finished file, and then its record, unless a process is just at that.
    fn remove_second(&self) -> io::Result<()> {
        let file = posix::openat(&self.folder, &self.part, READ_WRITE, Mode::empty())?;
        if lock_for_us(&file)? && matches!(self.kind()?, Kind::Second) {
            unlink(&self.folder, &self.part)?;
            self.remove_record()?;
        }
        Ok(())
    }

    /// The part is looked at before its record: it has that before its first byte, and loses it after its name.
    fn kind(&self) -> io::Result<Kind> {
        let part = stat(&self.folder, &self.part)?;
        let record = stat(&self.folder, &self.record)?;
        let growing = stat(&self.folder, &self.growing)?;
        if [&record, &growing].into_iter().flatten().any(|stat| !is_plain(stat)) {
            return Ok(Kind::Strange);
        }
        for stat in [&part, &record, &growing].into_iter().flatten() {
            if is_out_of_reach(&self.folder, stat)? {
                return Ok(Kind::Strange);
            }
        }
        let Some(part) = part else {
            // Alone, a file with the name of a record is ours only if it is one.
            return Ok(match record.filter(|stat| stat.st_size > 0) {
                None => Kind::Nothing,
                Some(_) if self.has_record()? => Kind::Orphan,
                Some(_) => Kind::Strange,
            });
        };
        if record.is_some() && !self.may_have_record()? {
            return Ok(Kind::Strange);
        }
        if record.is_some() && self.is_second(&part)? {
            return Ok(Kind::Second);
        }
        if is_plain(&part) && part.st_size == 0 && record.is_none() && self.is_finished_part() {
            return Ok(Kind::Strange);
        }
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
        if !lock_for_us(&file)? {
            return Ok(Some(Standing::Locked));
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

    /// May what has the record's name have been one, before the machine lost its power? One that cannot be read may.
    fn may_have_record(&self) -> io::Result<bool> {
        match Record::may_be(&self.folder, &self.record) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            other => other,
        }
    }

    /// Is what has the part's name a file that was finished under it?
    fn is_finished_part(&self) -> bool {
        mark_of(&self.folder, OsStr::new(&self.part)).is_some()
    }

    /// Is what has the part's name, beside a record, a finished file that has another one?
    fn is_second(&self, part: &Stat) -> io::Result<bool> {
        if part.st_nlink < 2 || !self.has_record()? {
            return Ok(false);
        }
        let is_last = stat(&self.folder, &self.last)?.is_some_and(|last| is_same(&last, part));
        Ok(is_last || self.is_finished_part())
    }

    /// Is there a record, and can it be read?
    fn has_record(&self) -> io::Result<bool> {
        match self.record() {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            record => Ok(record?.is_some()),
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
        if self.named(file)?.is_none() {
            return Err(io::Error::other("its part was removed, or is another file by now"));
        }
        let last = finish.name.as_deref().unwrap_or(&self.last);
        if finish.replace == Replace::Old && self.is_anothers(last, &finish.mark) {
            self.remove(file)?;
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if let Err(error) = rename(&self.folder, &self.part, last, finish.replace) {
            if error.kind() == io::ErrorKind::AlreadyExists {
                self.remove(file)?;
            }
            return Err(error);
        }
        // The file is there. A record that stays, because a disk takes no new names, is removed by the next run.
        let _ = self.remove_record();
        synchronise_names(&self.folder, finish.durability)
    }

    /// Has another entry just got its file there, under a name that the file system takes for this one?
    fn is_anothers(&self, name: &str, mark: &Mark) -> bool {
        mark_of(&self.folder, OsStr::new(name)).is_some_and(|there| there.collides_with(mark))
    }

    /// Removes the part and its record. The part is emptied first and goes last: until then its name and its lock keep
    /// others away, and an empty part claims nothing. A file that has another name keeps its bytes: they are that one's.
    pub(super) fn remove(&self, file: &File) -> io::Result<()> {
        match self.named(file)? {
            // What has the names of a part that has lost its own is not this one's.
            None => return Ok(()),
            Some(part) if is_plain(&part) => file.set_len(0)?,
            Some(_) => {}
        }
        self.unlink_all()
    }

    /// The file, if it is what has the part's name.
    fn named(&self, file: &File) -> io::Result<Option<Stat>> {
        let (opened, named) = (posix::fstat(file)?, stat(&self.folder, &self.part)?);
        Ok(named.filter(|named| is_same(named, &opened)))
    }

    fn unlink_all(&self) -> io::Result<()> {
        unlink(&self.folder, &self.growing)?;
        unlink(&self.folder, &self.record)?;
        unlink(&self.folder, &self.part)
    }
}

/// Locks a file for us, where there are locks, as long as it is open; `false` if another process has it.
fn lock_for_us(file: &OwnedFd) -> io::Result<bool> {
    match posix::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Durability;

    #[test]
    fn a_part_that_got_its_name_or_went_before_it_was_locked_is_not_taken() {
        type Between = fn(&Files, &File) -> io::Result<()>;
        let ways: [Between; 2] = [
            |files, _| rename(&files.folder, &files.part, &files.last, Replace::Never),
            |files, file| files.remove(file),
        ];
        for (between, is_followed) in ways.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::open(dir.path(), 1, Durability::System).unwrap();
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

    #[test]
    fn what_has_got_a_name_is_neither_cut_nor_removed() {
        for (by_link, left) in [(false, ["a", "a.part.json"].as_slice()), (true, &["a"])] {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::open(dir.path(), 1, Durability::System).unwrap();
            let Taken { file, files, .. } = Files::create(&disk, Path::new("a")).unwrap();
            files
                .write_record(&Record::new(String::new(), String::new(), None, vec![]))
                .unwrap();
            std::io::Write::write_all(&mut &file, b"whole").unwrap();
            let (part, whole) = (dir.path().join("a.part"), dir.path().join("a"));
            if by_link {
                std::fs::hard_link(part, &whole).unwrap();
            } else {
                std::fs::rename(part, &whole).unwrap();
            }
            files.remove(&file).unwrap();
            assert_eq!(std::fs::read(whole).unwrap(), b"whole");
            let names = dir.path().read_dir().unwrap();
            let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(names, left);
        }
    }

    #[test]
    fn a_file_that_another_entry_has_just_got_under_the_same_name_is_not_replaced() {
        for (entry, name, is_replaced) in [
            ("http://h/b", "b", false),
            ("http://h/b", "a", true),
            ("http://h/a", "b", true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::open(dir.path(), 1, Durability::System).unwrap();
            let finish = |(entry, name): (&str, &str)| Finish {
                name: None,
                modified: None,
                mark: Mark::new(0, (&entry.into(), name), None, None),
                wanted: Vec::new(),
                replace: Replace::Old,
                durability: Durability::System,
            };
            let settle = |finish| {
                let Taken { file, files, .. } = Files::create(&disk, Path::new("a")).unwrap();
                files.settle(&file, None, finish)
            };
            settle(finish(("http://h/a", "a"))).unwrap();
            // Not every file system of a test machine has attributes.
            if mark_of(&disk.folder_of(Path::new("a")).unwrap(), OsStr::new("a")).is_none() {
                return;
            }
            let settled = settle(finish((entry, name))).map_err(|error| error.kind());
            let expected = if is_replaced {
                Ok(())
            } else {
                Err(io::ErrorKind::AlreadyExists)
            };
            assert_eq!(settled, expected, "{entry} {name}");
        }
    }
}
