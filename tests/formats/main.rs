//! Everybody's lists: what other programs write or read, haul reads as they mean it.

#[path = "../support/mod.rs"]
mod support;

mod aria2;
mod curl;
mod limits;
mod memory;
mod own;
mod packed;
mod tables;
mod tool;
