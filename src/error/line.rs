//! Why a line of a list is no entry.

use thiserror::Error;

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineError {
    /// It does not begin with `scheme://`.
    #[error("not a URL (a URL begins with http:// or https://)")]
    NoUrl,
    /// It is how curl's lists write one.
    #[error("not a URL; a list of curl -K is read with --format curl")]
    Curl,
    /// It begins like one and goes wrong.
    #[error("not a URL: {0}")]
    BadUrl(#[from] url::ParseError),
    /// Another scheme.
    #[error("{}: is not http or https", crate::tame::tame(.0))]
    Scheme(String),
    /// Bytes that are not text.
    #[error("invalid UTF-8")]
    Utf8,
    /// A NUL in it.
    #[error("a NUL byte in the line")]
    Nul,
    /// A line break or the like, which would be left out of the URL without a word.
    #[error("a control character in the URL")]
    Control,
    /// Too long to be an entry.
    #[error("longer than {} KiB", .0 / 1024)]
    TooLong(usize),
    /// More than one URL, and they are not mirrors.
    #[error("more than one URL in a line (mirrors are separated by a tab, and nothing else stands with them)")]
    SeveralUrls,
    /// A field of the entry that cannot be used. Its value may be a secret and is not told.
    #[error("{}: {why}", crate::tame::tame(.name))]
    Field {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A line below an entry that is none of its options.
    #[error("a line below it is no option (name=value, the name in small letters)")]
    NoOption,
    /// An option that belongs to no entry.
    #[error("an option, and no URL above it")]
    Orphan,
    /// An option of an entry that was given on: the list paused between them.
    #[error("an option that came too late: the list paused, and its entry was begun without it")]
    Late,
    /// One entry holds more than that.
    #[error("an entry of more than {} KiB", .0 / 1024)]
    TooMuch(usize),
    /// Broken JSON, from this column on.
    #[error("not JSON from column {0} on")]
    Json(usize),
    /// A table row that cannot be read.
    #[error("{0}")]
    Table(&'static str),
    /// A web page instead of a list.
    #[error("this is a web page, not a list; is the list behind a login, or is there a link to its raw text?")]
    Html,
    /// Metalink (RFC 5854) or other XML.
    #[error("this is XML (a metalink?), not a list; haul reads no metalinks: write the URLs of its files as lines")]
    Xml,
    /// UTF-16.
    #[error("this is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")]
    Utf16,
    /// The list itself could not be read on.
    #[error("the list cannot be read on: {0}")]
    Unreadable(String),
}

impl LineError {
    /// Is nothing more of the list read?
    pub(crate) fn ends_the_list(&self) -> bool {
        matches!(self, Self::Html | Self::Xml | Self::Utf16 | Self::Unreadable(_))
    }
}
