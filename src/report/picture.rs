//! What a run looked like: who did what at which time, slot by slot, how fast it was and who pushed back.
//!
//! A [`Film`] is taken while the run goes on, in memory that does not grow with it. [`svg`] and [`html`] develop it: text
//! that needs nothing else, no script, no network.

mod axis;
mod curves;
mod draw;
mod film;
mod lanes;
mod page;
mod raster;
mod series;
mod slots;

pub use film::Film;
pub use page::{Page, html, svg};
