//! Everything that touches the file system, and nothing that knows HTTP.
//!
//! A run has one [`Disk`]: its folder, held open. Every path below it is walked one component at a time without
//! following a symbolic link, so whatever a list, a server or a neighbour does, nothing lands outside. tokio has no
//! calls relative to an open folder, so these are rustix's, in `spawn_blocking`: short ones together ([`errands`]), long
//! ones each in a hop of its own, and what has shown to take no time at all in place ([`pace`]).

pub(crate) mod claims;
mod crowd;
mod errands;
mod families;
mod hashes;
mod kind;
pub(crate) mod listing;
mod load;
pub(crate) mod mark;
pub(crate) mod name;
pub(crate) mod nameless;
mod pace;
pub(crate) mod part;
mod quick;
pub(crate) mod record;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{self as posix, Access, AtFlags, FileType, Mode, OFlags};
use tokio::task::JoinError;

use self::crowd::Crowd;
use self::errands::Errands;
use self::families::Families;
pub(crate) use self::families::Family;
use self::kind::case_of;
pub(crate) use self::kind::{Case, case_above};
use self::listing::{Listing, Said};
use self::mark::Mark;
use self::nameless::Nameless;
use self::quick::Quick;
use crate::job::Known;
use crate::settings::Durability;

/// The folder of a run. Clones are handles to one and the same.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    root: Folder,
    case: Case,
    /// Of the folders that are made.
    durability: Durability,
    nameless: Nameless,
    errands: Arc<Errands>,
    /// What stood in the folder, where names are told apart as we do.
    listing: Option<Arc<Listing>>,
    families: Families,
    crowd: Crowd,
    quick: Quick,
}

/// An open folder at or below the run's.
pub(crate) type Folder = Arc<OwnedFd>;

/// What stands under a name already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File {
        size: u64,
        modified: SystemTime,
        /// What haul noted when it finished the file.
        mark: Option<Mark>,
        /// It had another name then.
        is_renamed: bool,
    },
    /// A symbolic link, wherever it leads.
    Link,
    /// A folder, a pipe, a device.
    Other,
}

impl Found {
    /// The mark of a file that haul finished and that nobody has written to since, whatever the machine's end left of it.
    pub(crate) fn known(&self) -> Option<&Mark> {
        let Self::File {
            size, modified, mark, ..
        } = self
        else {
            return None;
        };
        let is_known = |mark: &&Mark| mark.is_intact(*size, *modified) || mark.is_cut(*size, *modified);
        mark.as_ref().filter(is_known)
    }

    /// Was it finished for another entry?
    pub(crate) fn is_another_s(&self, entry: &Known<'_>) -> bool {
        self.known().is_some_and(|mark| !mark.may_be_of(entry))
    }
}

/// What stood under a name at some moment.
#[derive(Debug)]
pub(crate) struct Glance {
    pub(crate) found: Found,
    /// A part of it, or something with the name of one.
    pub(crate) is_begun: bool,
    pub(crate) at: Instant,
}

/// The first folder above a file that is there.
#[derive(Debug)]
pub(crate) struct Site {
    /// Its path below the run's folder.
    pub(crate) path: PathBuf,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// What the system says to a new file in it, if that is no.
    pub(crate) refused: Option<io::Error>,
}

/// What is said of a link that is in the way.
const LINK: &str = "it is a symbolic link, which is not followed";
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The same, of a folder that may be entered and not read.
const CLOSED_FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Disk {
    /// Opens the folder for so many files at once, making it and its parents where they are missing.
    pub(crate) fn open(dir: &Path, jobs: usize, durability: Durability) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        if durability == Durability::Disk {
            synchronise_above(dir);
        }
        let root = open_folder(posix::CWD, dir, OFlags::empty())?;
        let case = case_of(&root);
        Ok(Self::at(root, case, jobs, durability))
    }

    fn at(root: OwnedFd, case: Case, jobs: usize, durability: Durability) -> Self {
        Self(Arc::new(Inside {
            root: Arc::new(root),
            case,
            durability,
            nameless: Nameless::new(),
            errands: Arc::default(),
            listing: (case == Case::Matters).then(Arc::default),
            families: Families::default(),
            crowd: Crowd::of(jobs),
            quick: Quick::new(),
        }))
    }

    /// The large files of the run.
    fn crowd(&self) -> &Crowd {
        &self.0.crowd
    }

    /// Where steps may be made in place.
    fn quick(&self) -> &Quick {
        &self.0.quick
    }

    /// Files without a name.
    fn nameless(&self) -> &Nameless {
        &self.0.nameless
    }

    /// Opens the folder if it is there, and makes nothing.
    pub(crate) fn look_at(dir: &Path) -> io::Result<Option<Self>> {
        let root = match open_folder(posix::CWD, dir, OFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            root => root?,
        };
        Ok(Some(Self::at(root, case_above(dir), 1, Durability::System)))
    }

    pub(crate) fn case(&self) -> Case {
        self.0.case
    }

    /// What stands at this path. A folder missing on the way is [`Found::Nothing`]. Blocks for a few system calls.
    pub(crate) fn look(&self, path: &Path) -> io::Result<Found> {
        match walk(&self.0.root, path, Missing::Fails) {
            Ok(folder) => look_at(&folder, name_of(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Is there anything at this path? For choosing a free name; blocks for one system call.
    pub(crate) fn is_taken(&self, path: &Path) -> bool {
        self.look(path).is_ok_and(|found| found != Found::Nothing)
    }

    /// Was the file at this path finished for another entry? Blocks for a few system calls.
    pub(crate) fn is_another_s(&self, path: &Path, entry: &Known<'_>) -> bool {
        self.look(path).is_ok_and(|found| found.is_another_s(entry))
    }

    /// What stands at this path.
    pub(crate) async fn found(&self, path: &Arc<PathBuf>) -> io::Result<Found> {
        let (disk, path) = (self.clone(), Arc::clone(path));
        self.errand(move || disk.look(&path)).await
    }

    /// When there was nothing under this path, and no part of it, if that was seen less than a second ago together with
    /// what else is in the folder. Does not look for it.
    pub(crate) fn seen_empty(&self, path: &Path) -> Option<Instant> {
        let listing = self.0.listing.as_ref()?;
        let Said { nothing, is_due } = listing.ask(path, Instant::now());
        if is_due {
            let (listing, root) = (Arc::clone(listing), Arc::clone(&self.0.root));
            tokio::task::spawn_blocking(move || listing.read(&root));
        }
        nothing
    }

    /// A run begins: what was seen before is over.
    pub(crate) fn forget_seen(&self) {
        if let Some(listing) = &self.0.listing {
            listing.forget();
        }
        self.0.families.forget();
    }

    /// Looks for a file of that name and for a part of one, and touches neither. What it saw may be over a moment later.
    pub(crate) async fn glance(&self, path: &Arc<PathBuf>) -> io::Result<Glance> {
        if let Some(at) = self.seen_empty(path) {
            let (found, is_begun) = (Found::Nothing, false);
            return Ok(Glance { found, is_begun, at });
        }
        let (disk, path) = (self.clone(), Arc::clone(path));
        self.errand(move || {
            // The part first: a file that another process finishes in between is seen.
            let (is_begun, found) = match walk(&disk.0.root, &path, Missing::Fails) {
                Ok(folder) => part::glance(&folder, &path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => (false, Found::Nothing),
                Err(error) => return Err(error),
            };
            let at = Instant::now();
            Ok(Glance { found, is_begun, at })
        })
        .await
    }

    /// Has a few system calls made on a blocking thread, together with those of others.
    pub(crate) async fn errand<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.0.errands.run(work).await
    }

    /// Opens the file of this path to read it; never a symbolic link or a pipe.
    fn open_file(&self, path: &Path) -> io::Result<std::fs::File> {
        let folder = self.folder_of(path)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        Ok(posix::openat(&folder, name_of(path), flags, Mode::empty())?.into())
    }

    /// Has the file of this path reach the disk, and all names that lead to it.
    pub(crate) async fn synchronise(&self, path: &Arc<PathBuf>) -> io::Result<()> {
        let (disk, path) = (self.clone(), Arc::clone(path));
        aside(move || {
            disk.open_file(&path)?.sync_all()?;
            let names = path.ancestors().filter(|path| path.file_name().is_some());
            names
                .map(|name| disk.folder_of(name))
                .try_for_each(|folder| part::synchronise_names(&folder?, Durability::Disk))
        })
        .await
    }

    /// Where a path's file is, or would be made first.
    pub(crate) async fn site(&self, path: &Arc<PathBuf>) -> io::Result<Site> {
        let (disk, path) = (self.clone(), Arc::clone(path));
        self.errand(move || {
            let open = |path: &Path| Some((path.parent().unwrap_or(path).to_owned(), disk.folder_of(path).ok()?));
            let site = path.ancestors().find_map(open);
            let (path, folder) = site.unwrap_or_else(|| (PathBuf::new(), Arc::clone(&disk.0.root)));
            let stat = posix::fstat(&folder)?;
            let access = posix::accessat(&folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty());
            Ok(Site {
                path,
                device: stat.st_dev,
                inode: stat.st_ino,
                refused: access.err().map(io::Error::from),
            })
        })
        .await
    }

    /// The open folder that a path's file is in.
    pub(crate) fn folder_of(&self, path: &Path) -> io::Result<Folder> {
        walk(&self.0.root, path, Missing::Fails)
    }

    /// The open folder a path's file goes into, made where it is missing.
    pub(crate) fn folder_for(&self, path: &Path) -> io::Result<Folder> {
        walk(&self.0.root, path, Missing::Made(self.0.durability))
    }
}

/// Runs blocking file operations that may take long where they hold up no task. A panic in them goes on here.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    returned(tokio::task::spawn_blocking(work).await)?
}

/// What came of a hop. A panic in it goes on here.
fn returned<T>(hop: Result<T, JoinError>) -> io::Result<T> {
    match hop {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(io::Error::other("the runtime is shutting down")),
    }
}

fn open_folder(at: impl AsFd, name: impl AsRef<Path>, more: OFlags) -> rustix::io::Result<OwnedFd> {
    let (at, name) = (at.as_fd(), name.as_ref());
    match posix::openat(at, name, FOLDER | more, Mode::empty()) {
        Err(rustix::io::Errno::ACCESS) => posix::openat(at, name, CLOSED_FOLDER | more, Mode::empty()),
        opened => opened,
    }
}

/// Has the names of the folders above this one reach the disk, as far as they can: they may be new. Those of which a file
/// system keeps nothing on a disk, or that may not be read, say so.
fn synchronise_above(dir: &Path) {
    for above in dir.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        let _ = posix::open(above, FOLDER, Mode::empty()).and_then(posix::fsync);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Missing {
    Fails,
    Made(Durability),
}

/// Opens the folder that holds the path's last component, following no symbolic link.
fn walk(root: &Folder, path: &Path, missing: Missing) -> io::Result<Folder> {
    let mut folder = Arc::clone(root);
    for component in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = component else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let open = || open_folder(&folder, name, OFlags::NOFOLLOW);
        let next = match open() {
            Err(rustix::io::Errno::NOENT) => {
                let Missing::Made(durability) = missing else {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                };
                match posix::mkdirat(&folder, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => part::synchronise_names(&folder, durability)?,
                    Err(error) => return Err(error.into()),
                }
                open()?
            }
            other => other.map_err(|error| why_closed(&folder, name, error))?,
        };
        folder = Arc::new(next);
    }
    Ok(folder)
}

/// Why there is no way into what has this name: of a symbolic link, the system says that it is no folder, which may be
/// untrue.
fn why_closed(folder: &OwnedFd, name: &std::ffi::OsStr, error: rustix::io::Errno) -> io::Error {
    let is_link = || {
        let there = posix::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
        there.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
    };
    match error {
        rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP if is_link() => {
            io::Error::new(io::ErrorKind::NotADirectory, LINK)
        }
        error => error.into(),
    }
}

fn look_at(folder: &OwnedFd, name: &std::ffi::OsStr) -> io::Result<Found> {
    let stat = match posix::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Ok(Found::Link),
        _ => return Ok(Found::Other),
    }
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    let since = Duration::new(u64::try_from(stat.st_mtime).unwrap_or(0), nanos);
    let mark = mark_of(folder, name);
    Ok(Found::File {
        is_renamed: mark
            .as_ref()
            .is_some_and(|mark| mark.is_renamed(&name.to_string_lossy())),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: SystemTime::UNIX_EPOCH + since,
        mark,
    })
}

fn mark_of(folder: &OwnedFd, name: &std::ffi::OsStr) -> Option<Mark> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = posix::openat(folder, name, flags, Mode::empty()).ok()?;
    Mark::of(file.as_fd())
}

fn name_of(path: &Path) -> &std::ffi::OsStr {
    path.file_name().unwrap_or_default()
}
