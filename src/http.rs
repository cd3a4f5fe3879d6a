//! One request, one answer. The only room that reads header text.
//!
//! reqwest carries the bytes. Redirects and retries are not left to it: a redirect may lead to a host that has its
//! own limit and must not learn our secrets, and a retry is somebody else's decision.

mod answer;
mod body;
mod carriers;
mod client;
mod clients;
mod coding;
mod credentials;
mod digest;
mod disposition;
mod head;
mod lanes;
mod request;
mod silence;
mod slowness;
mod stated;
mod tls;
mod trouble;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HOST;
use tokio::time::Instant;

use crate::error::{Lost, SetupError, TransferError};
use crate::job::HostKey;
use crate::report::Exchange;
use crate::settings::{Http as Settings, Pace, Reach, Timeouts};
use crate::throttle::Throttle;
use carriers::Carriers;
use client::Observed;
use lanes::{Lane, Lanes};
use request::Fields;

pub(crate) use answer::Answer;
pub(crate) use coding::Decoded;
#[cfg(feature = "cli")]
pub(crate) use credentials::basic;
#[cfg(fuzzing)]
pub(crate) use disposition::filename;
#[cfg(fuzzing)]
pub(crate) use head::retry_after;
pub(crate) use head::{ContentRange, Head};
pub(crate) use request::{Leg, Over, Request, Unless};

/// Asks servers.
#[derive(Debug)]
pub(crate) struct Http {
    clients: clients::Clients,
    lanes: Arc<Lanes>,
    fields: Fields,
    carriers: Arc<Carriers>,
    reach: Reach,
    timeouts: Timeouts,
    /// For all bodies.
    throttle: Option<Arc<Throttle>>,
    /// Bytes a second that a body has to bring.
    least: Option<NonZeroU64>,
}

impl Http {
    pub(crate) fn new(settings: &Settings, timeouts: &Timeouts) -> Result<Self, SetupError> {
        let carriers = Arc::new(Carriers::new(settings)?);
        let is_direct = !carriers.are_there() && settings.unix_socket.is_none();
        if settings.reach == Reach::Public && !is_direct {
            return Err(SetupError::Proxied);
        }
        let maker = client::Maker::new(settings, &carriers, timeouts)?;
        Ok(Self {
            clients: clients::Clients::new(maker, settings.kept)?,
            lanes: Arc::default(),
            fields: Fields::new(settings, Arc::clone(&carriers)),
            carriers,
            reach: settings.reach,
            timeouts: timeouts.clone(),
            throttle: None,
            least: None,
        })
    }

    /// With bodies that come as fast as this.
    pub(crate) fn paced(self, pace: &Pace) -> Self {
        Self {
            throttle: pace.limit.map(|rate| Arc::new(Throttle::new(rate))),
            least: pace.least,
            ..self
        }
    }

    /// Sends a request and waits for the head of its answer, whatever its status. What waits until others are through was
    /// not sent: it goes over another connection.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<(Box<Answer>, Exchange), TransferError> {
        self.reach.allow_host(request.url)?;
        loop {
            if let Some(answered) = self.send_once(&request).await? {
                return Ok(answered);
            }
        }
    }

    /// Nothing, if it was not sent.
    async fn send_once(&self, request: &Request<'_>) -> Result<Option<(Box<Answer>, Exchange)>, TransferError> {
        let built = self.fields.dress(request);
        let mut lane = (request.url.scheme() == "https").then(|| self.lanes.enter(HostKey::of(request.url)));
        // Over HTTP/2, a name of the user's would contradict that of the URL (RFC 9113 section 8.3.1).
        if let Some(lane) = lane.as_mut().filter(|_| built.headers().contains_key(HOST)) {
            lane.is_old = true;
        }
        let client = match request.over {
            Over::Any => self.clients.of(request.leg, lane.as_ref())?,
            Over::New => self.clients.unused(request.leg, lane.as_ref())?,
        };
        let began = Instant::now();
        let sent = client::observed(client.execute(built), lane.as_ref(), began, &self.timeouts);
        let (sent, connection) = match sent.await {
            (Observed::Ended(sent), connection) => (sent, connection),
            (Observed::Held, _) => return Ok(None),
            (Observed::Silent, _) => {
                lane.inspect(Lane::fell_silent);
                return Err(TransferError::NoAnswer(self.timeouts.silence));
            }
        };
        let response = sent.map_err(|error| {
            lane.as_ref()
                .filter(|_| trouble::wants_http1(&error))
                .inspect(|lane| lane.is_too_new());
            let failed = trouble::before_head(&error, connection, &self.timeouts);
            // Beyond what it says that it takes, a server refuses whatever there is to do.
            let failed = match failed {
                TransferError::Stream {
                    lost: Lost::Refused,
                    what,
                } if lane.as_ref().is_some_and(Lane::has_limit) => TransferError::Stream {
                    lost: Lost::Unseen,
                    what,
                },
                failed => failed,
            };
            failed.through(self.carriers.of(request.url))
        })?;
        let head = Head::read(&response, &request.method)?;
        let exchange = exchange(&response, &head, connection.took(&response, began), began);
        let lane = lane.map(|lane| lane.answered(response.version()));
        let answer = Answer::new(self, head, response, lane);
        Ok(Some((Box::new(answer), exchange)))
    }

    /// Closes the connections that are kept for later: something else needs their descriptors.
    pub(crate) fn forget_idle(&self) {
        self.clients.renew();
    }
}

fn exchange(response: &reqwest::Response, head: &Head, connect: Duration, began: Instant) -> Exchange {
    Exchange {
        status: head.status,
        version: response.version(),
        remote: response.remote_addr(),
        away: None,
        etag: head.etag.clone(),
        connect,
        wait: began.elapsed().saturating_sub(connect),
    }
}
