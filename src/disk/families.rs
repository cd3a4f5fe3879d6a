//! Whose the numbered names are that stood in a folder when a run first asked: `a-2.bin` and the like, which an earlier run
//! gave to files that wanted one name.
//!
//! A folder is read once in a run, and so is a mark: thousands of files of one name are not thousands of looks for each. What
//! others do meanwhile is seen by who takes a name and looks at it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::Dir;
use rustix::io::Errno;
use smallvec::SmallVec;
use tokio::sync::OnceCell;

use super::claims::Ready;
use super::mark::Mark;
use super::{Disk, Found, aside, look_at, name, name_of};
use crate::lock::lock;

/// Folders that are remembered. Beyond that, all are forgotten, and read again.
const FOLDERS: usize = 1024;

/// The folders of a run that were read.
#[derive(Debug, Default)]
pub(super) struct Families(Mutex<HashMap<PathBuf, Arc<Names>>>);

/// Of one folder.
#[derive(Debug, Default)]
struct Names {
    /// Its numbered names: hashes of their families, and numbers, in this order.
    numbered: OnceCell<Vec<(u64, u32)>>,
    /// The families that were asked for.
    families: Mutex<HashMap<u64, Reading, Ready>>,
}

/// A family that is read, by the first who asks.
type Reading = Arc<OnceCell<Arc<Family>>>;

/// The numbered ones of a name that haul finished and nobody has written to since.
#[derive(Debug, Default)]
pub(crate) struct Family {
    /// By number.
    members: Vec<(u32, Mark)>,
    /// Where those of an owner are that were to have the name itself.
    of: HashMap<u64, SmallVec<[usize; 1]>, Ready>,
}

impl Families {
    pub(super) fn forget(&self) {
        lock(&self.0).clear();
    }

    fn names(&self, folder: &Path) -> Arc<Names> {
        let mut folders = lock(&self.0);
        if let Some(names) = folders.get(folder) {
            return Arc::clone(names);
        }
        if folders.len() >= FOLDERS {
            folders.clear();
        }
        Arc::clone(folders.entry(folder.to_owned()).or_default())
    }
}

impl Disk {
    /// The family of this path's name; `None` where no name in its folder is a numbered one of it.
    pub(crate) async fn family(&self, path: &Arc<PathBuf>) -> io::Result<Option<Arc<Family>>> {
        let names = self.0.families.names(path.parent().unwrap_or(Path::new("")));
        let key = key(name::family(&name_of(path).to_string_lossy()));
        let numbered = names.numbered.get_or_try_init(|| {
            let (disk, path) = (self.clone(), Arc::clone(path));
            aside(move || match disk.folder_of(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                folder => Ok(numbered(&*folder?)?),
            })
        });
        let numbers = of_family(numbered.await?, key);
        if numbers.is_empty() {
            return Ok(None);
        }
        let family = Arc::clone(lock(&names.families).entry(key).or_default());
        let read = family.get_or_try_init(|| {
            let (disk, path, numbers) = (self.clone(), Arc::clone(path), numbers.to_vec());
            aside(move || {
                Ok(Arc::new(Family::read(
                    &*disk.folder_of(&path)?,
                    name_of(&path),
                    &numbers,
                )))
            })
        });
        read.await.map(|family| Some(Arc::clone(family)))
    }
}

impl Family {
    /// Reads the marks of these numbered names. What has none is nobody's.
    fn read(folder: &OwnedFd, name: &OsStr, numbers: &[(u64, u32)]) -> Self {
        let (mut family, name) = (Self::default(), name.to_string_lossy());
        for &(_, number) in numbers {
            let found = look_at(folder, name::numbered(&name, number).as_ref());
            if let Some(mark) = found.ok().as_ref().and_then(Found::known) {
                let at = family.members.len();
                // A server's own name may end in a number, too.
                if mark.is_instead_of(&name) {
                    family.of.entry(mark.owner()).or_default().push(at);
                }
                family.members.push((number, mark.clone()));
            }
        }
        family
    }

    /// The numbers of the files that an owner has instead of the name itself, and their marks.
    pub(crate) fn of(&self, owner: u64) -> impl Iterator<Item = (u32, &Mark)> {
        let members = self.of.get(&owner).into_iter().flatten().map(|&at| &self.members[at]);
        members.map(|(number, mark)| (*number, mark))
    }

    /// Had another owner the file of this number?
    pub(crate) fn is_another_s(&self, number: u32, owner: u64) -> bool {
        let at = self.members.binary_search_by_key(&number, |(number, _)| *number);
        at.is_ok_and(|at| self.members[at].1.owner() != owner)
    }
}

/// The numbered names of a folder, in the order of their families and numbers.
fn numbered(folder: &OwnedFd) -> rustix::io::Result<Vec<(u64, u32)>> {
    let mut numbered = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = match entry {
            // It may be entered and not read: its names are looked at one by one.
            Err(Errno::BADF) => break,
            entry => entry?,
        };
        let parts = entry.file_name().to_str().ok().and_then(name::number);
        numbered.extend(parts.map(|(family, number)| (key(family), number)));
    }
    numbered.sort_unstable();
    Ok(numbered)
}

/// Those of them that are of one family.
fn of_family(numbered: &[(u64, u32)], key: u64) -> &[(u64, u32)] {
    let begin = numbered.partition_point(|&(other, _)| other < key);
    let end = numbered.partition_point(|&(other, _)| other <= key);
    &numbered[begin..end]
}

fn key(family: (&str, &str)) -> u64 {
    let mut hasher = DefaultHasher::new();
    family.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::settings::Durability;

    /// Finishes a file for an entry, where the file system takes marks.
    fn finish(disk: &Disk, dir: &Path, name: &str, (entry, wanted): (&str, Option<&str>)) -> bool {
        let file = File::create(dir.join(name)).unwrap();
        let mark = Mark::new(0, (&entry.into(), name), None, None);
        mark.instead_of(wanted).put(&file, None);
        disk.look(Path::new(name))
            .is_ok_and(|found| matches!(found, Found::File { mark: Some(_), .. }))
    }

    #[tokio::test]
    async fn a_family_is_known_with_all_its_gaps() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::open(dir.path(), 1, Durability::System).unwrap();
        let names = [
            ("x.tar.gz", ("http://h/1", None)),
            ("x-2.tar.gz", ("http://h/2", Some("x.tar.gz"))),
            ("x-9.tar.gz", ("http://h/1", Some("x.tar.gz"))),
            ("x-2024.tar.gz", ("http://h/2", None)),
            ("x-4000000.tar.gz", ("http://h/2", Some("x.tar.gz"))),
            ("x-2-2.tar.gz", ("http://h/2", Some("x-2.tar.gz"))),
            ("x-02.tar.gz", ("http://h/2", None)),
            ("y-2.tar.gz", ("http://h/2", Some("y.tar.gz"))),
        ];
        if !names
            .map(|(name, entry)| finish(&disk, dir.path(), name, entry))
            .contains(&true)
        {
            return;
        }
        fs::write(dir.path().join("x-3.tar.gz"), "").unwrap();
        let [one, two, three] = ["http://h/1", "http://h/2", "http://h/3"].map(|url| Mark::owner_of(&url.into()));
        let family = disk.family(&Arc::new("x.tar.gz".into())).await.unwrap().unwrap();
        let numbers = |owner| family.of(owner).map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(
            (numbers(one), numbers(two), numbers(three)),
            (vec![9], vec![2, 4_000_000], vec![])
        );
        for (number, is_another_s) in [
            (2, true),
            (3, false),
            (4, false),
            (9, false),
            (2024, true),
            (4_000_000, true),
        ] {
            assert_eq!(family.is_another_s(number, one), is_another_s, "{number}");
        }
        for path in ["z.tar.gz", "x", "missing/x.tar.gz"] {
            assert!(disk.family(&Arc::new(path.into())).await.unwrap().is_none(), "{path}");
        }
    }
}
