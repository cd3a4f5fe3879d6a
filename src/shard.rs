//! A share of the list, for when several machines fetch one list together. Nobody tells anybody anything: whose an entry is
//! follows from its URL alone.
//!
//! An entry's URL becomes a number, and the number a share, by a consistent hash: with a few shares more, only the entries
//! of the new ones move. Neither may ever change: half of the machines may run another version.

use std::num::NonZeroU32;

use crate::fnv::Fnv;
use crate::job::{BadLine, Job};

/// One of several shares of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: NonZeroU32,
}

impl Shard {
    /// Share `index`, counted from 0, of `count`; `None` when there are not so many.
    pub fn new(index: u32, count: u32) -> Option<Self> {
        let count = NonZeroU32::new(count)?;
        (index < count.get()).then_some(Self { index, count })
    }

    /// Which share, counted from 0.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shares there are.
    pub fn count(self) -> u32 {
        self.count.get()
    }

    /// Is this entry of this share? Its URL decides, the first where there are mirrors.
    pub fn holds(self, job: &Job) -> bool {
        self.is_of(job.url.reveal().as_str())
    }

    /// Is it for this share to report this line? Its text decides. That a list could not be read on is for all to report:
    /// it may be so on one machine alone.
    pub fn reports(self, bad: &BadLine) -> bool {
        matches!(bad.why, crate::error::LineError::Unreadable(_)) || self.is_of(&bad.text)
    }

    fn is_of(self, text: &str) -> bool {
        share(hash(text.as_bytes()), self.count) == self.index
    }
}

/// FNV-1a, and then the finaliser of `MurmurHash3` (`fmix64`), which spreads the last bytes over all bits.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = Fnv::of(bytes);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The jump consistent hash (Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014).
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as in the paper: both numbers are below 2^32, and what comes of them is cut to a whole number"
)]
fn share(mut key: u64, count: NonZeroU32) -> u32 {
    let (mut share, mut next) = (0_u64, 0_u64);
    while next < u64::from(count.get()) {
        share = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((share + 1) as f64 * ((1_u64 << 31) as f64 / ((key >> 33) + 1) as f64)) as u64;
    }
    share as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str, count: u32) -> u32 {
        share(hash(text.as_bytes()), NonZeroU32::new(count).unwrap())
    }

    #[test]
    fn hashes_and_shares_are_frozen() {
        // FNV-1a of nothing is its offset basis, of "a" 0xaf63dc4c8601ec8c; the rest was computed apart from this code.
        for (text, hashed, of_3, of_64, of_80) in [
            ("", 0xefd0_1f60_ba99_2926, 1, 59, 59),
            ("a", 0x82a2_a958_a9be_ce5b, 1, 24, 24),
            ("https://example.org/a.bin", 0x1d2a_4fd4_d2e7_04c5, 1, 32, 32),
            ("https://example.org/b.bin", 0xbd2f_469a_5ff1_617d, 0, 16, 16),
            ("http://127.0.0.1:8080/some/file?x=1", 0x7be3_8c31_af41_e57a, 1, 15, 75),
            ("https://example.org/%C3%A4.bin", 0x574f_eea0_112e_078a, 2, 11, 11),
        ] {
            assert_eq!(hash(text.as_bytes()), hashed, "{text:?}");
            assert_eq!(
                (of(text, 3), of(text, 64), of(text, 80)),
                (of_3, of_64, of_80),
                "{text:?}"
            );
        }
    }

    #[test]
    fn shares_are_alike_and_more_of_them_move_no_more_than_they_get() {
        let urls: Vec<_> = (0..80_000)
            .map(|n| format!("https://example.org/data/{n:06}.bin"))
            .collect();
        let mut sizes = [0_u32; 64];
        let mut moved = 0;
        for url in &urls {
            let (before, after) = (of(url, 64), of(url, 80));
            sizes[before as usize] += 1;
            if before != after {
                moved += 1;
                assert!(after >= 64, "{url} moves between shares that were there");
            }
        }
        // 1250 each on average, and three in a thousand are further off than three deviations of 35.
        assert!(sizes.iter().all(|size| (1_090..1_410).contains(size)), "{sizes:?}");
        assert!((15_400..16_600).contains(&moved), "a fifth moves: {moved}");
    }

    proptest! {
        #[test]
        fn every_text_is_of_exactly_one_share(text in ".*", count in 1_u32..2000) {
            let share = of(&text, count);
            prop_assert!(share < count);
            let holders = (0..count).filter(|&index| Shard::new(index, count).unwrap().is_of(&text)).count();
            prop_assert_eq!(holders, 1);
        }

        #[test]
        fn one_share_more_takes_some_and_moves_no_other(text in ".*", count in 1_u32..100_000) {
            let (before, after) = (of(&text, count), of(&text, count + 1));
            prop_assert!(after == before || after == count);
        }
    }

    #[test]
    fn there_is_no_share_beyond_the_last() {
        assert_eq!(Shard::new(0, 0), None);
        assert_eq!(Shard::new(3, 3), None);
        assert_eq!(
            Shard::new(2, 3).map(|shard| (shard.index(), shard.count())),
            Some((2, 3))
        );
    }
}
