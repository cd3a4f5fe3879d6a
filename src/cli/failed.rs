//! `--failed FILE`: what failed, as a list that runs again.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use reqwest::header;

use super::growing::{Growing, Readers};
use crate::checksum::{Algorithm, Checksum};
use crate::disk::name;
use crate::error::TransferError;
use crate::http;
use crate::job::Job;
use crate::report::{Row, Source};
use crate::settings::Credentials;

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
            self.error = writeln!(self.file, "{}", entry(row)).err();
        }
    }

    /// The list is complete and takes its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.error.map_or_else(|| self.file.finish(), Err)
    }
}

/// The entry as haul and aria2 read it: its URLs, and below them whatever else it had. It has the path it was given, so
/// that it gets the same one again. A line that is no entry becomes a comment, for whoever mends it; so does an entry
/// whose path haul refuses, for aria2c would write there.
fn entry(row: &Row) -> String {
    let is_refused = row
        .error()
        .is_some_and(|error| matches!(**error, TransferError::Name(_)));
    let job = match &row.source {
        Source::Job(job) if !is_refused => job,
        Source::Job(_) | Source::Line(_) => {
            let why = row.error().map(ToString::to_string).unwrap_or_default();
            return format!("# {}: {why}: {}", row.place, row.shown());
        }
    };
    let mut text = job.url.reveal().to_string();
    for mirror in job.mirrors() {
        let _ = write!(text, "\t{}", mirror.reveal());
    }
    for (name, value) in options(job, row.path.as_deref()) {
        let _ = write!(text, "\n {name}={value}");
    }
    text
}

/// What aria2 does not know (`blake3`, `size`) it reads past.
fn options(job: &Job, path: Option<&PathBuf>) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    let url = job.url.reveal();
    // Of what did not get as far as a name, it is the one that haul would make of it.
    let said = job.name.as_ref().and_then(|path| name::of_path(path, url).ok());
    if let Some(path) = path.or(said.as_ref()).filter(|path| **path != *name::of_url(url)) {
        options.push(("out", path.to_string_lossy().into_owned()));
    }
    options.extend(job.checksum.as_ref().map(checksum));
    options.extend(job.size.map(|size| ("size", size.to_string())));
    let Some(own) = job.request() else { return options };
    for (name, value) in &own.headers {
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
