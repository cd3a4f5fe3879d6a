//! What the record says of a part, and when it is written.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::time::UNIX_EPOCH;

use super::{Open, Part};
use crate::disk::aside;
use crate::disk::record::Record;

/// Bytes after which what was written is synchronised, so that the record can claim it whatever happens.
const SYNCHRONISED: u64 = 256 << 20;
/// Bytes that come in no order are in the record when there are so many of them.
const NOTED: u64 = 8 << 20;

impl Part {
    /// These bytes were written: the record says so from time to time.
    pub(super) async fn came(&mut self, range: Range<u64>) -> io::Result<()> {
        let count = range.end - range.start;
        self.gaps.fill(range);
        self.unrecorded += count;
        self.scattered = self.scattered.map(|before| before + count);
        if self.unrecorded >= SYNCHRONISED {
            // That may take long.
            self.pass();
            self.synchronise().await?;
        } else if self.scattered.is_some_and(|count| count >= NOTED) {
            self.write_record().await?;
        }
        Ok(())
    }

    /// From here on the bytes come in no order: how long the file is says nothing any more. What is here of it already is
    /// in the record then.
    pub(crate) async fn scatter(&mut self) -> io::Result<()> {
        if self.scattered.is_some() {
            return Ok(());
        }
        self.scattered = Some(0);
        self.sums = None;
        self.written().await?;
        self.write_record().await
    }

    /// Others wrote these bytes.
    pub(crate) async fn hear(&mut self, ranges: Vec<Range<u64>>) -> io::Result<()> {
        for range in ranges {
            self.came(range).await?;
        }
        Ok(())
    }

    /// What was written is on the disk, and then the record says so.
    pub(super) async fn synchronise(&mut self) -> io::Result<()> {
        let gaps = self.gaps.pairs();
        let synchronising = self.open.as_ref().and_then(|open| open.sink.synchronising());
        self.with_file(File::sync_data).await?;
        drop(synchronising);
        self.synchronised = gaps;
        self.unrecorded = 0;
        self.write_record().await
    }

    pub(super) async fn write_record(&mut self) -> io::Result<()> {
        self.scattered = self.scattered.map(|_| 0);
        let Some(Open { files, .. }) = &self.open else {
            return Ok(());
        };
        let (files, record) = (files.clone(), self.record());
        aside(move || files.write_record(&record)).await
    }

    pub(super) fn record(&self) -> Record {
        let of = self.identity.as_ref();
        let (url, validator) = of.map_or_else(Default::default, |of| {
            (of.url.clone(), of.validator.clone().unwrap_or_default())
        });
        let (gaps, missing) = match self.scattered {
            None => (self.gaps.pairs(), None),
            Some(_) => (self.synchronised.clone(), Some(self.gaps.pairs())),
        };
        let mut record = Record::new(url, validator, self.gaps.size(), gaps);
        record.missing = missing;
        record.replaces = self.replaces();
        record.mixed = self.is_mixed();
        if let Some(said) = self.said() {
            let since = said.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            record.modified = since.map(|since| since.as_secs());
            record.digests = said.digests.iter().map(ToString::to_string).collect();
            record.filename.clone_from(&said.filename);
            record.resource = said.resource;
            record.coding.clone_from(&said.coding);
        }
        record
    }
}
