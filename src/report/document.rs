//! A run as data for other programs: the JSON report, and the last line of `--json`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde::Serialize;

use super::{Account, Host, Outcome, Row, Source, Summary};
use crate::error::TransferError;

/// The version of every format that other programs read. Fields are added without a new one.
pub const FORMAT: u32 = 1;

/// What a report says of the run itself.
#[derive(Debug, Clone)]
pub struct About {
    /// The command and its arguments, without secrets.
    pub command: Vec<String>,
    /// When the run began.
    pub started_at: SystemTime,
    /// Connections at once.
    pub jobs: usize,
    /// How the process will exit, if it is known.
    pub exit_code: Option<i32>,
    /// What the process has used so far, if the system tells.
    pub usage: Option<Usage>,
}

/// What a process has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Processor time in the process.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// The most memory at one time, in bytes.
    pub max_rss: u64,
}

/// A whole run. Times are seconds, sizes bytes.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    haul: &'static str,
    command: &'a [String],
    started_at: String,
    wall_time: f64,
    task_time: f64,
    parallelism: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    jobs: usize,
    files: Files,
    bytes: Bytes,
    speed_mean: f64,
    retries: u64,
    push_back: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<Cpu>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_rss: Option<u64>,
    hosts: Vec<HostLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_hosts: Option<HostLine>,
    failures: &'a [Failure],
    failures_left_out: u64,
}

#[derive(Debug, Serialize)]
struct Files {
    total: u64,
    downloaded: u64,
    resumed: u64,
    updated: u64,
    already_there: u64,
    duplicate: u64,
    failed: u64,
    cancelled: u64,
}

#[derive(Debug, Serialize)]
struct Bytes {
    received: u64,
    fetched: u64,
}

#[derive(Debug, Serialize)]
struct Cpu {
    user: f64,
    system: f64,
}

#[derive(Debug, Serialize)]
struct HostLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    files: u64,
    failed: u64,
    bytes: u64,
    push_back: u64,
    wait_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_p95: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttfb_p50: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttfb_p95: Option<f64>,
}

impl<'a> Report<'a> {
    /// Of these.
    pub fn new(about: &'a About, summary: &Summary, account: &'a Account) -> Self {
        let hosts = account.hosts.named();
        let left_out = summary.failed.saturating_sub(account.failures.len() as u64);
        Self {
            haul: env!("CARGO_PKG_VERSION"),
            command: &about.command,
            started_at: rfc3339(about.started_at),
            wall_time: secs(summary.wall),
            task_time: secs(summary.task_time),
            parallelism: rounded(summary.parallelism()),
            exit_code: about.exit_code,
            jobs: about.jobs,
            files: Files::of(summary, account),
            bytes: Bytes {
                received: summary.received,
                fetched: account.fetched,
            },
            speed_mean: summary.speed().round(),
            retries: summary.retries,
            push_back: account.push_back.iter().map(|(k, n)| (k.to_string(), *n)).collect(),
            cpu: about.usage.map(|usage| Cpu {
                user: secs(usage.user),
                system: secs(usage.system),
            }),
            max_rss: about.usage.map(|usage| usage.max_rss),
            hosts: hosts
                .into_iter()
                .map(|(name, host)| HostLine::of(Some(name), host))
                .collect(),
            other_hosts: account.hosts.others().map(|host| HostLine::of(None, host)),
            failures: &account.failures,
            failures_left_out: left_out,
        }
    }

    /// As a JSON file.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Versioned<'a> {
            v: u32,
            #[serde(flatten)]
            report: &'a Report<'a>,
        }
        let file = Versioned {
            v: FORMAT,
            report: self,
        };
        // Maps have text for keys and nothing else in here can fail.
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }
}

impl Files {
    fn of(summary: &Summary, account: &Account) -> Self {
        Self {
            total: summary.total,
            downloaded: summary.downloaded - summary.resumed - account.updated.min(summary.downloaded),
            resumed: summary.resumed,
            updated: account.updated,
            already_there: summary.already_there,
            duplicate: summary.duplicates,
            failed: summary.failed,
            cancelled: summary.cancelled,
        }
    }
}

impl HostLine {
    fn of(name: Option<String>, host: &Host) -> Self {
        Self {
            host: name,
            files: host.entries,
            failed: host.failed,
            bytes: host.received,
            push_back: host.push_backs,
            wait_time: secs(host.paused),
            connect_p50: host.connect.percentile(50).map(secs),
            connect_p95: host.connect.percentile(95).map(secs),
            ttfb_p50: host.wait.percentile(50).map(secs),
            ttfb_p95: host.wait.percentile(95).map(secs),
        }
    }
}

/// An entry that failed, for other programs. It holds no secret.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    id: u64,
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    error: Reason,
    num_retries: u32,
    time_total: f64,
    /// It is in `num_retries`, but that of none is that of one.
    #[serde(skip)]
    tries: u32,
}

impl Failure {
    /// Of this row; `None` when it did not fail.
    pub fn of(row: &Row) -> Option<Self> {
        let error = row.error()?;
        let (url, text) = match &row.source {
            Source::Job(job) => (Some(job.url.to_string()), None),
            Source::Line(_) => (None, Some(row.shown())),
        };
        Some(Self {
            id: row.id.0,
            line: row.place.line,
            list: row.place.list.as_ref().map(|list| crate::tame::tame(list).into_owned()),
            url,
            text,
            path: row.path.as_ref().map(|path| path.to_string_lossy().into_owned()),
            error: Reason::of(error, row.answered),
            num_retries: row.tries.saturating_sub(1),
            time_total: secs(row.elapsed),
            tries: row.tries,
        })
    }

    /// The entry's URL without secrets, or the beginning of its line.
    pub fn shown(&self) -> &str {
        self.url.as_deref().or(self.text.as_deref()).unwrap_or_default()
    }

    /// Why, in words.
    pub fn why(&self) -> &str {
        &self.error.message
    }

    /// The line of its list.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Tries made; 0 when nothing was requested.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

/// Why a try failed, for other programs.
#[derive(Debug, Clone, Serialize)]
pub struct Reason {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    permanent: bool,
}

impl Reason {
    /// Of this error, after an answer with this status, if there was one.
    pub fn of(error: &TransferError, answered: Option<StatusCode>) -> Self {
        Self {
            kind: error.kind().as_str(),
            message: error.to_string(),
            response_code: error.status().or(answered).map(|status| status.as_u16()),
            permanent: error.is_permanent(),
        }
    }
}

impl Outcome {
    /// Its name in machine-readable output; stable.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Downloaded => "downloaded",
            Self::Resumed => "resumed",
            Self::AlreadyThere => "already_there",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Duplicate => "duplicate",
            Self::Failed(_) => "failed",
        }
    }
}

/// A point of time as RFC 3339 has it, in UTC and to the second.
pub fn rfc3339(time: SystemTime) -> String {
    // A clock that was never set is no reason to fail.
    humantime::format_rfc3339_seconds(time.max(SystemTime::UNIX_EPOCH)).to_string()
}

/// Seconds to the microsecond.
pub(crate) fn secs(time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a run of 200 years is exact")]
    let micros = time.as_micros() as f64;
    micros / 1e6
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
