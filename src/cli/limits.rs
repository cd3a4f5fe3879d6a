//! File descriptors: as many as the jobs need, or fewer jobs. And threads.

use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};
use std::thread::Builder;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Runtime;

use crate::lock::lock;

/// What a run needs beside its jobs: standard streams, the runtime's own, the list, the folder.
const BASE: u64 = 14;
/// Threads that a run cannot do without: the view's, the list's, one that writes, one for who listens.
const THREADS: usize = 4;
/// What a job needs: a connection, a file, one more for a moment (a folder, a record, a name lookup), and a connection
/// that is kept for later.
const EACH: u64 = 4;
/// As much as anybody needs. Where there is no limit, no number would be too large to ask for.
const ENOUGH: u64 = 1 << 18;
/// What systems allow that say they have no limit.
const COMMON: u64 = 10_240;
/// Connections that are kept for later, at most: each has its buffers.
const KEPT: u64 = 256;

/// Raises the soft limit as far as it may be raised. An error: that is not enough for a run.
pub(crate) fn raise() -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    raise_from(current, maximum);
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < BASE => {
            anyhow::bail!("cannot start: {limit} file descriptors are too few (ulimit -n), {BASE} are needed")
        }
        _ => Ok(()),
    }
}

/// An error: there cannot be the threads that a run needs. One that is missed later is missed in the middle of something.
pub(crate) fn try_threads() -> anyhow::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = lock(&gate);
    let wait = || {
        let gate = Arc::clone(&gate);
        Builder::new().spawn(move || drop(lock(&gate)))
    };
    let threads: Result<Vec<_>, _> = (0..THREADS).map(|_| wait()).collect();
    drop(closed);
    for thread in threads.context("cannot start a thread")? {
        let _ = thread.join();
    }
    Ok(())
}

/// Has the runtime begin the first of its threads for what blocks. With one that is there it gets along, however few there
/// can be later; without any, it panics. An error: there cannot be one.
pub(crate) fn begin_thread(runtime: &Runtime) -> anyhow::Result<()> {
    let told = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let begun = panic::catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(|| ())));
    panic::set_hook(told);
    match begun {
        Ok(_) => Ok(()),
        Err(_) => anyhow::bail!("cannot start a thread"),
    }
}

fn raise_from(current: Option<u64>, maximum: Option<u64>) {
    for wanted in [ENOUGH, COMMON].map(|wanted| maximum.map_or(wanted, |maximum| maximum.min(wanted))) {
        let raised = Rlimit {
            current: Some(wanted),
            maximum,
        };
        if current.is_none_or(|current| current >= wanted) || setrlimit(Resource::Nofile, raised).is_ok() {
            return;
        }
    }
}

/// The jobs that there are descriptors for.
pub(crate) fn fit(jobs: NonZeroUsize) -> NonZeroUsize {
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    current.map_or(jobs, |limit| affordable(limit, jobs))
}

/// How many connections may be kept for later, beside so many jobs.
pub(crate) fn kept(jobs: NonZeroUsize) -> usize {
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    let jobs = jobs.get() as u64;
    let left = current.map_or(KEPT, |limit| limit.saturating_sub(BASE + (EACH - 1) * jobs));
    usize::try_from(left.clamp(1, KEPT)).unwrap_or(1)
}

fn affordable(limit: u64, jobs: NonZeroUsize) -> NonZeroUsize {
    let affordable = usize::try_from(limit.saturating_sub(BASE) / EACH).unwrap_or(usize::MAX);
    jobs.min(NonZeroUsize::new(affordable).unwrap_or(NonZeroUsize::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_shrink_to_what_the_descriptors_allow() {
        for (limit, jobs, fitting) in [(1024, 64, 64), (32, 64, 4), (16, 64, 1), (0, 4, 1), (u64::MAX, 4, 4)] {
            assert_eq!(affordable(limit, NonZeroUsize::new(jobs).unwrap()).get(), fitting);
        }
    }
}
