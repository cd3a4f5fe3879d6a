//! One entry as its list tells it, piece by piece: the names are the same in every format.

use std::path::{Path, PathBuf};

use reqwest::header::{self, HeaderName, HeaderValue};

use super::Reading;
use super::line;
use crate::checksum::{Algorithm, Checksum};
use crate::error::LineError;
use crate::job::{Extras, Field, Job, JobId, OwnRequest, Place, SourceUrl, field, is_single, value_of};
use crate::settings::Credentials;
use crate::tame::tame;

/// Bytes that one entry may hold, all its options together.
const LARGEST: usize = 64 * 1024;
/// What anything takes beside its text, in bytes.
const EACH: usize = 64;
/// Characters of a stranger's name that are shown.
const SHOWN: usize = 40;

/// An entry that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// Where it began.
    pub(super) line: u64,
    pub(super) url: SourceUrl,
    pub(super) mirrors: Vec<SourceUrl>,
    dir: Option<PathBuf>,
    pub(super) out: Option<PathBuf>,
    meanwhile: Option<PathBuf>,
    pub(super) checksum: Option<Checksum>,
    pub(super) size: Option<u64>,
    request: OwnRequest,
    pub(super) notes: Vec<String>,
    weight: usize,
}

/// Did an entry take what it was told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// haul knows nothing of that name.
    Unknown,
}

impl Draft {
    pub(super) fn new(line: u64, url: SourceUrl) -> Self {
        Self {
            line,
            url,
            mirrors: Vec::new(),
            dir: None,
            out: None,
            meanwhile: None,
            checksum: None,
            size: None,
            request: OwnRequest::default(),
            notes: Vec::new(),
            weight: 0,
        }
    }

    /// Tells the entry something. The names are aria2's, and a few more that aria2 reads past: `size`, `mirrors`,
    /// `user`, `meanwhile`, and each algorithm.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<Taken, LineError> {
        self.weigh(value.len())?;
        let wrong = |why| wrong(name, why);
        if matches!(name, "http-user" | "http-passwd" | "user") && value.contains(char::is_control) {
            return Err(wrong("a control character"));
        }
        match name {
            "out" | "path" => self.out = path(value),
            "dir" => self.dir = path(value),
            "meanwhile" => self.meanwhile = path(value),
            "size" => self.size = Some(value.parse().map_err(|_| wrong("no whole number of bytes"))?),
            "checksum" => self.add(Checksum::parse(value).ok_or_else(|| wrong(UNKNOWN_SUM))?),
            "header" | "headers" => self.header(value).map_err(wrong)?,
            "referer" => self.put(header::REFERER, value_of(value).map_err(wrong)?),
            "user-agent" => self.put(header::USER_AGENT, value_of(value).map_err(wrong)?),
            "http-user" => value.clone_into(&mut self.credentials().user),
            "http-passwd" => value.clone_into(&mut self.credentials().password),
            "user" => self.user(value).map_err(wrong)?,
            "mirrors" => value.split_whitespace().try_for_each(|url| self.mirror(url))?,
            // What aria2 calls an entry by.
            "gid" => {}
            _ => match Algorithm::named(name) {
                Some(algorithm) => self.add(Checksum::hex(algorithm, value).ok_or_else(|| wrong(BAD_SUM))?),
                None => return Ok(Taken::Unknown),
            },
        }
        Ok(Taken::Yes)
    }

    /// One more place of the file. One that haul cannot ask is left out, and a note says so.
    pub(super) fn mirror(&mut self, text: &str) -> Result<(), LineError> {
        self.weigh(text.len())?;
        match line::url(text) {
            Ok(url) if url != self.url && !self.mirrors.contains(&url) => self.mirrors.push(url),
            Ok(_) => {}
            Err(LineError::Scheme(scheme)) => self.note(format!("{}: mirrors are not used", shown(&scheme))),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Of several checksums the strongest counts.
    pub(super) fn add(&mut self, checksum: Checksum) {
        let strength = |checksum: &Checksum| checksum.algorithm();
        if self
            .checksum
            .as_ref()
            .is_none_or(|old| strength(old) <= strength(&checksum))
        {
            self.checksum = Some(checksum);
        }
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) && self.weigh(note.len()).is_ok() {
            self.notes.push(note);
        }
    }

    fn header(&mut self, value: &str) -> Result<(), &'static str> {
        for line in value.lines().filter(|line| !line.trim().is_empty()) {
            match field(line)? {
                Field::Sent(name, value) => self.put(name, value),
                Field::Ours(header::RANGE | header::IF_RANGE) => return Err("haul fetches whole files"),
                Field::Ours(name) => self.note(format!("header {name} is haul's own and not taken from a list")),
            }
        }
        Ok(())
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        if is_single(&name) {
            self.request.headers.retain(|(known, _)| *known != name);
        }
        self.request.headers.push((name, value));
    }

    fn user(&mut self, value: &str) -> Result<(), &'static str> {
        let (user, password) = value.split_once(':').ok_or("USER:PASSWORD is needed")?;
        *self.credentials() = Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        Ok(())
    }

    fn credentials(&mut self) -> &mut Credentials {
        self.request.credentials.get_or_insert_with(|| Credentials {
            user: String::new(),
            password: String::new(),
        })
    }

    fn weigh(&mut self, bytes: usize) -> Result<(), LineError> {
        self.weight += bytes + EACH;
        if self.weight > LARGEST {
            return Err(LineError::TooMuch(LARGEST));
        }
        Ok(())
    }

    /// The entry, complete.
    pub(super) fn finish(self, reading: &Reading) -> Job {
        let name = match (self.dir, self.out) {
            (Some(dir), Some(out)) => Some(dir.join(out)),
            // A folder ends in a slash.
            (Some(dir), None) => Some(dir.join("")),
            (None, out) => out,
        };
        let extras = Extras {
            mirrors: self.mirrors,
            request: self.request,
            meanwhile: self.meanwhile,
            notes: self.notes,
        };
        let place = Place {
            list: None,
            line: self.line,
        };
        Job {
            // The run's folder itself says nothing of a path.
            name: name
                .map(|path| reading.inside(&path))
                .filter(|path| !path.as_os_str().is_empty()),
            checksum: self.checksum,
            size: self.size,
            extras: (extras != Extras::default()).then(|| Box::new(extras)),
            ..Job::new(JobId(self.line), place, self.url)
        }
    }
}

const UNKNOWN_SUM: &str = "not an algorithm that haul knows (md5, sha-1, sha-256, sha-512, blake3) and all its digits";
const BAD_SUM: &str = "not all its digits, or more";

/// What is wrong with a field, by its name.
pub(super) fn wrong(name: &str, why: &'static str) -> LineError {
    LineError::Field { name: shown(name), why }
}

/// A stranger's name, fit to be shown.
pub(super) fn shown(name: &str) -> String {
    tame(name).chars().take(SHOWN).collect()
}

fn path(value: &str) -> Option<PathBuf> {
    let value = value.trim();
    (!value.is_empty()).then(|| Path::new(value).to_owned())
}
