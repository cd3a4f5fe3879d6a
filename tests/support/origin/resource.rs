//! A file and how a good server answers for it: conditional requests and ranges as in RFC 9110 sections 13 and 14.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Answer, Origin, Request};

/// A file of the origin, while it is being described.
pub struct Resource<'o> {
    origin: &'o Origin,
    /// None is everywhere else.
    path: Option<String>,
}

impl<'o> Resource<'o> {
    pub(super) fn new(origin: &'o Origin, path: Option<&str>) -> Self {
        let path = path.map(str::to_owned);
        Self { origin, path }
    }

    /// A strong validator (RFC 9110 section 8.8.3); the quotes are added.
    pub fn etag(self, tag: &str) -> Self {
        self.field("ETag", &format!("\"{tag}\""))
    }

    /// When the file last changed (RFC 9110 section 8.8.2).
    pub fn last_modified(self, when: SystemTime) -> Self {
        self.field("Last-Modified", &httpdate::fmt_http_date(when))
    }

    /// One more header field of every good answer.
    pub fn field(self, name: &str, value: &str) -> Self {
        self.edit(|file| file.add_field(name, value))
    }

    /// The next request that has no answer yet gets this one.
    pub fn then(self, answer: Answer) -> Self {
        self.edit(|file| file.script.push_back(answer))
    }

    /// So do the next requests, so many of them.
    pub fn times(self, count: usize, answer: &Answer) -> Self {
        (0..count).fold(self, |resource, _| resource.then(answer.clone()))
    }

    /// Every request gets this one, once those of [`then`](Self::then) are used up.
    pub fn always(self, answer: Answer) -> Self {
        self.edit(|file| file.always = answer)
    }

    /// Its URL.
    pub fn url(self) -> String {
        self.origin.url(self.path.as_deref().unwrap_or("/"))
    }

    fn edit(self, change: impl FnOnce(&mut File)) -> Self {
        self.origin.shared.lock().edit(self.path.as_deref(), change);
        self
    }
}

pub(super) type Field = (String, String);

#[derive(Debug, Clone)]
pub(super) struct File {
    body: Arc<[u8]>,
    fields: Vec<Field>,
    pub(super) script: VecDeque<Answer>,
    pub(super) always: Answer,
}

/// No file at all.
impl Default for File {
    fn default() -> Self {
        Self {
            always: Answer::Status(404),
            ..Self::new(b"")
        }
    }
}

/// A response before it is framed.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) status: u16,
    pub(super) fields: Vec<Field>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// A status with a body that nobody should take for the file.
    pub(super) fn bare(status: u16) -> Self {
        let body = format!("<h1>this is the page that goes with {status}</h1>\n");
        let has_body = !matches!(status, 100..=199 | 204 | 304);
        Self {
            status,
            fields: Vec::new(),
            body: if has_body { body.into_bytes() } else { Vec::new() },
        }
    }
}

enum Asked {
    Whole,
    Part(Range<usize>),
    Nothing,
}

impl File {
    pub(super) fn new(body: &[u8]) -> Self {
        Self {
            body: body.into(),
            fields: Vec::new(),
            script: VecDeque::new(),
            always: Answer::Well,
        }
    }

    pub(super) fn add_field(&mut self, name: &str, value: &str) {
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// Another file takes its place, and what was to be answered stays.
    pub(super) fn become_another(&mut self, body: &[u8], fields: &[Field]) {
        self.body = body.into();
        self.fields = fields.to_vec();
    }

    /// What the next request gets.
    pub(super) fn next_answer(&mut self) -> Answer {
        self.script.pop_front().unwrap_or_else(|| self.always.clone())
    }

    /// How a good server answers.
    pub(super) fn answer(&self, request: &Request) -> Message {
        if self.is_unchanged(request) {
            return self.message(304, &(0..0));
        }
        match self.asked(request) {
            Asked::Whole => self.message(200, &(0..self.body.len())),
            Asked::Part(range) => self.part(range),
            Asked::Nothing => {
                let mut message = self.message(416, &(0..0));
                message.fields.push(content_range("*", self.body.len()));
                message
            }
        }
    }

    /// A 206 for these bytes, whether or not it was asked for them.
    pub(super) fn part(&self, range: Range<usize>) -> Message {
        let mut message = self.message(206, &range);
        let shown = format!("{}-{}", range.start, range.end.saturating_sub(1));
        message.fields.push(content_range(&shown, self.body.len()));
        message
    }

    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    fn message(&self, status: u16, range: &Range<usize>) -> Message {
        let mut fields = vec![("Accept-Ranges".to_owned(), "bytes".to_owned())];
        fields.extend(self.fields.iter().cloned());
        Message {
            status,
            fields,
            body: self.body[range.clone()].to_vec(),
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(n, _)| n == name);
        field.map(|(_, value)| value.as_str())
    }

    /// RFC 9110 section 13.2.2: `If-None-Match` decides before `If-Modified-Since`.
    fn is_unchanged(&self, request: &Request) -> bool {
        if let Some(tags) = request.field("If-None-Match") {
            return self.field("ETag").is_some_and(|own| tags.contains(own));
        }
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        let since = request.field("If-Modified-Since").and_then(date);
        let own = self.field("Last-Modified").and_then(date);
        matches!((since, own), (Some(since), Some(own)) if own <= since)
    }

    fn asked(&self, request: &Request) -> Asked {
        let size = self.body.len();
        let spec = request.field("Range").and_then(|r| r.strip_prefix("bytes="));
        let Some((first, last)) = spec.and_then(|s| s.split_once('-')) else {
            return Asked::Whole;
        };
        if !self.if_range_holds(request) {
            return Asked::Whole;
        }
        match (first.parse::<usize>(), last.parse::<usize>()) {
            (Ok(first), _) | (_, Ok(first)) if first >= size.max(1) && !spec.is_some_and(|s| s.starts_with('-')) => {
                Asked::Nothing
            }
            (Ok(first), Ok(last)) => Asked::Part(first..size.min(last + 1)),
            (Ok(first), Err(_)) => Asked::Part(first..size),
            (Err(_), Ok(suffix)) => Asked::Part(size.saturating_sub(suffix)..size),
            (Err(_), Err(_)) => Asked::Whole,
        }
    }

    /// RFC 9110 section 13.1.5: only an exact, strong match lets the range stand.
    fn if_range_holds(&self, request: &Request) -> bool {
        let own = [self.field("ETag"), self.field("Last-Modified")];
        request
            .field("If-Range")
            .is_none_or(|theirs| !theirs.starts_with("W/") && own.contains(&Some(theirs)))
    }
}

fn content_range(range: &str, size: usize) -> Field {
    ("Content-Range".to_owned(), format!("bytes {range}/{size}"))
}
