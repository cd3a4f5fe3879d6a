//! What is known of hosts, as long as somebody uses them; and which ones are given up.

use std::collections::HashMap;
use std::sync::Arc;

use super::doubt::Standing;
use super::host::{Down, Host};
use crate::error::Kind;
use crate::job::HostKey;
use crate::lock::lock;

/// Reasons that are kept in words. There are few: what may be wrong with a connection.
const REASONS: usize = 1000;

/// The hosts of a run.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    used: HashMap<HostKey, Arc<Host>>,
    /// Those that are given up and that nobody waits for, by hash: a list of a million hosts may lead to a million that
    /// are not there. Each has the place of its reason.
    given_up: HashMap<u64, u16>,
    reasons: Vec<(Kind, Arc<str>)>,
}

impl Hosts {
    /// The host's state. A new one takes so many connections.
    pub(super) fn get(&mut self, key: &HostKey, permits: usize) -> Arc<Host> {
        if let Some(host) = self.used.get(key) {
            return Arc::clone(host);
        }
        if self.used.len() >= 64 && self.used.len().is_power_of_two() {
            self.forget_unused();
        }
        let host = Host::new(permits);
        if let Some(down) = self.down(key) {
            *lock(&host.standing) = Standing::Down(down);
            host.close();
        }
        let host = Arc::new(host);
        self.used.insert(key.clone(), Arc::clone(&host));
        host
    }

    /// What was given up may be there again.
    pub(super) fn forgive(&mut self) {
        self.used.retain(|_, host| host.check().is_ok());
        self.given_up.clear();
        self.reasons.clear();
    }

    /// How many are kept whole.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.len()
    }

    fn forget_unused(&mut self) {
        let Self {
            used,
            given_up,
            reasons,
        } = self;
        used.retain(|key, host| {
            let is_used = Arc::strong_count(host) > 1 || host.is_busy();
            if !is_used && let Some(reason) = host.given_up_because() {
                given_up.insert(key.digest(), place(reasons, reason));
            }
            is_used
        });
    }

    fn down(&self, key: &HostKey) -> Option<Down> {
        let &place = self.given_up.get(&key.digest())?;
        let (kind, why) = self.reasons.get(usize::from(place))?;
        Some(Down {
            host: key.clone(),
            kind: *kind,
            why: Arc::clone(why),
        })
    }
}

/// Where a reason is kept. Of too many, one of the same kind stands for others.
fn place(reasons: &mut Vec<(Kind, Arc<str>)>, reason: (Kind, Arc<str>)) -> u16 {
    let is_like = |known: &(Kind, Arc<str>)| *known == reason;
    let is_close = |known: &(Kind, Arc<str>)| reasons.len() >= REASONS && known.0 == reason.0;
    let known = reasons.iter().position(is_like);
    let place = known.or_else(|| reasons.iter().position(is_close)).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    u16::try_from(place).unwrap_or(0)
}
