//! The name of an entry, given in list order: the only place where that is decided, for a run and for its preview.

use std::path::{Path, PathBuf};

use super::mirrors;
use crate::disk::claims::{Claims, Leave};
use crate::disk::name;
use crate::error::TransferError;
use crate::job::Job;
use crate::settings::{self, Existing, Settings};
use crate::transfer::Expect;

/// What an entry gets before anything is requested for it.
#[derive(Debug)]
pub(crate) enum Naming {
    /// Nothing: the same entry came before.
    Repeated,
    Given(Given),
}

#[derive(Debug)]
pub(crate) struct Given {
    /// The path that its line or its URL asks for.
    pub(crate) wanted: PathBuf,
    /// The path it has: another one where that is taken.
    pub(crate) path: PathBuf,
    /// What the file has to be, as the user said.
    pub(crate) listed: Expect,
}

/// Names an entry, and tells it the checksum that is known for its name; an error is its failure. One that the settings
/// refuse has its name none the less: the others' are the same with and without the setting.
pub(crate) fn give(
    job: &mut Job,
    settings: &Settings,
    claims: &mut Claims,
    is_there: impl Fn(&Path) -> bool,
) -> Result<Naming, TransferError> {
    let wanted = wanted(job, settings)?;
    // A name that is still to come has its own.
    if job.checksum.is_none() && settings.naming == settings::Naming::Url {
        job.checksum = settings.checksums.get(&wanted).cloned();
    }
    let must_be_free = settings.existing == Existing::Rename;
    let leave = |path: &Path| Leave::granted_if(!must_be_free || !is_there(path));
    let Some(path) = claims.give(job, &wanted, leave) else {
        return Ok(Naming::Repeated);
    };
    let listed = Expect {
        checksum: job.checksum.clone(),
        size: job.size,
        most: settings.max_size,
    };
    let schemes = settings.http.schemes;
    if mirrors::allowed(job, schemes).next().is_none() {
        schemes.allow(job.url.reveal())?;
    }
    Ok(Naming::Given(Given { wanted, path, listed }))
}

/// The path that an entry's line or its URL asks for.
pub(crate) fn wanted(job: &Job, settings: &Settings) -> Result<PathBuf, TransferError> {
    let url = job.url.reveal();
    name::within_reason(match &job.name {
        Some(path) => name::of_path(path, url)?,
        None => name::in_layout(url, settings.layout),
    })
}
