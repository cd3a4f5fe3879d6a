//! A second writer of a part, at a place of its own. The part's owner keeps its record.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::gathered::Gathered;
use super::sink::Sink;
use crate::disk::pace::Made;
use crate::disk::returned;

/// The file of a part, for others to write to.
#[derive(Debug, Clone)]
pub(crate) struct Beside(Sink);

/// Steps from one place on.
#[derive(Debug)]
pub(crate) struct Steps {
    sink: Sink,
    gathered: Gathered,
    offset: u64,
}

impl Beside {
    pub(super) fn new(sink: &Sink) -> Self {
        Self(sink.clone())
    }

    /// A writer that begins here.
    pub(crate) fn at(&self, offset: u64) -> Steps {
        Steps {
            sink: self.0.clone(),
            gathered: Gathered::default(),
            offset,
        }
    }
}

impl Steps {
    pub(crate) fn add(&mut self, bytes: Bytes) {
        self.gathered.add(bytes);
    }

    /// Is there enough for a step?
    pub(crate) fn is_full(&self) -> bool {
        self.gathered.len() >= self.sink.step(self.sink.is_quick())
    }

    /// Writes what gathered; tells where it is. Never to be cancelled half-way.
    pub(crate) async fn flush(&mut self) -> io::Result<Range<u64>> {
        let range = self.offset..self.offset + self.gathered.len() as u64;
        let blocks = self.gathered.take();
        self.offset = range.end;
        if range.is_empty() {
            return Ok(range);
        }
        if self.sink.is_quick() {
            self.sink.write(&blocks, range.start, Made::InPlace)?;
        } else {
            let (written, _) = returned(self.sink.write_aside(blocks, range.start, None, None).await)?;
            written?;
        }
        Ok(range)
    }
}
