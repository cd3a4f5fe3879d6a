//! Which connection a request goes over, where many share one. A server says how many it takes (RFC 9113 section 5.1.2);
//! whatever is beyond that waits inside the client, where nobody sees it wait. So there are several lanes, each with
//! connections of its own, and no lane has more requests than the server takes. It says so on its first connection, when
//! the first requests are under way: those that are too many leave their lane for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use reqwest::Version;
use smallvec::SmallVec;

use crate::job::HostKey;
use crate::lock::lock;

/// Requests of one lane at once. Servers are asked to take no fewer (RFC 9113 section 6.5.2).
const MOST: usize = 100;

/// Hosts of which more is kept than what is under way.
const HOSTS: usize = 1000;

/// What is under way to which host.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<HashMap<HostKey, Host>>);

#[derive(Debug)]
struct Host {
    /// Requests that each of its connections takes at once, as it says.
    stated: usize,
    /// The same, as far as is known: some let requests wait without saying so.
    most: usize,
    /// It wants HTTP/1.1.
    is_old: bool,
    /// It answers over streams: many requests share a connection.
    has_streams: bool,
    /// Of a request. It has to be another one for each that is under way.
    number: u64,
    loads: SmallVec<[Load; 1]>,
}

/// Requests of a lane.
#[derive(Debug, Default, Clone)]
struct Load {
    /// Those without an answer, in the order in which they came.
    waiting: Vec<u64>,
    /// Those with an answer that is not at its end.
    answered: usize,
}

impl Load {
    fn all(&self) -> usize {
        self.waiting.len() + self.answered
    }
}

impl Default for Host {
    fn default() -> Self {
        Self {
            stated: MOST,
            most: MOST,
            is_old: false,
            has_streams: false,
            number: 0,
            loads: SmallVec::new(),
        }
    }
}

impl Host {
    /// The first lane that has room, and a number for the request.
    fn enter(&mut self) -> (usize, u64) {
        let has_room = |load: &Load| load.all() < self.most;
        let lane = self.loads.iter().position(has_room).unwrap_or(self.loads.len());
        if lane == self.loads.len() {
            self.loads.push(Load::default());
        }
        self.number += 1;
        self.loads[lane].waiting.push(self.number);
        (lane, self.number)
    }

    /// It takes no more than this. Over a connection that takes none at first, one may wait for better times.
    fn note_limit(&mut self, limit: usize) {
        self.stated = self.stated.min(limit.max(1));
        self.most = self.most.min(self.stated);
    }

    /// Does this request wait for others, because its lane has more than the server says that it takes? Those that are
    /// answered do not, and of the others, most likely those that came first. What is only presumed of a server is for
    /// requests to come: a request that is cancelled for nothing costs it work.
    fn is_held(&self, lane: usize, number: u64) -> bool {
        let load = &self.loads[lane];
        let before = load.waiting.iter().position(|&waits| waits == number);
        before.is_some_and(|before| self.stated < MOST && load.answered + before >= self.stated)
    }

    /// A request was not answered while this many others of its lane were: more may not get through.
    fn note_silence(&mut self, lane: usize) {
        let others = self.loads[lane].answered;
        if others > 0 && self.has_streams {
            self.most = self.most.min(others);
        }
    }

    /// A request is answered. In a lane that is full, there may be one more, unless the server said otherwise.
    fn note_answer(&mut self, lane: usize, number: u64, is_stream: bool) {
        self.has_streams |= is_stream;
        let load = &mut self.loads[lane];
        load.waiting.retain(|&waits| waits != number);
        load.answered += 1;
        if load.all() >= self.most && self.most < self.stated {
            self.most += 1;
        }
    }

    fn leave(&mut self, lane: usize, number: u64, was_answered: bool) {
        let load = &mut self.loads[lane];
        if was_answered {
            load.answered -= 1;
        } else {
            load.waiting.retain(|&waits| waits != number);
        }
    }

    /// Is there nothing to know of it? Of so many others, it would be asked again.
    fn is_forgotten(&self, others: usize) -> bool {
        let is_usual = self.most == MOST && !self.is_old;
        (is_usual || others > HOSTS) && self.loads.iter().all(|load| load.all() == 0)
    }
}

impl Lanes {
    /// A place for a request to this host.
    pub(super) fn enter(self: &Arc<Self>, host: HostKey) -> Lane {
        let mut hosts = lock(&self.0);
        let found = hosts.entry(host.clone()).or_default();
        let (lane, request) = found.enter();
        Lane {
            number: lane,
            request,
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
    /// Which request of this host.
    request: u64,
    /// The host wants HTTP/1.1.
    pub(super) is_old: bool,
    was_answered: bool,
}

impl Lane {
    /// The answer begins.
    pub(super) fn answered(mut self, version: Version) -> Self {
        self.was_answered = true;
        self.with_host(|host| host.note_answer(self.number, self.request, version == Version::HTTP_2));
        self
    }

    /// Does this request wait until others are through?
    pub(super) fn is_held(&self) -> bool {
        self.with_host(|host| host.is_held(self.number, self.request))
            .unwrap_or(false)
    }

    /// Does the server say that it takes fewer requests at once than are sent to others?
    pub(super) fn has_limit(&self) -> bool {
        self.with_host(|host| host.stated < MOST).unwrap_or(false)
    }

    /// Nothing came for too long.
    pub(super) fn fell_silent(&self) {
        self.with_host(|host| host.note_silence(self.number));
    }

    /// The host wants HTTP/1.1 (RFC 9113 section 7).
    pub(super) fn is_too_new(&self) {
        self.with_host(|host| host.is_old = true);
    }

    /// Who is told what the server says of itself.
    pub(super) fn listener(&self) -> Listener {
        Listener {
            lanes: Arc::clone(&self.lanes),
            host: self.host.clone(),
        }
    }

    fn with_host<T>(&self, act: impl FnOnce(&mut Host) -> T) -> Option<T> {
        lock(&self.lanes.0).get_mut(&self.host).map(act)
    }
}

/// Hears what a server says of itself.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    lanes: Arc<Lanes>,
    host: HostKey,
}

impl Listener {
    /// It takes so many requests at once on a connection. Of as many as are sent anyway, nothing need be remembered.
    pub(super) fn takes(self, limit: u32) {
        let limit = usize::try_from(limit).unwrap_or(MOST);
        if limit < MOST {
            lock(&self.lanes.0).entry(self.host).or_default().note_limit(limit);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut hosts = lock(&self.lanes.0);
        let others = hosts.len();
        if let Some(host) = hosts.get_mut(&self.host) {
            host.leave(self.number, self.request, self.was_answered);
            if host.is_forgotten(others) {
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
    fn what_a_server_does_not_take_on_a_connection_goes_over_others_and_nothing_else_does() {
        let lanes = Arc::<Lanes>::default();
        let mut first: Vec<_> = (0..10).map(|_| lanes.enter(host())).collect();
        let held = |lanes: &[Lane]| lanes.iter().map(Lane::is_held).collect::<Vec<_>>();
        assert_eq!(held(&first), [false; 10], "it has not said anything");
        first[0].listener().takes(4);
        assert_eq!(
            held(&first),
            [[false; 4].as_slice(), &[true; 6]].concat(),
            "who came last waits"
        );
        let answered = first.split_off(8).into_iter();
        first.extend(answered.map(|lane| lane.answered(Version::HTTP_2)));
        let is_held = [false, false, true, true, true, true, true, true, false, false];
        assert_eq!(
            held(&first),
            is_held,
            "who is answered does not wait, in whatever order they were sent"
        );
        first.retain(|lane| !lane.is_held());
        assert_eq!((first.len(), held(&first)), (4, vec![false; 4]));
        let next: Vec<_> = (0..6).map(|_| lanes.enter(host())).collect();
        let numbers: Vec<_> = next.iter().map(|lane| lane.number).collect();
        assert_eq!((numbers, held(&next)), (vec![1, 1, 1, 1, 2, 2], vec![false; 6]));
        drop((first, next));
        assert_eq!(lock(&lanes.0).len(), 1, "what a server says is remembered");
    }

    #[test]
    fn the_least_that_a_server_says_counts_and_answers_do_not_raise_it() {
        let lanes = Arc::<Lanes>::default();
        let one = lanes.enter(host());
        for (said, most) in [(1000, 100), (100, 100), (99, 99), (3, 3), (8, 3), (0, 1)] {
            one.listener().takes(said);
            for _ in 0..5 {
                drop(lanes.enter(host()).answered(Version::HTTP_2));
            }
            assert_eq!(lock(&lanes.0)[&host()].most, most, "{said}");
        }
    }

    #[test]
    fn where_a_request_is_not_heard_among_others_there_are_fewer_of_them_until_they_are_answered() {
        let lanes = Arc::<Lanes>::default();
        let bodies: Vec<_> = (0..4).map(|_| lanes.enter(host()).answered(Version::HTTP_2)).collect();
        let unheard = lanes.enter(host());
        unheard.fell_silent();
        assert!(!unheard.is_held(), "that is presumed, not known");
        drop(unheard);
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
