//! The command line: what a person types, and what a person sees.

pub mod out;
pub mod view;
