//! What a list says that haul does not know: each kind of it is told once in a run, or in its preview.

use std::collections::HashSet;

use crate::job::Job;

/// So many kinds of it are told.
const MOST: usize = 100;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Notes(HashSet<String>);

impl Notes {
    /// What is new in this entry, with the place where it stands.
    pub(crate) fn news(&mut self, job: &Job) -> Vec<String> {
        let notes = job.extras.as_ref().map_or(&[][..], |extras| &extras.notes);
        let news = notes
            .iter()
            .filter(|note| self.0.len() < MOST && self.0.insert((*note).clone()));
        news.map(|note| format!("{note} ({})", job.place)).collect()
    }
}
