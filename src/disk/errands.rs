//! Short file operations, many in one blocking hop.
//!
//! A hop to a blocking thread and back costs more than the few system calls that a small file needs. So errands gather
//! while a hop is under way, and the next one takes all of them along. Nobody waits for a slow one: when a hop takes
//! long, those that came meanwhile get a hop of their own.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle, spawn_blocking, yield_now};
use tokio::time::Instant;

use crate::lock::lock;

/// How long errands wait for the hop before theirs, at least.
const PATIENCE: Duration = Duration::from_millis(20);
/// Errands of one hop, at most.
const MOST: usize = 64;

/// The errands of one folder.
#[derive(Debug, Default)]
pub(super) struct Errands {
    queue: Mutex<Queue>,
    /// A hop has come back, or is not to be waited for any longer.
    free: Notify,
}

/// Errands that go together.
type Load = Vec<Box<dyn Run>>;

#[derive(Default)]
struct Queue {
    waiting: Load,
    /// Somebody will come for those that wait.
    is_fetched: bool,
    /// Hops that have not come back.
    under_way: usize,
    /// When the last of them began.
    began: Option<Instant>,
    /// Somebody looks at the clock from time to time. A timer for each hop would cost more than the hop: the earliest
    /// timer of all wakes the runtime when it is set.
    is_watched: bool,
}

impl Errands {
    /// Has it done on a blocking thread, soon, and comes back with what came of it. A panic in it goes on here. For what
    /// takes a few system calls; what reads or writes a whole file is to have a hop of its own.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (sender, result) = oneshot::channel();
        let errand = Errand {
            work: Some(work),
            result: None,
            sender,
        };
        if self.add(Box::new(errand)) {
            // A task of its own, so that no errand is lost with whoever happened to be the first.
            tokio::spawn(Arc::clone(self).carry());
            if !std::mem::replace(&mut lock(&self.queue).is_watched, true) {
                tokio::spawn(Arc::clone(self).watch());
            }
        }
        match result.await {
            Ok(Ok(done)) => done,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Err(io::Error::other(
                "no thread can be started, or the runtime is shutting down",
            )),
        }
    }

    /// Is somebody to be sent for it?
    fn add(&self, errand: Box<dyn Run>) -> bool {
        let mut queue = lock(&self.queue);
        queue.waiting.push(errand);
        !std::mem::replace(&mut queue.is_fetched, true)
    }

    /// Takes errands along, hop by hop, until none is left.
    async fn carry(self: Arc<Self>) {
        loop {
            self.gathering().await;
            self.earlier_ones().await;
            let (load, is_all) = self.load();
            let load = Arc::new(Mutex::new(load));
            let work = Arc::clone(&load);
            let go = || spawn_blocking(move || lock(&work).iter_mut().for_each(|errand| errand.run()));
            // Where there is no thread and cannot be one, tokio panics, and keeps the work for when there can.
            let hop = catch_unwind(AssertUnwindSafe(go)).ok();
            if is_all {
                return self.bring_back(hop, load).await;
            }
            tokio::spawn(Arc::clone(&self).bring_back(hop, load));
        }
    }

    /// Without a hop, nothing of it is done, and those who wait for it hear that.
    async fn bring_back(self: Arc<Self>, hop: Option<JoinHandle<()>>, load: Arc<Mutex<Load>>) {
        if let Some(hop) = hop {
            let _ = hop.await;
        }
        lock(&self.queue).under_way -= 1;
        self.free.notify_one();
        let load = std::mem::take(&mut *lock(&load));
        load.into_iter().for_each(Run::deliver);
    }

    /// Waits as long as others join: each round lets everybody who is ready go on, and reads what the network has.
    async fn gathering(&self) {
        let mut before = 0;
        loop {
            yield_now().await;
            let now = lock(&self.queue).waiting.len();
            if now == before || now >= MOST {
                return;
            }
            before = now;
        }
    }

    /// Waits for the hops that are under way, but not for long.
    async fn earlier_ones(&self) {
        while !lock(&self.queue).may_go() {
            self.free.notified().await;
        }
    }

    /// Sees to it that nobody waits for a slow hop, as long as there are errands.
    async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PATIENCE).await;
            let mut queue = lock(&self.queue);
            if queue.under_way == 0 && queue.waiting.is_empty() {
                queue.is_watched = false;
                return;
            }
            if queue.may_go() {
                self.free.notify_one();
            }
        }
    }

    /// As much as one hop takes, and whether that is all.
    fn load(&self) -> (Load, bool) {
        let mut queue = lock(&self.queue);
        queue.under_way += 1;
        queue.began = Some(Instant::now());
        let rest = queue.waiting.len().min(MOST);
        let rest = queue.waiting.split_off(rest);
        let load = std::mem::replace(&mut queue.waiting, rest);
        queue.is_fetched = !queue.waiting.is_empty();
        (load, !queue.is_fetched)
    }
}

impl Queue {
    /// May a hop begin?
    fn may_go(&self) -> bool {
        self.under_way == 0 || self.began.is_none_or(|began| began.elapsed() >= PATIENCE)
    }
}

/// Something to do on a blocking thread, whatever comes of it.
trait Run: Send {
    fn run(&mut self);
    /// Hands over what came of it. Called where the one who waits is, so that it is woken without a system call.
    fn deliver(self: Box<Self>);
}

struct Errand<W, T> {
    work: Option<W>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
    sender: oneshot::Sender<Result<T, Box<dyn Any + Send>>>,
}

impl<W: FnOnce() -> T + Send, T: Send> Run for Errand<W, T> {
    fn run(&mut self) {
        self.result = self.work.take().map(|work| catch_unwind(AssertUnwindSafe(work)));
    }

    fn deliver(self: Box<Self>) {
        let Self { result, sender, .. } = *self;
        // Who does not wait any more needs no answer.
        drop(result.map(|result| sender.send(result)));
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, under_way, .. } = self;
        write!(f, "Queue({} waiting, {under_way} under way)", waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn those_that_come_during_a_hop_go_together() {
        let errands = Arc::new(Errands::default());
        let (go, wait) = mpsc::channel::<()>();
        let slow = tokio::spawn({
            let errands = Arc::clone(&errands);
            async move { errands.run(move || Ok(wait.recv().is_ok())).await }
        });
        while lock(&errands.queue).under_way == 0 {
            tokio::task::yield_now().await;
        }
        let all: Vec<_> = (0..MOST)
            .map(|n| {
                let errands = Arc::clone(&errands);
                tokio::spawn(async move { errands.run(move || Ok((n, thread::current().id()))).await.unwrap() })
            })
            .collect();
        let done: Vec<_> = futures::future::join_all(all)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let threads: HashSet<_> = done.iter().map(|(_, thread)| thread).collect();
        assert_eq!(
            done.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            (0..MOST).collect::<Vec<_>>()
        );
        assert_eq!(
            threads.len(),
            1,
            "one hop for all, although the one before has not come back"
        );
        go.send(()).unwrap();
        assert!(slow.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn a_panic_comes_back_to_its_own_and_no_other() {
        let errands = Arc::new(Errands::default());
        let with = |work: fn() -> io::Result<u32>| {
            let errands = Arc::clone(&errands);
            tokio::spawn(async move { errands.run(work).await })
        };
        let (bad, good) = (with(|| panic!("on purpose")), with(|| Ok(7)));
        assert!(bad.await.unwrap_err().is_panic());
        assert_eq!(good.await.unwrap().unwrap(), 7);
    }
}
