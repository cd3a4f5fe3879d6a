//! An origin server made of bare sockets and threads, which can misbehave in a sentence:
//!
//! ```text
//! let origin = Origin::new();
//! let url = origin.file("/a", &body).etag("v1").then(CutAfter(40_000)).then(Status(503).retry_after("1")).url();
//! ```
//!
//! The first request for a path gets the first `then`, the second the next; when they are used up, the file is
//! served as a good server would. A server built on an HTTP library cannot send a bad answer; this one can send any.
//! Every request is written down. A test that fails prints the log.

mod answer;
mod connection;
mod gate;
mod resource;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::DEADLINE;
pub use answer::Answer;
pub use gate::Gate;
use resource::File;
pub use resource::Resource;

/// A server on a free port of the loopback. It ends when it is dropped.
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method: `GET`, `HEAD`.
    pub method: String,
    /// The request target (RFC 9112 section 3.2), as it was sent.
    pub target: String,
    /// The header fields in their order, names as they were sent.
    pub fields: Vec<(String, String)>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// When its header section was complete.
    pub at: Instant,
    answer: String,
    opened: u64,
    closed: u64,
}

impl Request {
    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The target without scheme, authority and query.
    pub fn path(&self) -> &str {
        let target = match self.target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| &rest[slash..]),
            None => &self.target,
        };
        target.split('?').next().unwrap_or(target)
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    files: HashMap<String, File>,
    elsewhere: File,
    hangs_up_on_reuse: bool,
    log: Vec<Request>,
    connections: usize,
    sockets: HashMap<usize, TcpStream>,
    closing: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ticks with every request that opens or closes, at whichever origin.
static CLOCK: AtomicU64 = AtomicU64::new(0);

fn tick() -> u64 {
    CLOCK.fetch_add(1, Ordering::SeqCst)
}

impl State {
    fn edit(&mut self, path: Option<&str>, change: impl FnOnce(&mut File)) {
        let file = path.and_then(|path| self.files.get_mut(path));
        change(file.unwrap_or(&mut self.elsewhere));
    }

    fn file(&mut self, request: &Request) -> &mut File {
        let with_query = self.files.contains_key(&request.target);
        let key = if with_query { &*request.target } else { request.path() };
        self.files.get_mut(key).unwrap_or(&mut self.elsewhere)
    }
}

impl Origin {
    /// Begins to listen. Every path is `404 Not Found` until it is given a file.
    pub fn new() -> Self {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on the loopback"))
    }

    /// The same, where somebody listens already.
    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("the address of a listener");
        let shared = Arc::<Shared>::default();
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || connection::accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// A file at this path (which may hold a query). The rest of the sentence says how it is served.
    pub fn file(&self, path: &str, body: impl AsRef<[u8]>) -> Resource<'_> {
        assert!(path.starts_with('/'), "{path:?} is no path");
        let file = File::new(body.as_ref());
        self.shared.lock().files.insert(path.to_owned(), file);
        Resource::new(self, Some(path))
    }

    /// A file at every path that has none of its own.
    pub fn file_elsewhere(&self, body: impl AsRef<[u8]>) -> Resource<'_> {
        self.shared.lock().elsewhere = File::new(body.as_ref());
        Resource::new(self, None)
    }

    /// From now on a second request on a connection is never answered: the connection is closed instead.
    pub fn hang_up_on_reuse(&self) {
        self.shared.lock().hangs_up_on_reuse = true;
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port, as in a URL.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// A list of these paths, a line each.
    pub fn list<P: AsRef<str>>(&self, paths: impl IntoIterator<Item = P>) -> String {
        let lines = paths.into_iter().map(|path| self.url(path.as_ref()) + "\n");
        lines.collect()
    }

    /// All requests so far, in the order they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// The requests for this path so far.
    pub fn requests_for(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|r| r.path() == path || r.target == path);
        requests
    }

    /// The paths that were asked for, in the order they were.
    pub fn paths(&self) -> Vec<String> {
        let requests = self.requests();
        requests.iter().map(|r| r.path().to_owned()).collect()
    }

    /// Connections that were opened so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// The most requests that were open at one time. A request closes with the last byte of its answer, so a
    /// client that sends the next one after that byte never has two open.
    pub fn most_at_once(&self) -> usize {
        Self::most_at_once_of(&[self])
    }

    /// The same, of several origins together.
    pub fn most_at_once_of(origins: &[&Self]) -> usize {
        let log: Vec<_> = origins.iter().flat_map(|origin| origin.requests()).collect();
        let opened = log.iter().map(|r| (r.opened, 1));
        let closed = log.iter().map(|r| (r.closed, -1));
        let mut changes: Vec<(u64, isize)> = opened.chain(closed).collect();
        changes.sort_unstable();
        let levels = changes.iter().scan(0, |open, (_, by)| {
            *open += by;
            Some(*open)
        });
        levels.max().unwrap_or(0).unsigned_abs()
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        self.wait_until(&format!("{count} requests"), |log| log.len() >= count);
    }

    /// Waits until this path has been asked for.
    #[track_caller]
    pub fn wait_for(&self, path: &str) {
        self.wait_until(path, |log| log.iter().any(|r| r.path() == path));
    }

    #[track_caller]
    fn wait_until(&self, what: &str, come: impl Fn(&[Request]) -> bool) {
        let state = self.shared.lock();
        let wait = self
            .shared
            .changed
            .wait_timeout_while(state, DEADLINE, |state| !come(&state.log));
        let (_state, result) = wait.unwrap_or_else(PoisonError::into_inner);
        assert!(!result.timed_out(), "waited for {what} in vain");
    }

    fn log(&self) -> String {
        let state = self.shared.lock();
        let begin = state.log.first().map(|r| r.at);
        let mut text = format!("--- requests to {} ---\n", self.address);
        for r in state.log.iter().take(100) {
            let time = begin.map_or(Duration::ZERO, |b| r.at - b);
            let _ = writeln!(
                text,
                "{time:8.3?} connection {}  {} {}",
                r.connection, r.method, r.target
            );
            let _ = writeln!(text, "         {}  {:?}", r.answer, r.fields);
        }
        text
    }

    fn close(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        for socket in state.sockets.values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(state);
        // The acceptor sleeps in `accept`; one more connection wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if thread::panicking() {
            super::tell(&self.log());
        }
        self.close();
    }
}
