//! Comma- and tab-separated values (RFC 4180): a URL and a path, or columns that a first line names.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::draft::{Draft, Taken, shown};
use super::found::{Found, Problem, beginning};
use super::grammar::Grammar;
use super::line;
use crate::error::LineError;

/// Bytes that one row may have, over all its lines.
const LARGEST: usize = 64 * 1024;
/// Cells that one row may have.
const CELLS: usize = 1024;

pub(super) struct Csv {
    reader: Reader,
    delimiter: u8,
    columns: Columns,
    /// The row that is being read: its bytes without the quoting, and where its cells end.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    written: (usize, usize),
    /// The line in which it began.
    begun: Option<u64>,
    quoting: Quoting,
}

/// Where in a cell the row is: the parser takes what no writer means (RFC 4180 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Begin,
    Plain,
    Quoted,
    /// Behind a quote that ends the cell, unless another one follows.
    Behind,
}

/// What the cells are.
enum Columns {
    /// The first row tells.
    Unread,
    /// A URL, and perhaps a path.
    Unnamed,
    /// By name; the URL is at this one.
    Named(usize, Vec<String>),
}

impl Csv {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            columns: Columns::Unread,
            bytes: vec![0; LARGEST],
            ends: vec![0; CELLS],
            written: (0, 0),
            begun: None,
            quoting: Quoting::Begin,
        }
    }

    /// Does a quoted cell go on behind its end? Whoever forgot a quote would lose all rows up to the next one.
    fn is_misquoted(&mut self, line: &[u8]) -> bool {
        for &byte in line {
            self.quoting = match (self.quoting, byte) {
                (Quoting::Quoted, b'"') => Quoting::Behind,
                (Quoting::Begin | Quoting::Behind, b'"') | (Quoting::Quoted, _) => Quoting::Quoted,
                (_, byte) if byte == self.delimiter || byte == b'\n' => Quoting::Begin,
                (Quoting::Behind, _) => return true,
                (Quoting::Begin | Quoting::Plain, _) => Quoting::Plain,
            };
        }
        false
    }

    /// Gives the parser a line. Is a row complete?
    fn feed(&mut self, mut input: &[u8]) -> Result<bool, LineError> {
        if self.is_misquoted(input) {
            return Err(LineError::Table("a quoted cell that goes on behind its quote"));
        }
        loop {
            let (bytes, ends) = (&mut self.bytes[self.written.0..], &mut self.ends[self.written.1..]);
            let (result, read, wrote, ended) = self.reader.read_record(input, bytes, ends);
            input = &input[read..];
            self.written.0 += wrote;
            self.written.1 += ended;
            match result {
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::OutputFull => return Err(LineError::Table("a row of more than 64 KiB")),
                ReadRecordResult::OutputEndsFull => return Err(LineError::Table("a row of more than 1024 cells")),
                ReadRecordResult::InputEmpty | ReadRecordResult::End if input.is_empty() => return Ok(false),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
    }

    /// The first cell of the row, or its first line: what may be shown.
    fn first(&self) -> String {
        let cell = if self.written.1 > 0 {
            self.ends[0]
        } else {
            self.written.0
        };
        let line = self.bytes[..cell].split(|&b| b == b'\n').next();
        beginning(line.unwrap_or_default())
    }

    /// The next line begins a row, whatever stood before.
    fn reset(&mut self) {
        self.reader.reset();
        self.written = (0, 0);
        self.begun = None;
        self.quoting = Quoting::Begin;
    }

    fn row(&mut self, number: u64, found: &mut Found) {
        let mut start = 0;
        let cells = self.ends[..self.written.1].iter().map(|&end| {
            let cell = &self.bytes[start..end];
            start = end;
            line::text(cell)
        });
        let cells: Result<Vec<&str>, _> = cells.collect();
        let first = &self.bytes[..self.ends[0]];
        let problem = |why| Problem {
            text: beginning(first),
            why,
        };
        let result = match cells.map_err(problem) {
            Err(problem) => Err(problem),
            Ok(cells) => match &self.columns {
                Columns::Unread if head(&cells).is_some() => {
                    let at = head(&cells).unwrap_or_default();
                    let name = |cell: &&str| cell.to_ascii_lowercase().replace('_', "-");
                    self.columns = Columns::Named(at, cells.iter().map(name).collect());
                    return;
                }
                Columns::Named(at, names) => {
                    let url = cells.get(*at).copied().unwrap_or_default();
                    named(number, (*at, url), names, &cells, found).map_err(|why| Problem {
                        text: beginning(url.as_bytes()),
                        why,
                    })
                }
                Columns::Unread | Columns::Unnamed => {
                    let entry = unnamed(number, &cells).map_err(problem);
                    self.columns = Columns::Unnamed;
                    entry
                }
            },
        };
        found.result(number, result);
    }
}

impl Grammar for Csv {
    fn is_within(&self) -> bool {
        self.begun.is_some()
    }

    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found) {
        if self.begun.is_none() && line::is_nothing(bytes) {
            return;
        }
        let bytes = if self.begun.is_none() {
            line::unmarked(bytes)
        } else {
            bytes
        };
        let begun = *self.begun.get_or_insert(number);
        match self.feed(&[bytes, b"\n"].concat()) {
            Ok(true) => self.row(begun, found),
            Ok(false) => return,
            Err(why) => {
                found.bad(begun, &self.first(), why);
            }
        }
        self.reset();
    }

    fn broken(&mut self, number: u64, begun: &[u8], why: LineError, found: &mut Found) {
        let first = begun.split(|&b| b == self.delimiter).next().unwrap_or_default();
        found.bad(self.begun.unwrap_or(number), &beginning(first), why);
        self.reset();
    }

    fn end(&mut self, found: &mut Found) {
        if let Some(begun) = self.begun {
            found.bad(
                begun,
                &self.first(),
                LineError::Table("a quoted cell that does not end"),
            );
        }
    }
}

fn unnamed(number: u64, cells: &[&str]) -> Result<Draft, LineError> {
    let mut draft = Draft::new(number, line::url(cells[0])?);
    match cells[1..] {
        [] => {}
        [other] if line::is_like_a_url(other.as_bytes()) => {
            return Err(LineError::Table(
                "more than one URL in a row; a first row with cells called url and mirrors names columns",
            ));
        }
        [path] => {
            draft.set("out", path)?;
        }
        _ => {
            return Err(LineError::Table(
                "more cells than a URL and a path; a first line with a cell called url names columns",
            ));
        }
    }
    Ok(draft)
}

/// Where the URLs are, if this row names the columns: one of them is called `url`, and none is a URL.
fn head(cells: &[&str]) -> Option<usize> {
    let at = cells.iter().position(|cell| cell.eq_ignore_ascii_case("url"))?;
    cells.iter().all(|cell| !cell.contains("://")).then_some(at)
}

fn named(
    number: u64,
    (at, url): (usize, &str),
    names: &[String],
    cells: &[&str],
    found: &mut Found,
) -> Result<Draft, LineError> {
    if cells.len() > names.len() {
        return Err(LineError::Table("more cells than named columns"));
    }
    let mut draft = Draft::new(number, line::url(url)?);
    let others = names.iter().zip(cells).enumerate().filter(|(column, _)| *column != at);
    for (_, (name, cell)) in others.filter(|(_, (_, cell))| !cell.is_empty()) {
        if draft.set(name, cell)? == Taken::Unknown {
            found.unknown(&mut draft, "column", &shown(name));
        }
    }
    Ok(draft)
}
