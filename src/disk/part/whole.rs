//! A file that is whole: what it adds up to, its date, its mark; and the small one that has no name until then.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use rustix::fs::{self as posix, Timespec, Timestamps};
use rustix::io::Errno;

use super::super::record::Record;
use super::super::{Disk, Folder, name_of};
use super::blocks::{read_all, write_all};
use super::files::{Files, Taken};
use super::sink::add_blocks;
use super::{DoesNotAddUp, Finish, Replace};
use crate::checksum::{Adding, Checksum};
use crate::settings::Durability;

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
    let nameless = (finish.replace == Replace::Never).then(|| disk.nameless().file(&folder, 0o666));
    let Some(file) = nameless.flatten() else {
        return write_named(disk, path, blocks, finish);
    };
    write_all(&file, blocks)?;
    dress(&file, finish)?;
    let last = match &finish.name {
        Some(name) => name.as_str().into(),
        None => name_of(path).to_string_lossy(),
    };
    disk.nameless().name(&file, &folder, &*last)?;
    if finish.durability == Durability::Disk {
        // That it has a name is in the file, too: a file system without a journal forgets one without.
        file.sync_all()?;
    }
    synchronise_names(&folder, finish.durability)
}

/// Does the file add up to what is wanted? Without sums of all its bytes, it is read.
pub(super) fn add_up(file: &File, sums: Option<Adding>, wanted: &[Checksum]) -> io::Result<Result<(), DoesNotAddUp>> {
    if wanted.is_empty() {
        return Ok(Ok(()));
    }
    let sums = if let Some(sums) = sums {
        sums
    } else {
        let mut sums = Adding::new(wanted.iter().cloned());
        read_all(file, &mut |bytes| {
            sums.update(bytes);
            ControlFlow::Continue(())
        })?;
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

/// Date and mark, in this order: the mark remembers the date.
pub(super) fn dress(file: &File, finish: &mut Finish) -> io::Result<()> {
    let time = finish.modified.and_then(timespec);
    let dated = time.filter(|&time| {
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        // A file system that keeps no times still keeps the bytes.
        posix::futimens(file, &times).is_ok()
    });
    // What is beyond the reach of 32 bits may have been cut.
    let dated = dated.filter(|time| i32::try_from(time.tv_sec).is_ok());
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

pub(in crate::disk) fn synchronise_names(folder: &Folder, durability: Durability) -> io::Result<()> {
    match durability {
        Durability::System => Ok(()),
        Durability::Disk => match posix::fsync(folder) {
            // There is no way to have it synchronised: it may be entered and not read, or its file system cannot.
            Err(Errno::BADF | Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            done => Ok(done?),
        },
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::FOLDER;

    #[test]
    fn a_folder_that_cannot_be_synchronised_is_no_failure() {
        let folder = Arc::new(posix::open("/proc/self", FOLDER, posix::Mode::empty()).unwrap());
        assert_eq!(posix::fsync(&folder), Err(Errno::INVAL));
        synchronise_names(&folder, Durability::Disk).unwrap();
    }
}
