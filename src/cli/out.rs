//! The one door through which anything is printed. A reader that went away is no reason to fail a download, so what
//! cannot be written is dropped, and whoever cares is told so by the `bool`.

use std::io::{self, Write as _};

use anyhow::Context as _;

/// Writes a line to stderr, where people look. Is anybody still there?
pub(crate) fn line(text: &str) -> bool {
    raw(&format!("{text}\n"))
}

/// Writes to stderr exactly this, in one piece. Is anybody still there?
pub(crate) fn raw(text: &str) -> bool {
    text.is_empty() || io::stderr().lock().write_all(text.as_bytes()).is_ok()
}

/// Writes to stdout exactly this, which is all that was asked for. Is anybody still there? An error: what was asked for is
/// not where it was to go.
pub(crate) fn answer(bytes: &[u8]) -> anyhow::Result<bool> {
    match data(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Writes to stdout exactly this, which is what was asked for. An error when nobody takes it any more.
pub(crate) fn data(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
