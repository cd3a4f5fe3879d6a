//! haul
#[cfg(feature = "cli")]
pub mod cli;
pub mod error;
pub mod event;
pub mod job;
pub mod report;
pub mod settings;
pub mod stop;
pub mod tame;
