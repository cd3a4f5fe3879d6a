//! A thread for each connection: reads requests one after the other and does what their answers say.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{End, Step};
use super::gate::{Woken, wait};
use super::{Request, Shared, tick};

/// Between two bytes of an endless header section.
const DRIP: Duration = Duration::from_millis(20);

/// Takes connections until the origin closes, then waits for their threads to end.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut state = shared.lock();
        if state.closing {
            break;
        }
        let Ok(handle) = stream.try_clone() else { continue };
        let number = state.connections;
        state.connections += 1;
        state.sockets.insert(number, handle);
        drop(state);
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || talk(&shared, stream, number)));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn talk(shared: &Shared, mut stream: TcpStream, number: usize) {
    let _ = stream.set_nodelay(true);
    // An error is a peer that went away, which is its right.
    let end = answer_all(shared, &mut stream, number).unwrap_or(End::Close);
    shared.lock().sockets.remove(&number);
    match end {
        End::Reset => drop(rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))),
        End::Keep | End::Close => drop(stream.shutdown(Shutdown::Both)),
    }
}

fn answer_all(shared: &Shared, stream: &mut TcpStream, number: usize) -> io::Result<End> {
    let mut buffer = Vec::new();
    let mut is_reused = false;
    while let Some(head) = read_head(stream, &mut buffer)? {
        let Some(request) = Request::parse(&head, number) else {
            return Ok(End::Close);
        };
        let closes = request
            .field("Connection")
            .is_some_and(|v| v.eq_ignore_ascii_case("close"));
        let (index, steps, end) = shared.take(request, is_reused);
        let lasting = perform(shared, stream, index, steps);
        shared.finish(index);
        lasting?;
        if end != End::Keep || closes {
            return Ok(end);
        }
        is_reused = true;
    }
    Ok(End::Close)
}

/// The bytes up to the empty line, or nothing when the peer has no more requests.
fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            return Ok(Some(buffer.drain(..end + 4).collect()));
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            n => buffer.extend_from_slice(&chunk[..n]),
        }
    }
}

impl Request {
    fn parse(head: &[u8], connection: usize) -> Option<Self> {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let fields = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            fields: fields.map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect(),
            connection,
            at: Instant::now(),
            answer: String::new(),
            opened: 0,
            closed: u64::MAX,
        })
    }
}

impl Request {
    /// As it looks to a server that does not know ranges and conditions.
    pub(super) fn without_conditions(&self) -> Self {
        let mut request = self.clone();
        let is_condition =
            |name: &str| name.eq_ignore_ascii_case("Range") || name.to_ascii_lowercase().starts_with("if-");
        request.fields.retain(|(name, _)| !is_condition(name));
        request
    }
}

impl Shared {
    /// Writes the request down and finds its answer.
    fn take(&self, mut request: Request, is_reused: bool) -> (usize, Vec<Step>, End) {
        let mut state = self.lock();
        request.opened = tick();
        let hangs_up = is_reused && state.hangs_up_on_reuse;
        let file = state.file(&request);
        let answer = if hangs_up {
            super::Answer::HangUp
        } else {
            file.next_answer()
        };
        if let super::Answer::Becomes(body, fields, _) = &answer {
            file.become_another(body, fields);
        }
        let (steps, end) = answer.script(file, &request).steps();
        request.answer = format!("{answer:.80?}");
        state.log.push(request);
        self.changed.notify_all();
        (state.log.len() - 1, steps, end)
    }

    fn finish(&self, index: usize) {
        let mut state = self.lock();
        let now = tick();
        let request = &mut state.log[index];
        request.closed = request.closed.min(now);
    }
}

fn perform(shared: &Shared, stream: &mut TcpStream, index: usize, steps: Vec<Step>) -> io::Result<()> {
    let last = steps
        .iter()
        .rposition(|step| !matches!(step, Step::Send(bytes) if bytes.is_empty()));
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Step::Send(bytes) if Some(i) == last => send_last(shared, stream, index, &bytes)?,
            Step::Send(bytes) => stream.write_all(&bytes)?,
            Step::Hold(gate) => go_on(wait(stream, gate.as_ref(), None)?)?,
            Step::Pause(time) => go_on(wait(stream, None, Some(time))?)?,
            Step::Drip(byte) => drip(stream, byte)?,
            Step::Flood(bytes) => loop {
                stream.write_all(&bytes)?;
            },
        }
    }
    Ok(())
}

fn go_on(woken: Woken) -> io::Result<()> {
    match woken {
        Woken::Opened | Woken::TimeIsUp => Ok(()),
        Woken::PeerGone => Err(ErrorKind::ConnectionAborted.into()),
    }
}

/// The peer may ask for the next thing as soon as it has the last byte, so the request is closed just before it.
fn send_last(shared: &Shared, stream: &mut TcpStream, index: usize, bytes: &[u8]) -> io::Result<()> {
    let (rest, last) = bytes.split_at(bytes.len().saturating_sub(1));
    stream.write_all(rest)?;
    shared.finish(index);
    stream.write_all(last)
}

fn drip(stream: &mut TcpStream, byte: u8) -> io::Result<()> {
    while wait(stream, None, Some(DRIP))? == Woken::TimeIsUp {
        stream.write_all(&[byte])?;
    }
    Ok(())
}
