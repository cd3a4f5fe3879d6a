//! What an earlier try, or another process, left of a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::sink::Sink;
use super::{Identity, Open, Part, Replace, Said, files};
use crate::checksum::Checksum;
use crate::disk::part::files::Files;
use crate::disk::record::Record;
use crate::disk::{Disk, Folder, Found, look_at, name_of};
use crate::gaps::Gaps;

/// What there is of a part already.
#[derive(Debug)]
pub(crate) enum Earlier {
    Nothing,
    /// Another process is at it.
    Locked,
    /// These bytes, locked for us. Without a record that can be read, they are worth nothing.
    Part(Box<Part>, Option<Box<Record>>),
}

impl Part {
    /// Looks for a file of that name, and for what an earlier try left of one.
    pub(crate) async fn survey(disk: &Disk, path: &Arc<PathBuf>) -> io::Result<(Found, Earlier)> {
        let (at, of) = (disk.clone(), Arc::clone(path));
        let look = move || {
            // The part first: a file that another process finishes in between is seen.
            let earlier = Files::find(&at, &of)?;
            Ok((at.look(&of)?, earlier))
        };
        let (found, earlier) = disk.errand(look).await?;
        Ok((found, Self::earlier(disk, path, earlier)?))
    }

    fn earlier(disk: &Disk, path: &Arc<PathBuf>, found: Option<files::Standing>) -> io::Result<Earlier> {
        let files::Taken {
            file,
            files,
            length,
            device,
        } = match found {
            None => return Ok(Earlier::Nothing),
            Some(files::Standing::Locked) => return Ok(Earlier::Locked),
            Some(files::Standing::Ours(taken)) => taken,
        };
        let record = files.record()?;
        let mut part = Self::new(disk, path);
        part.open = Some(Open {
            sink: Sink::new(disk, file, device),
            files,
            _member: disk.crowd().join(),
        });
        let known = record
            .as_ref()
            .and_then(|record| Some((record, gaps_of(record, length)?)));
        let record = known.map(|(record, gaps)| {
            part.gaps = gaps;
            part.identity = Some(Identity {
                url: record.url.clone(),
                validator: Some(record.validator.clone()).filter(|validator| !validator.is_empty()),
                name: None,
                replace: if record.replaces { Replace::Old } else { Replace::Never },
                mixed: record.mixed,
                said: Said {
                    digests: record
                        .digests
                        .iter()
                        .filter_map(|digest| Checksum::parse(digest))
                        .collect(),
                    modified: record
                        .modified
                        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))),
                    filename: record.filename.clone(),
                    resource: record.resource,
                    coding: record.coding.clone(),
                },
            });
            Box::new(record.clone())
        });
        Ok(Earlier::Part(part, record))
    }
}

/// Does anything stand under the names that a part or its record would have, and what under the path's own? Blocks for
/// a few system calls.
pub(in crate::disk) fn glance(folder: &Folder, path: &Path) -> io::Result<(bool, Found)> {
    let has_part = files::has_part(folder, path)?;
    let found = look_at(folder, name_of(path))?;
    // A record alone matters to a file that is there: it goes then.
    Ok((
        has_part || (found != Found::Nothing && files::has_record(folder, path)?),
        found,
    ))
}

/// What a record says is missing of a part of this length; `None` if it cannot be. Within one boot, bytes that were
/// appended since the record are there; over a crash of the machine only what was synchronised before it is.
pub(crate) fn gaps_of(record: &Record, length: u64) -> Option<Gaps> {
    let is_of_this_boot = record.is_of_this_boot();
    let named = record.missing.as_ref().filter(|_| is_of_this_boot);
    let mut gaps = Gaps::from_pairs(record.size, named.unwrap_or(&record.gaps).iter().copied())?;
    if gaps.reach() > length || record.size.is_some_and(|size| length > size) {
        return None;
    }
    let is_in_order = is_of_this_boot && record.missing.is_none();
    if let Some(start) = gaps.tail().filter(|_| is_in_order) {
        gaps.fill(start..length);
    }
    Some(gaps)
}
