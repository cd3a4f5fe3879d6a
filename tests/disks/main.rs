//! The real program on disks that are full, small, locked, gone or of another kind, and with too few descriptors.

#[path = "../support/mod.rs"]
mod support;

mod descriptors;
mod fat;
mod full;
mod limits;
mod list_of_failures;
mod lost;
mod mounted;
mod read_only;
