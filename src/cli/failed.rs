//! `--failed FILE`: what failed, as a list that runs again.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use reqwest::header;

use crate::checksum::{Algorithm, Checksum};
use crate::job::Job;
use crate::report::{Row, Source};
use crate::settings::Credentials;

/// Grows beside its final name, and takes it at the end: FILE may be the very list that is being read.
#[derive(Debug)]
pub(crate) struct FailedList {
    file: BufWriter<File>,
    /// From where to where it is renamed; nothing for a pipe or a device.
    rename: Option<(PathBuf, PathBuf)>,
    /// The first error of writing; told at the end.
    error: Option<io::Error>,
}

impl FailedList {
    /// Begins the list. Its URLs hold their secrets, so that it can run: only its owner may read it.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|there| !there.is_file());
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        let (file, rename) = if is_special {
            (options.open(path)?, None)
        } else {
            let mut growing = path.as_os_str().to_owned();
            growing.push(format!(".{}", std::process::id()));
            let growing = PathBuf::from(growing);
            (
                options.create_new(true).open(&growing)?,
                Some((growing, path.to_owned())),
            )
        };
        Ok(Self {
            file: BufWriter::new(file),
            rename,
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
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let flushed = self.error.take().map_or_else(|| self.file.flush(), Err);
        let Some((growing, path)) = self.rename.take() else {
            return flushed;
        };
        let done = flushed.and_then(|()| fs::rename(&growing, path));
        if done.is_err() {
            let _ = fs::remove_file(growing);
        }
        done
    }
}

impl Drop for FailedList {
    fn drop(&mut self) {
        if let Some((growing, _)) = self.rename.take() {
            let _ = fs::remove_file(growing);
        }
    }
}

/// The entry as haul and aria2 read it: its URLs, and below them whatever else it had. It has the path it was given, so
/// that it gets the same one again. A line that is no entry becomes a comment, for whoever mends it.
fn entry(row: &Row) -> String {
    let job = match &row.source {
        Source::Job(job) => job,
        Source::Line(_) => {
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
    let path = path.or(job.name.as_ref());
    if let Some(path) = path.filter(|path| **path != *crate::disk::name::of_url(job.url.reveal())) {
        // A path that could not be used is as its list gave it, and must not become a line of its own.
        options.push(("out", path.to_string_lossy().replace(char::is_control, "_")));
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
    if let Some(Credentials { user, password }) = &own.credentials {
        options.extend([("http-user", user.clone()), ("http-passwd", password.clone())]);
    }
    options
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
