//! Room for a whole file before its first byte is fetched, so that a full disk is noticed early.

use std::fs::File;
use std::io;

use rustix::fs as posix;
#[cfg(target_os = "linux")]
use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// A file in memory that needs no more than this part of what is free gets no room: giving it is to write it all with
/// zeroes. Should it run out for others' sake, that is found out on the way, as with a file of unknown size.
const PLENTY: u64 = 16;

/// What the file system tells.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Bytes that the file has already.
    held: u64,
    /// Bytes that are free.
    free: u64,
    /// Its files are in memory only.
    is_in_memory: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// There is not enough.
    Refuse,
    Reserve,
    /// There is more than enough.
    Leave,
}

/// Reserves room for the whole file. The length stays what was written: it tells how much is there.
pub(super) fn reserve(file: &File, size: Option<u64>) -> io::Result<()> {
    let Some(size) = size.filter(|&size| size > 0) else {
        return Ok(());
    };
    // Room beyond the limit of this process can be had, and not be written.
    if getrlimit(Resource::Fsize).current.is_some_and(|limit| size > limit) {
        return Err(Errno::FBIG.into());
    }
    match plan(size, room(file)?) {
        Plan::Refuse => return Err(Errno::NOSPC.into()),
        Plan::Leave => return Ok(()),
        Plan::Reserve => {}
    }
    let reserved = allocate(file, size);
    if reserved.is_err() {
        // Part of it may have been given. Cutting a file to its own length gives back what is behind it.
        file.set_len(file.metadata()?.len())?;
    }
    reserved
}

fn plan(size: u64, room: Option<Room>) -> Plan {
    match room {
        None => Plan::Reserve,
        Some(Room {
            held,
            free,
            is_in_memory,
        }) => match size.saturating_sub(held) {
            // Asked for too much, some file systems give away the last block before they say no; meanwhile others need it.
            missing if missing > free => Plan::Refuse,
            missing if is_in_memory && missing <= free / PLENTY => Plan::Leave,
            _ => Plan::Reserve,
        },
    }
}

/// How much there is; `None` where the file system does not count it.
fn room(file: &File) -> io::Result<Option<Room>> {
    /// Bytes of a block, as `st_blocks` counts them (POSIX leaves it open; Linux and its peers do not).
    const BLOCK: u64 = 512;
    let system = posix::fstatvfs(file)?;
    if system.f_blocks == 0 {
        return Ok(None);
    }
    let held = u64::try_from(posix::fstat(file)?.st_blocks).unwrap_or(0);
    Ok(Some(Room {
        held: held.saturating_mul(BLOCK),
        free: system.f_bavail.saturating_mul(system.f_frsize),
        is_in_memory: is_in_memory(file),
    }))
}

#[cfg(target_os = "linux")]
fn is_in_memory(file: &File) -> bool {
    /// `TMPFS_MAGIC` of statfs(2).
    const TMPFS: u32 = 0x0102_1994;
    // Its type is another on each kind of machine.
    posix::fstatfs(file).is_ok_and(|system| u32::try_from(system.f_type) == Ok(TMPFS))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_file: &File) -> bool {
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_reserved_where_it_may_run_out_and_costs_little() {
        let of = |held, free, is_in_memory| {
            Some(Room {
                held,
                free,
                is_in_memory,
            })
        };
        for (size, room, wanted) in [
            (100, None, Plan::Reserve),
            (100, of(0, 99, false), Plan::Refuse),
            (100, of(0, 99, true), Plan::Refuse),
            (100, of(1, 99, true), Plan::Reserve),
            (100, of(100, 0, false), Plan::Reserve),
            (100, of(200, 0, false), Plan::Reserve),
            (100, of(0, 1_000_000, false), Plan::Reserve),
            (100, of(0, 1_600, true), Plan::Leave),
            (100, of(0, 1_599, true), Plan::Reserve),
            (100, of(50, 800, true), Plan::Leave),
            (u64::MAX, of(0, u64::MAX - 1, false), Plan::Refuse),
        ] {
            assert_eq!(plan(size, room), wanted, "{size} {room:?}");
        }
    }
}
