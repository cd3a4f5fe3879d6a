//! A file that is not whole yet. It ends in [`Part::commit`], [`Part::park`] or [`Part::discard`].
//!
//! The bytes gather in memory first. A small file never has another home before it is whole: one blocking hop makes,
//! fills, dates and renames it. A larger one is written through `tokio::fs` in big steps.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{self as posix, AtFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::{Disk, Folder, aside, name::SUFFIXES, name_of};

/// Bytes gathered before they are written, and the size up to which a file is written in one go.
const GATHERED: usize = 256 * 1024;

/// May the file take another's place?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// Whatever is there stays, also what appeared in the meantime.
    Never,
    /// The old file goes when the new one is whole.
    Old,
}

/// A file that is not whole yet. The bytes that came are in memory or in `NAME.part`.
#[derive(Debug)]
#[must_use]
pub(crate) struct Part {
    disk: Disk,
    path: Arc<PathBuf>,
    gathered: Vec<u8>,
    open: Option<Open>,
    /// How long the disk kept the transfer waiting.
    waited: Duration,
}

#[derive(Debug)]
struct Open {
    file: File,
    names: Names,
}

/// The open folder, and the two names in it.
#[derive(Debug)]
struct Names {
    folder: Folder,
    last: OsString,
    part: OsString,
}

impl Part {
    pub(crate) fn new(disk: &Disk, path: &Arc<PathBuf>) -> Self {
        Self {
            disk: disk.clone(),
            path: Arc::clone(path),
            gathered: Vec::new(),
            open: None,
            waited: Duration::ZERO,
        }
    }

    /// Makes room for a body of this many bytes.
    pub(crate) fn expect(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(GATHERED);
        self.gathered.reserve_exact(bytes.min(GATHERED));
    }

    /// How long the disk kept the transfer waiting so far.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Takes bytes. Never to be cancelled half-way.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.gathered.len() + bytes.len() > GATHERED {
            self.flush_gathered().await?;
        }
        self.gathered.extend_from_slice(bytes);
        Ok(())
    }

    async fn flush_gathered(&mut self) -> io::Result<()> {
        let since = Instant::now();
        if self.open.is_none() {
            self.open = Some(self.create().await?);
        }
        if let Some(Open { file, .. }) = &mut self.open {
            file.write_all(&self.gathered).await?;
        }
        self.gathered.clear();
        self.waited += since.elapsed();
        Ok(())
    }

    async fn create(&self) -> io::Result<Open> {
        let (disk, path) = (self.disk.clone(), Arc::clone(&self.path));
        let (file, names) = aside(move || {
            let names = Names::of(&disk, &path)?;
            Ok((names.create()?, names))
        })
        .await?;
        let mut file = File::from_std(file);
        file.set_max_buf_size(GATHERED);
        Ok(Open { file, names })
    }

    /// The file is whole: it gets its date and, by one rename, its name. `AlreadyExists` when a file of that name is
    /// there and may not be replaced; the part is removed then.
    pub(crate) async fn commit(mut self, modified: Option<SystemTime>, replace: Replace) -> io::Result<()> {
        match self.open.take() {
            None => {
                let (disk, path, bytes) = (self.disk, self.path, self.gathered);
                aside(move || {
                    let names = Names::of(&disk, &path)?;
                    let mut file = names.create()?;
                    names.settle(file.write_all(&bytes).map(|()| date(&file, modified)), replace)
                })
                .await
            }
            Some(Open { mut file, names }) => {
                let written = match file.write_all(&self.gathered).await {
                    Ok(()) => file.flush().await,
                    failed => failed,
                };
                let file = file.into_std().await;
                aside(move || names.settle(written.map(|()| date(&file, modified)), replace)).await
            }
        }
    }

    /// The run stops: what came is kept on the disk.
    pub(crate) async fn park(mut self) -> io::Result<()> {
        match &mut self.open {
            None => Ok(()),
            Some(Open { file, .. }) => {
                file.write_all(&self.gathered).await?;
                file.flush().await
            }
        }
    }

    /// What came is worth nothing: it goes.
    pub(crate) async fn discard(self) -> io::Result<()> {
        match self.open {
            None => Ok(()),
            Some(Open { file, names }) => {
                drop(file.into_std().await);
                aside(move || Ok(posix::unlinkat(&names.folder, &names.part, AtFlags::empty())?)).await
            }
        }
    }
}

impl Names {
    fn of(disk: &Disk, path: &std::path::Path) -> io::Result<Self> {
        let last = name_of(path).to_owned();
        let mut part = last.clone();
        part.push(SUFFIXES[0]);
        Ok(Self {
            folder: disk.folder_for(path)?,
            last,
            part,
        })
    }

    /// A new, empty part. An old one goes first, and so does a symbolic link planted in its place; neither is opened.
    fn create(&self) -> io::Result<std::fs::File> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let create = || posix::openat(&self.folder, &self.part, flags, Mode::from_raw_mode(0o666));
        let made = match create() {
            Err(Errno::EXIST) => {
                self.remove_old_part()?;
                create()
            }
            other => other,
        };
        Ok(made?.into())
    }

    fn remove_old_part(&self) -> io::Result<()> {
        let stat = posix::statat(&self.folder, &self.part, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Symlink => {
                Ok(posix::unlinkat(&self.folder, &self.part, AtFlags::empty())?)
            }
            _ => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
        }
    }

    /// Renames a part that was finished well; removes one that was not.
    fn settle(&self, finished: io::Result<()>, replace: Replace) -> io::Result<()> {
        let done = finished.and_then(|()| rename(&self.folder, &self.part, &self.last, replace));
        if done.is_err() {
            let _ = posix::unlinkat(&self.folder, &self.part, AtFlags::empty());
        }
        done
    }
}

/// Dates the file. A file system that keeps no times still keeps the bytes.
fn date(file: &std::fs::File, modified: Option<SystemTime>) {
    let Some(since) = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()) else {
        return;
    };
    let time = Timespec {
        tv_sec: since.as_secs().try_into().unwrap_or(0),
        tv_nsec: 0,
    };
    let _ = posix::futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    );
}

fn rename(folder: &Folder, from: &OsStr, to: &OsStr, replace: Replace) -> io::Result<()> {
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
