//! What a run of a list would do, as far as that can be told without a request. Nothing is made or written.

use std::future::ready;
use std::path::PathBuf;

use futures::{Stream, StreamExt as _};

use crate::disk::claims::Claims;
use crate::disk::{Disk, Found};
use crate::error::{SetupError, TransferError};
use crate::hauler::names::{self, Given, Naming};
use crate::job::{BadLine, Job};
use crate::report::Source;
use crate::settings::Settings;
use crate::transfer::{Plan, Want, plan};

/// What would become of one entry.
#[derive(Debug)]
#[non_exhaustive]
pub struct Preview {
    /// Where it was read.
    pub place: crate::job::Place,
    /// What it was: an entry, or the text of a bad line.
    pub source: Source,
    /// What would become of it.
    pub fate: Fate,
}

/// What would become of an entry.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fate {
    /// It has this file.
    File {
        /// Its path, relative to the folder.
        path: PathBuf,
        /// The path it would have had, had that not been taken.
        instead_of: Option<PathBuf>,
        /// What is there already.
        there: There,
    },
    /// The same entry stood earlier in the list; its file is that one's.
    Duplicate,
    /// It fails without a request.
    Failed(TransferError),
}

/// What stands under the name of an entry, and what that means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum There {
    /// Nothing: it will be fetched.
    Nothing,
    /// The file: there is nothing to do.
    Done,
    /// A file that is right if it adds up.
    AddsUp,
    /// A file that is right if the server has one of its size.
    SameSize,
    /// A file that is replaced when the server has a newer one.
    Older,
    /// A file that will be replaced.
    Replaced,
}

/// Looks ahead at a run, entry by entry, in list order. Names are the ones that the run gives, unless the server names
/// the files.
///
/// # Errors
/// The folder cannot be read. That it is missing is no error.
pub fn preview<L>(settings: Settings, list: L) -> Result<impl Stream<Item = Preview>, SetupError>
where
    L: Stream<Item = Result<Job, BadLine>>,
{
    let disk = Disk::look_at(&settings.dir).map_err(|source| SetupError::Dir {
        dir: settings.dir.clone(),
        source,
    })?;
    let case = disk
        .as_ref()
        .map_or_else(|| crate::disk::case_above(&settings.dir), Disk::case);
    let mut looking = Looking {
        disk,
        claims: Claims::without(case, &settings.taken),
        settings,
    };
    Ok(list.filter_map(move |entry| ready(looking.preview(entry))))
}

struct Looking {
    settings: Settings,
    /// The folder, where there is one.
    disk: Option<Disk>,
    claims: Claims,
}

impl Looking {
    /// What is of another share is given its name, for the others' sake, and nothing else.
    fn preview(&mut self, entry: Result<Job, BadLine>) -> Option<Preview> {
        let shard = self.settings.shard;
        match entry {
            Ok(mut job) => {
                let is_ours = shard.is_none_or(|shard| shard.holds(&job));
                let fate = self.fate(&mut job).unwrap_or_else(Fate::Failed);
                is_ours.then(|| Preview {
                    place: job.place.clone(),
                    fate,
                    source: Source::Job(job.into()),
                })
            }
            Err(bad) => shard.is_none_or(|shard| shard.reports(&bad)).then(|| Preview {
                place: bad.place,
                source: Source::Line(bad.text),
                fate: Fate::Failed(bad.why.into()),
            }),
        }
    }

    fn fate(&mut self, job: &mut Job) -> Result<Fate, TransferError> {
        let Self { settings, disk, claims } = self;
        let Given { wanted, path, listed } = match names::give(job, settings, claims, disk.as_ref())? {
            Naming::Repeated => return Ok(Fate::Duplicate),
            Naming::Given(given) => given,
        };
        let found = disk.as_ref().map_or(Ok(Found::Nothing), |disk| disk.look(&path));
        let found = found.map_err(|source| crate::transfer::disk("look into the folder", source))?;
        let there = match plan(settings.existing, found, &job.known(), &listed) {
            Plan::Ask(Want::File) => There::Nothing,
            Plan::Ask(Want::Replacement) => There::Replaced,
            Plan::Ask(Want::Newer(_)) => There::Older,
            Plan::Ask(Want::Size(_) | Want::SizeByGet(_)) => There::SameSize,
            Plan::AddUp { .. } => There::AddsUp,
            Plan::Done(..) => There::Done,
            Plan::Fail(error) => return Err(error),
        };
        let instead_of = Some(wanted).filter(|wanted| *wanted != path);
        Ok(Fate::File {
            path,
            instead_of,
            there,
        })
    }
}
