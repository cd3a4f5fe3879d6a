//! A file is a set of gaps: which of its bytes are not here yet. Pure.

use std::ops::Range;

use rangemap::RangeSet;

/// The end of a file of unknown size.
const OPEN: u64 = u64::MAX;

/// The missing bytes of a file, as ranges that are neither empty nor touch each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gaps {
    size: Option<u64>,
    /// Those that something is here behind of. A file that comes in order has none.
    inner: RangeSet<u64>,
    /// Where the last one begins that reaches to the end; without one, the end.
    tail: u64,
}

impl Gaps {
    /// A file of which nothing is here. Without a size, its last gap has no end.
    pub(crate) fn all(size: Option<u64>) -> Self {
        let inner = RangeSet::new();
        Self { size, inner, tail: 0 }
    }

    /// The gaps that a record names: in order, apart, not empty, within the file. Anything else is no set of gaps.
    pub(crate) fn from_pairs(size: Option<u64>, pairs: impl IntoIterator<Item = (u64, u64)>) -> Option<Self> {
        let mut gaps = Self::all(size);
        gaps.tail = gaps.end();
        let mut from = None;
        for (start, stop) in pairs {
            let is_empty_file = size == Some(0) && (start, stop) == (0, 0);
            if is_empty_file {
                continue;
            }
            if start >= stop || stop > gaps.end() || from.is_some_and(|from| start <= from) {
                return None;
            }
            if stop == gaps.end() {
                gaps.tail = start;
            } else {
                gaps.inner.insert(start..stop);
            }
            from = Some(stop);
        }
        // Without a size nobody knows that the file is whole.
        if size.is_none() && gaps.tail == OPEN {
            return None;
        }
        Some(gaps)
    }

    /// Where the file ends, as far as that is known.
    fn end(&self) -> u64 {
        self.size.unwrap_or(OPEN)
    }

    /// All of them, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let last = Some(self.tail..self.end()).filter(|gap| !gap.is_empty());
        self.inner.iter().cloned().chain(last)
    }

    /// As pairs of first byte and end, for a record.
    pub(crate) fn pairs(&self) -> Vec<(u64, u64)> {
        self.ranges().map(|gap| (gap.start, gap.end)).collect()
    }

    /// These bytes are here now.
    pub(crate) fn fill(&mut self, range: Range<u64>) {
        let (start, end) = (range.start.max(self.tail), range.end.min(self.end()));
        if range.start < range.end.min(self.tail) {
            self.inner.remove(range);
        }
        if start < end {
            if self.tail < start {
                self.inner.insert(self.tail..start);
            }
            self.tail = end;
        }
    }

    /// The size is known now: nothing is missing behind it.
    pub(crate) fn ends_at(&mut self, size: u64) {
        self.fill(size..OPEN);
        self.size = Some(size);
        self.tail = self.tail.min(size);
        // What is missing before it may reach to it.
        if let Some(last) = self.inner.last().filter(|gap| gap.end == size).cloned() {
            self.inner.remove(last.clone());
            self.tail = last.start;
        }
    }

    /// The size of the whole file, if it is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The first gap.
    pub(crate) fn first(&self) -> Option<Range<u64>> {
        self.ranges().next()
    }

    /// Where the file's only gap begins, if it has one and that reaches to the end: then its bytes came in order.
    pub(crate) fn tail(&self) -> Option<u64> {
        (self.inner.is_empty() && self.tail < self.end()).then_some(self.tail)
    }

    /// Is every byte here?
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.is_empty() && self.tail == self.end()
    }

    /// How many bytes are here.
    pub(crate) fn held(&self) -> u64 {
        let end = self.size.or_else(|| self.tail()).unwrap_or(0);
        let missing: u64 = self
            .ranges()
            .map(|gap| gap.end.min(end).saturating_sub(gap.start))
            .sum();
        end - missing
    }

    /// One past the last byte that is here.
    pub(crate) fn reach(&self) -> u64 {
        self.tail
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_s_gaps_are_believed_only_when_they_are_some() {
        for (size, pairs, is_fine) in [
            (Some(10), &[(0, 10)][..], true),
            (Some(10), &[], true),
            (Some(0), &[], true),
            (Some(10), &[(2, 4), (6, 10)], true),
            (Some(10), &[(2, 4), (4, 10)], false),
            (Some(10), &[(6, 10), (2, 4)], false),
            (Some(10), &[(2, 5), (4, 10)], false),
            (Some(10), &[(3, 3)], false),
            (Some(10), &[(5, 4)], false),
            (Some(10), &[(0, 11)], false),
            (None, &[(5, u64::MAX)], true),
            (None, &[(5, 9)], false),
            (None, &[], false),
        ] {
            let gaps = Gaps::from_pairs(size, pairs.iter().copied());
            assert_eq!(gaps.is_some(), is_fine, "{size:?} {pairs:?}");
        }
    }

    #[test]
    fn a_file_of_unknown_size_is_whole_when_its_end_came() {
        let mut gaps = Gaps::all(None);
        gaps.fill(0..70);
        assert_eq!(
            (gaps.held(), gaps.tail(), gaps.is_empty(), gaps.reach()),
            (70, Some(70), false, 70)
        );
        gaps.ends_at(70);
        assert_eq!(
            (gaps.held(), gaps.tail(), gaps.is_empty(), gaps.reach()),
            (70, None, true, 70)
        );
        let mut empty = Gaps::all(Some(0));
        assert!(empty.is_empty());
        empty.ends_at(0);
        assert_eq!(empty, Gaps::all(Some(0)));
    }

    proptest! {
        #[test]
        fn a_size_that_is_known_late_is_as_good_as_one_that_was_known(size in 0_u64..200, parts in proptest::collection::vec((0_u64..250, 1_u64..50), 0..30)) {
            let (mut early, mut late) = (Gaps::all(Some(size)), Gaps::all(None));
            for &(start, length) in &parts {
                early.fill(start..start + length);
                late.fill(start..start + length);
                prop_assert_eq!(Gaps::from_pairs(None, late.pairs()), Some(late.clone()));
            }
            late.ends_at(size);
            prop_assert_eq!(early, late);
        }

        #[test]
        fn parts_and_gaps_are_the_file_whatever_the_order(size in 1_u64..200, parts in proptest::collection::vec((0_u64..200, 0_u64..50), 0..30)) {
            let mut gaps = Gaps::all(Some(size));
            let mut here = vec![false; usize::try_from(size).unwrap()];
            for (start, length) in parts {
                let (start, end) = (start.min(size), (start + length).min(size));
                gaps.fill(start..end);
                (start..end).for_each(|at| here[usize::try_from(at).unwrap()] = true);
                let mut missing = vec![true; here.len()];
                missing.iter_mut().zip(&here).for_each(|(m, h)| *m = !h);
                let mut named = vec![false; here.len()];
                for (from, to) in gaps.pairs() {
                    (from..to).for_each(|at| named[usize::try_from(at).unwrap()] = true);
                }
                prop_assert_eq!(&named, &missing);
                prop_assert_eq!(gaps.held(), here.iter().filter(|h| **h).count() as u64);
                prop_assert_eq!(gaps.is_empty(), here.iter().all(|h| *h));
                prop_assert_eq!(gaps.reach(), here.iter().rposition(|h| *h).map_or(0, |at| at as u64 + 1));
                prop_assert_eq!(Gaps::from_pairs(Some(size), gaps.pairs()), Some(gaps.clone()));
            }
        }
    }
}
