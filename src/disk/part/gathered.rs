//! Bytes on their way to the disk, as they came: what came in a large block is not copied.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// Blocks in their order: a small file is one.
pub(super) type Blocks = SmallVec<[Bytes; 1]>;

/// A block of this size is kept as it came. A smaller one is copied: it may hold on to a buffer that is much larger.
const LARGE: usize = 4 * 1024;

/// Bytes that belong together, in their order.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    blocks: Blocks,
    /// The end, in small blocks.
    last: BytesMut,
    length: usize,
}

impl Gathered {
    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn add(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() < LARGE {
            self.last.extend_from_slice(&bytes);
        } else {
            self.close();
            self.blocks.push(bytes);
        }
    }

    /// Has room for a file of this size.
    pub(super) fn expect(&mut self, size: usize) {
        if size < LARGE {
            self.last.reserve(size);
        }
    }

    /// Gives them all away.
    pub(super) fn take(&mut self) -> Blocks {
        self.close();
        self.length = 0;
        std::mem::take(&mut self.blocks)
    }

    fn close(&mut self) {
        if !self.last.is_empty() {
            self.blocks.push(self.last.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_is_what_was_added(sizes in prop::collection::vec((0_usize..80_000, any::<bool>()), 0..12)) {
            let (mut gathered, mut taken, mut added) = (Gathered::default(), Vec::<u8>::new(), Vec::<u8>::new());
            for (n, &(size, takes)) in sizes.iter().enumerate() {
                let bytes = Bytes::from(vec![u8::try_from(n).unwrap(); size]);
                added.extend_from_slice(&bytes);
                gathered.add(bytes);
                prop_assert_eq!(taken.len() + gathered.len(), added.len());
                if takes {
                    taken.extend(gathered.take().iter().flatten());
                }
            }
            taken.extend(gathered.take().iter().flatten());
            prop_assert_eq!(taken, added);
        }
    }
}
