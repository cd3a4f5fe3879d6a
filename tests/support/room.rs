//! Where the program runs: a home, a folder for the files, and one for what the test gives it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{DEADLINE, Haul};

/// A temporary place that nobody else uses.
pub struct Room {
    root: TempDir,
}

impl Room {
    /// An empty one.
    pub fn new() -> Self {
        let root = TempDir::with_prefix("haul-test-").expect("a temporary folder");
        for folder in ["home", "files", "given"] {
            fs::create_dir(root.path().join(folder)).expect("a folder in it");
        }
        Self { root }
    }

    /// The program, to be run here. Its working directory, and so its default folder, is that of the files.
    pub fn haul(&self) -> Haul<'_> {
        Haul::new(self)
    }

    /// The whole of it.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The home directory.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// The folder that files arrive in.
    pub fn folder(&self) -> PathBuf {
        self.root().join("files")
    }

    /// A path in the folder that files arrive in.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Where something lies that the test gives the program or wants from it, outside the files' folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.root().join("given").join(name)
    }

    /// Puts it there.
    pub fn give(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.beside(name);
        fs::write(&path, content).expect("a file of the test");
        path
    }

    /// Puts a file where downloads go, before or between runs.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        fs::write(&path, content).expect("a file of the test");
        path
    }

    /// Is there a file of that name, or anything else?
    pub fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// The content of a file that arrived.
    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Waits until a file has so many bytes. A file system calls nobody, so this looks again and again.
    #[track_caller]
    pub fn wait_for(&self, name: &str, size: u64) {
        let begun = Instant::now();
        while !fs::metadata(self.path(name)).is_ok_and(|file| file.len() >= size) {
            assert!(begun.elapsed() < DEADLINE, "waited for {name} in vain");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What has arrived: every file below the folder by its relative path, sorted.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let content = |name: String| {
            let bytes = fs::read(self.path(&name)).expect("a file that is listed");
            (name, bytes)
        };
        paths_below(&self.folder()).into_iter().map(content).collect()
    }

    /// The names of what has arrived.
    pub fn names(&self) -> Vec<String> {
        paths_below(&self.folder())
    }

    /// These files have arrived, whole, and nothing else is there.
    #[track_caller]
    pub fn holds_exactly<B: AsRef<[u8]>>(&self, expected: &[(&str, B)]) {
        let mut names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(self.names(), names, "what is in the folder");
        self.holds(expected);
    }

    /// These files have arrived, whole.
    #[track_caller]
    pub fn holds<B: AsRef<[u8]>>(&self, expected: &[(&str, B)]) {
        for (name, body) in expected {
            let (found, body) = (self.read(name), body.as_ref());
            let same = found.iter().zip(body).take_while(|(a, b)| a == b).count();
            let is_right = found == body;
            assert!(
                is_right,
                "{name}: {} of {} bytes, right up to {same}",
                found.len(),
                body.len()
            );
        }
    }

    /// Nothing lies anywhere but in the files' folder and where the test itself put it.
    #[track_caller]
    pub fn is_clean_outside_the_folder(&self, given: &[&str]) {
        let mut outside = self.everything();
        outside.retain(|path| !path.starts_with("files/") && !path.ends_with('/'));
        let given: Vec<_> = given.iter().map(|name| format!("given/{name}")).collect();
        assert_eq!(outside, given, "what lies outside the folder");
    }

    /// Every path in the room, wherever.
    pub fn everything(&self) -> Vec<String> {
        paths_below(self.root())
    }
}

/// The relative paths of all files below a folder, and of folders that are empty (with a slash at the end), sorted.
pub(super) fn paths_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(folder, "", &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let before = found.len();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(&entry.path(), &format!("{path}/"), found);
            if found.len() == before {
                found.push(path + "/");
            }
        } else {
            found.push(path);
        }
    }
}
