//! Lines go in, entries come out: what every format has in common, and the stream that drives it.

use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures::{Stream, StreamExt as _, poll, stream};
use tokio::io::AsyncBufRead;

use super::csv::Csv;
use super::curl::Curl;
use super::found::{Found, beginning};
use super::gcs::{self, Gcs};
use super::lines::{self, Line, Piece};
use super::text::{Json, Objects, Text};
use super::{Entry, Format, Pause, Reading, line, packed};
use crate::error::LineError;

/// An entry whose options may come in the next lines waits for them no longer than this when the list pauses.
const PAUSE: Duration = Duration::from_millis(80);

/// One format.
pub(super) trait Grammar: Send {
    /// The next line.
    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found);

    /// The next line, and only its beginning: it is too long, or the list cannot be read on.
    fn broken(&mut self, number: u64, begun: &[u8], why: LineError, found: &mut Found);

    /// Is the next line a part of what began in an earlier one, whatever it begins with?
    fn is_within(&self) -> bool {
        false
    }

    /// Is an entry held back that is let go in a pause?
    fn waits(&self) -> bool {
        false
    }

    /// The list pauses.
    fn pause(&mut self, _: &mut Found) {}

    /// The list ends.
    fn end(&mut self, _: &mut Found) {}
}

/// A list on its way through its grammar.
struct Reader<S> {
    lines: S,
    format: Format,
    named: Format,
    pause: Pause,
    /// Chosen when the first line with anything in it has come.
    grammar: Option<Box<dyn Grammar>>,
    found: Found,
    /// The beginning of the next line is here, and it is that of an option.
    is_begun: bool,
    ended: bool,
}

/// The entries of a list.
pub(super) fn entries<'r, R>(reader: R, reading: Reading) -> impl Stream<Item = Entry> + Send + 'r
where
    R: AsyncBufRead + Send + Unpin + 'r,
{
    let lines = async {
        match packed::unpacked(reader).await {
            Ok(list) => lines::of(list).left_stream(),
            Err(error) => lines::unreadable(&error).right_stream(),
        }
    };
    let reader = Reader {
        lines: Box::pin(stream::once(lines).flatten()),
        format: reading.format,
        named: reading.named,
        pause: reading.pause,
        grammar: None,
        found: Found::new(reading),
        is_begun: false,
        ended: false,
    };
    stream::unfold(reader, |mut reader| async move {
        let entry = reader.next().await?;
        Some((entry, reader))
    })
}

impl<S: Stream<Item = Piece>> Reader<Pin<Box<S>>> {
    async fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.found.next() {
                return Some(entry);
            }
            if self.ended {
                return None;
            }
            match self.line().await {
                Some(Some(line)) => self.take(line),
                Some(None) => {
                    self.ended = true;
                    if let Some(grammar) = &mut self.grammar {
                        grammar.end(&mut self.found);
                    }
                }
                None => {
                    if let Some(grammar) = &mut self.grammar {
                        grammar.pause(&mut self.found);
                    }
                }
            }
        }
    }

    /// The next line, or that there is none; `None` when the list pauses and somebody waits.
    async fn line(&mut self) -> Option<Option<Line>> {
        loop {
            let waits = self.waits();
            let mut next = pin!(self.lines.next());
            let piece = match poll!(&mut next) {
                Poll::Ready(piece) => piece,
                Poll::Pending if waits => tokio::time::timeout(PAUSE, next).await.ok()?,
                Poll::Pending => next.await,
            };
            self.is_begun = matches!(piece, Some(Piece::Begun(b' ' | b'\t')));
            match piece {
                Some(Piece::Begun(_)) => {}
                Some(Piece::Line(line)) => return Some(Some(line)),
                None => return Some(None),
            }
        }
    }

    /// Is an entry let go in a pause? Not in a line, for that may be an option.
    fn waits(&self) -> bool {
        let may_pause = self.pause == Pause::Writer && !self.is_begun;
        may_pause && self.grammar.as_ref().is_some_and(|grammar| grammar.waits())
    }

    fn take(&mut self, line: Line) {
        let bytes = match &line.bytes {
            Ok(bytes) | Err((bytes, _)) => bytes,
        };
        let is_within = self.grammar.as_ref().is_some_and(|grammar| grammar.is_within());
        if !is_within && is_long_comment(&line) {
            return;
        }
        if self.grammar.is_none() {
            let is_whole = line.bytes.is_ok();
            if is_whole && line::is_nothing(bytes) {
                return;
            }
            if let Some(why) = stranger(bytes) {
                self.found.bad(line.number, &beginning(bytes), why);
                self.ended = true;
                return;
            }
        }
        let format = match self.format {
            Format::Auto if !gcs::is_head(bytes) => self.named,
            format => format,
        };
        let grammar = self.grammar.get_or_insert_with(|| grammar(format, bytes));
        match line.bytes {
            Ok(bytes) => grammar.line(line.number, &bytes, &mut self.found),
            Err((begun, why)) => grammar.broken(line.number, &begun, why, &mut self.found),
        }
    }
}

/// A comment may be as long as it likes.
fn is_long_comment(line: &Line) -> bool {
    matches!(&line.bytes, Err((begun, LineError::TooLong(_))) if line::is_comment(begun))
}

/// The format that was asked for, or that the first line names.
fn grammar(format: Format, first: &[u8]) -> Box<dyn Grammar> {
    match format {
        Format::Auto if gcs::is_head(first) => Box::new(Gcs),
        Format::Auto => Box::new(Text::new(Json::Read)),
        Format::Text => Box::new(Text::new(Json::No)),
        Format::Csv => Box::new(Csv::new(b',')),
        Format::Tsv => Box::new(Csv::new(b'\t')),
        Format::Jsonl => Box::new(Objects),
        Format::Gcs => Box::new(Gcs),
        Format::Curl => Box::new(Curl::default()),
    }
}

/// Something that is no list at all, and known by its first bytes. It is told once, not line by line.
fn stranger(first: &[u8]) -> Option<LineError> {
    if first.starts_with(b"\xFF\xFE") || first.starts_with(b"\xFE\xFF") {
        return Some(LineError::Utf16);
    }
    let first = line::strip(first);
    let begins = |text: &str| {
        let begun = first.get(..text.len());
        begun.is_some_and(|begun| begun.eq_ignore_ascii_case(text.as_bytes()))
    };
    match () {
        () if begins("<!doctype") || begins("<html") => Some(LineError::Html),
        () if begins("<metalink") || begins("<?xml") => Some(LineError::Xml),
        () => None,
    }
}
