//! A run at one moment, as plain data between the board that gathers it and the frame that shows it.

use std::time::Duration;

/// File lines that are ever shown.
pub(super) const FILES: usize = 8;

/// The board at one moment, ready to be shown: every text is tame.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) elapsed: Duration,
    /// Files that are asked for, as far as the list is read.
    pub(super) listed: u64,
    pub(super) complete: bool,
    /// Entries that have their file.
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) active: usize,
    pub(super) waiting: usize,
    pub(super) received: u64,
    pub(super) expected: Expected,
    pub(super) speed: Option<f64>,
    pub(super) eta: Option<Duration>,
    /// Those that have a line, at most [`FILES`].
    pub(super) files: Vec<File>,
    pub(super) held: Vec<HeldHost>,
}

/// How many bytes the run will have received in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// Every size is known.
    Exactly(u64),
    /// Sizes not known yet are taken for the mean of the known ones.
    About(u64),
    Unknown,
}

/// One entry that has begun.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) received: u64,
    pub(super) size: Option<u64>,
    pub(super) speed: Option<f64>,
    pub(super) eta: Option<Duration>,
    /// How long it still waits, and why.
    pub(super) waits: Option<(Duration, String)>,
}

/// A host that asked to be left alone.
#[derive(Debug, Clone)]
pub(super) struct HeldHost {
    pub(super) host: String,
    pub(super) left: Duration,
    pub(super) why: String,
}
