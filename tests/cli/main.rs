//! The real program against servers that behave and servers that do not. Every test is a sentence about haul.

#[path = "../support/mod.rs"]
mod support;

mod origin;
