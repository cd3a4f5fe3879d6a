//! FNV-1a with 64 bits (Fowler, Noll, Vo; RFC 9923): a hash that stays what it is, for what outlives this version.

/// A hash in the making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn of(bytes: &[u8]) -> u64 {
        Self::new().with(bytes).finish()
    }

    #[must_use]
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(bytes.iter().fold(self.0, step))
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

/// Both halves of a hash in one, as RFC 9923 has it.
pub(crate) fn fold(hash: u64) -> u32 {
    u32::try_from((hash >> 32) ^ (hash & u64::from(u32::MAX))).unwrap_or_default()
}
