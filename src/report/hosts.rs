//! What each host did, in memory that does not grow with their number.

use std::collections::HashMap;
use std::time::Duration;

use super::{Row, Spread};
use crate::job::HostKey;

/// One host, or all that are told of together.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Host {
    /// Entries that it served, failed ones included.
    pub entries: u64,
    /// Of those, the failed ones.
    pub failed: u64,
    /// Body bytes received.
    pub received: u64,
    /// How long it took to make a connection: name lookup, TCP and TLS.
    pub connect: Spread,
    /// How long it took from having a connection to the head of an answer.
    pub wait: Spread,
    /// How long it asked to be left alone, added up.
    pub paused: Duration,
    /// Answers 429 and 503.
    pub push_backs: u64,
}

impl Host {
    fn add(&mut self, row: &Row) {
        self.entries += 1;
        self.failed += u64::from(row.error().is_some());
        self.received += row.received;
        let Some(exchange) = &row.exchange else { return };
        if !exchange.connect.is_zero() {
            self.connect.add(exchange.connect);
        }
        self.wait.add(exchange.wait);
    }

    fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.failed += other.failed;
        self.received += other.received;
        self.connect.merge(&other.connect);
        self.wait.merge(&other.wait);
        self.paused += other.paused;
        self.push_backs += other.push_backs;
    }
}

/// The hosts of a run. When there are too many, those with the fewest entries are told of together.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    known: HashMap<HostKey, Host>,
    others: Option<Host>,
}

impl Hosts {
    /// No more than these are known by name.
    pub const MOST: usize = 256;

    pub(super) fn add(&mut self, row: &Row) {
        if let Some(host) = row.host().filter(|_| row.tries > 0) {
            self.of(&host).add(row);
        }
    }

    pub(super) fn of(&mut self, host: &HostKey) -> &mut Host {
        if self.known.len() >= Self::MOST && !self.known.contains_key(host) {
            self.fold();
        }
        self.known.entry(host.clone()).or_default()
    }

    fn fold(&mut self) {
        let mut entries: Vec<_> = self.known.values().map(|host| host.entries).collect();
        let (_, &mut middle, _) = entries.select_nth_unstable(Self::MOST / 2);
        let others = self.others.get_or_insert_default();
        let mut left = Self::MOST / 2;
        self.known.retain(|_, host| {
            let stays = host.entries > middle || (host.entries == middle && left > 0 && host.entries > 1);
            left = left.saturating_sub(usize::from(stays));
            if !stays {
                others.merge(host);
            }
            stays
        });
    }

    /// Those that are known by name, the one with the most entries first.
    pub fn by_entries(&self) -> Vec<(&HostKey, &Host)> {
        let mut hosts: Vec<_> = self.known.iter().collect();
        hosts.sort_by(|(a, x), (b, y)| {
            let by_name = || (a.to_string(), a.origin()).cmp(&(b.to_string(), b.origin()));
            y.entries.cmp(&x.entries).then_with(by_name)
        });
        hosts
    }

    /// The same, each under a name of its own: with the scheme where two differ in nothing else.
    pub fn named(&self) -> Vec<(String, &Host)> {
        let hosts = self.by_entries();
        let mut alike: HashMap<String, usize> = HashMap::new();
        for (key, _) in &hosts {
            *alike.entry(key.to_string()).or_default() += 1;
        }
        let name = |key: &HostKey| {
            let short = key.to_string();
            match alike.get(&short) {
                Some(2..) => key.origin().to_owned(),
                _ => short,
            }
        };
        hosts.into_iter().map(|(key, host)| (name(key), host)).collect()
    }

    /// All others together, if there are any.
    pub fn others(&self) -> Option<&Host> {
        self.others.as_ref()
    }

    /// The host that asked for the longest pauses, if one did.
    pub fn pushed_back(&self) -> Option<&HostKey> {
        let paused = self.known.iter().filter(|(_, host)| !host.paused.is_zero());
        paused.max_by_key(|(_, host)| host.paused).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> HostKey {
        HostKey::of(&format!("http://{name}/").parse().unwrap())
    }

    #[test]
    fn a_million_hosts_cost_no_more_than_a_few_and_a_busy_one_keeps_its_name() {
        let mut hosts = Hosts::default();
        for n in 0..10_000 {
            hosts.of(&key(&format!("h{n}"))).entries += 1;
            hosts.of(&key("busy")).entries += 1;
        }
        assert!(hosts.known.len() <= Hosts::MOST);
        let by_entries = hosts.by_entries();
        assert_eq!((by_entries[0].0, by_entries[0].1.entries), (&key("busy"), 10_000));
        let all: u64 = by_entries.iter().map(|(_, host)| host.entries).sum();
        assert_eq!(all + hosts.others().unwrap().entries, 20_000);
    }

    #[test]
    fn two_hosts_that_differ_only_in_their_scheme_are_told_apart() {
        let mut hosts = Hosts::default();
        for url in ["http://h:8080/", "https://h:8080/", "https://h/"] {
            hosts.of(&HostKey::of(&url.parse().unwrap())).entries += 1;
        }
        let names: Vec<_> = hosts.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["h", "http://h:8080", "https://h:8080"]);
    }

    #[test]
    fn hosts_that_are_all_alike_make_room_for_new_ones() {
        let mut hosts = Hosts::default();
        for n in 0..1000 {
            hosts.of(&key(&format!("h{n}"))).entries += 5;
        }
        assert!(hosts.known.len() <= Hosts::MOST);
        let known: u64 = hosts.by_entries().iter().map(|(_, host)| host.entries).sum();
        assert_eq!(known + hosts.others().unwrap().entries, 5000);
    }
}
