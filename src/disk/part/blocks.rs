//! Blocks of bytes into a file, and out of it.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;
use rustix::io::{Errno, pwritev};

/// Blocks of one write: as many as Linux and its peers take (`IOV_MAX`).
const AT_ONCE: usize = 1024;

/// Writes blocks where the file ends.
pub(super) fn write_all(mut file: &File, blocks: &[Bytes]) -> io::Result<()> {
    blocks.iter().try_for_each(|block| file.write_all(block))
}

/// Writes blocks from this offset on.
pub(super) fn write_at(file: &File, blocks: &[Bytes], mut offset: u64) -> io::Result<()> {
    let mut slices: Vec<_> = blocks.iter().map(|block| IoSlice::new(block)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let most = left.len().min(AT_ONCE);
        match pwritev(file, &left[..most], offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                IoSlice::advance_slices(&mut left, written);
                offset += written as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads a file from its beginning to its end, or up to where that is enough.
pub(super) fn read_all(file: &File, each: &mut impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let mut block = vec![0; 128 * 1024];
    let mut at = 0;
    loop {
        match file.read_at(&mut block, at) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                if each(&block[..read]).is_break() {
                    return Ok(());
                }
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
