//! May a step be made in place? What is known of each device, and of who would make the steps.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::load::{self, Load};
use super::pace::{Made, Pace};
use crate::lock::lock;

/// The devices of a run, by their numbers: few folders have others mounted in them.
#[derive(Debug)]
pub(super) struct Quick {
    devices: Mutex<HashMap<u64, Device>>,
    load: Mutex<Load>,
    /// Who would make steps in place has no time left.
    is_full: AtomicBool,
}

#[derive(Debug)]
struct Device {
    pace: Pace,
    /// How many files are being synchronised. Meanwhile any write may have to wait.
    synchronising: usize,
}

/// A file of this device is being synchronised.
#[derive(Debug)]
#[must_use]
pub(super) struct Synchronising<'a> {
    of: &'a Quick,
    device: u64,
}

impl Drop for Synchronising<'_> {
    fn drop(&mut self) {
        self.of.with(self.device, |device| device.synchronising -= 1);
    }
}

impl Quick {
    pub(super) fn new() -> Self {
        Self {
            devices: Mutex::default(),
            load: Mutex::new(Load::new(Instant::now(), load::busy())),
            is_full: AtomicBool::new(false),
        }
    }

    fn with<T>(&self, device: u64, work: impl FnOnce(&mut Device) -> T) -> T {
        let mut devices = lock(&self.devices);
        work(devices.entry(device).or_insert_with(|| Device {
            pace: Pace::new(),
            synchronising: 0,
        }))
    }

    /// Is the device as quick as memory?
    pub(super) fn is_quick(&self, device: u64) -> bool {
        self.with(device, |device| device.synchronising == 0 && device.pace.is_quick())
    }

    /// Is there time to make steps in place?
    pub(super) fn has_time(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    /// A step of so many bytes began then, and was made just now.
    pub(super) fn note(&self, device: u64, bytes: usize, since: Instant, made: Made) {
        let now = Instant::now();
        self.with(device, |device| device.pace.note(bytes, now - since, made));
        let is_full = lock(&self.load).is_full(now, load::busy());
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// A file of the device is being synchronised, until the handle is dropped.
    pub(super) fn synchronise(&self, device: u64) -> Synchronising<'_> {
        self.with(device, |device| device.synchronising += 1);
        Synchronising { of: self, device }
    }

    /// Takes the device for quick, whatever its steps take.
    #[cfg(test)]
    pub(super) fn believe_quick(&self, device: u64) {
        self.with(device, |device| device.pace = Pace::always_quick());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_quick_by_itself_and_not_while_it_synchronises() {
        let quick = Quick::new();
        quick.believe_quick(1);
        let are_quick = || [1, 2].map(|device| quick.is_quick(device));
        assert_eq!(are_quick(), [true, false]);
        let other = quick.synchronise(2);
        assert_eq!(are_quick(), [true, false]);
        let (first, second) = (quick.synchronise(1), quick.synchronise(1));
        drop((other, first));
        assert_eq!(are_quick(), [false, false]);
        drop(second);
        assert_eq!(are_quick(), [true, false]);
    }
}
