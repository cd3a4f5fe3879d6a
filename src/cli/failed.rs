//! `--failed FILE`: what failed, as a list that runs again.

use std::io::{self, Write as _};
use std::path::Path;

use super::growing::{Growing, Readers};
use crate::checksum::Checksum;
use crate::report::{Row, Source};

/// Grows beside its final name, and takes it at the end: FILE may be the very list that is being read.
#[derive(Debug)]
pub(crate) struct FailedList {
    file: Growing,
    /// The first error of writing; told at the end.
    error: Option<io::Error>,
}

impl FailedList {
    /// Begins the list. Its URLs hold their secrets, so that it can run: only its owner may read it.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Growing::create(path, Readers::Owner)?,
            error: None,
        })
    }

    /// Adds the entry if it failed.
    pub(crate) fn add(&mut self, row: &Row) {
        if row.error().is_some() && self.error.is_none() {
            self.error = writeln!(self.file, "{}", line(row)).err();
        }
    }

    /// The list is complete and takes its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.error.map_or_else(|| self.file.finish(), Err)
    }
}

/// The entry as haul reads it: with the path it was given, so that it gets the same one again. A line that is no
/// entry becomes a comment, for whoever mends it.
fn line(row: &Row) -> String {
    let job = match &row.source {
        Source::Job(job) => job,
        Source::Line(_) => {
            let why = row.error().map(ToString::to_string).unwrap_or_default();
            return format!("# {}: {why}: {}", row.place, row.shown());
        }
    };
    let path = row.path.as_deref().or(job.name.as_ref());
    let url = job.url.reveal();
    let sum = job.checksum.as_ref().and_then(digits).unwrap_or_default();
    match path {
        Some(path) if *path != *crate::disk::name::of_url(url) => format!("{sum}{url} {}", path.display()),
        _ => format!("{sum}{url}"),
    }
}

/// The checksum as it stands before a URL: digits whose number tells how it is made. There is no such form of BLAKE3.
fn digits(checksum: &Checksum) -> Option<String> {
    let text = checksum.to_string();
    let (_, hex) = text.split_once(':')?;
    (Checksum::from_hex(hex).as_ref() == Some(checksum)).then(|| format!("{hex}  "))
}
