//! A row an entry, as CSV (RFC 4180), written as the run goes.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Exchange, Row, secs};
use crate::checksum::Algorithm;

/// The columns, in their order. New ones come last.
const COLUMNS: [&str; 24] = [
    "id",
    "list",
    "line",
    "url",
    "path",
    "status",
    "error_kind",
    "error",
    "response_code",
    "size",
    "size_download",
    "time_queue",
    "time_connect",
    "time_starttransfer",
    "time_total",
    "speed_download",
    "num_retries",
    "num_redirects",
    "http_version",
    "remote_ip",
    "sha256",
    "etag",
    "time_disk",
    "time_rest",
];

/// Writes rows. What is not known is left empty; there is no secret in it.
#[derive(Debug)]
pub struct Rows<W: Write>(csv::Writer<W>);

impl<W: Write> Rows<W> {
    /// Begins with the names of the columns.
    pub fn new(to: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(to);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row) -> io::Result<()> {
        Ok(self
            .0
            .write_record(cells(row).iter().map(|cell| harmless(cell).into_owned()))?)
    }

    /// Everything is written; here is where to.
    pub fn finish(self) -> io::Result<W> {
        self.0
            .into_inner()
            .map_err(|error| io::Error::from(error.error().kind()))
    }
}

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let error = row.error();
    let exchange = row.exchange.as_ref();
    let shown = |value: Option<&dyn ToString>| value.map_or_else(String::new, ToString::to_string);
    let time = |of: fn(&Exchange) -> std::time::Duration| exchange.map(|exchange| secs(of(exchange)).to_string());
    [
        row.id.0.to_string(),
        row.place
            .list
            .as_deref()
            .map_or_else(String::new, |list| crate::tame::tame(list).into_owned()),
        row.place.line.to_string(),
        row.shown(),
        row.path
            .as_ref()
            .map_or_else(String::new, |path| path.to_string_lossy().into_owned()),
        row.outcome.as_str().to_owned(),
        error.map_or_else(String::new, |error| error.kind().as_str().to_owned()),
        error.map_or_else(String::new, ToString::to_string),
        shown(
            exchange
                .map(|exchange| exchange.status.as_u16())
                .as_ref()
                .map(|code| code as &dyn ToString),
        ),
        row.size.to_string(),
        row.received.to_string(),
        secs(row.queue).to_string(),
        time(|exchange| exchange.connect).unwrap_or_default(),
        time(Exchange::first_byte).unwrap_or_default(),
        secs(row.elapsed).to_string(),
        row.speed().round().to_string(),
        row.tries.saturating_sub(1).to_string(),
        row.redirects.to_string(),
        exchange.map_or_else(String::new, |exchange| exchange.http_version().to_owned()),
        exchange
            .and_then(|exchange| exchange.remote)
            .map_or_else(String::new, |remote| remote.ip().to_string()),
        row.digits_of(Algorithm::Sha256).unwrap_or_default(),
        exchange.and_then(|exchange| exchange.etag.clone()).unwrap_or_default(),
        secs(row.disk).to_string(),
        secs(row.spans.total(super::Phase::Rest)).to_string(),
    ]
}

/// A spreadsheet takes what begins so for a formula, and a server or a list may have chosen it.
fn harmless(cell: &str) -> Cow<'_, str> {
    match cell.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => Cow::Owned(format!("'{cell}")),
        _ => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, written) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("@a", "'@a"),
            ("-1", "'-1"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), written);
        }
    }
}
