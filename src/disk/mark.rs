//! What haul notes on a file that it finished: an extended attribute, where the file system has them.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::LazyLock;
use std::time::SystemTime;

use rustix::fs::{self as posix, XattrFlags};
use serde::{Deserialize, Serialize};

use crate::fnv::{Fnv, fold};
use crate::job::Known;

const NAME: &str = "user.haul";
const VERSION: u32 = 1;

/// What a finished file is. No URL and no secret: who copies the file need not tell where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    v: u32,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its modification time when it was finished, in seconds since 1970. Another one means that somebody wrote to it.
    time: Option<u64>,
    /// Its nanoseconds, where no server said when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nanos: Option<u32>,
    /// Which entry it was fetched for: a hash of the entry's URL without its secrets. A list that gives this name to
    /// another URL is not told that its file is there.
    entry: String,
    /// What tells that entry from others that look the same, where something is not shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    hidden: u32,
    /// Of which origin: a hash again. Tags of one origin can be compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    origin: String,
    /// Under which name: a hash of it. A file that is found under another one was given that by somebody, or by a file
    /// system to which both are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<u32>,
    /// Which name it was given a number for: a hash of it. Nothing where it got the name that it was to have, which may end
    /// in a number, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instead_of: Option<u32>,
    /// By which process: a number of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<u32>,
    /// The server's validator of it: the entity tag or the date, as sent.
    pub(crate) validator: Option<String>,
    /// The checksum that a list gave and that it had, as `algorithm:hex`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<String>,
}

impl Mark {
    pub(crate) fn new(
        size: u64,
        (entry, name): (&Known<'_>, &str),
        validator: Option<String>,
        checksum: Option<String>,
    ) -> Self {
        Self {
            v: VERSION,
            size,
            time: None,
            nanos: None,
            entry: hashed(&entry.shown),
            hidden: entry.hidden,
            origin: hashed(origin(&entry.shown)),
            name: Some(short(name)),
            instead_of: None,
            process: Some(process()),
            validator,
            checksum,
        }
    }

    /// The same, of a file that was to have this name, which another had.
    pub(crate) fn instead_of(self, name: Option<&str>) -> Self {
        Self {
            instead_of: name.map(short),
            ..self
        }
    }

    /// Was it to have this name?
    pub(super) fn is_instead_of(&self, name: &str) -> bool {
        self.instead_of == Some(short(name))
    }

    /// Was the file finished for this entry, and is it still of that size and time? An entry that shows only a part of
    /// its URL may be any of several, so nothing vouches for it.
    pub(crate) fn vouches_for(&self, entry: &Known<'_>, size: u64, modified: SystemTime) -> bool {
        !entry.hides() && self.may_be_of(entry) && self.is_intact(size, modified)
    }

    /// Was the file finished for this entry, or for one that differs in nothing but its leave to have the file?
    pub(crate) fn may_be_of(&self, entry: &Known<'_>) -> bool {
        self.hidden == entry.hidden && self.entry == hashed(&entry.shown)
    }

    /// A hash of the entry that it was finished for.
    pub(crate) fn owner(&self) -> u64 {
        owner(&self.entry, self.hidden)
    }

    /// That of the files that [may be of](Self::may_be_of) this entry.
    pub(crate) fn owner_of(entry: &Known<'_>) -> u64 {
        owner(&hashed(&entry.shown), entry.hidden)
    }

    /// In how many ways is it not the file that an answer is about, with this validator and this size?
    pub(crate) fn misfit(&self, validator: Option<&str>, size: Option<u64>) -> u8 {
        let both = self.validator.as_deref().zip(validator);
        u8::from(both.is_some_and(|(here, there)| here != there)) + u8::from(size.is_some_and(|size| size != self.size))
    }

    /// Does the entry's URL lead to the same scheme, host and port?
    pub(crate) fn is_of_the_origin_of(&self, entry: &Known<'_>) -> bool {
        self.origin == hashed(origin(&entry.shown))
    }

    /// Had it another name when it was finished?
    pub(super) fn is_renamed(&self, name: &str) -> bool {
        self.name.is_some_and(|own| own != short(name))
    }

    /// Did this very process finish it?
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == Some(process())
    }

    /// Was it finished by the same process as that one, for another entry and another name? Then the file system takes two
    /// names for one.
    pub(super) fn collides_with(&self, other: &Self) -> bool {
        self.process == other.process && self.owner() != other.owner() && self.name != other.name
    }

    /// Has nobody written to the file since?
    pub(crate) fn is_intact(&self, size: u64, modified: SystemTime) -> bool {
        self.size == size && self.is_of(modified)
    }

    /// Is less of the file there than was finished, though nobody has written to it since? The machine lost its power before
    /// the disk had it all.
    pub(crate) fn is_cut(&self, size: u64, modified: SystemTime) -> bool {
        size < self.size && self.is_of(modified)
    }

    fn is_of(&self, modified: SystemTime) -> bool {
        modified.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| {
            self.time == Some(since.as_secs()) && self.nanos.is_none_or(|nanos| nanos == since.subsec_nanos())
        })
    }

    /// Puts it on a finished file, which has its last modification time by now, in seconds since 1970. Not every file
    /// system takes it.
    pub(super) fn put(&mut self, file: impl AsFd, dated: Option<i64>) {
        let (time, nanos) = match dated {
            Some(time) => (time, None),
            None => match posix::fstat(&file) {
                Ok(stat) => (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).ok()),
                Err(_) => return,
            },
        };
        (self.time, self.nanos) = (u64::try_from(time).ok(), nanos);
        let mut text = Vec::with_capacity(256);
        if serde_json::to_writer(&mut text, self).is_ok() {
            let _ = posix::fsetxattr(&file, NAME, &text, XattrFlags::empty());
        }
    }

    /// The mark of an open file, if it has one.
    pub(super) fn of(file: BorrowedFd<'_>) -> Option<Self> {
        let mut text = [0_u8; 1024];
        let length = posix::fgetxattr(file, NAME, &mut text).ok()?;
        let mark: Self = serde_json::from_slice(text.get(..length)?).ok()?;
        (mark.v == VERSION).then_some(mark)
    }
}

/// What stands before the path of a URL.
pub(crate) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url[host..].find(['/', '?']).map_or(url.len(), |at| host + at);
    &url[..path]
}

/// A number that no other process has.
fn process() -> u32 {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| fastrand::u32(..));
    *PROCESS
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn owner(entry: &str, hidden: u32) -> u64 {
    Fnv::new().with(entry.as_bytes()).with(&hidden.to_be_bytes()).finish()
}

/// A hash of a name: there are not so many in a folder.
fn short(name: &str) -> u32 {
    fold(Fnv::of(name.as_bytes()))
}

fn hashed(text: &str) -> String {
    format!("{:016x}", Fnv::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_mark_vouches_for_its_entry_while_nobody_writes() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mark = Mark {
            time: Some(1_000),
            ..Mark::new(9, (&"http://h/a".into(), "a"), None, None)
        };
        for (entry, size, time, vouches) in [
            ("http://h/a", 9, then, true),
            ("http://h/b", 9, then, false),
            ("http://h/a?k=…", 9, then, false),
            ("http://h/a", 8, then, false),
            ("http://h/a", 9, then + Duration::from_secs(1), false),
        ] {
            assert_eq!(mark.vouches_for(&entry.into(), size, time), vouches, "{entry} {size}");
        }
    }

    #[test]
    fn a_mark_knows_the_origin_of_its_entry() {
        let mark = Mark::new(9, (&"http://h:81/a?b=1".into(), "a"), None, None);
        for (entry, is_the_same) in [
            ("http://h:81/other", true),
            ("http://h:81", true),
            ("http://h:81?x=1", true),
            ("http://h/a", false),
            ("https://h:81/a", false),
            ("nonsense", false),
        ] {
            assert_eq!(mark.is_of_the_origin_of(&entry.into()), is_the_same, "{entry}");
        }
    }

    #[test]
    fn an_answer_fits_the_file_that_is_as_long_and_has_its_validator() {
        for (here, there, size, misfit) in [
            (None, None, None, 0),
            (Some("\"a\""), Some("\"a\""), Some(9), 0),
            (Some("\"a\""), None, Some(9), 0),
            (None, Some("\"a\""), Some(8), 1),
            (Some("\"b\""), Some("\"a\""), Some(9), 1),
            (Some("\"b\""), Some("\"a\""), Some(8), 2),
        ] {
            let mark = Mark::new(9, (&"http://h/a".into(), "a"), here.map(str::to_owned), None);
            assert_eq!(mark.misfit(there, size), misfit, "{here:?} {there:?} {size:?}");
        }
    }

    #[test]
    fn the_hash_is_the_one_that_was_frozen() {
        assert_eq!(hashed(""), "cbf29ce484222325");
        assert_eq!(hashed("a"), "af63dc4c8601ec8c");
        assert_eq!(hashed("foobar"), "85944171f73967e8");
    }

    #[test]
    fn a_file_keeps_its_mark() {
        let file = tempfile::tempfile().unwrap();
        let mut mark = Mark::new(0, (&"http://h/a".into(), "a"), Some("\"v1\"".into()), None);
        mark.put(&file, None);
        // Not every file system of a test machine has attributes.
        if let Some(found) = Mark::of(file.as_fd()) {
            assert_eq!(found, mark);
        }
    }
}
