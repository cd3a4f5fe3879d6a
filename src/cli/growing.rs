//! A file that grows beside its final name and takes it at the end: until then, whatever has that name stays. Where the
//! system has files without a name (`O_TMPFILE`, Linux), nothing is left of one whatever ends the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;

use crate::disk::nameless::Nameless;

/// Symbolic links that are followed, as many as Linux follows.
const LINKS: usize = 40;

/// A file in the making. It is removed when it is given up.
#[derive(Debug)]
pub(crate) struct Growing {
    file: BufWriter<File>,
    /// The name that it takes; nothing where it is written through.
    name: Option<PathBuf>,
    /// The one that it has until then; nothing when it has none.
    meanwhile: Option<PathBuf>,
    nameless: Nameless,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only its owner.
    Owner,
    /// Whoever the system allows (umask).
    Usual,
}

impl Readers {
    fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Usual => 0o666,
        }
    }
}

impl Growing {
    pub(crate) fn create(path: &Path, readers: Readers) -> io::Result<Self> {
        let name = destination(path)?;
        let nameless = Nameless::new();
        let without_name = |name| nameless.file(File::open(folder_of(name)).ok()?, readers.mode());
        let (file, meanwhile) = match &name {
            // What it holds already is not ours: standard output may be the end of a file (`>>`).
            None => (OpenOptions::new().append(true).open(path)?, None),
            Some(name) => match without_name(name) {
                Some(file) => (file, None),
                None => named(beside(name), readers)?,
            },
        };
        Ok(Self {
            file: BufWriter::new(file),
            name,
            meanwhile,
            nameless,
        })
    }

    /// It is complete and takes its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(name) = self.name.take() else { return Ok(()) };
        let meanwhile = if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile
        } else {
            let meanwhile = beside(&name);
            // A link never takes the place of another file: that is left to a rename.
            self.nameless.name(self.file.get_ref(), CWD, &meanwhile)?;
            meanwhile
        };
        fs::rename(self.meanwhile.insert(meanwhile), name)?;
        self.meanwhile = None;
        Ok(())
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if let Some(meanwhile) = self.meanwhile.take() {
            let _ = fs::remove_file(meanwhile);
        }
    }
}

/// Which name a file takes that is to be found here: that where a symbolic link leads, for the link stays. None for a
/// pipe or a device, and for what this process has open (`/dev/stdout`, `/dev/fd/3`): they are written through.
pub(crate) fn destination(path: &Path) -> io::Result<Option<PathBuf>> {
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => return Ok(None),
        // Also a link of a stranger's in a folder that everybody writes to: the system follows none (`protected_symlinks`).
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        _ => {}
    }
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let folder = folder_of(&path).canonicalize()?;
        if folder.starts_with("/proc") || folder == Path::new("/dev/fd") {
            return Ok(None);
        }
        match fs::read_link(&path) {
            Ok(link) => path = folder.join(link),
            Err(_) => return Ok(Some(folder.join(path.file_name().unwrap_or_default()))),
        }
    }
    Err(Errno::LOOP.into())
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// A name in the same folder that nobody has: no process, for those of two containers have the same number, and no entry
/// of a list, for those begin with no dot.
fn beside(name: &Path) -> PathBuf {
    name.with_file_name(format!(".haul-{:016x}", fastrand::u64(..)))
}

fn named(name: PathBuf, readers: Readers) -> io::Result<(File, Option<PathBuf>)> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(readers.mode()).open(&name)?;
    Ok((file, Some(name)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_name_is_that_where_links_lead_and_what_is_open_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        fs::create_dir(dir.join("sub")).unwrap();
        fs::write(dir.join("sub/file"), "").unwrap();
        for (link, to) in [
            ("link", "sub/file"),
            ("far", "link"),
            ("open", "new"),
            ("out", "/dev/fd/0"),
        ] {
            symlink(to, dir.join(link)).unwrap();
        }
        symlink("turn", dir.join("turn")).unwrap();
        for (path, name) in [
            ("new", Some("new")),
            ("sub/file", Some("sub/file")),
            ("sub/../link", Some("sub/file")),
            ("far", Some("sub/file")),
            ("open", Some("new")),
            ("sub", None),
            ("out", None),
            ("/dev/fd/0", None),
            ("/proc/self/fd/0", None),
            ("/dev/null", None),
        ] {
            let found = destination(&dir.join(path)).unwrap();
            assert_eq!(found, name.map(|name| dir.join(name)), "{path}");
        }
        assert!(destination(&dir.join("turn")).is_err());
        assert!(destination(&dir.join("nowhere/new")).is_err());
    }

    #[test]
    fn with_a_name_or_without_one_the_old_file_stays_to_the_end_and_nothing_else_is_left() {
        for is_named in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("list");
            fs::write(&path, "old").unwrap();
            let begin = || {
                let mut growing = Growing::create(&path, Readers::Owner).unwrap();
                if is_named {
                    let (file, meanwhile) = named(beside(&path), Readers::Owner).unwrap();
                    (growing.file, growing.meanwhile) = (BufWriter::new(file), meanwhile);
                }
                growing.write_all(b"new").unwrap();
                growing
            };
            drop(begin());
            let growing = begin();
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            growing.finish().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(dir.path().read_dir().unwrap().count(), 1);
        }
    }
}
