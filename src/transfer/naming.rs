//! Names that come with the answer (`-J`): given when the first head that has one is here, and kept for later tries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::resume::Course;
use super::{Expect, Plan, Step, Tools, Want, disk, plan};
use crate::checksum::Checksums;
use crate::disk::claims::{Claims, Leave};
use crate::disk::part::Replace;
use crate::disk::{Disk, Whose, name};
use crate::error::TransferError;
use crate::http::Head;
use crate::job::Known;
use crate::lock::lock;
use crate::report::Outcome;
use crate::settings::Existing;

/// So many numbers are looked at for a name that an earlier run gave.
const MOST: u32 = 100;

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
        if let Course::StartOver | Course::Fail(_) = course {
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
        let Named { path, listed } = self.given.get_or_init(|| self.name(tools, path, filename, head));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let target = |replace| {
            Ok(Ok(Target {
                name: name.clone(),
                replace,
            }))
        };
        let found = tools
            .disk
            .found(path)
            .await
            .map_err(|source| disk("look into the folder", source))?;
        let size = match course {
            Course::Continue { size, .. } => *size,
            Course::Whole { size } => Some(*size),
            // With a coding, its length is not the file's.
            _ => head.length_of(path),
        };
        match plan(self.existing, found, self.entry, listed) {
            Plan::Ask(Want::File) => target(Replace::Never),
            Plan::Ask(Want::Newer(here)) if here.is_the_one(head, size) => Ok(Err(here.unchanged())),
            Plan::Ask(Want::Replacement | Want::Newer(_)) => target(Replace::Old),
            Plan::Ask(Want::Size(here) | Want::SizeByGet(here)) => here.compare(head, size).map(Err),
            Plan::AddUp { size, checksum } => {
                tools.adds_up(path, checksum).await?;
                Ok(Err(Step::Done {
                    outcome: Outcome::AlreadyThere,
                    size,
                }))
            }
            Plan::Done(outcome, size) => Ok(Err(Step::Done { outcome, size })),
            Plan::Fail(error) => Err(error),
        }
    }

    /// Claims the server's name, in the folder that the list chose; without one, the list's name stands.
    fn name(&self, tools: &Tools, path: &Arc<PathBuf>, filename: Option<&str>, head: &Head) -> Named {
        let name = filename.and_then(name::clean);
        let Some(wanted) = name.map(|name| path.with_file_name(name)) else {
            return self.named(Arc::clone(path), self.wanted);
        };
        if wanted == **path {
            return self.named(Arc::clone(path), &wanted);
        }
        let mut claims = lock(self.claims);
        let whose = |path: &Path| tools.disk.whose(path, self.entry, head.validator.as_deref());
        let earlier = keeps_names(self.existing)
            .then(|| earlier_name(&wanted, &claims, whose))
            .flatten();
        let path = match earlier {
            Some(path) => claims.claim(&path, |_| Leave::Granted),
            None => claims.claim(&wanted, |path| leave(self.existing, &tools.disk, path, whose)),
        };
        self.named(Arc::new(path), &wanted)
    }

    fn named(&self, path: Arc<PathBuf>, wanted: &Path) -> Named {
        let mut listed = self.listed.clone();
        listed.checksum = listed.checksum.or_else(|| self.checksums.get(wanted).cloned());
        Named { path, listed }
    }
}

/// Do names of an earlier run stay with the entries that got them, whoever is answered first this time?
fn keeps_names(existing: Existing) -> bool {
    matches!(existing, Existing::Check | Existing::Skip | Existing::Update)
}

/// May an entry have this name, as far as the folder is concerned? `whose` is asked only where that matters.
pub(crate) fn leave(existing: Existing, disk: &Disk, path: &Path, whose: impl Fn(&Path) -> Whose) -> Leave {
    match existing {
        Existing::Rename if disk.is_taken(path) => Leave::Denied,
        _ if keeps_names(existing) && whose(path) == Whose::Another => Leave::Reserved,
        _ => Leave::Granted,
    }
}

/// The name that an earlier run gave this entry: the one wanted, or a numbered one of those that follow without a gap of
/// two. Of several that may have been its own, that with the version that is answered now.
fn earlier_name(wanted: &Path, claims: &Claims, whose: impl Fn(&Path) -> Whose) -> Option<PathBuf> {
    let name = wanted.file_name()?.to_string_lossy();
    let numbered = (2..MOST).map(|number| wanted.with_file_name(name::numbered(&name, number)));
    let (mut gap, mut similar) = (0, None);
    for path in std::iter::once(wanted.to_owned()).chain(numbered) {
        match whose(&path) {
            Whose::Own if claims.is_free(&path) => return Some(path),
            Whose::Free if gap == 1 => break,
            Whose::Free => gap += 1,
            Whose::Similar if similar.is_none() && claims.is_free(&path) => (gap, similar) = (0, Some(path)),
            Whose::Own | Whose::Similar | Whose::Another | Whose::Unknown => gap = 0,
        }
    }
    similar
}
