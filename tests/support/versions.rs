//! An origin whose files change while they are fetched. Every block of 16 bytes says which file, which version and
//! which place it is of, so that a mix of any two of them is seen.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// Bytes of a block: file, version, offset.
const BLOCK: usize = 16;
/// Blocks sent at a time.
const PIECE: u64 = 64 * 1024;

/// How a file is served, and what proves that it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A length and a strong entity tag.
    Strong,
    /// A length and a weak entity tag.
    Weak,
    /// A length, nothing else.
    Bare,
    /// A length and an old date.
    Dated,
    /// Chunks and a strong entity tag.
    Chunked,
    /// Chunks, nothing else.
    ChunkedBare,
    /// A strong entity tag, of a file that changes between requests, and during them: then the body is cut.
    Changing,
}

/// A small generator: the same numbers for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Seeded.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }
}

#[derive(Debug, Clone)]
struct File {
    id: u32,
    size: u64,
    kind: Kind,
    version: u32,
    /// Answers whose last byte was sent, from the first byte on.
    whole: usize,
    /// Body bytes sent.
    sent: u64,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    random: Random,
    sent: u64,
    requests: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// The origin. It serves until the test program ends.
pub struct Versions {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// When something is to be done to the client.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// So many more body bytes were sent.
    Bytes(u64),
    /// So many more requests came.
    Requests(u64),
    /// So much time went by.
    Time(Duration),
}

impl Versions {
    /// Without files, on a free port.
    pub fn new(seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on the loopback");
        let address = listener.local_addr().expect("the address of a listener");
        let state = State {
            files: BTreeMap::new(),
            random: Random::new(seed),
            sent: 0,
            requests: 0,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // An error is a client that was killed.
                thread::spawn(move || drop(talk(&shared, stream)));
            }
        });
        Self { address, shared }
    }

    /// One more file.
    pub fn file(&self, name: &str, size: u64, kind: Kind) {
        let mut state = self.shared.lock();
        let id = u32::try_from(state.files.len()).expect("a few files");
        let file = File {
            id,
            size,
            kind,
            version: 1,
            whole: 0,
            sent: 0,
        };
        state.files.insert(name.to_owned(), file);
    }

    /// A line for each file.
    pub fn list(&self) -> String {
        let state = self.shared.lock();
        let lines = state
            .files
            .keys()
            .map(|name| format!("http://{}/{name}\n", self.address));
        lines.collect()
    }

    /// The names of all files.
    pub fn names(&self) -> Vec<String> {
        self.shared.lock().files.keys().cloned().collect()
    }

    /// Bytes of all files as they are now.
    pub fn size(&self) -> u64 {
        self.shared.lock().files.values().map(File::size).sum()
    }

    /// Body bytes sent so far.
    pub fn sent(&self) -> u64 {
        self.shared.lock().sent
    }

    /// How often each file was sent whole in one answer, and its bytes sent.
    pub fn fetched(&self) -> Vec<(String, usize, u64)> {
        let state = self.shared.lock();
        let files = state.files.iter();
        files
            .map(|(name, file)| (name.clone(), file.whole, file.sent))
            .collect()
    }

    /// Forgets what was fetched.
    pub fn forget(&self) {
        for file in self.shared.lock().files.values_mut() {
            (file.whole, file.sent) = (0, 0);
        }
    }

    /// Waits for the moment, or until `is_over`.
    pub fn wait_for(&self, moment: Moment, mut is_over: impl FnMut() -> bool) {
        /// A process calls nobody when it ends, so this looks again and again.
        const LOOK: Duration = Duration::from_millis(2);
        let begun = std::time::Instant::now();
        let mut state = self.shared.lock();
        let (sent, requests) = (state.sent, state.requests);
        while !is_over() {
            let has_come = match moment {
                Moment::Bytes(bytes) => state.sent >= sent + bytes,
                Moment::Requests(count) => state.requests >= requests + count,
                Moment::Time(time) => begun.elapsed() >= time,
            };
            if has_come {
                return;
            }
            let waited = self.shared.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Which version of the file this is, if it is one, whole, and no other's.
    pub fn version_of(&self, name: &str, content: &[u8]) -> Result<u32, String> {
        let file = self.shared.lock().files.get(name).cloned().ok_or("no such file")?;
        let first = content.get(4..8).ok_or("no block")?;
        let version = u32::from_le_bytes(first.try_into().expect("four bytes"));
        let of = File { version, ..file };
        if content.len() as u64 != of.size() {
            return Err(format!("version {version}: {} of {} bytes", content.len(), of.size()));
        }
        let blocks = (0..).step_by(BLOCK).zip(content.chunks(BLOCK));
        for (at, block) in blocks {
            if !of.block(at).starts_with(block) {
                return Err(format!("version {version}: at {at} there is {block:x?}"));
            }
        }
        Ok(version)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, name: &str, bytes: u64) {
        let mut state = self.lock();
        state.sent += bytes;
        if let Some(file) = state.files.get_mut(name) {
            file.sent += bytes;
        }
        self.changed.notify_all();
    }
}

impl File {
    /// Every other version has another size.
    fn size(&self) -> u64 {
        let is_odd = self.kind == Kind::Changing && self.version % 2 == 1;
        self.size + if is_odd { 40 } else { 0 }
    }

    fn block(&self, at: u64) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..4].copy_from_slice(&self.id.to_le_bytes());
        block[4..8].copy_from_slice(&self.version.to_le_bytes());
        block[8..].copy_from_slice(&at.to_le_bytes());
        block
    }

    fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let before = range.start % BLOCK as u64;
        let blocks = (range.start - before..range.end).step_by(BLOCK);
        let bytes = blocks
            .flat_map(|at| self.block(at))
            .skip(usize::try_from(before).expect("a small number"));
        bytes
            .take(usize::try_from(range.end - range.start).expect("a small number"))
            .collect()
    }

    fn validator(&self) -> Option<(&'static str, String)> {
        let tag = format!("\"{}-{}\"", self.id, self.version);
        match self.kind {
            Kind::Bare | Kind::ChunkedBare => None,
            Kind::Weak => Some(("ETag", format!("W/{tag}"))),
            Kind::Dated => {
                let day = Duration::from_secs(86_400 * (10_000 + u64::from(self.version)));
                Some(("Last-Modified", httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + day)))
            }
            Kind::Strong | Kind::Chunked | Kind::Changing => Some(("ETag", tag)),
        }
    }

    fn is_chunked(&self) -> bool {
        matches!(self.kind, Kind::Chunked | Kind::ChunkedBare)
    }

    /// The first byte that is asked for, if the condition holds (RFC 9110 section 13.1.5).
    fn asked_from(&self, head: &Head) -> Option<u64> {
        let from = head
            .field("range")?
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()?;
        let own = self.validator().map(|(_, value)| value);
        let holds = |theirs: &str| !theirs.starts_with("W/") && own.as_deref() == Some(theirs);
        head.field("if-range").is_none_or(holds).then_some(from)
    }
}

struct Head(String);

impl Head {
    fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = buffer.drain(..end + 4).collect::<Vec<_>>();
                return Ok(Some(Self(String::from_utf8_lossy(&head).into_owned())));
            }
            match stream.read(&mut chunk)? {
                0 => return Ok(None),
                n => buffer.extend_from_slice(&chunk[..n]),
            }
        }
    }

    fn word(&self, at: usize) -> &str {
        self.0.split(' ').nth(at).unwrap_or_default()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.split("\r\n").filter_map(|line| line.split_once(':'));
        Some(fields.find(|(n, _)| n.eq_ignore_ascii_case(name))?.1.trim())
    }
}

fn talk(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    // What is sent has nearly been read.
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&stream, 64 * 1024);
    let mut buffer = Vec::new();
    while let Some(head) = Head::read(&mut stream, &mut buffer)? {
        answer(shared, &mut stream, &head)?;
    }
    Ok(())
}

fn answer(shared: &Shared, stream: &mut TcpStream, head: &Head) -> io::Result<()> {
    let name = head.word(1).trim_start_matches('/').to_owned();
    let Some((file, cut)) = take(shared, &name) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let size = file.size();
    let start = file.asked_from(head);
    stream.write_all(answer_head(&file, start).as_bytes())?;
    let start = start.unwrap_or(0);
    if head.word(0) == "HEAD" || start >= size {
        return Ok(());
    }
    send(shared, stream, &name, &file, start..cut.unwrap_or(size).max(start))?;
    if start == 0 && cut.is_none() {
        shared.lock().files.entry(name).and_modify(|file| file.whole += 1);
    }
    match cut {
        Some(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        None => Ok(()),
    }
}

fn answer_head(file: &File, from: Option<u64>) -> String {
    let size = file.size();
    let is_beyond = from.is_some_and(|from| from >= size);
    let status = match from {
        None => "200 OK".to_owned(),
        Some(_) if is_beyond => format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{size}"),
        Some(from) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{size}", size - 1),
    };
    let validator = file.validator().map(|(name, value)| format!("{name}: {value}\r\n"));
    let framing = if file.is_chunked() && !is_beyond {
        "Transfer-Encoding: chunked".to_owned()
    } else {
        format!("Content-Length: {}", size.saturating_sub(from.unwrap_or(0)))
    };
    let date = httpdate::fmt_http_date(SystemTime::now());
    let validator = validator.unwrap_or_default();
    format!("HTTP/1.1 {status}\r\nDate: {date}\r\n{validator}{framing}\r\n\r\n")
}

/// The file as it is for this request, and where its body is cut because it changes meanwhile.
fn take(shared: &Shared, name: &str) -> Option<(File, Option<u64>)> {
    let mut state = shared.lock();
    state.requests += 1;
    shared.changed.notify_all();
    let State { files, random, .. } = &mut *state;
    let file = files.get_mut(name)?;
    if file.kind != Kind::Changing {
        return Some((file.clone(), None));
    }
    if random.below(3) == 0 {
        file.version += 1;
    }
    let now = file.clone();
    let is_cut = random.below(3) == 0;
    if is_cut {
        file.version += u32::try_from(random.below(2)).expect("zero or one");
    }
    Some((now.clone(), is_cut.then(|| random.below(now.size()))))
}

fn send(shared: &Shared, stream: &mut TcpStream, name: &str, file: &File, range: Range<u64>) -> io::Result<()> {
    let mut at = range.start;
    while at < range.end {
        let end = range.end.min(at + PIECE);
        let mut piece = file.bytes(at..end);
        if file.is_chunked() {
            piece = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
        }
        stream.write_all(&piece)?;
        shared.note(name, end - at);
        at = end;
    }
    if file.is_chunked() {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(())
}
