//! What stands in a line. Names are those of curl's `-w '%{json}'` where it has one.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::checksum::Algorithm;
use crate::job::{JobId, SourceUrl};
use crate::report::{Exchange, Reason, Row, secs};

/// What every line begins with.
#[derive(Serialize)]
pub(super) struct Line<'a, T> {
    pub(super) v: u32,
    pub(super) event: &'static str,
    /// Seconds since the start.
    pub(super) t: f64,
    #[serde(flatten)]
    pub(super) of: &'a T,
}

/// The run begins.
#[derive(Debug, Serialize)]
pub(crate) struct Start<'a> {
    pub(crate) haul: &'static str,
    pub(crate) started_at: String,
    pub(crate) jobs: usize,
    pub(crate) dir: &'a str,
}

/// A try begins.
#[derive(Serialize)]
pub(super) struct Begin<'a> {
    id: u64,
    url: Shown<'a>,
    attempt: u32,
}

impl<'a> Begin<'a> {
    pub(super) fn of(id: JobId, url: &'a SourceUrl, attempt: u32) -> Self {
        Self {
            id: id.0,
            url: Shown(url),
            attempt,
        }
    }
}

/// A try failed, and another follows.
#[derive(Serialize)]
pub(super) struct Retry<'a> {
    id: u64,
    url: Shown<'a>,
    attempt: u32,
    error: Reason,
    wait: f64,
}

impl<'a> Retry<'a> {
    pub(super) fn of(id: JobId, url: &'a SourceUrl, attempt: u32, error: Reason, wait: Duration) -> Self {
        Self {
            id: id.0,
            url: Shown(url),
            attempt,
            error,
            wait: secs(wait),
        }
    }
}

/// An entry has its file.
#[derive(Serialize)]
pub(super) struct Done<'a> {
    id: u64,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Shown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    size_download: u64,
    time_queue: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_connect: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_starttransfer: Option<f64>,
    time_total: f64,
    speed_download: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_version: Option<&'static str>,
    num_retries: u32,
    num_redirects: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
}

impl<'a> Done<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        let exchange = row.exchange.as_ref();
        // A duplicate has no file of its own.
        let path = row.path.as_ref().map(|path| path.to_string_lossy());
        Self {
            id: row.id.0,
            line: row.place.line,
            list: row.place.list.as_deref(),
            url: row.url().map(Shown),
            size: path.as_ref().map(|_| row.size),
            path,
            status: row.outcome.as_str(),
            response_code: exchange.map(|exchange| exchange.status.as_u16()),
            size_download: row.received,
            time_queue: secs(row.queue),
            time_connect: exchange.map(|exchange| secs(exchange.connect)),
            time_starttransfer: exchange.map(|exchange| secs(exchange.first_byte())),
            time_total: secs(row.elapsed),
            speed_download: row.speed().round(),
            http_version: exchange.map(Exchange::http_version),
            num_retries: row.tries.saturating_sub(1),
            num_redirects: row.redirects,
            remote_ip: exchange.and_then(|exchange| exchange.remote).map(|remote| remote.ip()),
            sha256: row.digits_of(Algorithm::Sha256),
            etag: exchange.and_then(|exchange| exchange.etag.as_deref()),
        }
    }
}

/// A URL as it may be shown.
struct Shown<'a>(&'a SourceUrl);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}
