//! What stood in the run's folder a moment ago: one reading of the folder instead of a look for every entry.
//!
//! A reading is believed for a second, like a look. It is worth its time only while there are many to ask it, and few
//! names in the folder: so it is made anew when enough have asked since the last one.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::fs::Dir;

use super::claims::Ready;
use super::name::SUFFIXES;
use crate::lock::lock;

/// How long a look at a name is believed: a file that another run finishes meanwhile is fetched in vain.
pub(crate) const FRESH: Duration = Duration::from_secs(1);
/// Fewer entries than this are looked at one by one.
const SEVERAL: usize = 32;
/// Names that are read for one entry that asks: so many cost as much as a look.
const EACH: usize = 4;
/// A folder of more names than this is not read.
const MOST: usize = 1 << 16;

/// The folder's own names: not those in folders below it.
#[derive(Debug, Default)]
pub(super) struct Listing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Names>,
    /// How many asked since it was read, or would have been.
    asked: usize,
    is_being_read: bool,
}

/// Hashes of the names, as of when the reading began. Two names with one hash: one that is not there is looked for.
#[derive(Debug)]
struct Names {
    /// `None` where there are too many.
    hashes: Option<HashSet<u64, Ready>>,
    at: Instant,
}

/// What the listing says to one who asks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Neither a file of that name nor a part of one stood there at this time.
    pub(super) nothing: Option<Instant>,
    /// The folder is to be read now, by the one who asked.
    pub(super) is_due: bool,
}

impl Listing {
    /// Asks for a path relative to the folder.
    pub(super) fn ask(&self, path: &Path, now: Instant) -> Said {
        let Some(name) = path.to_str().filter(|path| !path.contains('/')) else {
            return Said::default();
        };
        let state = &mut *lock(&self.0);
        state.asked += 1;
        let last = state.last.as_ref();
        let age = last.map(|names| now.saturating_duration_since(names.at));
        let nothing = last
            .filter(|names| age.is_some_and(|age| age < FRESH) && names.lack(name))
            .map(|names| names.at);
        let is_due = !state.is_being_read && is_due(age, state.asked, last.map_or(Some(0), Names::count));
        state.is_being_read |= is_due;
        Said { nothing, is_due }
    }

    /// Forgets what was read.
    pub(super) fn forget(&self) {
        lock(&self.0).last = None;
    }

    /// Reads the folder. Blocks for as long as that takes. What cannot be read is looked at name by name.
    pub(super) fn read(&self, folder: &OwnedFd) {
        let read = Names::of(folder).ok();
        let state = &mut *lock(&self.0);
        (state.asked, state.is_being_read) = (0, false);
        state.last = read.or(state.last.take());
    }
}

/// Is it worth reading the folder, when its last reading is so old, so many have asked since, and it had so many names, or
/// too many?
fn is_due(age: Option<Duration>, asked: usize, names: Option<usize>) -> bool {
    age.is_none_or(|age| age >= FRESH) && names.is_some_and(|names| asked >= SEVERAL.max(names / EACH))
}

impl Names {
    fn of(folder: &OwnedFd) -> io::Result<Self> {
        let at = Instant::now();
        let mut names = HashSet::default();
        for entry in Dir::read_from(folder)? {
            let mut hasher = DefaultHasher::new();
            hasher.write(entry?.file_name().to_bytes());
            names.insert(hasher.finish());
            if names.len() > MOST {
                return Ok(Self { hashes: None, at });
            }
        }
        let hashes = Some(names);
        Ok(Self { hashes, at })
    }

    fn count(&self) -> Option<usize> {
        self.hashes.as_ref().map(HashSet::len)
    }

    /// Is there neither a file of this name nor a part of one, for sure?
    fn lack(&self, name: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        let own = hasher.finish();
        hasher.write(SUFFIXES[0].as_bytes());
        let part = hasher.finish();
        let names = self.hashes.as_ref();
        names.is_some_and(|names| !names.contains(&own) && !names.contains(&part))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_is_read_when_enough_ask_for_it() {
        let (young, old) = (Some(FRESH / 2), Some(FRESH));
        for (age, asked, names, due) in [
            (None, 31, Some(0), false),
            (None, 32, Some(0), true),
            (young, 9_999, Some(10), false),
            (old, 31, Some(10), false),
            (old, 32, Some(10), true),
            (old, 999, Some(4_000), false),
            (old, 1_000, Some(4_000), true),
            (old, usize::MAX, None, false),
        ] {
            assert_eq!(is_due(age, asked, names), due, "{age:?} {asked} {names:?}");
        }
    }

    #[test]
    fn it_says_nothing_of_what_is_there_or_begun_or_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["there", "begun.part"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let listing = Listing::default();
        let ask = |name: &str, after| listing.ask(Path::new(name), Instant::now() + after);
        for _ in 1..SEVERAL {
            assert_eq!(ask("new", Duration::ZERO), Said::default());
        }
        assert!(ask("new", Duration::ZERO).is_due);
        assert!(!ask("new", Duration::ZERO).is_due, "one reading at a time");
        listing.read(&fs::File::open(dir.path()).unwrap().into());
        for (name, is_nothing) in [("new", true), ("there", false), ("begun", false), ("sub/new", false)] {
            assert_eq!(ask(name, Duration::ZERO).nothing.is_some(), is_nothing, "{name}");
        }
        assert_eq!(ask("new", FRESH).nothing, None);
    }
}
