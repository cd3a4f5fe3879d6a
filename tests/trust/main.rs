//! What haul promises about bytes: right and whole whatever a server does, fetched once, kept where they belong.

#[path = "../support/mod.rs"]
mod support;

mod checksums;
mod codings;
mod credentials;
mod crowd;
mod framing;
mod naming;
mod reach;
mod resume;
mod secrets;
mod split;
mod streams;
mod there;
mod tls;
