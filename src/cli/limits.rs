//! File descriptors: as many as the jobs need, or fewer jobs.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a run needs beside its jobs: standard streams, the runtime's own, the list, the folder.
const BASE: u64 = 14;
/// What a job needs: a connection and a file.
const EACH: u64 = 2;

/// Raises the soft limit for this many jobs. Where that is not enough: the jobs that it is enough for.
pub(crate) fn fit(jobs: NonZeroUsize) -> NonZeroUsize {
    let needed = BASE + EACH * jobs.get() as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return jobs;
    }
    let wanted = maximum.map_or(needed.max(4096), |maximum| maximum.min(needed.max(4096)));
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            maximum,
        },
    );
    let limit = if raised.is_ok() { Some(wanted) } else { current };
    limit.map_or(jobs, |limit| affordable(limit, jobs))
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
        for (limit, jobs, fitting) in [(1024, 64, 64), (32, 64, 9), (16, 64, 1), (0, 4, 1), (u64::MAX, 4, 4)] {
            assert_eq!(affordable(limit, NonZeroUsize::new(jobs).unwrap()).get(), fitting);
        }
    }
}
