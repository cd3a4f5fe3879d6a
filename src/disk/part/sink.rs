//! The open file of a part, and how a step gets into it.
//!
//! A step is made aside, on a thread that may wait. Where the disk has shown that it is as quick as memory ([`pace`]), a
//! step is smaller and made in place: its bytes are still in the processor's cache, and no other thread is woken. Never
//! where a server far away could keep it waiting without an end.
//!
//! [`pace`]: crate::disk::pace

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::files;
use super::gathered::Blocks;
use crate::checksum::Adding;
use crate::disk::Disk;
use crate::disk::crowd::Turn;
use crate::disk::pace::Made;

/// Bytes of a step in place: little enough to stay in the processor's cache on their way.
const IN_PLACE: usize = 64 * 1024;

/// The file that the bytes go into. Clones are handles to one and the same.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    file: Arc<File>,
    disk: Disk,
    is_local: bool,
}

/// A step on its way: what came of it, and what the bytes add up to.
pub(super) type Step = JoinHandle<(io::Result<()>, Option<Adding>)>;

impl Sink {
    pub(super) fn new(disk: &Disk, file: File, is_local: bool) -> Self {
        Self {
            file: Arc::new(file),
            disk: disk.clone(),
            is_local,
        }
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// May the next step be made in place?
    pub(super) fn is_quick(&self) -> bool {
        self.is_local && self.disk.crowd().is_quick()
    }

    /// Bytes of a step, in place or aside.
    pub(super) fn step(&self, is_in_place: bool) -> usize {
        if is_in_place {
            IN_PLACE
        } else {
            self.disk.crowd().step()
        }
    }

    /// Makes a step here and now. Blocks for as long as that takes.
    pub(super) fn write(&self, blocks: &Blocks, start: u64, made: Made) -> io::Result<()> {
        let since = Instant::now();
        let written = files::write_at(&self.file, blocks, start);
        let bytes = blocks.iter().map(Bytes::len).sum();
        self.disk.crowd().note(bytes, since, made);
        written
    }

    /// Makes a step aside, in its turn.
    pub(super) fn write_aside(&self, blocks: Blocks, start: u64, mut sums: Option<Adding>, turn: Option<Turn>) -> Step {
        let sink = self.clone();
        tokio::task::spawn_blocking(move || {
            add_blocks(&blocks, sums.as_mut());
            let written = sink.write(&blocks, start, Made::Aside);
            drop((blocks, turn));
            (written, sums)
        })
    }
}

/// Adds blocks up.
pub(super) fn add_blocks(blocks: &[Bytes], sums: Option<&mut Adding>) {
    if let Some(sums) = sums {
        for block in blocks {
            sums.update(block);
        }
    }
}
