//! The real program against servers that behave and servers that do not. Every test is a sentence about haul.

#[path = "../support/mod.rs"]
mod support;

mod again;
mod bodies;
mod down;
mod ends;
mod existing;
mod failed;
mod json;
mod lists;
mod many;
mod memory;
mod mirrors;
mod names;
mod origin;
mod output;
mod pace;
mod picture;
mod preview;
mod redirects;
mod refusals;
mod reports;
mod requests;
mod retries;
mod screens;
mod shards;
mod shell;
mod terminal;
