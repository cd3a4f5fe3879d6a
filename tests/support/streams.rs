//! HTTP/2, frame by frame (RFC 9113): a library that serves it sends no frame that is wrong, nor one at a wrong time. It
//! reads no header fields, so answers are given in the order of the requests.

use std::collections::HashSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

/// What is sent for a request.
#[derive(Debug, Clone)]
pub enum Sent {
    /// The head of a 200 with these fields.
    Head(Vec<(&'static str, String)>),
    /// Bytes of the body.
    Data(Vec<u8>),
    /// Bytes of the body, the last ones.
    Last(Vec<u8>),
    /// `RST_STREAM` with this code.
    Reset(u32),
    /// `GOAWAY` with this code: no request of this connection was looked at.
    GoAway(u32),
    /// Nothing further over this connection, not even the answer to a `PING`, as if it were cut off somewhere on the way.
    Hush,
    /// Nothing further, before so many requests have come in all.
    Await(usize),
}

/// A server on a free port of the loopback, without TLS.
pub struct Streams {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

type Script = dyn Fn(usize) -> Vec<Sent> + Send + Sync;

struct Shared {
    script: Box<Script>,
    /// Requests that a connection takes at once, as the first frame says.
    limit: Option<u32>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: usize,
    connections: Vec<TcpStream>,
    is_closing: bool,
}

impl Streams {
    /// Answers the first request with `script(0)`, and so on.
    pub fn new(script: impl Fn(usize) -> Vec<Sent> + Send + Sync + 'static) -> Self {
        Self::start(None, script)
    }

    /// The same, with so many requests at once on a connection. More are refused, and do not count.
    pub fn taking(limit: u32, script: impl Fn(usize) -> Vec<Sent> + Send + Sync + 'static) -> Self {
        Self::start(Some(limit), script)
    }

    fn start(limit: Option<u32>, script: impl Fn(usize) -> Vec<Sent> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on the loopback");
        let address = listener.local_addr().expect("the address of a listener");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            limit,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Where it is.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Requests that came so far.
    pub fn requests(&self) -> usize {
        self.shared.lock().requests
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closing = true;
        for connection in &state.connections {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming().flatten() {
        let mut state = shared.lock();
        if state.is_closing {
            return;
        }
        state.connections.extend(connection.try_clone());
        drop(state);
        let shared = Arc::clone(shared);
        // An error is a peer that went away.
        thread::spawn(move || drop(talk(&shared, connection)));
    }
}

/// Bytes of a frame.
const LARGEST: usize = 16 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const REFUSED_STREAM: u32 = 7;

/// The way back of a connection.
struct Out {
    connection: Mutex<TcpStream>,
    /// Requests that came over it and have no end yet.
    open: Mutex<HashSet<u32>>,
    is_hushed: AtomicBool,
}

impl Out {
    fn open(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn is_full(&self, limit: Option<u32>) -> bool {
        limit.is_some_and(|limit| self.open().len() >= limit as usize)
    }
}

fn talk(shared: &Arc<Shared>, mut connection: TcpStream) -> io::Result<()> {
    let mut preface = [0; 24];
    connection.read_exact(&mut preface)?;
    let out = Arc::new(Out {
        connection: Mutex::new(connection.try_clone()?),
        open: Mutex::default(),
        is_hushed: AtomicBool::new(false),
    });
    let limit = shared.limit.map(u32::to_be_bytes);
    let settings = limit.map(|limit| [&MAX_CONCURRENT_STREAMS.to_be_bytes()[..], &limit].concat());
    send(&out, SETTINGS, 0, 0, &settings.unwrap_or_default())?;
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        connection.read_exact(&mut payload)?;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match kind {
            SETTINGS if flags & ACK == 0 => send(&out, SETTINGS, ACK, 0, &[])?,
            PING if flags & ACK == 0 => send(&out, PING, ACK, 0, &payload)?,
            RST_STREAM => drop(out.open().remove(&stream)),
            HEADERS if out.is_full(shared.limit) => send(&out, RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes())?,
            HEADERS => {
                out.open().insert(stream);
                let mut state = shared.lock();
                let number = state.requests;
                state.requests += 1;
                drop(state);
                shared.changed.notify_all();
                let (shared, out) = (Arc::clone(shared), Arc::clone(&out));
                thread::spawn(move || drop(answer(&shared, &out, stream, number)));
            }
            _ => {}
        }
    }
}

fn answer(shared: &Shared, out: &Out, stream: u32, number: usize) -> io::Result<()> {
    for sent in (shared.script)(number) {
        // Whoever sees the end may ask again at once.
        if matches!(sent, Sent::Last(_) | Sent::Reset(_)) {
            out.open().remove(&stream);
        }
        match sent {
            Sent::Head(fields) => send_head(out, stream, &header_block(&fields))?,
            Sent::Hush => out.is_hushed.store(true, Ordering::Relaxed),
            Sent::Data(bytes) => send_data(out, stream, &bytes, 0)?,
            Sent::Last(bytes) => send_data(out, stream, &bytes, END_STREAM)?,
            Sent::Reset(code) => send(out, RST_STREAM, 0, stream, &code.to_be_bytes())?,
            Sent::GoAway(code) => send(out, GOAWAY, 0, 0, &[[0; 4], code.to_be_bytes()].concat())?,
            Sent::Await(requests) => {
                let waits = |state: &mut State| state.requests < requests && !state.is_closing;
                drop(shared.changed.wait_while(shared.lock(), waits));
            }
        }
    }
    Ok(())
}

/// In frames of the size that every peer takes (section 4.2), with nothing between them.
fn send_head(out: &Out, stream: u32, block: &[u8]) -> io::Result<()> {
    let mut frames = Vec::new();
    let last = block.chunks(LARGEST).count() - 1;
    for (n, chunk) in block.chunks(LARGEST).enumerate() {
        let kind = if n == 0 { HEADERS } else { CONTINUATION };
        frames.extend(frame(kind, if n == last { END_HEADERS } else { 0 }, stream, chunk));
    }
    write(out, &frames)
}

/// In frames of that size. The windows of haul are larger than what tests send.
fn send_data(out: &Out, stream: u32, bytes: &[u8], flags: u8) -> io::Result<()> {
    let frames = bytes.chunks(LARGEST).count().max(1);
    let chunks = bytes.chunks(LARGEST).chain(bytes.is_empty().then_some(&[][..]));
    for (n, chunk) in chunks.enumerate() {
        send(out, DATA, if n + 1 == frames { flags } else { 0 }, stream, chunk)?;
    }
    Ok(())
}

fn send(out: &Out, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
    write(out, &frame(kind, flags, stream, payload))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("the length of a frame")
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn write(out: &Out, frames: &[u8]) -> io::Result<()> {
    if out.is_hushed.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut connection = out.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    connection.write_all(frames)
}

/// `:status: 200` from the static table, and literals that are in no table (RFC 7541 sections 6.1 and 6.2.2).
fn header_block(fields: &[(&str, String)]) -> Vec<u8> {
    let mut block = vec![0x88];
    for (name, value) in fields {
        block.push(0);
        for text in [name, value.as_str()] {
            block.push(
                u8::try_from(text.len())
                    .ok()
                    .filter(|&n| n < 127)
                    .expect("a short field"),
            );
            block.extend(text.as_bytes());
        }
    }
    block
}
