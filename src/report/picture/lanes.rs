//! Which stretch of time goes into which row of the picture: a row is a slot, and a slot does one thing at a time.

/// Seconds by which two of a lane may seem to overlap: the next one may begin while the one before writes its account.
const SLACK: f64 = 0.001;

/// Gives each stretch `(begin, end)` the first lane that is free then. As many lanes come out as were busy at one time.
pub(super) fn lanes(stretches: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<_> = (0..stretches.len()).collect();
    order.sort_by(|a, b| stretches[*a].0.total_cmp(&stretches[*b].0));
    let mut ends: Vec<f64> = Vec::new();
    let mut lanes = vec![0; stretches.len()];
    for stretch in order {
        let (begin, end) = stretches[stretch];
        // A lane is never reused for what overlaps by more than half of it.
        let slack = SLACK.min((end - begin) / 2.0);
        let free = ends.iter().position(|last| *last <= begin + slack);
        let lane = free.unwrap_or_else(|| {
            ends.push(0.0);
            ends.len() - 1
        });
        ends[lane] = end;
        lanes[stretch] = lane;
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_does_one_thing_at_a_time() {
        for (stretches, expected) in [
            (&[][..], &[][..]),
            (&[(0.0, 1.0), (1.0, 2.0)], &[0, 0]),
            (&[(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)], &[0, 1, 0]),
            (&[(1.0, 2.0), (0.0, 1.5)], &[1, 0]),
            (&[(0.0, 9.0), (1.0, 2.0), (2.0, 3.0)], &[0, 1, 1]),
            // A few microseconds, in which the one before writes its account.
            (&[(0.0, 1.000_02), (1.0, 2.0)], &[0, 0]),
        ] {
            assert_eq!(lanes(stretches), expected, "{stretches:?}");
        }
    }
}
