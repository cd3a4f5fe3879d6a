//! A folder for one run, gone afterwards.

use std::io;
use std::path::{Path, PathBuf};
use std::{fs, mem};

use crate::error::SetupError;

/// A fresh folder in DIR, and what had to be made of DIR. Dropping it removes both, so that nothing stays behind when a
/// comparison is given up half-way; [`Scratch::remove`] does the same without holding up the runtime.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// DIR and the folders above it, as far as they were not there, innermost first.
    made: Vec<PathBuf>,
}

impl Scratch {
    pub(super) async fn make(dir: &Path) -> Result<Self, SetupError> {
        let owned = dir.to_owned();
        blocking(move || Self::make_now(&owned))
            .await
            .map_err(|source| SetupError::Dir {
                dir: dir.to_owned(),
                source,
            })
    }

    fn make_now(dir: &Path) -> io::Result<Self> {
        let missing = |dir: &&Path| !dir.as_os_str().is_empty() && !dir.exists();
        let made = dir.ancestors().take_while(missing).map(Path::to_owned).collect();
        // From here on a failure removes what was made so far.
        let mut scratch = Self {
            path: PathBuf::new(),
            made,
        };
        fs::create_dir_all(dir)?;
        scratch.path = fresh(dir)?;
        Ok(scratch)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn remove(mut self) -> Result<(), SetupError> {
        let dir = self.path.clone();
        blocking(move || self.remove_now())
            .await
            .map_err(|source| SetupError::Dir { dir, source })
    }

    fn remove_now(&mut self) -> io::Result<()> {
        let removed = remove_all(&mem::take(&mut self.path));
        for dir in mem::take(&mut self.made) {
            // Somebody else may have put something there meanwhile: then it stays.
            let _ = fs::remove_dir(dir);
        }
        removed
    }
}

/// Of a run that was given up, a last file may be made while the folder is being emptied: that is tried again.
fn remove_all(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() {
        return Ok(());
    }
    (0..2)
        .find_map(|_| fs::remove_dir_all(dir).ok())
        .map_or_else(|| fs::remove_dir_all(dir), Ok)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.remove_now();
    }
}

/// Makes a folder that was not there.
fn fresh(dir: &Path) -> io::Result<PathBuf> {
    loop {
        let path = dir.join(format!(".haul-compare-{}", suffix()));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sixteen digits that hardly anybody else has.
pub(super) fn suffix() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// Runs file-system calls where they hold nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_made_is_removed_and_nothing_else() {
        let here = tempfile::tempdir().unwrap();
        let deep = here.path().join("a/b");
        let scratch = Scratch::make(&deep).await.unwrap();
        fs::create_dir_all(scratch.path().join("x/y")).unwrap();
        fs::write(scratch.path().join("x/y/z"), "z").unwrap();
        scratch.remove().await.unwrap();
        assert!(!here.path().join("a").exists());
        assert!(here.path().exists());
    }

    #[tokio::test]
    async fn a_folder_that_is_in_use_stays() {
        let here = tempfile::tempdir().unwrap();
        let dir = here.path().join("dir");
        let scratch = Scratch::make(&dir).await.unwrap();
        fs::write(dir.join("somebody's"), "").unwrap();
        drop(scratch);
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["somebody's"]);
    }

    #[tokio::test]
    async fn two_at_once_do_not_meet() {
        let here = tempfile::tempdir().unwrap();
        let one = Scratch::make(here.path()).await.unwrap();
        let two = Scratch::make(here.path()).await.unwrap();
        assert_ne!(one.path(), two.path());
    }

    #[tokio::test]
    async fn a_dir_that_is_a_file_is_a_setup_error() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Scratch::make(&file).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot use folder "), "{error}");
        assert!(file.is_file());
        assert!(Scratch::make(&file.join("below")).await.is_err());
        assert!(file.is_file());
    }
}
