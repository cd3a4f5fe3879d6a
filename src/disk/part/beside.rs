//! A second writer of a part, at a place of its own. The part's owner keeps its record.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::files;
use super::gathered::Gathered;
use crate::disk::aside;

/// The file of a part, for others to write to.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    file: Arc<File>,
    step: usize,
}

/// Steps from one place on.
#[derive(Debug)]
pub(crate) struct Steps {
    file: Arc<File>,
    gathered: Gathered,
    offset: u64,
    /// Bytes that gather before they are written.
    step: usize,
}

impl Beside {
    pub(super) fn new(file: &Arc<File>, step: usize) -> Self {
        let file = Arc::clone(file);
        Self { file, step }
    }

    /// A writer that begins here.
    pub(crate) fn at(&self, offset: u64) -> Steps {
        Steps {
            file: Arc::clone(&self.file),
            gathered: Gathered::default(),
            offset,
            step: self.step,
        }
    }
}

impl Steps {
    pub(crate) fn add(&mut self, bytes: Bytes) {
        self.gathered.add(bytes);
    }

    /// Is there enough for a step?
    pub(crate) fn is_full(&self) -> bool {
        self.gathered.len() >= self.step
    }

    /// Writes what gathered; tells where it is. Never to be cancelled half-way.
    pub(crate) async fn flush(&mut self) -> io::Result<Range<u64>> {
        let range = self.offset..self.offset + self.gathered.len() as u64;
        let (file, blocks, start) = (Arc::clone(&self.file), self.gathered.take(), self.offset);
        self.offset = range.end;
        if !range.is_empty() {
            aside(move || files::write_at(&file, &blocks, start, None)).await?;
        }
        Ok(range)
    }
}
