//! Which names this run has given away: each path once, in list order, so that the same list gives the same names.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::Case;
use super::name::{self, SUFFIXES};
use crate::job::Job;

/// The paths given away, as 64-bit hashes. Two names with one hash cost the later one a number it did not need; two
/// entries with one hash would cost the later one its file, so entries count as the same only when their names are, too.
#[derive(Debug)]
pub(crate) struct Claims {
    case: Case,
    taken: HashSet<u64, Ready>,
    entries: HashSet<u64, Ready>,
    /// The next number to try for names that collided, so that a million files of one name are not a million squared.
    numbers: HashMap<u64, u32, Ready>,
}

type Ready = BuildHasherDefault<AsIs>;

#[derive(Clone, Copy, Hash)]
enum As {
    File,
    Folder,
}

/// May an entry have a name, as far as the folder is concerned?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    Granted,
    /// Nobody may.
    Denied,
    /// This entry may not. Another may.
    Reserved,
}

impl Leave {
    pub(crate) fn granted_if(is_free: bool) -> Self {
        if is_free { Self::Granted } else { Self::Denied }
    }
}

impl Claims {
    pub(crate) fn new(case: Case) -> Self {
        Self {
            case,
            taken: HashSet::default(),
            entries: HashSet::default(),
            numbers: HashMap::default(),
        }
    }

    /// Did the same entry, URL and path, come before?
    pub(crate) fn is_repeated(&mut self, job: &Job) -> bool {
        let own = job.request().filter(|own| !own.is_empty());
        !self.entries.insert(hash(&(
            job.url.reveal().as_str(),
            &job.name,
            &job.checksum,
            job.size,
            own,
        )))
    }

    /// Gives away a path: the one wanted, or the nearest numbered one that no earlier entry has as a file, a folder or
    /// a temporary name, and that `leave` does not object to.
    pub(crate) fn claim(&mut self, wanted: &Path, leave: impl Fn(&Path) -> Leave) -> PathBuf {
        let parent = self.folder(wanted.parent().unwrap_or(Path::new("")));
        let wanted = parent.join(wanted.file_name().unwrap_or_default());
        let path = self.free(&wanted, |claims, path| {
            if claims.fits_file(path) {
                leave(path)
            } else {
                Leave::Denied
            }
        });
        self.taken.insert(self.key(As::File, &path));
        path
    }

    /// Gives away the folders on the way, sharing those that are folders already.
    fn folder(&mut self, wanted: &Path) -> PathBuf {
        let mut folder = PathBuf::new();
        for component in wanted.components() {
            folder = self.free(&folder.join(component), |claims, path| {
                Leave::granted_if(claims.fits_folder(path))
            });
            self.taken.insert(self.key(As::Folder, &folder));
        }
        folder
    }

    fn free(&mut self, wanted: &Path, leave: impl Fn(&Self, &Path) -> Leave) -> PathBuf {
        if leave(self, wanted) == Leave::Granted {
            return wanted.to_owned();
        }
        let name = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let key = self.key(As::File, wanted);
        let mut number = self.numbers.get(&key).copied().unwrap_or(2);
        let mut reserved = None;
        loop {
            let path = wanted.with_file_name(name::numbered(&name, number));
            match leave(self, &path) {
                Leave::Granted => {
                    self.numbers.insert(key, reserved.unwrap_or(number));
                    return path;
                }
                Leave::Reserved => reserved = reserved.or(Some(number)),
                Leave::Denied => {}
            }
            number += 1;
        }
    }

    fn fits_file(&self, path: &Path) -> bool {
        !self.is_taken(As::File, path) && !self.is_taken(As::Folder, path) && self.leaves_temporaries_alone(path)
    }

    fn fits_folder(&self, path: &Path) -> bool {
        self.is_taken(As::Folder, path) || self.fits_file(path)
    }

    /// `x.part` is where `x` grows: whichever of them is claimed first keeps the other away.
    fn leaves_temporaries_alone(&self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        SUFFIXES.iter().all(|suffix| {
            let is_taken = |kind| self.taken.contains(&self.key_of(kind, &text, suffix));
            let stem = text.strip_suffix(suffix).or_else(|| stem_ignoring_case(&text, suffix));
            !is_taken(As::File)
                && !is_taken(As::Folder)
                && !stem.is_some_and(|stem| self.is_taken(As::File, Path::new(stem)))
        })
    }

    fn is_taken(&self, kind: As, path: &Path) -> bool {
        self.taken.contains(&self.key(kind, path))
    }

    fn key(&self, kind: As, path: &Path) -> u64 {
        self.key_of(kind, &path.to_string_lossy(), "")
    }

    /// The key of a path that ends in this suffix.
    fn key_of(&self, kind: As, path: &str, suffix: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        match self.case {
            Case::Matters => hasher.write(path.as_bytes()),
            Case::Ignored => hasher.write(path.to_uppercase().to_lowercase().as_bytes()),
        }
        hasher.write(suffix.as_bytes());
        hasher.finish()
    }
}

fn stem_ignoring_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    text.is_char_boundary(at)
        .then(|| text.split_at(at))
        .filter(|(_, end)| end.eq_ignore_ascii_case(suffix))
        .map(|(stem, _)| stem)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Passes a hash on: what the sets hold is hashed already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only whole hashes are kept");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(case: Case, wanted: &[&str]) -> Vec<String> {
        let mut claims = Claims::new(case);
        let claim = |w: &&str| claims.claim(Path::new(w), |_| Leave::Granted).display().to_string();
        wanted.iter().map(claim).collect()
    }

    #[test]
    fn a_name_is_given_once() {
        for (wanted, given) in [
            (["a.bin", "a.bin", "a.bin"], ["a.bin", "a-2.bin", "a-3.bin"]),
            (["a-2.bin", "a.bin", "a.bin"], ["a-2.bin", "a.bin", "a-3.bin"]),
            (["a", "a/b", "a/c"], ["a", "a-2/b", "a-2/c"]),
            (["a/b", "a", "a/b"], ["a/b", "a-2", "a/b-2"]),
            (["x", "x.part", "x.part.json"], ["x", "x-2.part", "x.part-2.json"]),
            (["x.part", "x", "x.part"], ["x.part", "x-2", "x-3.part"]),
            (["x.part/y", "x", "X"], ["x.part/y", "x-2", "X"]),
        ] {
            assert_eq!(names(Case::Matters, &wanted), given);
        }
    }

    #[test]
    fn a_name_that_is_reserved_is_left_to_its_entry() {
        let mut claims = Claims::new(Case::Matters);
        let owners = [("x", 'a'), ("x-2", 'b'), ("x-3", 'c')];
        let mut claim = |entry: char| {
            let is_another_s = |path: &Path| {
                owners
                    .iter()
                    .any(|&(name, owner)| path == Path::new(name) && owner != entry)
            };
            let leave = |path: &Path| {
                if is_another_s(path) {
                    Leave::Reserved
                } else {
                    Leave::Granted
                }
            };
            claims.claim(Path::new("x"), leave).display().to_string()
        };
        assert_eq!(
            ['d', 'c', 'a', 'b', 'e'].map(&mut claim),
            ["x-4", "x-3", "x", "x-2", "x-5"]
        );
    }

    #[test]
    fn names_that_differ_by_case_are_one_where_case_is_ignored() {
        let wanted = ["README", "readme", "Dir/a", "dir/A", "x", "X.PART"];
        assert_eq!(
            names(Case::Ignored, &wanted),
            ["README", "readme-2", "Dir/a", "dir/A-2", "x", "X-2.PART"]
        );
        assert_eq!(names(Case::Matters, &wanted)[1], "readme");
    }

    proptest! {
        #[test]
        fn no_two_entries_share_a_file_a_folder_or_a_temporary(wanted in proptest::collection::vec("[ab](/[ab]){0,2}(-2)?(\\.part|\\.part\\.json)?", 1..40)) {
            let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
            let given = names(Case::Matters, &wanted);
            prop_assert_eq!(&given, &names(Case::Matters, &wanted));
            let mut places: HashMap<String, usize> = HashMap::new();
            for (entry, path) in given.iter().enumerate() {
                for suffix in ["", ".part", ".part.json"] {
                    prop_assert_eq!(places.insert(format!("{path}{suffix}"), entry), None, "{} {:?}", path, given);
                }
            }
            for path in &given {
                for folder in Path::new(path).ancestors().skip(1) {
                    prop_assert!(!places.contains_key(folder.to_str().unwrap()), "{:?}", given);
                }
            }
        }
    }
}
