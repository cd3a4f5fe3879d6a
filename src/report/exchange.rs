//! One request and its answer: over which connection, and how long it took.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{StatusCode, Version};

use crate::job::HostKey;

/// The last answer that an entry got.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The status of the answer (RFC 9110 section 15).
    pub status: StatusCode,
    /// In which version of HTTP it came.
    pub version: Version,
    /// The far end of the connection: the server, or the proxy on the way to it.
    pub remote: Option<SocketAddr>,
    /// The host that answered, where redirects had led to another than the entry's own.
    pub away: Option<HostKey>,
    /// The `ETag` of the answer, as it was sent (RFC 9110 section 8.8.3) and so not tamed.
    pub etag: Option<String>,
    /// Name lookup, TCP and TLS together; zero when the connection was there already.
    pub connect: Duration,
    /// From having the connection to the head of the answer.
    pub wait: Duration,
}

impl Exchange {
    /// The version as curl writes it: `1.1`, `2`.
    pub fn http_version(&self) -> &'static str {
        match self.version {
            Version::HTTP_09 => "0.9",
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        }
    }

    /// From the request to the head of its answer.
    pub fn first_byte(&self) -> Duration {
        self.connect + self.wait
    }
}
