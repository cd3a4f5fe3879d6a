//! One entry of the list, understood.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::{Position, Url};

use crate::checksum::Checksum;
use crate::error::LineError;

mod known;
mod request;
mod resource;

pub(crate) use known::Known;
pub use request::OwnRequest;
pub(crate) use request::{Field, field, is_single, value_of};
pub(crate) use resource::Resource;

/// Where an entry stands in the whole list, counted from 1 over all its sources. No two entries of a run share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Where a person finds the entry: the list's name, when there are several, and the line in it, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The list's name as the user gave it; `None` when there is only one list.
    pub list: Option<Arc<str>>,
    /// Line number in that list, from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.list {
            Some(list) => write!(f, "{}:{}", crate::tame::tame(list), self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// One entry of the list: what to fetch, and under which name if the list gives one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its position in the run.
    pub id: JobId,
    /// Where it was read.
    pub place: Place,
    /// Where the bytes are.
    pub url: SourceUrl,
    /// The output path the list gives, relative to the run's folder and not yet cleaned.
    pub name: Option<PathBuf>,
    /// What the file has to add up to, if the list says so, or the settings by its name.
    pub checksum: Option<Checksum>,
    /// How long the file has to be, in bytes, if the list says so.
    pub size: Option<u64>,
    /// What few entries have: boxed, for thousands of entries wait at a time.
    pub extras: Option<Box<Extras>>,
}

/// What few entries have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Other places of the same file, in the order of the list.
    pub mirrors: Vec<SourceUrl>,
    /// What its requests say beyond those of the run.
    pub request: OwnRequest,
    /// Where its bytes go until the server names the file, relative to the run's folder and not yet cleaned; where that is
    /// not what its URL says.
    pub meanwhile: Option<PathBuf>,
    /// What the list says about it that haul does not know, in words: a person is told once of each.
    pub notes: Vec<String>,
}

impl Job {
    /// An entry that is a URL and nothing else.
    pub fn new(id: JobId, place: Place, url: SourceUrl) -> Self {
        Self {
            id,
            place,
            url,
            name: None,
            checksum: None,
            size: None,
            extras: None,
        }
    }

    /// All places of the file, in the order of the list.
    pub fn sources(&self) -> impl Iterator<Item = &SourceUrl> {
        std::iter::once(&self.url).chain(self.mirrors())
    }

    /// Other places of the same file.
    pub fn mirrors(&self) -> &[SourceUrl] {
        self.extras.as_ref().map_or(&[], |extras| &extras.mirrors)
    }

    /// Where its bytes go until the server names the file, where that is not what its URL says.
    pub(crate) fn meanwhile(&self) -> Option<&Path> {
        self.extras.as_ref().and_then(|extras| extras.meanwhile.as_deref())
    }

    /// What marks and records know the entry by.
    pub(crate) fn known(&self) -> Known<'_> {
        Known::of(self)
    }

    /// What its requests say beyond those of the run.
    pub fn request(&self) -> Option<&OwnRequest> {
        self.extras.as_ref().map(|extras| &extras.request)
    }

    /// Bytes of text that it holds.
    pub(crate) fn weight(&self) -> usize {
        let urls: usize = self.sources().map(|url| url.reveal().as_str().len()).sum();
        // A path is kept as it was said and as it was given.
        let paths = [self.name.as_deref(), self.meanwhile()].into_iter().flatten();
        let paths: usize = paths.map(|path| 2 * path.as_os_str().len()).sum();
        // A mirror is more than its text.
        urls + paths + 100 * self.mirrors().len() + self.request().map_or(0, OwnRequest::weight)
    }
}

/// A line that is no entry. It becomes one failed row; the rest of the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its position in the run.
    pub id: JobId,
    /// Where it was read.
    pub place: Place,
    /// The beginning of the line as text, without secrets.
    pub text: String,
    /// What is wrong with it.
    pub why: LineError,
}

/// The URL of an entry. It may carry a password or a signature, so its `Display` and `Debug` hide them;
/// [`SourceUrl::reveal`] is for the request itself and for lists that are to run again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SourceUrl(Url);

impl SourceUrl {
    /// Wraps a URL; its fragment, which is never sent (RFC 9110 section 7.1), is dropped.
    pub fn new(mut url: Url) -> Self {
        url.set_fragment(None);
        Self(url)
    }

    /// The URL with all its secrets.
    pub fn reveal(&self) -> &Url {
        &self.0
    }

    /// The URL as its `Display` shows it.
    pub fn shown(&self) -> Cow<'_, str> {
        crate::tame::redact(&self.0)
    }

    /// Scheme, host and port: who answers for it (RFC 6454).
    pub fn host(&self) -> HostKey {
        HostKey::of(&self.0)
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceUrl({self})")
    }
}

/// A scheme, host and port, the unit of politeness.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostKey(Arc<str>);

impl HostKey {
    /// The key of this URL's origin; this one again, if it is that.
    pub(crate) fn or_of(&self, url: &Url) -> Self {
        if url[..Position::BeforePath] == *self.0 {
            self.clone()
        } else {
            Self::of(url)
        }
    }

    /// So short that a million of them may be kept.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The key of this URL's origin.
    pub fn of(url: &Url) -> Self {
        let origin = &url[..Position::BeforePath];
        match origin.split_once("://").zip(origin.rsplit_once('@')) {
            None => Self(origin.into()),
            Some(((scheme, _), (_, host))) => Self(format!("{scheme}://{host}").into()),
        }
    }

    /// All of it. `Display` leaves the scheme out.
    pub fn origin(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split_once("://").map_or(&*self.0, |(_, host)| host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_origin() {
        for url in [
            "http://h/a@b",
            "https://me:pw@h:81/?x=@",
            "http://h:80/",
            "http://[::1]:8080/",
            "http://@h",
            "HTTP://EXAMPLE.org#@",
        ] {
            let url = Url::parse(url).unwrap();
            let key = HostKey::of(&url);
            assert_eq!(*key.0, url.origin().ascii_serialization());
            let other = HostKey::of(&Url::parse("http://other/").unwrap());
            assert_eq!((key.or_of(&url), other.or_of(&url)), (key.clone(), key));
        }
    }
}
