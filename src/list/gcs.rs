//! Google's transfer lists: a head line, then URL, size and MD5 in base64, separated by tabs.

use super::draft::{Draft, wrong};
use super::found::{Found, Problem, beginning};
use super::grammar::Grammar;
use super::line;
use crate::checksum::Checksum;
use crate::error::LineError;

/// The first line of such a list.
const HEAD: &[u8] = b"TsvHttpData-1.0";

/// Is this line the head?
pub(super) fn is_head(line: &[u8]) -> bool {
    line::strip(line) == HEAD
}

#[derive(Debug)]
pub(super) struct Gcs;

impl Grammar for Gcs {
    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found) {
        if line::is_nothing(bytes) || is_head(bytes) {
            return;
        }
        let draft = entry(number, bytes).map_err(|why| {
            let url = bytes.split(|&b| b == b'\t').next().unwrap_or_default();
            let text = beginning(url);
            Problem { text, why }
        });
        found.result(number, draft);
    }

    fn broken(&mut self, number: u64, begun: &[u8], why: LineError, found: &mut Found) {
        found.bad(number, &beginning(begun), why);
    }
}

fn entry(number: u64, bytes: &[u8]) -> Result<Draft, LineError> {
    let text = line::text(bytes)?;
    let mut cells = text.split('\t').map(str::trim);
    let mut draft = Draft::new(number, line::url(cells.next().unwrap_or_default())?);
    if let Some(size) = cells.next().filter(|size| !size.is_empty()) {
        draft.set("size", size)?;
    }
    if let Some(md5) = cells.next().filter(|md5| !md5.is_empty()) {
        let checksum = Checksum::from_base64("md5", md5);
        draft.add(checksum.ok_or_else(|| wrong("MD5", "not base64 of 16 bytes"))?);
    }
    if cells.next().is_some() {
        return Err(LineError::Table("more than a URL, a size and an MD5"));
    }
    Ok(draft)
}
