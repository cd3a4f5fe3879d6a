//! A set of hashes that is as small as it can be: twelve bytes a member, and at most a fifth of that for room to grow.
//!
//! Members stand in the order of their hashes, each as near to the place that its hash asks for as those before it
//! allow. So a search ends at the first larger hash, even where the set is almost full, and a set that has to grow moves
//! its members within the memory it has: no second copy is ever made by us. Thirty-two such sets, one for each first five
//! bits of the hash, make each growth a short one; they begin with different sizes, so that they grow one after the other
//! and an allocator that has to move one needs little for a second copy.

/// Bits of a hash that choose the set.
const PART: u32 = 5;
/// Bits of a hash that are kept with a member.
const TAG: u32 = 52;
/// Bits of what is kept beside it.
const NOTE: u32 = 42;
const NOTES: u64 = (1 << NOTE) - 1;
/// Places in a set that has any.
const LEAST: usize = 16;
/// Places behind the last one that a hash asks for.
const SPILL: usize = 16;

/// What a hash stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// An entry of the list.
    Entry,
}

/// A member: what it is, and what was noted with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) note: Note,
}

/// Something to be known again by, of another hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note(u64);

impl Note {
    /// There is nothing to note.
    pub(super) const NONE: Self = Self(0);

    /// Of a hash, and never [`Note::NONE`]. With the place of a hash, its own note makes up all of it.
    pub(super) fn of(hash: u64) -> Self {
        Self((hash & NOTES).max(1))
    }
}

/// The set. A hash may have a member of each kind.
#[derive(Debug)]
pub(super) struct Hashes {
    parts: [Part; 1 << PART],
}

impl Hashes {
    pub(super) fn new() -> Self {
        Self {
            parts: std::array::from_fn(|number| Part::beginning_with(LEAST + number)),
        }
    }

    /// The members of this hash.
    pub(super) fn of(&self, hash: u64) -> impl Iterator<Item = Member> {
        let (part, tag) = split(hash);
        self.parts[part].of(tag)
    }

    /// Adds a member; one of its kind that is there stays as it is.
    pub(super) fn add(&mut self, hash: u64, member: Member) {
        let (part, tag) = split(hash);
        self.parts[part].add(Slot::new(tag, member));
    }
}

fn split(hash: u64) -> (usize, u64) {
    let part = usize::try_from(hash >> (64 - PART)).unwrap_or_default();
    // What is nothing marks a free place.
    let tag = (hash << PART >> (64 - TAG)).max(1);
    (part, tag)
}

/// A tag, a kind and a note, in this order from the highest bit. All zeroes: free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Slot([u32; 3]);

impl Slot {
    const FREE: Self = Self([0; 3]);

    #[expect(clippy::cast_possible_truncation, reason = "each takes its 32 bits")]
    fn new(tag: u64, member: Member) -> Self {
        let bits = u128::from(tag) << (128 - TAG)
            | (member.kind as u128) << (126 - TAG)
            | u128::from(member.note.0) << (126 - TAG - NOTE);
        Self([(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32])
    }

    fn tag(self) -> u64 {
        (u64::from(self.0[0]) << 32 | u64::from(self.0[1])) >> (64 - TAG)
    }

    fn member(self) -> Member {
        let low = u64::from(self.0[1]) << 32 | u64::from(self.0[2]);
        let kind = match low >> NOTE & 3 {
            0 => Kind::File,
            1 => Kind::Folder,
            _ => Kind::Entry,
        };
        let note = Note(low & NOTES);
        Member { kind, note }
    }

    /// Are they of one tag and one kind?
    fn is_like(self, other: Self) -> bool {
        self.tag() == other.tag() && self.member().kind == other.member().kind
    }
}

/// One set of slots.
#[derive(Debug, Default)]
struct Part {
    slots: Vec<Slot>,
    members: usize,
    /// Places that tags ask for. Behind them are some for those that find theirs taken.
    width: usize,
    /// Its first width.
    first: usize,
}

impl Part {
    fn beginning_with(first: usize) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    fn of(&self, tag: u64) -> impl Iterator<Item = Member> {
        let slots = self.slots.get(self.home(tag)..).unwrap_or_default().iter();
        slots
            .skip_while(move |slot| **slot != Slot::FREE && slot.tag() < tag)
            .take_while(move |slot| slot.tag() == tag)
            .map(|slot| slot.member())
    }

    fn add(&mut self, new: Slot) {
        // One in sixteen stays free.
        if self.members + self.members / 16 >= self.width {
            self.grow();
        }
        loop {
            let at = self.place(new);
            if self.slots.get(at).is_some_and(|slot| slot.is_like(new)) {
                return;
            }
            let behind = self.slots[at..].iter().position(|slot| *slot == Slot::FREE);
            if let Some(free) = behind {
                self.slots.copy_within(at..at + free, at + 1);
                self.slots[at] = new;
                self.members += 1;
                return;
            }
            self.grow();
        }
    }

    /// Where it is, or where it belongs.
    fn place(&self, new: Slot) -> usize {
        let home = self.home(new.tag());
        let before = |slot: &&Slot| **slot != Slot::FREE && (**slot < new && !slot.is_like(new));
        home + self.slots[home..].iter().take_while(before).count()
    }

    /// The place that a tag asks for: the larger the tag, the further behind.
    fn home(&self, tag: u64) -> usize {
        ((u128::from(tag) * self.width as u128) >> TAG) as usize
    }

    /// An eighth more places. The members move to the end, and from there to their new places, which are never behind.
    fn grow(&mut self) {
        self.width = (self.width + self.width / 8 + 1).max(self.first);
        let length = self.end().max(self.width) + SPILL;
        self.slots.reserve_exact(length.saturating_sub(self.slots.len()));
        self.slots.resize(length, Slot::FREE);
        let mut first = length;
        for at in (0..length).rev() {
            let slot = std::mem::replace(&mut self.slots[at], Slot::FREE);
            if slot != Slot::FREE {
                first -= 1;
                self.slots[first] = slot;
            }
        }
        let mut next = 0;
        for at in first..length {
            let slot = std::mem::replace(&mut self.slots[at], Slot::FREE);
            let to = self.home(slot.tag()).max(next);
            self.slots[to] = slot;
            next = to + 1;
        }
    }

    /// As many slots as the members reach to, with this width.
    fn end(&self) -> usize {
        let members = self.slots.iter().filter(|slot| **slot != Slot::FREE);
        members.fold(0, |next, slot| self.home(slot.tag()).max(next) + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const KINDS: [Kind; 3] = [Kind::File, Kind::Folder, Kind::Entry];

    fn members(hashes: &Hashes, hash: u64) -> Vec<Member> {
        hashes.of(hash).collect()
    }

    /// Hashes that crowd at both ends and in the middle, and those that are spread.
    fn hash() -> impl Strategy<Value = u64> {
        let near = |place: u64| (0..40_u64).prop_map(move |n| place.wrapping_add(n << 8));
        prop_oneof![
            near(0),
            near(1 << 60),
            near(u64::MAX - (40 << 8)),
            near(7 << 57),
            any::<u64>()
        ]
    }

    proptest! {
        #[test]
        fn it_holds_what_a_table_holds(added in proptest::collection::vec((hash(), 0..3_usize, any::<u64>()), 1..400)) {
            let (mut hashes, mut table) = (Hashes::new(), HashMap::new());
            for &(hash, kind, note) in &added {
                let (tag, note) = (split(hash), Note::of(note));
                let known = table.entry((tag, kind)).or_insert(note);
                hashes.add(hash, Member { kind: KINDS[kind], note });
                let member = Member { kind: KINDS[kind], note: *known };
                prop_assert!(members(&hashes, hash).contains(&member));
            }
            for &(hash, ..) in &added {
                let expected = (0..3).filter_map(|kind| Some((kind, table.get(&(split(hash), kind))?)));
                let expected: Vec<_> = expected.map(|(kind, note)| Member { kind: KINDS[kind], note: *note }).collect();
                prop_assert_eq!(members(&hashes, hash), expected);
                let other = hash ^ (1 << 20);
                let is_there = (0..3).any(|kind| table.contains_key(&(split(other), kind)));
                prop_assert_eq!(!members(&hashes, other).is_empty(), is_there);
            }
        }
    }

    #[test]
    fn a_member_takes_less_than_fifteen_bytes() {
        let mut hashes = Hashes::new();
        let member = Member {
            kind: Kind::File,
            note: Note::NONE,
        };
        // The golden ratio spreads numbers evenly (Knuth, volume 3, section 6.4).
        for n in 1..=300_000_u64 {
            hashes.add(n.wrapping_mul(0x9E37_79B9_7F4A_7C15), member);
            if n > 20_000 && n % 1000 == 0 {
                let slots: usize = hashes.parts.iter().map(|part| part.slots.capacity()).sum();
                let bytes = slots * size_of::<Slot>();
                assert!(bytes as u64 <= 15 * n, "{bytes} bytes for {n}");
            }
        }
    }
}
