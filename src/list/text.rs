//! Lines of text: URLs with paths, checksums or mirrors, aria2's options below them, and JSON objects.

use super::draft::{Draft, Taken};
use super::found::{Found, Problem, beginning};
use super::grammar::Grammar;
use super::{curl, jsonl, line};
use crate::error::LineError;

/// The text forms of a list, which may stand side by side.
#[derive(Debug)]
pub(super) struct Text {
    json: Json,
    above: Above,
    /// Blanks before it.
    indent: usize,
    /// Some entry had options.
    has_options: bool,
    /// The last line was empty.
    is_after_gap: bool,
}

/// Is a line that begins with a brace an object?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Json {
    Read,
    No,
}

/// What stands above the next line.
#[derive(Debug)]
enum Above {
    Nothing,
    /// An entry that may get options yet.
    Open(Box<Draft>),
    /// One that got none because the list paused.
    Gone,
    /// One that failed: what belongs to it failed with it.
    Failed,
}

impl Text {
    pub(super) fn new(json: Json) -> Self {
        Self {
            json,
            above: Above::Nothing,
            indent: 0,
            has_options: false,
            is_after_gap: false,
        }
    }

    fn close(&mut self, found: &mut Found) {
        if let Above::Open(draft) = std::mem::replace(&mut self.above, Above::Nothing) {
            found.good(*draft);
        }
    }

    fn option(&mut self, number: u64, (name, value): (&str, &[u8]), found: &mut Found) {
        let why = match &mut self.above {
            Above::Failed => return,
            Above::Nothing => LineError::Orphan,
            Above::Gone => {
                // The next ones are waited for.
                self.has_options = true;
                LineError::Late
            }
            Above::Open(draft) => {
                self.has_options = true;
                match line::text(value).and_then(|value| draft.set(name, value)) {
                    Ok(Taken::Yes) => return,
                    Ok(Taken::Unknown) => return found.unknown(draft, "option", name),
                    Err(why) => {
                        let text = draft.url.to_string();
                        self.above = Above::Failed;
                        return found.bad(number, &text, why);
                    }
                }
            }
        };
        // What follows the name may be a secret.
        found.bad(number, &format!("{name}=…"), why);
        self.above = Above::Failed;
    }

    /// Is this line, which is no entry, meant for the one above: is it an option, or indented deeper?
    fn is_below(&self, line: &[u8]) -> bool {
        let is_above = matches!(self.above, Above::Open(_) | Above::Failed);
        let is_object = self.json == Json::Read && line::strip(line).starts_with(b"{");
        is_above && !is_object && !line::is_like_a_url(line) && (option(line).is_some() || indent(line) > self.indent)
    }

    /// What is meant for the entry above cannot be used: without it, that would be another entry.
    fn spoil(&mut self, number: u64, why: LineError, found: &mut Found) {
        if let Above::Open(draft) = std::mem::replace(&mut self.above, Above::Failed) {
            found.bad(number, &draft.url.to_string(), why);
        }
    }
}

impl Grammar for Text {
    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found) {
        let stripped = line::strip(bytes);
        if stripped.starts_with(b"#") {
            return;
        }
        self.is_after_gap = stripped.is_empty();
        if stripped.is_empty() {
            return;
        }
        if let Some(option) = option(bytes) {
            return self.option(number, option, found);
        }
        if self.json == Json::Read && stripped[0] == b'{' {
            self.close(found);
            let entry = jsonl::entry(number, stripped, found);
            return found.result(number, entry);
        }
        let parsed = line::parse(number, bytes);
        if parsed.is_err() && self.is_below(bytes) {
            return self.spoil(number, LineError::NoOption, found);
        }
        self.close(found);
        self.indent = indent(bytes);
        match parsed {
            Ok(None) => {}
            Ok(Some(draft)) => self.above = Above::Open(Box::new(draft)),
            Err(why) => {
                found.bad(number, &beginning(bytes), named(why, stripped));
                self.above = Above::Failed;
            }
        }
    }

    fn broken(&mut self, number: u64, begun: &[u8], why: LineError, found: &mut Found) {
        let is_below = self.is_below(begun);
        match &self.above {
            // Where the list broke off, options of this entry may be missing.
            Above::Open(draft) if matches!(why, LineError::Unreadable(_)) && (self.has_options || is_below) => {
                found.bad(draft.line, &draft.url.to_string(), why.clone());
            }
            _ if is_below && !matches!(why, LineError::Unreadable(_)) => return self.spoil(number, why, found),
            _ => self.close(found),
        }
        self.indent = indent(begun);
        let text = match option(begun) {
            Some((name, _)) => format!("{name}=…"),
            None if line::strip(begun).starts_with(b"{") => jsonl::HIDDEN.to_owned(),
            None => beginning(begun),
        };
        found.bad(number, &text, why);
        self.above = Above::Failed;
    }

    /// In a list with options, an entry waits for its own, and for all of them; an empty line may be their end.
    fn waits(&self) -> bool {
        matches!(&self.above, Above::Open(_)) && (!self.has_options || self.is_after_gap)
    }

    fn pause(&mut self, found: &mut Found) {
        self.close(found);
        self.above = Above::Gone;
    }

    fn end(&mut self, found: &mut Found) {
        self.close(found);
    }
}

/// Why this is no entry, and how it is one if it was written for curl.
fn named(why: LineError, line: &[u8]) -> LineError {
    match (why, std::str::from_utf8(line)) {
        (LineError::NoUrl, Ok(text)) if curl::is_url(text) => LineError::Curl,
        (why, _) => why,
    }
}

/// Blanks before a line.
fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// `name=value` behind a blank, as aria2 has it.
fn option(line: &[u8]) -> Option<(&str, &[u8])> {
    if !matches!(line.first(), Some(b' ' | b'\t')) {
        return None;
    }
    let equals = line.iter().position(|&b| b == b'=')?;
    let name = std::str::from_utf8(line[..equals].trim_ascii()).ok()?;
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_option = !name.is_empty() && name.bytes().all(is_name);
    is_option.then(|| (name, line[equals + 1..].trim_ascii()))
}

/// Every line is a JSON object.
#[derive(Debug)]
pub(super) struct Objects;

impl Grammar for Objects {
    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found) {
        let stripped = line::strip(bytes);
        if !stripped.is_empty() && stripped[0] != b'#' {
            let entry = jsonl::entry(number, stripped, found);
            found.result(number, entry);
        }
    }

    fn broken(&mut self, number: u64, _: &[u8], why: LineError, found: &mut Found) {
        let text = jsonl::HIDDEN.to_owned();
        found.result(number, Err(Problem { text, why }));
    }
}
