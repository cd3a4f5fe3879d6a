//! The clients of a run, and a bound on the connections that they keep.
//!
//! A pool keeps what it may need again, host by host, and knows no limit over all hosts. So whole clients are
//! replaced: with the old one go its idle connections, while those in use go on to the end of their answers.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use reqwest::Client;

use super::Leg;
use super::client::{Made, Maker};
use super::lanes::Lane;
use super::tls::{Face, Versions};
use crate::error::{SetupError, TransferError};
use crate::lock::lock;

#[derive(Debug)]
pub(super) struct Clients {
    maker: Maker,
    /// Connections that may be idle at one time. Fewer than are in use at one time would be none at all.
    kept: usize,
    now: RwLock<Arc<Generation>>,
}

/// Clients that are replaced together.
#[derive(Debug)]
struct Generation {
    plain: Client,
    /// Made when they are first needed: reading the machine's certificates takes longer than a small run.
    secure: Mutex<Vec<(Way, Client)>>,
    /// Connections that were begun. No more than these can be idle.
    made: Made,
}

/// How a host is spoken to over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// A connection that showed the user's certificate is not for everybody.
    pub(super) face: Face,
    pub(super) versions: Versions,
    /// Over which connections: see [`super::lanes`].
    pub(super) lane: usize,
}

impl Clients {
    /// An error means that the settings name what cannot be used.
    pub(super) fn new(maker: Maker, kept: usize) -> Result<Self, SetupError> {
        let first = Generation::new(&maker)?;
        if maker.must_be_tried() {
            first.client(&maker, Way::first(Face::Known))?;
        }
        Ok(Self {
            maker,
            kept,
            now: RwLock::new(Arc::new(first)),
        })
    }

    /// The client for a URL on this leg. Over TLS, the lane says which.
    pub(super) fn of(&self, leg: Leg, lane: Option<&Lane>) -> Result<Client, TransferError> {
        let mut generation = self.now();
        if generation.made.load(Ordering::Relaxed) > self.kept {
            self.replace(&generation);
            generation = self.now();
        }
        match lane {
            None => Ok(generation.plain.clone()),
            Some(lane) => generation
                .client(&self.maker, self.way(leg, lane))
                .map_err(|error| unusable(&error)),
        }
    }

    /// The same, with no connection that was used before, and for one request: what it leaves idle goes with it.
    pub(super) fn unused(&self, leg: Leg, lane: Option<&Lane>) -> Result<Client, TransferError> {
        let made = Made::default();
        let client = match lane {
            None => self.maker.plain(&made),
            Some(lane) => self.maker.secure(self.way(leg, lane), &made),
        };
        client.map_err(|error| unusable(&error))
    }

    fn way(&self, leg: Leg, lane: &Lane) -> Way {
        Way {
            face: self.maker.face(leg),
            versions: if lane.is_old { Versions::Http1 } else { Versions::All },
            lane: lane.number,
        }
    }

    /// Lets go of all connections that are idle now.
    pub(super) fn renew(&self) {
        let generation = self.now();
        if generation.made.load(Ordering::Relaxed) > 0 {
            self.replace(&generation);
        }
    }

    /// Makes a new generation, unless another task just did. Should that fail, the old one serves on.
    fn replace(&self, old: &Arc<Generation>) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&now, old)
            && let Ok(new) = Generation::new(&self.maker)
        {
            *now = Arc::new(new);
        }
    }

    fn now(&self) -> Arc<Generation> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn unusable(error: &SetupError) -> TransferError {
    TransferError::Tls {
        what: error.to_string(),
        passing: false,
    }
}

impl Generation {
    fn new(maker: &Maker) -> Result<Self, SetupError> {
        let made = Made::default();
        Ok(Self {
            plain: maker.plain(&made)?,
            secure: Mutex::default(),
            made,
        })
    }

    fn client(&self, maker: &Maker, way: Way) -> Result<Client, SetupError> {
        let mut secure = lock(&self.secure);
        if let Some((_, client)) = secure.iter().find(|(of, _)| *of == way) {
            return Ok(client.clone());
        }
        let client = maker.secure(way, &self.made)?;
        secure.push((way, client.clone()));
        Ok(client)
    }
}

impl Way {
    /// The one that most hosts have.
    fn first(face: Face) -> Self {
        Self {
            face,
            versions: Versions::All,
            lane: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::carriers::Carriers;
    use super::*;
    use crate::settings::{Http, Timeouts};

    #[test]
    fn clients_are_replaced_when_they_made_more_connections_than_may_be_idle_or_are_told_to() {
        let maker = Maker::new(&Http::default(), &Carriers::default(), &Timeouts::default()).unwrap();
        let clients = Clients::new(maker, 3).unwrap();
        let (first, is_first) = (clients.now(), |of: &Clients, first| Arc::ptr_eq(&of.now(), first));
        clients.renew();
        for made in [0, 3] {
            first.made.store(made, Ordering::Relaxed);
            clients.of(Leg::Home, None).unwrap();
            assert!(is_first(&clients, &first), "{made}");
        }
        first.made.store(4, Ordering::Relaxed);
        clients.of(Leg::Home, None).unwrap();
        let second = clients.now();
        assert!(!Arc::ptr_eq(&first, &second));
        second.made.store(1, Ordering::Relaxed);
        clients.renew();
        assert!(!is_first(&clients, &second));
    }
}
