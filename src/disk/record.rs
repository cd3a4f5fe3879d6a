//! `NAME.part.json`: of what `NAME.part` holds bytes.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{self as posix, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::job::Resource;

/// The version of the format. A record of another is no record.
const VERSION: u32 = 1;
/// A record longer than this, in bytes, is none of ours.
const LONGEST: u64 = 1 << 20;

/// What is known of an unfinished file. It holds no secret: the URL is the one that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    v: u32,
    /// The entry's URL without its secrets. Another one may lead to the same bytes, with another leave to have them.
    pub(crate) url: String,
    /// What `If-Range` is to say (RFC 9110 section 13.1.5): a strong entity tag or a strong date.
    pub(crate) validator: String,
    /// The whole file's size in bytes, when the server told.
    pub(crate) size: Option<u64>,
    /// First byte and end of each range that is missing. It may name bytes that are here, never the other way round.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// What was missing when the record was written, if the bytes come in no order: true within one boot, where `gaps` is
    /// what holds over a crash of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Vec<(u64, u64)>>,
    /// Was the file to take another's place?
    #[serde(default)]
    pub(crate) replaces: bool,
    /// What the server said the whole file adds up to, as `sha256:HEX`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) digests: Vec<String>,
    /// What `Last-Modified` said, in seconds since 1970, and the name that the server gave: an answer to `If-Range` need
    /// not repeat them (RFC 9110 section 15.3.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filename: Option<String>,
    /// What sent the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<Resource>,
    /// In which content coding, where that is the file itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) coding: String,
    /// May several sources have sent them? Only a checksum tells then whether they belong together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mixed: bool,
    /// The boot of the machine in which it was written. Within one boot, what was written to the part is in it.
    boot: Option<String>,
}

impl Record {
    pub(crate) fn new(url: String, validator: String, size: Option<u64>, gaps: Vec<(u64, u64)>) -> Self {
        Self {
            v: VERSION,
            url,
            validator,
            size,
            gaps,
            missing: None,
            replaces: false,
            digests: Vec::new(),
            modified: None,
            filename: None,
            resource: None,
            coding: String::new(),
            mixed: false,
            boot: boot(),
        }
    }

    /// Was it written since the machine was started?
    pub(crate) fn is_of_this_boot(&self) -> bool {
        self.boot.is_some() && self.boot == boot()
    }

    /// Reads what may be a record; `None` for what is not one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes)
            .ok()
            .filter(|record: &Self| record.v == VERSION)
    }

    /// Reads the record of this name. Nothing there is an error; something that is no record is `None`.
    pub(super) fn read(folder: &OwnedFd, name: &str) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = posix::openat(folder, name, flags, Mode::empty())?;
        let stat = posix::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::from(file).take(LONGEST).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes))
    }

    /// Is what has this name a record, of whatever version, or what the end of the machine may have left of one? Any other
    /// file is somebody's own.
    pub(super) fn may_be(folder: &OwnedFd, name: &str) -> io::Result<bool> {
        const BEGINNING: &[u8] = b"{\"v\":";
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = posix::openat(folder, name, flags, Mode::empty())?;
        let mut bytes = Vec::new();
        File::from(file).take(BEGINNING.len() as u64).read_to_end(&mut bytes)?;
        Ok(BEGINNING.starts_with(&bytes) || bytes.iter().all(|&byte| byte == 0))
    }

    /// Writes it in one step: a reader finds the old one or the new one, whole.
    pub(super) fn write(&self, folder: &OwnedFd, name: &str, growing: &str) -> io::Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let create = || posix::openat(folder, growing, flags, Mode::from_raw_mode(0o666));
        let file = match create() {
            Err(Errno::EXIST) => {
                posix::unlinkat(folder, growing, AtFlags::empty())?;
                create()?
            }
            made => made?,
        };
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let written = File::from(file).write_all(&text);
        let done = written.and_then(|()| Ok(posix::renameat(folder, growing, folder, name)?));
        if done.is_err() {
            let _ = posix::unlinkat(folder, growing, AtFlags::empty());
        }
        done
    }
}

/// Names this run of the kernel. Without it (not Linux), only what was synchronised is believed.
fn boot() -> Option<String> {
    use std::sync::OnceLock;
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .map(|id| id.trim().to_owned())
    };
    BOOT.get_or_init(read).clone()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_of_another_version_or_form_is_none() {
        let record = Record::new("http://h/a".into(), "\"v1\"".into(), Some(9), vec![(3, 9)]);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(Record::parse(text.as_bytes()), Some(record));
        for damaged in [
            "",
            "{}",
            "null",
            &text[..text.len() - 1],
            &text.replace("\"v\":1", "\"v\":2"),
            &text.replace("[[3,9]]", "[[3]]"),
            &text.replace("\"size\":9", "\"size\":-9"),
        ] {
            assert_eq!(Record::parse(damaged.as_bytes()), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn what_is_no_record_is_never_taken_for_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Record::parse(&bytes), None);
        }
    }
}
