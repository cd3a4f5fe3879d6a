//! Files that have no name until they are whole, where the system has such (`O_TMPFILE`, Linux): whatever ends the
//! process before, nothing of them is left.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{self as posix, AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// How such files are made and named here.
#[derive(Debug)]
pub(crate) struct Nameless {
    /// A name can be given through `/proc`.
    has_proc: bool,
    /// A name cannot be given through the descriptor alone: before Linux 6.10 that takes a capability.
    needs_proc: AtomicBool,
}

impl Nameless {
    pub(crate) fn new() -> Self {
        Self {
            has_proc: Path::new("/proc/self/fd").is_dir(),
            needs_proc: AtomicBool::new(false),
        }
    }

    /// A new file in this folder, to write, of this mode but for the umask; `None` where there is no such thing.
    #[cfg(target_os = "linux")]
    pub(crate) fn file(&self, folder: impl AsFd, mode: u32) -> Option<File> {
        if !self.has_proc {
            return None;
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = posix::openat(folder, ".", flags, Mode::from_raw_mode(mode));
        file.ok().map(File::from)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn file(&self, _folder: impl AsFd, _mode: u32) -> Option<File> {
        None
    }

    /// Gives the file its name. `AlreadyExists` when another has it.
    pub(crate) fn name(&self, file: &File, folder: impl AsFd, name: impl AsRef<Path>) -> io::Result<()> {
        let name = name.as_ref();
        if !self.needs_proc.load(Ordering::Relaxed) {
            match link(file, &folder, name) {
                Err(Errno::NOENT | Errno::INVAL | Errno::PERM) => self.needs_proc.store(true, Ordering::Relaxed),
                done => return Ok(done?),
            }
        }
        let own = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(posix::linkat(posix::CWD, &*own, folder, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}

#[cfg(target_os = "linux")]
fn link(file: &File, folder: impl AsFd, name: &Path) -> Result<(), Errno> {
    posix::linkat(file, "", folder, name, AtFlags::EMPTY_PATH)
}

#[cfg(not(target_os = "linux"))]
fn link(_file: &File, _folder: impl AsFd, _name: &Path) -> Result<(), Errno> {
    Err(Errno::INVAL)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use super::*;
    use crate::disk::{FOLDER, Folder};

    #[test]
    fn both_ways_give_the_name_and_take_nobody_else_s() {
        for needs_proc in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let folder: Folder = Arc::new(posix::open(dir.path(), FOLDER, Mode::empty()).unwrap());
            let nameless = Nameless::new();
            nameless.needs_proc.store(needs_proc, Ordering::Relaxed);
            let made = || {
                let mut file = nameless.file(&folder, 0o666)?;
                file.write_all(b"new").unwrap();
                Some(file)
            };
            let Some(file) = made() else {
                let _ = writeln!(io::stderr(), "skipped: no files without a name here");
                return;
            };
            assert_eq!(dir.path().read_dir().unwrap().count(), 0);
            nameless.name(&file, &folder, "a").unwrap();
            assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"new");
            std::fs::write(dir.path().join("b"), "old").unwrap();
            let error = nameless.name(&made().unwrap(), &folder, "b").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read(dir.path().join("b")).unwrap(), b"old");
        }
    }
}
