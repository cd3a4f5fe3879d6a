//! Why something did not work, in words that name it once and hold no secret.

mod line;
mod nature;
mod transfer;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

pub use self::line::LineError;
pub use self::nature::Kind;
pub(crate) use self::nature::lacks_descriptors;
pub use self::transfer::{Lost, TransferError};

/// A cause from below, kept for the chain.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a run could not begin. Nothing was requested.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The folder for the files cannot be made or used.
    #[error("cannot use folder {}: {}", tamed(.dir), folder(.source))]
    Dir {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A certificate file cannot be read or holds no certificate.
    #[error("cannot use certificates of {}: {what}", tamed(.path))]
    Certificates {
        /// The PEM file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Only public addresses, and a proxy or a Unix socket.
    #[error(
        "--public-only needs direct connections, for a proxy looks names up itself; without -x and the proxy variables, \
         or with no_proxy='*', there is none"
    )]
    Proxied,
    /// The HTTP client refused its settings.
    #[error("cannot set up HTTP: {0}")]
    Http(String),
}
/// An operating-system error in words, without its number.
pub(crate) fn os(error: &(impl std::error::Error + ?Sized)) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
fn tamed(path: &std::path::Path) -> String {
    crate::tame::tame(&path.to_string_lossy()).into_owned()
}
/// Why a folder cannot be used.
fn folder(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => "it is a file; -d names a folder".into(),
        _ => os(error),
    }
}
