//! The ways to answer a request, one of them good.

use std::time::{Duration, SystemTime};

use super::resource::{Field, File, Message};
use super::{Gate, Request};

/// Between two pieces of a body that trickles.
const PIECE: Duration = Duration::from_millis(100);

/// How one request is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// As a good server would: conditions, ranges, a length, the connection kept.
    Well,
    /// This status.
    Status(u16),
    /// The whole length announced, so many bytes of it sent, then the end (FIN).
    CutAfter(usize),
    /// The same, but the connection is reset (RST).
    ResetAfter(usize),
    /// In chunks (RFC 9112 section 7.1), to the end.
    Chunked,
    /// In chunks, of which so many bytes are sent, then the end without the last chunk.
    CutChunked(usize),
    /// Without a length: the body ends when the connection does.
    UntilClose,
    /// Well, with a connection that is promised to be kept and closed at once.
    ThenClose,
    /// The request is read and the connection closed, without a byte.
    HangUp,
    /// Not a byte for as long as the peer stays.
    Silent,
    /// So many bytes of the body, then none for as long as the peer stays.
    SilentAfter(usize),
    /// In so many pieces with a tenth of a second between them: slow, but never silent for long.
    Trickle(usize),
    /// A header section that never ends, byte by byte.
    EndlessHead,
    /// A 206 whose Content-Range begins at this byte, whatever was asked for.
    PartFrom(usize),
    /// Of the range that was asked for, a 206 with so many bytes.
    ShortPart(usize),
    /// The same, in chunks; behind them, as many of something else.
    LongPart(usize),
    /// These bytes, HTTP or not, then the end.
    Raw(Vec<u8>),
    /// Nothing until the gate opens, then the other answer.
    Held(Gate, Box<Answer>),
    /// So many bytes of a good body, the rest when the gate opens.
    HeldAfter(usize, Gate),
    /// The other answer, with one more header field.
    With(Box<Answer>, String, String),
    /// This status, these header fields and this body, with its length, whatever was asked for.
    Says(u16, Vec<(String, String)>, Vec<u8>),
    /// The other answer, as of a server that does not know ranges and conditions.
    Deaf(Box<Answer>),
    /// From this request on the file is this one with these header fields; then the other answer.
    Becomes(Vec<u8>, Vec<(String, String)>, Box<Answer>),
    /// These bytes, HTTP or not; then the connection is kept.
    RawKept(Vec<u8>),
    /// The first bytes, and then the second ones again and again, as fast as they are taken.
    Flood(Vec<u8>, Vec<u8>),
}

impl Answer {
    /// To there, with a 302.
    pub fn to(location: &str) -> Self {
        Self::Status(302).field("Location", location)
    }

    /// With this field.
    pub fn field(self, name: &str, value: &str) -> Self {
        Self::With(Box::new(self), name.to_owned(), value.to_owned())
    }

    /// With `Retry-After` (RFC 9110 section 10.2.3), in either form.
    pub fn retry_after(self, value: &str) -> Self {
        self.field("Retry-After", value)
    }

    /// With a `Retry-After` that is the date of so long from now, cut to a second as all HTTP dates are.
    pub fn retry_after_date(self, wait: Duration) -> Self {
        self.retry_after(&httpdate::fmt_http_date(SystemTime::now() + wait))
    }

    /// As of a server that does not know ranges and conditions.
    pub fn deaf(self) -> Self {
        Self::Deaf(Box::new(self))
    }

    /// A 206 with this `Content-Range`.
    pub fn part(content_range: &str, body: impl AsRef<[u8]>) -> Self {
        Self::Says(206, Vec::new(), body.as_ref().to_owned()).field("Content-Range", content_range)
    }

    /// The file has become this one, with this strong validator.
    pub fn becomes(body: impl AsRef<[u8]>, etag: &str, then: Self) -> Self {
        let etag = ("ETag".to_owned(), format!("\"{etag}\""));
        Self::Becomes(body.as_ref().to_owned(), vec![etag], Box::new(then))
    }

    /// Not before the gate opens.
    pub fn held_by(self, gate: &Gate) -> Self {
        Self::Held(gate.clone(), Box::new(self))
    }

    /// What a connection has to do for it.
    pub(super) fn script(&self, file: &File, request: &Request) -> Script {
        let good = || file.answer(request);
        let script = match self {
            Self::Well => Script::by_length(good()),
            Self::Status(code) => Script::by_length(Message::bare(*code)),
            Self::CutAfter(n) => Script::by_length(good()).cut_at(*n).end(End::Close),
            Self::ResetAfter(n) => Script::by_length(good()).cut_at(*n).end(End::Reset),
            Self::Chunked => Script::by_chunks(good(), true),
            Self::CutChunked(n) => Script::by_chunks(cut(good(), *n), false).end(End::Close),
            Self::UntilClose => Script::by_close(good()),
            Self::ThenClose => Script::by_length(good()).end(End::Close),
            Self::HangUp => Script::raw(b"").end(End::Close),
            Self::Silent => Script::raw(b"").then(Step::Hold(None)),
            Self::SilentAfter(n) => Script::by_length(good()).cut_at(*n).then(Step::Hold(None)),
            Self::Trickle(pieces) => Script::by_length(good()).in_pieces(*pieces),
            Self::EndlessHead => Script::raw(b"HTTP/1.1 200 OK\r\nSlow: ").then(Step::Drip(b'x')),
            Self::PartFrom(first) => Script::by_length(file.part(*first..file.size())),
            Self::ShortPart(n) => Script::by_length(short_part(file, request, *n)),
            Self::LongPart(n) => Script::by_chunks(long_part(file, request, *n), true),
            Self::Raw(bytes) => Script::raw(bytes).end(End::Close),
            Self::Held(gate, answer) => answer.script(file, request).held(gate),
            Self::HeldAfter(n, gate) => Script::by_length(good()).hold_at(*n, gate),
            Self::With(answer, name, value) => answer.script(file, request).with((name.clone(), value.clone())),
            Self::Says(status, fields, body) => Script::by_length(Message {
                status: *status,
                fields: fields.clone(),
                body: body.clone(),
            }),
            Self::Deaf(answer) => answer.script(file, &request.without_conditions()),
            Self::Becomes(_, _, answer) => answer.script(file, request),
            Self::RawKept(bytes) => Script::raw(bytes).end(End::Keep),
            Self::Flood(first, again) => Script::raw(first).then(Step::Flood(again.clone())),
        };
        if request.method == "HEAD" {
            script.without_body()
        } else {
            script
        }
    }
}

/// What happens to the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Keep,
    Close,
    Reset,
}

/// One thing that a connection does.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Until the gate opens; no gate never does.
    Hold(Option<Gate>),
    Pause(Duration),
    /// This byte again and again.
    Drip(u8),
    /// These bytes again and again, as fast as the peer takes them.
    Flood(Vec<u8>),
}

/// An answer, laid out.
pub(super) struct Script {
    gate: Option<Gate>,
    head: Option<(u16, Vec<Field>)>,
    body: Vec<Step>,
    end: End,
}

impl Script {
    fn by_length(message: Message) -> Self {
        let length = message.body.len().to_string();
        let has_length = !matches!(message.status, 100..=199 | 204 | 304);
        let script = Self::framed(message.status, message.fields, message.body);
        if has_length {
            script.with(("Content-Length".to_owned(), length))
        } else {
            script
        }
    }

    fn by_chunks(message: Message, whole: bool) -> Self {
        let mut framed = Vec::new();
        for chunk in message.body.chunks(1000) {
            framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            framed.extend_from_slice(chunk);
            framed.extend_from_slice(b"\r\n");
        }
        if whole {
            framed.extend_from_slice(b"0\r\n\r\n");
        }
        let coding = ("Transfer-Encoding".to_owned(), "chunked".to_owned());
        Self::framed(message.status, message.fields, framed).with(coding)
    }

    fn by_close(message: Message) -> Self {
        let close = ("Connection".to_owned(), "close".to_owned());
        Self::framed(message.status, message.fields, message.body)
            .with(close)
            .end(End::Close)
    }

    fn framed(status: u16, fields: Vec<Field>, body: Vec<u8>) -> Self {
        Self {
            gate: None,
            head: Some((status, fields)),
            body: vec![Step::Send(body)],
            end: End::Keep,
        }
    }

    fn raw(bytes: &[u8]) -> Self {
        Self {
            gate: None,
            head: None,
            body: vec![Step::Send(bytes.to_vec())],
            end: End::Close,
        }
    }

    fn with(mut self, field: Field) -> Self {
        if let Some((_, fields)) = &mut self.head {
            fields.push(field);
        }
        self
    }

    fn then(mut self, step: Step) -> Self {
        self.body.push(step);
        self
    }

    fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    fn held(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    fn cut_at(mut self, at: usize) -> Self {
        if let [Step::Send(bytes)] = &mut *self.body {
            bytes.truncate(at);
        }
        self
    }

    fn hold_at(mut self, at: usize, gate: &Gate) -> Self {
        if let [Step::Send(bytes)] = &mut *self.body {
            let rest = bytes.split_off(at.min(bytes.len()));
            self.body.push(Step::Hold(Some(gate.clone())));
            self.body.push(Step::Send(rest));
        }
        self
    }

    fn in_pieces(mut self, pieces: usize) -> Self {
        if let [Step::Send(bytes)] = &*self.body {
            let pieces = bytes.chunks(bytes.len().div_ceil(pieces).max(1));
            let slowly = pieces.flat_map(|piece| [Step::Pause(PIECE), Step::Send(piece.to_vec())]);
            self.body = slowly.collect();
        }
        self
    }

    fn without_body(mut self) -> Self {
        if self.head.is_some() {
            self.body.clear();
        }
        self
    }

    /// The steps in their order, and what comes after them.
    pub(super) fn steps(self) -> (Vec<Step>, End) {
        let gate = self.gate.map(|gate| Step::Hold(Some(gate)));
        let head = self.head.map(|(status, fields)| Step::Send(head(status, &fields)));
        let steps = gate.into_iter().chain(head).chain(self.body);
        (steps.collect(), self.end)
    }
}

fn head(status: u16, fields: &[Field]) -> Vec<u8> {
    let lines = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let lines: String = lines.collect();
    format!("HTTP/1.1 {status} A Reason\r\n{lines}\r\n").into_bytes()
}

fn short_part(file: &File, request: &Request, n: usize) -> Message {
    let range = request.field("Range").and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return file.answer(request);
    };
    let first: usize = first.parse().expect("a first byte");
    let end = last.parse().map_or(file.size(), |last: usize| last + 1);
    file.part(first..end.min(first + n))
}

fn long_part(file: &File, request: &Request, n: usize) -> Message {
    let mut message = short_part(file, request, n);
    if message.status == 206 {
        message.body.extend(vec![b'?'; n]);
    }
    message
}

fn cut(mut message: Message, at: usize) -> Message {
    message.body.truncate(at);
    message
}
