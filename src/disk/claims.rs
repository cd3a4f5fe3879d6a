//! Which names this run has given away: each path once, in list order, so that the same list gives the same names.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use smallvec::SmallVec;

use super::Case;
use super::hashes::{Hashes, Kind, Member, Note};
use super::name::{self, SUFFIXES};
use crate::job::Job;

/// The paths given away, and the entries that they were given to, as hashes. Two names with one hash cost the later one
/// a number it did not need. Two entries would cost the later one its file, so more is kept of those: an entry that has
/// the path it wanted is noted there, and known again by that path and 42 bits; one that has another path by 64.
#[derive(Debug)]
pub(crate) struct Claims {
    case: Case,
    taken: Hashes,
    /// The next number to try for names that collided often, so that a million files of one name are not a million
    /// squared.
    numbers: HashMap<u64, u32, Ready>,
}

/// For keys that are hashes themselves.
pub(super) type Ready = BuildHasherDefault<AsIs>;

/// Numbers from which on the next one is kept. Below, it is looked for again.
const OFTEN: u32 = 10;

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
            taken: Hashes::new(),
            numbers: HashMap::default(),
        }
    }

    /// The same, with names that are given away already.
    pub(crate) fn without(case: Case, taken: &[PathBuf]) -> Self {
        let mut claims = Self::new(case);
        for path in taken {
            claims.claim(path, |_| Leave::Granted);
        }
        claims
    }

    /// Gives an entry its path, as [`claim`](Self::claim) does; `None` when the same entry, URL and path and what else
    /// is listed, came before.
    pub(crate) fn give(&mut self, job: &Job, wanted: &Path, leave: impl Fn(&Path) -> Leave) -> Option<PathBuf> {
        let own = job.request().filter(|own| !own.is_empty());
        let sources: SmallVec<[&str; 1]> = job.sources().map(|source| source.reveal().as_str()).collect();
        let entry = hash(&(sources, &job.name, &job.checksum, job.size, own));
        let (note, key) = (Note::of(entry), self.key(wanted));
        let member = |kind| Member { kind, note };
        // It has a path: the one it wants, or another.
        let is = |kind| move |known| known == member(kind);
        if self.taken.of(key).any(is(Kind::File)) || self.taken.of(entry).any(is(Kind::Entry)) {
            return None;
        }
        let path = self.find(wanted, leave);
        if path.as_os_str() == wanted.as_os_str() {
            self.taken.add(key, member(Kind::File));
        } else {
            self.take(Kind::File, &path, Note::NONE);
            self.taken.add(entry, member(Kind::Entry));
        }
        Some(path)
    }

    /// Gives away a path: the one wanted, or the nearest numbered one that no earlier entry has as a file, a folder or
    /// a temporary name, and that `leave` does not object to.
    pub(crate) fn claim(&mut self, wanted: &Path, leave: impl Fn(&Path) -> Leave) -> PathBuf {
        let path = self.find(wanted, leave);
        self.take(Kind::File, &path, Note::NONE);
        path
    }

    /// Can the path still be given away?
    pub(crate) fn is_free(&self, path: &Path) -> bool {
        self.fits_file(path)
    }

    fn find(&mut self, wanted: &Path, leave: impl Fn(&Path) -> Leave) -> PathBuf {
        let mut wanted = Cow::Borrowed(wanted);
        if let Some(parent) = wanted.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            let parent = self.folder(parent);
            wanted = parent.join(wanted.file_name().unwrap_or_default()).into();
        }
        self.free(Kind::File, &wanted, |claims, path| {
            if claims.fits_file(path) {
                leave(path)
            } else {
                Leave::Denied
            }
        })
    }

    fn take(&mut self, kind: Kind, path: &Path, note: Note) {
        self.taken.add(self.key(path), Member { kind, note });
    }

    /// Gives away the folders on the way, sharing those that are folders already. Hashed as they get longer: a path may be
    /// of thousands.
    fn folder(&mut self, wanted: &Path) -> PathBuf {
        let (mut folder, mut hasher) = (String::new(), DefaultHasher::new());
        for component in wanted.components() {
            let name = component.as_os_str().to_string_lossy();
            if !folder.is_empty() {
                folder.push('/');
                hasher.write(b"/");
            }
            folder.push_str(&name);
            self.go_on(&mut hasher, &name);
            let is_shared = self.is_known(Kind::Folder, hasher.finish());
            if !is_shared && !self.is_free_as(&folder, &hasher) {
                let other = self.free(Kind::Folder, Path::new(&folder), |claims, path| {
                    Leave::granted_if(claims.fits_folder(path))
                });
                folder = other.to_string_lossy().into_owned();
                hasher = self.hasher(&folder);
            }
            let (kind, note) = (Kind::Folder, Note::NONE);
            self.taken.add(hasher.finish(), Member { kind, note });
        }
        folder.into()
    }

    fn free(&mut self, kind: Kind, wanted: &Path, leave: impl Fn(&Self, &Path) -> Leave) -> PathBuf {
        if leave(self, wanted) == Leave::Granted {
            return wanted.to_owned();
        }
        let name = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A folder's numbers are its own: it may share one that is a folder already.
        let key = self.key(wanted) ^ kind as u64;
        let mut number = self.numbers.get(&key).copied().unwrap_or(2);
        let mut reserved = None;
        loop {
            let path = wanted.with_file_name(name::numbered(&name, number));
            match leave(self, &path) {
                Leave::Granted => {
                    let next = reserved.unwrap_or(number);
                    if next >= OFTEN {
                        self.numbers.insert(key, next);
                    }
                    return path;
                }
                Leave::Reserved => reserved = reserved.or(Some(number)),
                Leave::Denied => {}
            }
            number += 1;
        }
    }

    fn fits_file(&self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        self.is_free_as(&text, &self.hasher(&text))
    }

    /// The same, of a path that was hashed.
    fn is_free_as(&self, path: &str, hasher: &DefaultHasher) -> bool {
        !self.is_taken(hasher.finish()) && self.leaves_temporaries_alone(path, hasher)
    }

    fn fits_folder(&self, path: &Path) -> bool {
        self.is(Kind::Folder, path) || self.fits_file(path)
    }

    /// `x.part` is where `x` grows: whichever of them is claimed first keeps the other away.
    fn leaves_temporaries_alone(&self, path: &str, hasher: &DefaultHasher) -> bool {
        SUFFIXES.iter().all(|suffix| {
            let mut hasher = hasher.clone();
            hasher.write(suffix.as_bytes());
            let stem = path.strip_suffix(suffix).or_else(|| stem_ignoring_case(path, suffix));
            !self.is_taken(hasher.finish()) && !stem.is_some_and(|stem| self.is(Kind::File, Path::new(stem)))
        })
    }

    /// Is there a file or a folder?
    fn is_taken(&self, key: u64) -> bool {
        self.taken.of(key).any(|member| member.kind != Kind::Entry)
    }

    fn is(&self, kind: Kind, path: &Path) -> bool {
        self.is_known(kind, self.key(path))
    }

    fn is_known(&self, kind: Kind, key: u64) -> bool {
        self.taken.of(key).any(|member| member.kind == kind)
    }

    fn key(&self, path: &Path) -> u64 {
        self.hasher(&path.to_string_lossy()).finish()
    }

    /// Has hashed this path, and can go on with what stands behind it.
    fn hasher(&self, path: &str) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        self.go_on(&mut hasher, path);
        hasher
    }

    /// Hashes more of a path.
    fn go_on(&self, hasher: &mut DefaultHasher, path: &str) {
        match self.case {
            Case::Matters => hasher.write(path.as_bytes()),
            Case::Ignored => hasher.write(path.to_uppercase().to_lowercase().as_bytes()),
        }
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

/// Passes a hash on: what the table holds is hashed already.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

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
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::job::{JobId, Place, SourceUrl};

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

    #[test]
    fn a_folder_has_one_hash_however_it_is_reached() {
        for case in [Case::Matters, Case::Ignored] {
            let mut claims = Claims::new(case);
            let deep = Path::new("ΑΣ/Straße/ﬁ/İ/ς");
            assert_eq!(claims.folder(deep), deep);
            for folder in deep.ancestors().filter(|folder| *folder != Path::new("")) {
                assert!(claims.is(Kind::Folder, folder), "{folder:?} {case:?}");
            }
        }
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

        #[test]
        fn names_and_repetitions_are_those_of_plain_sets(listed in proptest::collection::vec((0..6_u8, "[ab](/[ab])?(\\.part)?"), 1..200)) {
            let (mut claims, mut simple) = (Claims::new(Case::Matters), Simple::default());
            for (number, name) in &listed {
                let job = job(&format!("http://h/{number}"), name);
                let given = claims.give(&job, Path::new(name), |_| Leave::Granted);
                let given = given.map(|path| path.display().to_string());
                prop_assert_eq!(given, simple.give(*number, name), "{} {}", number, name);
            }
        }
    }

    fn job(url: &str, name: &str) -> Job {
        let place = Place { list: None, line: 1 };
        let url = SourceUrl::new(url.parse().unwrap());
        Job {
            name: Some(name.into()),
            ..Job::new(JobId(1), place, url)
        }
    }

    /// What claims are to do, with every name kept as it is.
    #[derive(Default)]
    struct Simple {
        files: HashSet<String>,
        folders: HashSet<String>,
        entries: HashSet<(u8, String)>,
    }

    impl Simple {
        fn give(&mut self, number: u8, wanted: &str) -> Option<String> {
            if !self.entries.insert((number, wanted.to_owned())) {
                return None;
            }
            let path = match wanted.split_once('/') {
                None => self.free(wanted, false),
                Some((folder, name)) => {
                    let folder = self.free(folder, true);
                    self.folders.insert(folder.clone());
                    self.free(&format!("{folder}/{name}"), false)
                }
            };
            self.files.insert(path.clone());
            Some(path)
        }

        fn free(&self, wanted: &str, is_folder: bool) -> String {
            let (folder, name) = wanted
                .rsplit_once('/')
                .map_or(("", wanted), |(folder, name)| (folder, name));
            let slash = if folder.is_empty() { "" } else { "/" };
            let numbered = |n| format!("{folder}{slash}{}", name::numbered(name, n));
            let mut names = std::iter::once(wanted.to_owned()).chain((2..).map(numbered));
            names.find(|name| self.fits(name, is_folder)).unwrap()
        }

        fn fits(&self, path: &str, is_folder: bool) -> bool {
            let is_taken = |path: &str| self.files.contains(path) || self.folders.contains(path);
            let is_free = !is_taken(path)
                && SUFFIXES.iter().all(|suffix| {
                    let stem = path.strip_suffix(suffix);
                    !is_taken(&format!("{path}{suffix}")) && !stem.is_some_and(|stem| self.files.contains(stem))
                });
            is_free || (is_folder && self.folders.contains(path))
        }
    }
}
