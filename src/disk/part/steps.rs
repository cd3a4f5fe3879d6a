//! From memory to the disk: what gathers, when it is written, and whose turn it is.

use std::io;
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;

use super::sink::Step;
use super::{Open, Part, SMALL};
use crate::checksum::Adding;
use crate::disk::crowd::Turn;
use crate::disk::pace::Made;
use crate::disk::returned;

/// A step on its way to the system.
#[derive(Debug)]
pub(super) struct Writing {
    range: Range<u64>,
    step: Step,
}

impl Part {
    /// How many bytes gather.
    pub(super) fn most(&self) -> usize {
        if let Some(Open { sink, .. }) = &self.open {
            return sink.step(self.is_quick());
        }
        let small = self.gaps.size().and_then(|size| usize::try_from(size).ok());
        small
            .filter(|&size| size <= SMALL)
            .unwrap_or_else(|| self.disk.crowd().first_step())
    }

    /// Can a step be made in place, when none is on its way? Adding up takes longer than writing.
    fn is_quick(&self) -> bool {
        let is_free = self.writing.is_none() && self.sums.as_ref().is_none_or(Adding::is_empty);
        is_free && self.open.as_ref().is_some_and(|open| open.sink.is_quick())
    }

    /// Waits until the disk can take steps of a large file. `false` for a file that is small, or of which nothing is here,
    /// and where steps of few files need not wait.
    pub(crate) async fn turn(&mut self) -> bool {
        let is_begun = self.gaps.size().is_none() && self.gathered.len() > 0;
        let is_for_all = self.is_quick() && self.disk.crowd().is_small();
        if self.open.is_none() && !is_begun || is_for_all {
            // It may be here from before that was so.
            self.pass();
            return false;
        }
        if self.turn.is_none() {
            self.turn = self.disk.crowd().turn().await;
        }
        true
    }

    /// It is others' turn: the next bytes are not here soon.
    pub(crate) fn pass(&mut self) {
        self.turn = None;
    }

    /// Takes bytes. Never to be cancelled half-way. A write that fails may be told of by a later one.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.gathered.add(bytes);
        // A small file is one byte short of its step to the end.
        if self.gathered.len() < self.most() || self.is_small_and_whole() {
            return Ok(());
        }
        let since = Instant::now();
        let flushed = self.flush().await;
        self.waited += since.elapsed();
        // The next bytes may be here at once.
        self.turn = flushed?;
        Ok(())
    }

    /// Are there so many bytes of a large file that they go to the disk when the next ones are not here soon?
    pub(crate) fn has_plenty(&self) -> bool {
        self.open.is_some() && self.gathered.len() >= SMALL
    }

    /// Gives the bytes that are here to the disk: the next ones are not here soon.
    pub(crate) async fn rest(&mut self) -> io::Result<()> {
        self.flush().await.map(drop)
    }

    /// Are all the bytes of a small file gathered, and no more?
    pub(super) fn is_small_and_whole(&self) -> bool {
        self.open.is_none() && self.gaps.size() == Some(self.gathered.len() as u64)
    }

    /// The file has ended here, so nothing is missing behind it.
    pub(crate) async fn end(&mut self) -> io::Result<()> {
        self.gaps.ends_at(self.offset + self.gathered.len() as u64);
        self.settle().await
    }

    /// The bytes that came are with the system: from now on, a record may say so.
    pub(crate) async fn store(&mut self) -> io::Result<()> {
        if self.gathered.len() > 0 {
            self.flush().await?;
        }
        self.pass();
        self.written().await
    }

    /// The bytes that came are here.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        self.written().await?;
        self.gaps.fill(self.offset..self.offset + self.gathered.len() as u64);
        Ok(())
    }

    /// Begins to give the gathered bytes to the system, when it is its turn. What is left of the turn is for who goes on.
    pub(super) async fn flush(&mut self) -> io::Result<Option<Turn>> {
        if self.open.is_none() {
            self.create().await?;
        }
        self.written().await?;
        self.turn().await;
        let is_quick = self.is_quick();
        let Some(Open { sink, .. }) = &self.open else {
            return Ok(None);
        };
        let (length, start) = (self.gathered.len(), self.offset);
        let (blocks, range) = (self.gathered.take(), start..start + length as u64);
        let turn = self.turn.take();
        let rest = turn.as_ref().and_then(|turn| turn.after(length));
        self.offset = range.end;
        if is_quick {
            let written = sink.write(&blocks, start, Made::InPlace);
            self.is_broken |= written.is_err();
            written?;
            self.turn = rest;
            drop(turn);
            self.came(range).await?;
            return Ok(self.turn.take());
        }
        let step = sink.write_aside(blocks, start, self.sums.take(), turn);
        self.writing = Some(Writing { range, step });
        Ok(rest)
    }

    /// Waits for what is being written.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        let Some(Writing { range, step, .. }) = self.writing.take() else {
            return Ok(());
        };
        let (written, sums) = returned(step.await).unwrap_or_else(|error| (Err(error), None));
        self.sums = sums.filter(|_| self.scattered.is_none());
        self.is_broken |= written.is_err();
        written?;
        self.came(range).await
    }
}
