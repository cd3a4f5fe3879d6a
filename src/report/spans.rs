//! What an entry did at which time, from its first slot to its end.

use std::time::{Duration, Instant};

use smallvec::SmallVec;

/// What an entry does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// It holds a slot and looks at the disk.
    Local,
    /// It makes a connection: name lookup, TCP, TLS.
    Connect,
    /// It waits for the head of an answer.
    Wait,
    /// The body comes, and goes to the disk.
    Body,
    /// It holds no slot: it waits before the next try, or for a slot.
    Rest,
}

/// A stretch of an entry's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What it did.
    pub phase: Phase,
    /// For how long.
    pub length: Duration,
}

/// The stretches of an entry's life, one after the other without a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(SmallVec<[Span; 4]>);

impl Spans {
    /// An entry with more stretches than this loses the shortest to their neighbours.
    pub const MOST: usize = 32;

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.iter().copied()
    }

    /// All the time of one kind.
    pub fn total(&self, phase: Phase) -> Duration {
        self.iter()
            .filter(|span| span.phase == phase)
            .map(|span| span.length)
            .sum()
    }

    /// It went on with this, for so long.
    pub(crate) fn push(&mut self, phase: Phase, length: Duration) {
        match self.0.last_mut() {
            _ if length.is_zero() => return,
            Some(last) if last.phase == phase => last.length += length,
            _ => self.0.push(Span { phase, length }),
        }
        if self.0.len() > Self::MOST {
            self.merge_shortest();
        }
    }

    fn merge_shortest(&mut self) {
        // The last one may still grow.
        let known = &self.0[1..self.0.len() - 1];
        let shortest = known.iter().enumerate().min_by_key(|(_, span)| span.length);
        let Some(at) = shortest.map(|(at, _)| at + 1) else {
            return;
        };
        let gone = self.0.remove(at);
        self.0[at - 1].length += gone.length;
    }
}

impl FromIterator<(Phase, Duration)> for Spans {
    fn from_iter<I: IntoIterator<Item = (Phase, Duration)>>(spans: I) -> Self {
        let mut all = Self::default();
        for (phase, length) in spans {
            all.push(phase, length);
        }
        all
    }
}

/// Spans in the making.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) begun: Instant,
    until: Instant,
    pub(crate) spans: Spans,
}

impl Life {
    pub(crate) fn begin(now: Instant) -> Self {
        Self {
            begun: now,
            until: now,
            spans: Spans::default(),
        }
    }

    /// All the time since the last stretch was this.
    pub(crate) fn was(&mut self, phase: Phase, now: Instant) {
        self.spans.push(phase, now.saturating_duration_since(self.until));
        self.until = now;
    }

    /// The next stretch was this, for so long and at most until now.
    pub(crate) fn was_for(&mut self, phase: Phase, length: Duration, now: Instant) {
        let length = length.min(now.saturating_duration_since(self.until));
        self.spans.push(phase, length);
        self.until += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn shown(spans: &Spans) -> String {
        let shown: Vec<_> = spans
            .iter()
            .map(|s| format!("{:?} {}", s.phase, s.length.as_millis()))
            .collect();
        shown.join(", ")
    }

    #[test]
    fn stretches_of_one_kind_are_one_and_none_reaches_into_the_future() {
        let start = Instant::now();
        let mut life = Life::begin(start);
        life.was(Phase::Local, start);
        life.was(Phase::Rest, start + ms(5));
        life.was(Phase::Rest, start + ms(9));
        life.was_for(Phase::Connect, ms(3), start + ms(20));
        life.was_for(Phase::Wait, ms(30), start + ms(20));
        life.was(Phase::Body, start + ms(20));
        assert_eq!(shown(&life.spans), "Rest 9, Connect 3, Wait 8");
    }

    #[test]
    fn a_long_life_keeps_its_length_in_a_bounded_list() {
        let tries = 1..=1000;
        let spans: Spans = tries
            .flat_map(|n| [(Phase::Wait, ms(n)), (Phase::Rest, ms(2 * n))])
            .collect();
        assert_eq!(spans.iter().count(), Spans::MOST);
        let length: Duration = spans.iter().map(|span| span.length).sum();
        assert_eq!(length, ms(3 * 500_500));
    }
}
