//! curl's configuration files: `--format curl`.
//!
//! An option of a request is for every URL of its group, also for those above it; a group ends at `next`. So a group is
//! held until it ends, the list pauses, or it has grown too large to hold.

use std::collections::VecDeque;

use super::draft::{Draft, wrong};
use super::found::{Found, beginning};
use super::grammar::Grammar;
use super::line;
use crate::error::LineError;

mod config;

use config::Setting;
pub(super) use config::is_url;

/// Entries of a group that are held at most.
const HELD: usize = 1024;
/// Names of options that are remembered to be told of.
const UNKNOWN: usize = 100;
/// Bytes of their URLs and outputs, before the oldest is let go.
const HELD_BYTES: usize = 1 << 20;
/// Bytes of options that a group may have: each of its entries has them.
const LARGEST: usize = 8 * 1024;

#[derive(Debug, Default)]
pub(super) struct Curl {
    nodes: VecDeque<Node>,
    /// Bytes that they hold.
    weight: usize,
    /// So many of them, the first ones, have their URL; and so many have their output.
    urls: usize,
    outputs: usize,
    /// What is said to all entries of the group, in the words of [`Draft::set`].
    said: Vec<(&'static str, String)>,
    /// Names that haul does not know, for the next entry.
    unknown: Vec<String>,
    /// Why no entry of the group can be fetched.
    spoiled: Option<LineError>,
    /// Entries of the group that were given on, and of those, the ones that had no output yet.
    gone: usize,
    without_output: usize,
    no_globs: bool,
}

/// A URL and its output; either may come first.
#[derive(Debug, Default)]
struct Node {
    url: Option<(u64, String)>,
    output: Output,
}

#[derive(Debug, Default)]
enum Output {
    #[default]
    Unsaid,
    /// Named after the URL.
    Remote,
    File(String),
}

impl Output {
    fn weight(&self) -> usize {
        match self {
            Self::File(path) => path.len(),
            Self::Unsaid | Self::Remote => 0,
        }
    }
}

impl Curl {
    fn take(&mut self, number: u64, name: &str, value: Option<String>, found: &mut Found) -> Result<(), LineError> {
        let needed = |value: Option<String>| value.ok_or_else(|| wrong(name, "a value is missing"));
        match config::setting(name, value.as_deref()) {
            Setting::Url => {
                let url = needed(value)?;
                self.weight += url.len();
                self.grow(self.urls);
                self.nodes[self.urls].url = Some((number, url));
                self.urls += 1;
            }
            Setting::Output => match needed(value)? {
                screen if screen == "-" => return Err(wrong(name, "a file is needed, not standard output")),
                file => self.output(Output::File(file))?,
            },
            Setting::RemoteName => self.output(Output::Remote)?,
            Setting::Each(known) => {
                if let Some(value) = config::meant(known, needed(value)?) {
                    self.say(known, value)?;
                }
            }
            Setting::Next => self.end_group(found),
            Setting::NoGlobs => self.no_globs = true,
            Setting::Unknown if self.unknown.len() < UNKNOWN => self.unknown.push(name.to_owned()),
            Setting::Harmless | Setting::Unknown => {}
            Setting::Elsewhere => return Err(wrong(name, "names another file, which is a SOURCE of its own here")),
            Setting::NoDownload => {
                let why = wrong(name, "makes it another request than a download");
                self.spoiled = Some(why.clone());
                return if self.gone > 0 { Err(why) } else { Ok(()) };
            }
        }
        Ok(())
    }

    fn output(&mut self, output: Output) -> Result<(), LineError> {
        if self.without_output > 0 {
            self.without_output -= 1;
            return match output {
                Output::File(_) => Err(LineError::Late),
                _ => Ok(()),
            };
        }
        self.grow(self.outputs);
        self.weight += output.weight();
        self.nodes[self.outputs].output = output;
        self.outputs += 1;
        Ok(())
    }

    fn say(&mut self, name: &'static str, value: String) -> Result<(), LineError> {
        if self.gone > 0 {
            return Err(LineError::Late);
        }
        let held: usize = self.said.iter().map(|(_, value)| value.len()).sum();
        if held + value.len() > LARGEST {
            return Err(LineError::TooMuch(LARGEST));
        }
        self.said.push((name, value));
        Ok(())
    }

    /// A node more, when all have what is to come. There is room for it.
    fn grow(&mut self, filled: usize) {
        if filled == self.nodes.len() {
            self.nodes.push_back(Node::default());
        }
    }

    /// Gives on the oldest.
    fn release(&mut self, found: &mut Found) {
        let Some(node) = self.nodes.pop_front() else { return };
        self.urls = self.urls.saturating_sub(1);
        self.outputs = self.outputs.saturating_sub(1);
        self.weight -= node.output.weight() + node.url.as_ref().map_or(0, |(_, url)| url.len());
        let Some((number, url)) = node.url else { return };
        self.gone += 1;
        self.without_output += usize::from(matches!(node.output, Output::Unsaid));
        match self.entry(number, &url, node.output) {
            Ok(mut draft) => {
                for name in self.unknown.drain(..) {
                    found.unknown(&mut draft, "curl option", &name);
                }
                found.good(draft);
            }
            Err(why) => found.bad(number, &beginning(url.as_bytes()), why),
        }
    }

    fn entry(&self, number: u64, url: &str, output: Output) -> Result<Draft, LineError> {
        if let Some(why) = &self.spoiled {
            return Err(why.clone());
        }
        if !self.no_globs && config::has_globs(url) {
            return Err(wrong(
                "url",
                "curl makes several URLs of these brackets; write each (or globoff)",
            ));
        }
        let mut draft = Draft::new(number, line::url(url)?);
        for (name, value) in &self.said {
            draft.set(name, value)?;
        }
        if let Output::File(path) = output {
            draft.set("out", &path)?;
        }
        Ok(draft)
    }

    fn end_group(&mut self, found: &mut Found) {
        self.pause(found);
        *self = Self {
            unknown: std::mem::take(&mut self.unknown),
            ..Self::default()
        };
    }
}

impl Grammar for Curl {
    fn line(&mut self, number: u64, bytes: &[u8], found: &mut Found) {
        if line::is_nothing(bytes) {
            return;
        }
        if self.nodes.len() >= HELD || self.weight > HELD_BYTES {
            self.release(found);
        }
        let taken = line::text(line::strip(bytes)).and_then(|text| {
            let mut said = config::options(text)?.into_iter();
            said.try_for_each(|(name, value)| self.take(number, name, value, found))
        });
        if let Err(why) = taken {
            found.bad(number, &config::shown(bytes), why);
        }
    }

    fn broken(&mut self, number: u64, begun: &[u8], why: LineError, found: &mut Found) {
        self.pause(found);
        found.bad(number, &config::shown(begun), why);
    }

    fn waits(&self) -> bool {
        self.urls > 0
    }

    fn pause(&mut self, found: &mut Found) {
        while self.urls > 0 {
            self.release(found);
        }
    }

    fn end(&mut self, found: &mut Found) {
        self.pause(found);
    }
}
