//! The name of an entry, given in list order: the only place where that is decided, for a run and for its preview.

use std::path::{Path, PathBuf};

use super::mirrors;
use crate::disk::claims::{Claims, Leave};
use crate::disk::{Disk, name};
use crate::error::TransferError;
use crate::job::Job;
use crate::settings::{self, Existing, Settings};
use crate::transfer::{Expect, leave};

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

/// Names an entry, and tells it the checksum that is known for its name, and where its bytes go if the name is to come and
/// its URL does not say that; an error is its failure. One that the settings refuse has its name none the less: the others'
/// are the same with and without the setting.
pub(crate) fn give(
    job: &mut Job,
    settings: &Settings,
    claims: &mut Claims,
    disk: Option<&Disk>,
) -> Result<Naming, TransferError> {
    let wanted = wanted(job, settings)?;
    // A name that is still to come has its own.
    let is_to_come = is_to_come(job, settings.naming);
    if job.checksum.is_none() && !is_to_come {
        job.checksum = settings.checksums.get(&wanted).cloned();
    }
    // Where servers name files, one that an earlier run made may have got its name before this entry came to claim it. Who
    // says what is to be overwritten means it.
    let is_meant = is_said(job) && settings.existing == Existing::Overwrite;
    let is_another_s = |disk: &Disk, path: &Path| match settings.naming {
        settings::Naming::Server if !is_meant => disk.is_another_s(path, &job.known()),
        settings::Naming::Server | settings::Naming::Url => false,
    };
    let may_have = |path: &Path| {
        disk.map_or(Leave::Granted, |disk| {
            leave(settings.existing, disk, path, |path| is_another_s(disk, path))
        })
    };
    let meanwhile = match job.meanwhile().filter(|_| is_to_come) {
        Some(path) => Some(name::within_reason(name::of_path(path, job.url.reveal())?)?),
        None => None,
    };
    let Some(path) = claims.give(job, meanwhile.as_ref().unwrap_or(&wanted), may_have) else {
        return Ok(Naming::Repeated);
    };
    if is_to_come && path != wanted {
        job.extras.get_or_insert_default().meanwhile = Some(path.clone());
    }
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

/// Gives an entry another name: its own is taken by now.
pub(super) fn give_another(
    job: &Job,
    settings: &Settings,
    claims: &mut Claims,
    disk: &Disk,
) -> Result<PathBuf, TransferError> {
    let may_have = |path: &Path| leave(settings.existing, disk, path, |_| false);
    Ok(claims.claim(&wanted(job, settings)?, may_have))
}

/// Does the name come with the answer? Not where the list gives it.
pub(crate) fn is_to_come(job: &Job, naming: settings::Naming) -> bool {
    naming == settings::Naming::Server && !is_said(job)
}

/// Does the list give the name, and not only a folder for it?
fn is_said(job: &Job) -> bool {
    job.name.as_deref().is_some_and(|path| !name::is_folder(path))
}

/// The path that an entry's line or its URL asks for.
fn wanted(job: &Job, settings: &Settings) -> Result<PathBuf, TransferError> {
    let url = job.url.reveal();
    name::within_reason(match &job.name {
        Some(path) => name::of_path(path, url)?,
        None => name::in_layout(url, settings.layout),
    })
}
