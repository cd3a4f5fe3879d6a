//! Names that come with the answer (`-J`): given when the first head that has one is here, and kept for later tries.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use smallvec::SmallVec;

use super::resume::Course;
use super::{Expect, Plan, Step, Tools, Want, disk, plan};
use crate::checksum::Checksums;
use crate::disk::claims::{Claims, Leave};
use crate::disk::mark::Mark;
use crate::disk::part::Replace;
use crate::disk::{Disk, Family, Found, name};
use crate::error::TransferError;
use crate::http::Head;
use crate::job::Known;
use crate::lock::lock;
use crate::report::Outcome;
use crate::settings::Existing;

/// What a file gets when it is whole.
#[derive(Debug)]
pub(crate) struct Target {
    /// Its name in its folder, if that is not its path's.
    pub(super) name: Option<String>,
    pub(super) replace: Replace,
}

/// What the server's answer made of an entry's name.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) path: Arc<PathBuf>,
    /// What the file has to be: a checksum that is known by a name counts for the one that the file gets.
    pub(crate) listed: Expect,
    /// The name that it was to have, where another has it.
    pub(super) instead_of: Option<String>,
}

/// Names an entry after what the server says.
#[derive(Debug)]
pub(crate) struct Namer<'a> {
    /// The names this run has given away.
    pub(crate) claims: &'a Mutex<Claims>,
    /// What this entry was given, once it was.
    pub(crate) given: &'a OnceLock<Named>,
    /// The path that its line or its URL asks for.
    pub(crate) wanted: &'a Path,
    pub(crate) checksums: &'a Checksums,
    pub(crate) existing: Existing,
    pub(crate) entry: &'a Known<'a>,
    pub(crate) listed: &'a Expect,
}

impl Namer<'_> {
    /// The name for this answer, or for the `earlier` one that it continues and need not repeat, and what it may replace; or
    /// the end of the matter: the file is there.
    pub(super) async fn target(
        &self,
        tools: &Tools,
        path: &Arc<PathBuf>,
        (head, earlier): (&Head, Option<&str>),
        course: &Course,
    ) -> Result<Result<Target, Step>, TransferError> {
        // Nothing will be named by this answer.
        if let Course::StartOver = course {
            return Ok(Ok(Target {
                name: None,
                replace: Replace::Never,
            }));
        }
        let filename = match course {
            // This answer is about itself.
            Course::Whole { .. } => earlier,
            Course::Continue { .. } => head.filename.as_deref().or(earlier),
            _ => head.filename.as_deref(),
        };
        let failed = |source| disk("look into the folder", source);
        let (named, found) = if let Some(named) = self.given.get() {
            (named, None)
        } else {
            let named = self.name(tools, path, filename, (head, course)).await;
            let (named, found) = named.map_err(failed)?;
            (self.given.get_or_init(|| named), found)
        };
        let Named {
            path: given, listed, ..
        } = named;
        let name = Some(name_of(given));
        let target = |replace| {
            Ok(Ok(Target {
                name: name.clone(),
                replace,
            }))
        };
        let found = match found {
            Some(found) => found,
            None => tools.disk.found(given).await.map_err(failed)?,
        };
        // Another run was faster.
        if keeps_names(self.existing) && found.is_another_s(self.entry) {
            return Err(TransferError::Appeared);
        }
        let size = size_of(given, head, course);
        match plan(self.existing, found, self.entry, listed) {
            Plan::Ask(Want::File) => target(Replace::Never),
            Plan::Ask(Want::Newer(here)) if here.is_the_one(head, size) => Ok(Err(here.unchanged())),
            Plan::Ask(Want::Replacement | Want::Newer(_)) => target(Replace::Old),
            Plan::Ask(Want::Size(here) | Want::SizeByGet(here)) => here.compare(head, size).map(Err),
            Plan::AddUp {
                size,
                checksum,
                otherwise,
            } => {
                if !tools.adds_up(given, checksum).await? {
                    return otherwise.and_then(|_| target(Replace::Old));
                }
                Ok(Err(Step::Done {
                    outcome: Outcome::AlreadyThere,
                    size,
                }))
            }
            Plan::Done(outcome, size) => Ok(Err(Step::Done { outcome, size })),
            Plan::Fail(error) => Err(error),
        }
    }

    /// Claims the server's name, in the folder that the list chose; without one, the list's name stands, unless
    /// another run has just given that away. Tells what has the name, where that was seen.
    async fn name(
        &self,
        tools: &Tools,
        path: &Arc<PathBuf>,
        filename: Option<&str>,
        (head, course): (&Head, &Course),
    ) -> io::Result<(Named, Option<Found>)> {
        let keeps_names = keeps_names(self.existing);
        let name = filename.and_then(name::clean).map(|name| path.with_file_name(name));
        let mut seen = None;
        if name.as_ref().is_none_or(|name| *name == **path) {
            let found = tools.disk.found(path).await?;
            if !keeps_names || !found.is_another_s(self.entry) {
                let wanted = name.as_deref().unwrap_or(self.wanted);
                return Ok((self.named(Arc::clone(path), wanted), Some(found)));
            }
            seen = Some(found);
        }
        let wanted = Arc::new(name.unwrap_or_else(|| self.wanted.to_owned()));
        let found = match seen.filter(|_| wanted == *path) {
            Some(found) => found,
            None => tools.disk.found(&wanted).await?,
        };
        let family = if keeps_names {
            tools.disk.family(&wanted).await?
        } else {
            None
        };
        let before = Before {
            wanted: &wanted,
            found: &found,
            family: family.as_deref(),
            entry: self.entry,
            owner: Mark::owner_of(self.entry),
        };
        let said = (head.validator.as_deref(), size_of(&wanted, head, course));
        let mut claims = lock(self.claims);
        let earlier = before.name(said, |path| claims.is_free(path));
        let given = match earlier.filter(|_| keeps_names) {
            Some(path) => claims.claim(&path, |_| Leave::Granted),
            None => claims.claim(&wanted, |path| {
                leave(self.existing, &tools.disk, path, |path| {
                    before.is_another_s(path, &tools.disk)
                })
            }),
        };
        let found = Some(found).filter(|_| given == *wanted);
        Ok((self.named(Arc::new(given), &wanted), found))
    }

    fn named(&self, path: Arc<PathBuf>, wanted: &Path) -> Named {
        let mut listed = self.listed.clone();
        listed.checksum = listed.checksum.or_else(|| self.checksums.get(wanted).cloned());
        let instead_of = (path.file_name() != wanted.file_name()).then(|| name_of(wanted));
        Named {
            path,
            listed,
            instead_of,
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How long the file of this name is, as far as the answer tells.
fn size_of(path: &Path, head: &Head, course: &Course) -> Option<u64> {
    match course {
        Course::Continue { size, .. } => *size,
        Course::Whole { size } => Some(*size),
        // With a coding, its length is not the file's.
        _ => head.length_of(path),
    }
}

/// Do names of an earlier run stay with the entries that got them, whoever is answered first this time?
fn keeps_names(existing: Existing) -> bool {
    !matches!(existing, Existing::Rename | Existing::Fail)
}

/// May an entry have this name, as far as the folder is concerned? `is_another_s` is asked only where that matters.
pub(crate) fn leave(existing: Existing, disk: &Disk, path: &Path, is_another_s: impl Fn(&Path) -> bool) -> Leave {
    match existing {
        Existing::Rename if disk.is_taken(path) => Leave::Denied,
        _ if keeps_names(existing) && is_another_s(path) => Leave::Reserved,
        _ => Leave::Granted,
    }
}

/// What earlier runs made of a name that an entry wants.
struct Before<'a> {
    wanted: &'a Path,
    /// What has it.
    found: &'a Found,
    /// What has numbered ones of it.
    family: Option<&'a Family>,
    entry: &'a Known<'a>,
    /// Whose files are the entry's.
    owner: u64,
}

impl Before<'_> {
    /// The name that an earlier run gave the entry. Of several that may have been its own, that of the file which is most
    /// like what is answered now, and of several like that the first.
    fn name(&self, (validator, size): (Option<&str>, Option<u64>), is_free: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        let own = self
            .found
            .known()
            .filter(|mark| mark.may_be_of(self.entry))
            .map(|mark| (1, mark));
        let numbered = self.family.into_iter().flat_map(|family| family.of(self.owner));
        let all = own.into_iter().chain(numbered);
        let mut all: SmallVec<[_; 1]> = all.map(|(n, mark)| (mark.misfit(validator, size), n)).collect();
        all.sort_unstable();
        let mut paths = all.into_iter().map(|(_, number)| self.path(number));
        paths.find(|path| is_free(path))
    }

    fn path(&self, number: u32) -> PathBuf {
        let name = self.wanted.file_name().unwrap_or_default().to_string_lossy();
        match number {
            1 => self.wanted.to_owned(),
            _ => self.wanted.with_file_name(name::numbered(&name, number)),
        }
    }

    /// Is what has this name another entry's? What was so before the run is not looked at again.
    fn is_another_s(&self, path: &Path, disk: &Disk) -> bool {
        if path == self.wanted {
            return self.found.is_another_s(self.entry);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name::number(&name).map(|(_, number)| number);
        let was = self
            .family
            .zip(number)
            .is_some_and(|(family, number)| family.is_another_s(number, self.owner));
        was || disk.is_another_s(path, self.entry)
    }
}
