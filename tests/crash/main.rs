//! What is left when haul ends at any moment, by whatever means, and what the next run makes of it.

#[path = "../support/mod.rs"]
mod support;

mod planted;
mod resumed;
mod rounds;
mod together;
