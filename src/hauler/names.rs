//! The name of an entry, given in list order: the only place where that is decided, for a run and for its preview.

use std::path::{Path, PathBuf};

use super::mirrors;
use crate::disk::claims::{Claims, Leave};
use crate::disk::name;
use crate::error::TransferError;
use crate::job::Job;
use crate::settings::{Existing, Settings};
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

/// Names an entry; an error is its failure. One that the settings refuse has its name none the less: the others' are
/// the same with and without the setting.
pub(crate) fn give(
    job: &Job,
    settings: &Settings,
    claims: &mut Claims,
    is_there: impl Fn(&Path) -> bool,
) -> Result<Naming, TransferError> {
    let url = job.url.reveal();
    let wanted = match &job.name {
        Some(path) => name::of_path(path, url)?,
        None => name::in_layout(url, settings.layout),
    };
    let must_be_free = settings.existing == Existing::Rename;
    let leave = |path: &Path| Leave::granted_if(!must_be_free || !is_there(path));
    let Some(path) = claims.give(job, &wanted, leave) else {
        return Ok(Naming::Repeated);
    };
    let checksum = job.checksum.clone();
    let listed = Expect {
        checksum: checksum.or_else(|| settings.checksums.get(&wanted).cloned()),
        size: job.size,
        most: settings.max_size,
    };
    let schemes = settings.http.schemes;
    if mirrors::allowed(job, schemes).next().is_none() {
        schemes.allow(url)?;
    }
    Ok(Naming::Given(Given { wanted, path, listed }))
}
