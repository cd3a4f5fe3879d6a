//! A file that grows beside its final name and takes it at the end: until then, whatever has that name stays.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A file in the making. It is removed when it is given up.
#[derive(Debug)]
pub(crate) struct Growing {
    file: BufWriter<File>,
    /// From where to where it is renamed; nothing for a pipe or a device.
    rename: Option<(PathBuf, PathBuf)>,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Only its owner.
    Owner,
    /// Whoever the system allows (umask).
    Usual,
}

impl Growing {
    pub(crate) fn create(path: &Path, readers: Readers) -> io::Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|there| !there.is_file());
        let mut options = OpenOptions::new();
        options.write(true).mode(match readers {
            Readers::Owner => 0o600,
            Readers::Usual => 0o666,
        });
        let (file, rename) = if is_special {
            (options.open(path)?, None)
        } else {
            let mut growing = path.as_os_str().to_owned();
            growing.push(format!(".{}", std::process::id()));
            let growing = PathBuf::from(growing);
            (
                options.create_new(true).open(&growing)?,
                Some((growing, path.to_owned())),
            )
        };
        Ok(Self {
            file: BufWriter::new(file),
            rename,
        })
    }

    /// It is complete and takes its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        let Some((growing, path)) = self.rename.take() else {
            return flushed;
        };
        let done = flushed.and_then(|()| fs::rename(&growing, path));
        if done.is_err() {
            let _ = fs::remove_file(growing);
        }
        done
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
        if let Some((growing, _)) = self.rename.take() {
            let _ = fs::remove_file(growing);
        }
    }
}
