//! An amount over time, in a fixed number of steps: when the time is longer than they are, each becomes twice as long.

/// Steps at most; at least half of them are in use once the time is longer than as many of the shortest.
const STEPS: usize = 512;
/// Seconds of the shortest step.
const SHORTEST: f64 = 1.0 / 128.0;

/// An amount over time, in seconds since the start.
#[derive(Debug, Clone)]
pub(super) struct Series {
    steps: Vec<f64>,
    width: f64,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            width: SHORTEST,
        }
    }
}

impl Series {
    /// So much happened from here to there, evenly.
    pub(super) fn add(&mut self, from: f64, to: f64, amount: f64) {
        let (from, to) = (from.max(0.0), to.max(from.max(0.0) + 1e-6));
        self.reach(to);
        let (first, last) = (self.step(from), self.step(to).min(STEPS - 1));
        if self.steps.len() <= last {
            self.steps.resize(last + 1, 0.0);
        }
        for step in first..=last {
            let begin = at(step) * self.width;
            let share = (to.min(begin + self.width) - from.max(begin)).max(0.0) / (to - from);
            self.steps[step] += amount * share;
        }
    }

    /// So much happened at this moment.
    pub(super) fn add_at(&mut self, time: f64, amount: f64) {
        self.add(time, time, amount);
    }

    fn reach(&mut self, time: f64) {
        while time > self.width * at(STEPS) {
            let halves = self.steps.chunks(2);
            self.steps = halves.map(|pair| pair.iter().sum()).collect();
            self.width *= 2.0;
        }
    }

    fn step(&self, time: f64) -> usize {
        index(time / self.width)
    }

    /// The amounts in so many equal parts of the time up to `end`.
    pub(super) fn parts(&self, count: usize, end: f64) -> Vec<f64> {
        let mut parts = vec![0.0; count];
        let width = (end / at(count)).max(1e-9);
        for (step, amount) in self.steps.iter().enumerate().filter(|(_, amount)| **amount > 0.0) {
            let (from, to) = (at(step) * self.width, at(step + 1) * self.width);
            let to = to.min(end).max(from + 1e-9);
            let (first, last) = (index(from / width).min(count - 1), index(to / width).min(count - 1));
            for (part, sum) in parts.iter_mut().enumerate().take(last + 1).skip(first) {
                let begin = at(part) * width;
                let share = (to.min(begin + width) - from.max(begin)).max(0.0) / (to - from);
                *sum += amount * share;
            }
        }
        parts
    }

    /// All of it.
    pub(super) fn total(&self) -> f64 {
        self.steps.iter().sum()
    }
}

/// A number of steps as a factor.
pub(super) fn at(step: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "steps are few")]
    let step = step as f64;
    step
}

/// The step that a factor lies in.
pub(super) fn index(factor: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float saturates"
    )]
    let index = factor as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_however_long_it_takes() {
        let mut series = Series::default();
        series.add(0.0, 1.0, 100.0);
        series.add_at(0.5, 1.0);
        series.add(10.0, 20_000.0, 1000.0);
        assert!(series.steps.len() <= STEPS);
        assert!((series.total() - 1101.0).abs() < 1e-6, "{}", series.total());
        let parts = series.parts(7, 20_000.0);
        assert!((parts.iter().sum::<f64>() - 1101.0).abs() < 1.0, "{parts:?}");
    }

    #[test]
    fn what_happens_evenly_is_even() {
        let mut series = Series::default();
        series.add(0.0, 2.0, 8.0);
        for part in series.parts(4, 2.0) {
            assert!((part - 2.0).abs() < 0.1, "{part}");
        }
    }
}
