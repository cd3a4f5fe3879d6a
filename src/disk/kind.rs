//! What kind of file system a folder or a file is in.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self as posix, AtFlags, Mode, OFlags};

/// Are `A` and `a` two names in this file system?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Matters,
    Ignored,
}

/// Whether case matters in the folder, or in the first one above that is there, as far as that is seen by looking: is
/// the folder itself also found under its name in the other case?
pub(crate) fn case_above(dir: &Path) -> Case {
    let there = dir
        .ancestors()
        .find_map(|dir| std::fs::canonicalize(dir.join(".")).ok());
    let is_found = |folder: &Path| {
        let name = folder.file_name()?.to_str()?;
        let other = [name.to_uppercase(), name.to_lowercase()]
            .into_iter()
            .find(|other| other != name)?;
        let file = |path: &Path| posix::stat(path).map(|stat| (stat.st_dev, stat.st_ino)).ok();
        Some(file(folder)? == file(&folder.with_file_name(other))?)
    };
    match there.and_then(|folder| is_found(&folder)) {
        Some(true) => Case::Ignored,
        _ => Case::Matters,
    }
}

/// Asks the file system by making a file and looking for it under its name in the other case. File systems that are
/// known to tell `A` from `a` are not asked, so that nothing appears in the folder even for a moment.
pub(super) fn case_of(root: &OwnedFd) -> Case {
    if tells_case(root) {
        return Case::Matters;
    }
    // What an earlier process left, which may have had the same number in another container, is in nobody's way.
    let name = format!(".haul-case-{:016x}", fastrand::u64(..));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    if posix::openat(root, &*name, flags, Mode::from_raw_mode(0o600)).is_err() {
        return Case::Matters;
    }
    let other = posix::statat(root, name.to_uppercase(), AtFlags::SYMLINK_NOFOLLOW);
    let _ = posix::unlinkat(root, &*name, AtFlags::empty());
    if other.is_ok() { Case::Ignored } else { Case::Matters }
}

#[cfg(target_os = "linux")]
mod magic {
    //! `f_type` of file systems (linux/magic.h).

    /// ext2/3/4, XFS, Btrfs, tmpfs, ramfs, overlayfs, F2FS, ZFS.
    pub(super) const LOCAL: [u32; 8] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0x0102_1994,
        0x8584_58F6,
        0x794C_7630,
        0xF2F5_2010,
        ZFS,
    ];
    /// Whether it tells case is its owner's choice.
    pub(super) const ZFS: u32 = 0x2FC1_2FC1;
    /// It tells case, too.
    pub(super) const NFS: u32 = 0x6969;
}

#[cfg(target_os = "linux")]
fn type_of(file: impl AsFd) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the magic numbers have 32 bits"
    )]
    posix::fstatfs(file).ok().map(|fs| fs.f_type as u32)
}

#[cfg(target_os = "linux")]
fn tells_case(root: &OwnedFd) -> bool {
    /// `FS_CASEFOLD_FL` (linux/fs.h): this folder ignores case in a file system that otherwise does not.
    const CASEFOLD: u32 = 0x4000_0000;
    let folded = posix::ioctl_getflags(root).is_ok_and(|flags| flags.bits() & CASEFOLD != 0);
    let is_known = |kind| (magic::LOCAL.contains(&kind) && kind != magic::ZFS) || kind == magic::NFS;
    let known = type_of(root).is_some_and(is_known);
    known && !folded
}

#[cfg(not(target_os = "linux"))]
fn tells_case(_root: &OwnedFd) -> bool {
    false
}

/// Is its file system one of a block device or of memory, so that no file server keeps a write waiting? One system call.
#[cfg(target_os = "linux")]
pub(super) fn is_local(file: impl AsFd) -> bool {
    type_of(file).is_some_and(|kind| magic::LOCAL.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_local(_file: impl AsFd) -> bool {
    false
}
