//! Room for a whole file before its first byte is fetched, so that a full disk is noticed early.

use std::fs::File;
use std::io;

use rustix::fs as posix;
#[cfg(target_os = "linux")]
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// Reserves room for the whole file. The length stays what was written: it tells how much is there.
pub(super) fn reserve(file: &File, size: Option<u64>) -> io::Result<()> {
    let Some(size) = size.filter(|&size| size > 0) else {
        return Ok(());
    };
    // Room beyond the limit of this process can be had, and not be written.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| size > limit) {
        return Err(Errno::FBIG.into());
    }
    // Asked for too much, some file systems give away the last block before they say no; meanwhile others need it.
    if !has_room(file, size)? {
        return Err(Errno::NOSPC.into());
    }
    let reserved = allocate(file, size);
    if reserved.is_err() {
        // Part of it may have been given. Cutting a file to its own length gives back what is behind it.
        file.set_len(file.metadata()?.len())?;
    }
    reserved
}

/// Is there as much room as this file still needs, as far as the file system can tell?
fn has_room(file: &File, size: u64) -> io::Result<bool> {
    /// Bytes of a block, as `st_blocks` counts them (POSIX leaves it open; Linux and its peers do not).
    const BLOCK: u64 = 512;
    let room = posix::fstatvfs(file)?;
    let held = u64::try_from(posix::fstat(file)?.st_blocks)
        .unwrap_or(0)
        .saturating_mul(BLOCK);
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    // A file system of no blocks at all does not count them.
    Ok(room.f_blocks == 0 || size.saturating_sub(held) <= free)
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64) -> io::Result<()> {
    match posix::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        // Not every file system can; then it is found out on the way.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _size: u64) -> io::Result<()> {
    Ok(())
}
