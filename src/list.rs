//! A list is a stream: bytes become lines, lines become jobs, and nobody waits for the end of either.
//!
//! [`from_lines`] is the whole way for anything that tokio can read. A file or a pipe that may block for as long as
//! it likes is read by a thread of its own ([`read_aside`]), never on the runtime.

mod csv;
mod curl;
mod draft;
mod found;
mod gcs;
mod grammar;
mod jsonl;
mod line;
mod lines;
mod packed;
mod reader;
mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use tokio::io::AsyncBufRead;

use crate::job::{BadLine, Job, JobId, Place};

pub use reader::read_aside;

/// What comes out of a list, entry by entry, in its order.
pub type Entry = Result<Job, BadLine>;

/// How a list is written. Whatever it is, it may be compressed with gzip, zstd, xz or bzip2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// Lines of text, JSON objects, or Google's form: each is known by what it begins with.
    #[default]
    Auto,
    /// Lines of text: `URL`, `URL PATH`, `HEX  URL`, `URL<TAB>URL`, and aria2's options below them.
    Text,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// Tab-separated values.
    Tsv,
    /// A JSON object a line.
    Jsonl,
    /// Google's transfer lists (`TsvHttpData-1.0`).
    Gcs,
    /// A configuration file of curl.
    Curl,
}

impl Format {
    /// The format that a file's name tells: `.csv` and `.tsv`, also behind `.gz` and its like.
    pub fn of_path(path: &Path) -> Self {
        let is = |path: &Path, ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
        let packed = ["gz", "zst", "xz", "bz2"].iter().any(|ending| is(path, ending));
        let inner = if packed {
            path.file_stem().map(Path::new)
        } else {
            Some(path)
        };
        match inner {
            Some(path) if is(path, "csv") => Self::Csv,
            Some(path) if is(path, "tsv") => Self::Tsv,
            _ => Self::Auto,
        }
    }
}

/// What it means that a list has nothing more for a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pause {
    /// Whoever writes it may have nothing more for long: an entry without options is given on.
    #[default]
    Writer,
    /// Nothing: all of it is written, and only reading it takes its time.
    Nothing,
}

/// How to read a list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reading {
    /// How it is written.
    pub format: Format,
    /// With [`Format::Auto`], what the file's name tells of it ([`Format::of_path`]). A list that says itself what it is
    /// comes first: Google's are often called `.tsv`.
    pub named: Format,
    /// What a pause in it means.
    pub pause: Pause,
    /// Names of the run's folder: an absolute path of the list that begins with one of them is meant relative to it.
    /// aria2 saves such paths.
    pub roots: Vec<PathBuf>,
}

impl Reading {
    /// A list of this format.
    pub fn of(format: Format) -> Self {
        Self {
            format,
            ..Self::default()
        }
    }

    fn inside(&self, path: &Path) -> PathBuf {
        let inside = self.roots.iter().find_map(|root| path.strip_prefix(root).ok());
        // What is stripped of its root has no slash at its end any more.
        let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        inside.map_or_else(
            || path.to_owned(),
            |inside| if is_folder { inside.join("") } else { inside.to_owned() },
        )
    }
}

/// Reads a list whose format is known by what it begins with ([`Format::Auto`]).
///
/// Blank lines and comments (`#` at the first non-blank) are skipped, a byte order mark and carriage returns dropped. A
/// line that is no entry becomes a [`BadLine`], and so does an error of the reader, which ends the list.
///
/// Ids and line numbers count from 1. Memory: one line, at most 64 KiB, and what decompression needs.
pub fn from_lines<'r, R>(reader: R) -> impl Stream<Item = Entry> + Send + 'r
where
    R: AsyncBufRead + Send + Unpin + 'r,
{
    read(reader, Reading::default())
}

/// Reads a list. As [`from_lines`], for any format; of curl's, up to 1,024 entries are held until it is known which
/// options they have. Runs in a tokio runtime, unless the list is in memory.
pub fn read<'r, R>(reader: R, reading: Reading) -> impl Stream<Item = Entry> + Send + 'r
where
    R: AsyncBufRead + Send + Unpin + 'r,
{
    grammar::entries(reader, reading)
}

/// A single entry from a command line's argument: a URL, nothing else.
pub fn from_url(text: &str) -> Entry {
    let id = JobId(1);
    let place = Place { list: None, line: 1 };
    match line::url(text) {
        Ok(url) => Ok(Job::new(id, place, url)),
        Err(why) => Err(BadLine {
            id,
            place,
            text: found::beginning(text.as_bytes()),
            why,
        }),
    }
}

/// One list after the other, as one list: ids go on, and places carry the list's name when it has one.
pub fn in_turn<'a, S>(
    lists: impl IntoIterator<Item = (Option<Arc<str>>, S), IntoIter: Send + 'a>,
) -> impl Stream<Item = Entry> + Send + 'a
where
    S: Stream<Item = Entry> + Send + 'a,
{
    let named = stream::iter(lists).flat_map(|(name, list)| list.map(move |entry| (name.clone(), entry)));
    named.scan(0_u64, |count, (list, entry)| {
        *count += 1;
        let id = JobId(*count);
        let entry = match entry {
            Ok(job) => Ok(Job {
                id,
                place: Place { list, ..job.place },
                ..job
            }),
            Err(bad) => Err(BadLine {
                id,
                place: Place { list, ..bad.place },
                ..bad
            }),
        };
        std::future::ready(Some(entry))
    })
}

#[cfg(test)]
mod tests;
