//! What a format makes of lines, on its way out.

use std::collections::{HashSet, VecDeque};

use super::draft::{Draft, shown};
use super::{Entry, Reading};
use crate::error::LineError;
use crate::job::{BadLine, JobId, Place};
use crate::tame::redact_line;

/// Names that are warned of, and no more.
const NAMES: usize = 100;

/// Entries that are understood, or not, until somebody takes them.
#[derive(Debug)]
pub(super) struct Found {
    reading: Reading,
    entries: VecDeque<Entry>,
    /// Names that this list was told to be unknown.
    noted: HashSet<String>,
}

impl Found {
    pub(super) fn new(reading: Reading) -> Self {
        Self {
            reading,
            entries: VecDeque::new(),
            noted: HashSet::new(),
        }
    }

    /// An entry is complete.
    pub(super) fn good(&mut self, draft: Draft) {
        self.entries.push_back(Ok(draft.finish(&self.reading)));
    }

    /// Something is no entry. The text holds no secret.
    pub(super) fn bad(&mut self, line: u64, text: &str, why: LineError) {
        self.entries.push_back(Err(BadLine {
            id: JobId(line),
            place: Place { list: None, line },
            text: cut(text),
            why,
        }));
    }

    /// An entry, or why it is none.
    pub(super) fn result(&mut self, line: u64, result: Result<Draft, Problem>) {
        match result {
            Ok(draft) => self.good(draft),
            Err(Problem { text, why }) => self.bad(line, &text, why),
        }
    }

    /// Notes at the entry that something of it is not known, unless an earlier one had the same.
    pub(super) fn unknown(&mut self, draft: &mut Draft, what: &str, name: &str) {
        let name = shown(name);
        if self.noted.len() < NAMES && !self.noted.contains(&name) {
            draft.note(format!("{what} {name} is not used"));
            self.noted.insert(name);
        }
    }

    pub(super) fn next(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }
}

/// Why something is no entry, and what to show of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Without secrets.
    pub(super) text: String,
    pub(super) why: LineError,
}

/// Enough of a bad line to find it by. Secrets are hidden before it is cut: of half a password nobody can tell that
/// it is one.
pub(super) fn beginning(line: &[u8]) -> String {
    cut(&redact_line(&String::from_utf8_lossy(line)))
}

fn cut(text: &str) -> String {
    const SHOWN: usize = 100;
    let text = text.trim();
    if text.chars().nth(SHOWN).is_none() {
        return text.to_owned();
    }
    text.chars().take(SHOWN - 1).chain(['…']).collect()
}
