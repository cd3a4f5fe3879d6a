//! The entries of a folder: what stands under a name, and what a name is given to.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{self as posix, AtFlags, FileType, Mode, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::super::Folder;
use super::Replace;

/// Are they of one and the same file?
pub(super) fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

/// A file with one name.
pub(super) fn is_plain(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
}

/// Is it another user's, in a folder where each may remove and rename only his own (POSIX: the restricted deletion flag)?
/// Who may all the same, as its owner and root do, would make a stranger's file his own and leave it in the stranger's hand.
pub(super) fn is_out_of_reach(folder: &Folder, stat: &Stat) -> io::Result<bool> {
    if stat.st_uid == geteuid().as_raw() {
        return Ok(false);
    }
    Ok(Mode::from_raw_mode(posix::fstat(folder)?.st_mode).contains(Mode::SVTX))
}

pub(super) fn stat(folder: &Folder, name: &str) -> io::Result<Option<Stat>> {
    match posix::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn unlink(folder: &Folder, name: &str) -> io::Result<()> {
    match posix::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn rename(folder: &Folder, from: &str, to: &str, replace: Replace) -> io::Result<()> {
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
        // The file has its name, and that is what counts: the other one goes, or is left for the next run.
        Ok(()) => {
            let _ = posix::unlinkat(folder, from, AtFlags::empty());
            Ok(())
        }
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
