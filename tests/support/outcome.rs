//! What a run left behind, and what a person would have seen of it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;

use super::room::paths_below;

/// How a run ended. When its test fails, the command, its output and the room are told.
pub struct Outcome {
    status: ExitStatus,
    /// Standard output, as text.
    pub stdout: String,
    /// Standard error, as text.
    pub stderr: String,
    shown: String,
    root: PathBuf,
}

impl Outcome {
    pub(super) fn new(status: ExitStatus, stdout: String, stderr: String, shown: &str, root: &Path) -> Self {
        Self {
            status,
            stdout,
            stderr,
            shown: shown.to_owned(),
            root: root.to_owned(),
        }
    }

    /// It ended by itself with this exit code.
    #[track_caller]
    pub fn exits_with(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "exit code ({})", self.status);
        self
    }

    /// It ended by itself with one of these exit codes.
    #[track_caller]
    pub fn exits_with_one_of(&self, codes: &[i32]) -> &Self {
        let is_one = self.status.code().is_some_and(|code| codes.contains(&code));
        assert!(is_one, "exit code: {} is none of {codes:?}", self.status);
        self
    }

    /// Every entry has its file.
    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        self.exits_with(0)
    }

    /// An entry failed.
    #[track_caller]
    pub fn fails(&self) -> &Self {
        self.exits_with(1)
    }

    /// The summary counts so many entries that have their file, of so many.
    #[track_caller]
    pub fn finished(&self, done: usize, of: usize) -> &Self {
        let counted = format!("finished {done} of {of} ");
        assert!(
            self.stderr.to_lowercase().contains(&counted),
            "does not say {counted:?}"
        );
        self
    }

    /// The summary says that it was stopped, with so many files of so many entries.
    #[track_caller]
    pub fn stopped(&self, done: usize, of: usize) -> &Self {
        let counted = format!("stopped: {done} of {of} ");
        assert!(
            self.stderr.to_lowercase().contains(&counted),
            "does not say {counted:?}"
        );
        self
    }

    /// Standard error holds this text.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "does not say {text:?}");
        self
    }

    /// Some line of standard error holds all these texts.
    #[track_caller]
    pub fn says_in_a_line(&self, texts: &[&str]) -> &Self {
        let mut lines = self.stderr.lines();
        let is_said = lines.any(|line| texts.iter().all(|text| line.contains(text)));
        assert!(is_said, "says {texts:?} in no line");
        self
    }

    /// So many lines of standard error hold this text.
    #[track_caller]
    pub fn says_times(&self, text: &str, count: usize) -> &Self {
        let said = self.stderr.lines().filter(|line| line.contains(text)).count();
        assert_eq!(said, count, "lines that say {text:?}");
        self
    }

    /// Neither stream holds this text.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "says {text:?} on stderr");
        assert!(!self.stdout.contains(text), "says {text:?} on stdout");
        self
    }

    /// Nothing in either stream would move a cursor or colour a screen.
    #[track_caller]
    pub fn is_plain_text(&self) -> &Self {
        let is_control = |c: char| c.is_control() && c != '\n';
        assert!(!self.stderr.contains(is_control), "a control character on stderr");
        assert!(!self.stdout.contains(is_control), "a control character on stdout");
        self
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if thread::panicking() {
            let ended = self.status.to_string();
            super::tell(&account(&self.shown, &ended, &self.stdout, &self.stderr, &self.root));
        }
    }
}

/// Everything a person needs to see what went wrong.
pub(super) fn account(shown: &str, ended: &str, stdout: &str, stderr: &str, root: &Path) -> String {
    let paths = paths_below(root).join("\n  ");
    let root = root.display();
    format!("$ {shown}   ({ended})\n--- stdout ---\n{stdout}\n--- stderr ---\n{stderr}\n--- {root} ---\n  {paths}")
}
