//! Which connection a request goes over, where many share one. A server says how many it takes (RFC 9113 section 5.1.2);
//! whatever is beyond that waits inside the client, where nobody sees it wait. So there are several lanes, each with
//! connections of its own, and no lane has more requests than servers take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use reqwest::Version;
use smallvec::SmallVec;

use crate::job::HostKey;
use crate::lock::lock;

/// Requests of one lane at once. Servers are asked to take no fewer (RFC 9113 section 6.5.2).
const MOST: usize = 100;

/// What is under way to which host.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<HashMap<HostKey, Host>>);

#[derive(Debug)]
struct Host {
    /// Requests that its connections take at once, as far as is known.
    most: usize,
    /// It wants HTTP/1.1.
    is_old: bool,
    /// It answers over streams: many requests share a connection.
    has_streams: bool,
    loads: SmallVec<[Load; 1]>,
}

/// Requests of a lane.
#[derive(Debug, Default, Clone)]
struct Load {
    all: usize,
    /// Of those, the ones with an answer that is not at its end.
    answered: usize,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            most: MOST,
            is_old: false,
            has_streams: false,
            loads: SmallVec::new(),
        }
    }
}

impl Host {
    /// The first lane that has room.
    fn enter(&mut self) -> usize {
        let has_room = |load: &Load| load.all < self.most;
        let lane = self.loads.iter().position(has_room).unwrap_or(self.loads.len());
        if lane == self.loads.len() {
            self.loads.push(Load::default());
        }
        self.loads[lane].all += 1;
        lane
    }

    /// A request was not answered while this many others of its lane were: more may not get through.
    fn note_silence(&mut self, lane: usize) {
        let others = self.loads[lane].answered;
        if others > 0 && self.has_streams {
            self.most = self.most.min(others);
        }
    }

    /// A request is answered. In a lane that is full, there may be one more.
    fn note_answer(&mut self, lane: usize, is_stream: bool) {
        self.has_streams |= is_stream;
        self.loads[lane].answered += 1;
        if self.loads[lane].all >= self.most && self.most < MOST {
            self.most += 1;
        }
    }

    fn leave(&mut self, lane: usize, was_answered: bool) {
        self.loads[lane].all -= 1;
        self.loads[lane].answered -= usize::from(was_answered);
    }

    /// Is there nothing to know of it?
    fn is_forgotten(&self) -> bool {
        self.most == MOST && !self.is_old && self.loads.iter().all(|load| load.all == 0)
    }
}

impl Lanes {
    /// A place for a request to this host.
    pub(super) fn enter(self: &Arc<Self>, host: HostKey) -> Lane {
        let mut hosts = lock(&self.0);
        let found = hosts.entry(host.clone()).or_default();
        Lane {
            number: found.enter(),
            is_old: found.is_old,
            was_answered: false,
            lanes: Arc::clone(self),
            host,
        }
    }
}

/// A request's place on its way; given back by dropping it.
#[derive(Debug)]
#[must_use]
pub(super) struct Lane {
    lanes: Arc<Lanes>,
    host: HostKey,
    /// Which one, from 0.
    pub(super) number: usize,
    /// The host wants HTTP/1.1.
    pub(super) is_old: bool,
    was_answered: bool,
}

impl Lane {
    /// The answer begins.
    pub(super) fn answered(mut self, version: Version) -> Self {
        self.was_answered = true;
        self.with_host(|host, number| host.note_answer(number, version == Version::HTTP_2));
        self
    }

    /// Nothing came for too long.
    pub(super) fn fell_silent(&self) {
        self.with_host(Host::note_silence);
    }

    /// The host wants HTTP/1.1 (RFC 9113 section 7).
    pub(super) fn is_too_new(&self) {
        self.with_host(|host, _| host.is_old = true);
    }

    fn with_host(&self, act: impl FnOnce(&mut Host, usize)) {
        if let Some(host) = lock(&self.lanes.0).get_mut(&self.host) {
            act(host, self.number);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut hosts = lock(&self.lanes.0);
        if let Some(host) = hosts.get_mut(&self.host) {
            host.leave(self.number, self.was_answered);
            if host.is_forgotten() {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn host() -> HostKey {
        HostKey::of(&Url::parse("https://h").unwrap())
    }

    #[test]
    fn no_lane_has_more_requests_than_servers_take_and_the_first_one_with_room_is_used() {
        let lanes = Arc::<Lanes>::default();
        let mut taken: Vec<_> = (0..2 * MOST).map(|_| lanes.enter(host())).collect();
        let of = |number| taken.iter().filter(|lane| lane.number == number).count();
        assert_eq!((of(0), of(1)), (MOST, MOST));
        drop(taken.swap_remove(7));
        let next = lanes.enter(host());
        assert_eq!(next.number, 0);
        drop((taken, next));
        assert!(lock(&lanes.0).is_empty(), "a host of the past is forgotten");
    }

    #[test]
    fn where_a_request_is_not_heard_among_others_there_are_fewer_of_them_until_they_are_answered() {
        let lanes = Arc::<Lanes>::default();
        let bodies: Vec<_> = (0..4).map(|_| lanes.enter(host()).answered(Version::HTTP_2)).collect();
        let fall_silent = || lanes.enter(host()).fell_silent();
        fall_silent();
        let other = lanes.enter(host());
        assert_eq!(other.number, 1, "four are answered in the first lane");
        drop(bodies);
        for _ in 0..MOST {
            let full: Vec<_> = (0..MOST).map(|_| lanes.enter(host())).collect();
            for lane in full {
                drop(lane.answered(Version::HTTP_2));
            }
        }
        drop(other);
        assert!(lock(&lanes.0).is_empty(), "as many as ever");
    }

    #[test]
    fn who_is_alone_or_has_a_connection_of_its_own_says_nothing_of_others() {
        let lanes = Arc::<Lanes>::default();
        lanes.enter(host()).fell_silent();
        let _body = lanes.enter(host()).answered(Version::HTTP_11);
        lanes.enter(host()).fell_silent();
        assert_eq!(lanes.enter(host()).number, 0);
    }

    #[test]
    fn a_host_that_wants_the_older_version_is_remembered() {
        let lanes = Arc::<Lanes>::default();
        lanes.enter(host()).is_too_new();
        assert!(lanes.enter(host()).is_old);
    }
}
