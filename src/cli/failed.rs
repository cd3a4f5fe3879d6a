//! `--failed FILE`: what failed, as a list that runs again.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use reqwest::header::{self, HeaderName};

use super::growing::{Growing, Readers};
use super::view::lines;
use crate::checksum::{Algorithm, Checksum};
use crate::disk::name;
use crate::error::TransferError;
use crate::hauler::names::is_to_come;
use crate::http;
use crate::job::Job;
use crate::report::{Row, Source};
use crate::settings::{Credentials, Layout, Naming};

/// Endings of lists that are read as something else than lines of text, and of what is packed.
const OTHERS: [&str; 8] = ["csv", "tsv", "json", "jsonl", "gz", "zst", "xz", "bz2"];

/// From what stands behind `--failed`: the lines of text that are written there have to be read as such.
pub(crate) fn lines_of_text(path: PathBuf) -> anyhow::Result<PathBuf> {
    let is = |ending: &&str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    let other = OTHERS.iter().find(|ending| is(ending));
    ensure!(
        other.is_none(),
        "it holds lines of text, so it cannot end in .{}; in .txt, say, it can",
        other.unwrap_or(&"")
    );
    Ok(path)
}

/// What the same options make of an entry that is a URL and nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) layout: Layout,
    pub(crate) naming: Naming,
}

/// What is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    Nothing,
    /// Nothing that runs.
    Comments,
    Entries,
}

/// Grows beside its final name, and takes it at the end: FILE may be the very list that is being read.
#[derive(Debug)]
pub(crate) struct FailedList {
    file: Growing,
    names: Names,
    holds: Holds,
    /// The first error of writing; told at the end.
    error: Option<io::Error>,
}

impl FailedList {
    /// Begins the list. Its URLs hold their secrets, so that it can run: only its owner may read it.
    pub(crate) fn create(path: &Path, names: Names) -> io::Result<Self> {
        Ok(Self {
            file: Growing::create(path, Readers::Owner)?,
            names,
            holds: Holds::Nothing,
            error: None,
        })
    }

    /// Adds the entry if it failed.
    pub(crate) fn add(&mut self, row: &Row) {
        if row.error().is_some() {
            let (holds, text) = entry(row, self.names);
            self.holds = self.holds.max(holds);
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        if self.error.is_none() {
            self.error = writeln!(self.file, "{text}").err();
        }
    }

    /// Nothing more is added, and it takes its name. Where it cannot have all that is missing, it says so itself.
    pub(crate) fn finish(mut self, is_unread: bool) -> io::Result<Holds> {
        if is_unread {
            self.write("# the rest of the list was not read");
        }
        let Self { file, holds, error, .. } = self;
        error.map_or_else(|| file.finish(), Err).map(|()| holds)
    }
}

/// The entry as haul and aria2 read it: its URLs, and below them whatever else it had. It gets the path again that it was
/// given. A line that is no entry becomes a comment, for whoever mends it; so does an entry whose path haul refuses, for
/// aria2c would write there.
fn entry(row: &Row, names: Names) -> (Holds, String) {
    let is_refused = row
        .error()
        .is_some_and(|error| matches!(**error, TransferError::Name(_)));
    let job = match &row.source {
        Source::Job(job) if !is_refused => job,
        Source::Job(_) | Source::Line(_) => {
            let why = row.error().map(ToString::to_string).unwrap_or_default();
            return (Holds::Comments, format!("# {}: {}", row.place, lines::of(row, &why)));
        }
    };
    let mut text = job.url.reveal().to_string();
    for mirror in job.mirrors() {
        let _ = write!(text, "\t{}", mirror.reveal());
    }
    for (name, value) in options(job, row.path.as_deref(), names) {
        let _ = write!(text, "\n {name}={value}");
    }
    (Holds::Entries, text)
}

/// What aria2 does not know (`blake3`, `meanwhile`, `size`) it reads past.
fn options(job: &Job, path: Option<&PathBuf>, names: Names) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    let names = named(job, path, names).into_iter();
    options.extend(names.map(|(name, path)| (name, path.to_string_lossy().into_owned())));
    options.extend(job.checksum.as_ref().map(checksum));
    options.extend(job.size.map(|size| ("size", size.to_string())));
    let Some(own) = job.request() else { return options };
    // Credentials come before a field that says the same.
    let is_sent = |name: &HeaderName| own.credentials.is_none() || name != header::AUTHORIZATION;
    for (name, value) in own.headers.iter().filter(|(name, _)| is_sent(name)) {
        let value = String::from_utf8_lossy(value.as_bytes());
        options.push(match *name {
            header::REFERER => ("referer", value.into_owned()),
            header::USER_AGENT => ("user-agent", value.into_owned()),
            _ => ("header", format!("{name}: {value}")),
        });
    }
    options.extend(own.credentials.iter().flat_map(credentials));
    options
}

/// What leads to the same path again, under the same options. A name that is still to come is not said, for the list
/// would choose it then, but only the folder that it gives; nor is a name that the URL gives by itself, here and to others.
fn named(job: &Job, path: Option<&PathBuf>, names: Names) -> Vec<(&'static str, PathBuf)> {
    if is_to_come(job, names.naming) {
        // As it is taken, and not as it was written: there may be line ends in it.
        let taken = |path: &Path| name::of_path(path, job.url.reveal()).ok();
        let folder = job.name.as_deref().and_then(taken);
        let folder = folder.and_then(|path| Some(path.parent()?.to_owned()));
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let meanwhile = job.meanwhile().and_then(taken);
        let folder = folder.map(|folder| ("dir", folder));
        return folder
            .into_iter()
            .chain(meanwhile.map(|path| ("meanwhile", path)))
            .collect();
    }
    chosen(job, path, names).map(|path| ("out", path)).into_iter().collect()
}

/// The path, if it has to be said.
fn chosen(job: &Job, path: Option<&PathBuf>, names: Names) -> Option<PathBuf> {
    let url = job.url.reveal();
    // Of what did not get as far as a name, it is the one that haul would make of it.
    let said = job.name.as_ref().and_then(|path| name::of_path(path, url).ok());
    let path = path.cloned().or(said)?;
    let by_url = [name::of_url(url).into(), name::in_layout(url, names.layout)];
    let is_by_url = names.naming == Naming::Url && by_url.iter().all(|by_url| *by_url == path);
    (!is_by_url).then_some(path)
}

/// Blanks around a value are no part of it when it is read: with them, the field is written that they make.
fn credentials(both: &Credentials) -> Vec<(&'static str, String)> {
    let Credentials { user, password } = both;
    if [user, password].iter().all(|text| text.trim() == **text) {
        return vec![("http-user", user.clone()), ("http-passwd", password.clone())];
    }
    let field = http::basic(both);
    let value = field.as_ref().and_then(|field| field.to_str().ok()).unwrap_or_default();
    vec![("header", format!("authorization: {value}"))]
}

fn checksum(checksum: &Checksum) -> (&'static str, String) {
    let text = checksum.to_string();
    let (_, hex) = text.split_once(':').unwrap_or_default();
    match checksum.algorithm() {
        Algorithm::Md5 => ("checksum", format!("md5={hex}")),
        Algorithm::Sha1 => ("checksum", format!("sha-1={hex}")),
        Algorithm::Sha256 => ("checksum", format!("sha-256={hex}")),
        Algorithm::Sha512 => ("checksum", format!("sha-512={hex}")),
        Algorithm::Blake3 => ("blake3", hex.to_owned()),
    }
}
