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

use super::blocks::write_at;
use super::gathered::Blocks;
use crate::checksum::Adding;
use crate::disk::Disk;
use crate::disk::crowd::Turn;
use crate::disk::pace::Made;
use crate::disk::quick::Synchronising;

/// Bytes of a step in place: little enough to stay in the processor's cache on their way.
const IN_PLACE: usize = 64 * 1024;

/// The file that the bytes go into. Clones are handles to one and the same.
#[derive(Debug, Clone)]
pub(super) struct Sink {
    file: Arc<File>,
    disk: Disk,
    /// Where it is, if steps may be made in place there.
    device: Option<u64>,
}

/// A step on its way: what came of it, and what the bytes add up to.
pub(super) type Step = JoinHandle<(io::Result<()>, Option<Adding>)>;

impl Sink {
    pub(super) fn new(disk: &Disk, file: File, device: Option<u64>) -> Self {
        Self {
            file: Arc::new(file),
            disk: disk.clone(),
            device,
        }
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// May the next step be made in place? A single file is quickest that way, even where there is no time for it.
    pub(super) fn is_quick(&self) -> bool {
        let quick = self.disk.quick();
        let has_time = quick.has_time() || self.disk.crowd().is_single();
        has_time && self.device.is_some_and(|device| quick.is_quick(device))
    }

    /// The file is being synchronised, until the handle is dropped: no step is made in place meanwhile.
    pub(super) fn synchronising(&self) -> Option<Synchronising<'_>> {
        self.device.map(|device| self.disk.quick().synchronise(device))
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
        write_at(&self.file, blocks, start)?;
        let bytes = blocks.iter().map(Bytes::len).sum();
        // How long few bytes take says nothing of the disk.
        if let Some(device) = self.device.filter(|_| bytes >= IN_PLACE / 2) {
            self.disk.quick().note(device, bytes, since, made);
        }
        Ok(())
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
