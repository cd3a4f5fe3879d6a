//! How fast, over a whole run: bytes a second, and requests in a time. Both are queues in time: who wants something takes
//! a place behind everybody who came before, and waits for it. The arithmetic is pure: the time is passed in.

use std::num::NonZeroU64;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use crate::lock::lock;

/// Time that was not used, and may be made up for later: no timer is exact.
const CREDIT: Duration = Duration::from_millis(200);
/// A body gets so many bytes at once at most, that all get their share.
const SLICE: u64 = 64 << 10;
/// Or the bytes of this part of a second: with 64 bodies and a low rate each still moves every few seconds.
const SLICES: u64 = 16;

/// A queue in time.
#[derive(Debug)]
struct Queue {
    /// When all that took a place is through.
    free: Instant,
}

impl Queue {
    fn new() -> Self {
        Self { free: Instant::now() }
    }

    /// Takes a place as long as this, and tells when it begins: not before now, but for the credit.
    fn take(&mut self, now: Instant, long: Duration, credit: Duration) -> Instant {
        let begins = self.free.max(now.checked_sub(credit).unwrap_or(now));
        self.free = begins + long;
        begins
    }
}

/// Bytes a second, shared by all bodies of a run.
///
/// What came is handed on in slices, each when its time is over. The wait is before the next read from the network, so
/// that the server is held back by its connection (RFC 9293 section 3.8.6), and is no part of the server's silence.
#[derive(Debug)]
pub(crate) struct Throttle {
    rate: NonZeroU64,
    slice: usize,
    queue: Mutex<Queue>,
}

impl Throttle {
    /// So many bytes a second.
    pub(crate) fn new(rate: NonZeroU64) -> Self {
        let slice = (rate.get() / SLICES).clamp(1, SLICE);
        Self {
            rate,
            slice: usize::try_from(slice).unwrap_or(usize::MAX),
            queue: Mutex::new(Queue::new()),
        }
    }

    /// The next slice of what came, when it is its turn. Nothing is lost by giving the wait up.
    pub(crate) async fn slice(&self, rest: &mut Bytes) -> Bytes {
        let count = rest.len().min(self.slice);
        let (now, long) = (Instant::now(), self.time_of(count));
        let over = lock(&self.queue).take(now, long, CREDIT) + long;
        if over > now {
            sleep_until(over).await;
        }
        rest.split_to(count)
    }

    fn time_of(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.rate.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Requests begin no closer to each other than this, whoever makes them.
#[derive(Debug)]
pub(crate) struct Steps {
    apart: Duration,
    queue: Mutex<Queue>,
}

impl Steps {
    pub(crate) fn new(apart: Duration) -> Self {
        Self {
            apart,
            queue: Mutex::new(Queue::new()),
        }
    }

    /// Waits until the next request may begin.
    pub(crate) async fn next(&self) {
        let now = Instant::now();
        let begins = lock(&self.queue).take(now, self.apart, Duration::ZERO);
        if begins > now {
            sleep_until(begins).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::join_all;

    use super::*;

    fn throttle(rate: u64) -> Arc<Throttle> {
        Arc::new(Throttle::new(NonZeroU64::new(rate).unwrap()))
    }

    /// So many bodies that come in chunks of these sizes as fast as they are taken: what each got by then.
    async fn taken(rate: u64, chunks: &[usize], time: Duration) -> Vec<u64> {
        let (throttle, end) = (throttle(rate), Instant::now() + time);
        let bodies = chunks.iter().map(|&chunk| {
            let throttle = Arc::clone(&throttle);
            tokio::spawn(async move {
                let (mut rest, mut got) = (Bytes::new(), 0);
                loop {
                    if rest.is_empty() {
                        rest = Bytes::from(vec![0; chunk]);
                    }
                    match tokio::time::timeout_at(end, throttle.slice(&mut rest)).await {
                        Ok(slice) => got += slice.len() as u64,
                        Err(_) => return got,
                    }
                }
            })
        });
        let ended = join_all(bodies).await;
        ended.into_iter().map(Result::unwrap).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn all_bodies_together_get_the_rate_within_three_percent_over_ten_seconds() {
        for rate in [1 << 10, 100 << 10, 10 << 20, 1 << 30] {
            for chunks in [&[400 << 10][..], &[16 << 10; 4], &[9000, 400 << 10, 100]] {
                let got: u64 = taken(rate, chunks, Duration::from_secs(10)).await.iter().sum();
                let wanted = 10 * rate;
                assert!(
                    got.abs_diff(wanted) * 100 <= wanted * 3,
                    "{rate}, {chunks:?}: {got} of {wanted}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_one_of_many_bodies_moves_at_a_low_rate() {
        let got = taken(1 << 10, &[400 << 10; 64], Duration::from_secs(10)).await;
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        assert!(*least > 0 && most - least <= 64, "{got:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_large_chunks_gets_no_more_than_one_in_small_ones() {
        let got = taken(10 << 20, &[400 << 10, 64 << 10], Duration::from_secs(10)).await;
        assert!(got[0].abs_diff(got[1]) * 8 < got[0], "{got:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_for_long_is_no_credit() {
        let throttle = throttle(1000);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let since = Instant::now();
        let mut rest = Bytes::from(vec![0; 1000]);
        while !rest.is_empty() {
            throttle.slice(&mut rest).await;
        }
        let took = since.elapsed();
        assert!(
            took >= Duration::from_millis(799) && took <= Duration::from_millis(1001),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_loses_no_byte() {
        let throttle = throttle(16);
        let mut rest = Bytes::from_static(b"ab");
        let given_up = tokio::time::timeout(Duration::from_millis(10), throttle.slice(&mut rest)).await;
        assert!(given_up.is_err());
        assert_eq!(throttle.slice(&mut rest).await, "a");
        assert_eq!(throttle.slice(&mut rest).await, "b");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_begin_evenly_whoever_makes_them_and_catch_up_on_nothing() {
        let steps = Arc::new(Steps::new(Duration::from_millis(200)));
        let begun = Instant::now();
        let four = join_all((0..4).map(|_| async {
            steps.next().await;
            begun.elapsed().as_millis()
        }));
        assert_eq!(four.await, [0, 200, 400, 600]);
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (late, mut times) = (Instant::now(), Vec::new());
        for _ in 0..3 {
            steps.next().await;
            times.push(late.elapsed().as_millis());
        }
        assert_eq!(times, [0, 200, 400]);
    }
}
