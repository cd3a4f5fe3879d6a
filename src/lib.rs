//! haul downloads lists of URLs, many at a time: every byte right, every failure named.
//!
//! This crate is the engine of the `haul` command, for programs that want the same. It reads no configuration, of the
//! environment only where the machine's certificates are (`SSL_CERT_FILE`, `SSL_CERT_DIR`), prints nothing and has no state
//! of its own beside the values you make.
//!
//! ```no_run
//! use haul::{Hauler, event::Events, list, settings::Settings, stop::Stop};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), haul::error::SetupError> {
//! let urls = "https://example.org/a.bin\nhttps://example.org/b.bin some/other-name.bin\n";
//! let mut settings = Settings::default();
//! settings.dir = "downloads".into();
//!
//! let hauler = Hauler::new(settings)?;
//! let summary = hauler.run(list::from_lines(urls.as_bytes()), &Events::none(), &Stop::new()).await;
//! for row in &summary.failures {
//!     eprintln!("{}: {}", row.place, row.error().map_or_else(String::new, ToString::to_string));
//! }
//! assert!(summary.is_complete());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/progress.rs` shows a run with a progress of its own.
//!
//! # What comes of it
//!
//! Every entry ends as one [`report::Row`]: how it ended, its bytes and tries, how long it waited in the queue, for its
//! connection and for its first byte, over which connection the last answer came. [`report::Summary`] adds them up. What
//! neither holds is gathered from the events, in memory that does not grow with the list: [`report::Account`] has hosts,
//! push-back and failures, [`report::picture::Film`] what a picture of the run needs.
//!
//! | to write | there is |
//! |---|---|
//! | sizes, speeds and times for people | [`report::size`], [`report::speed`], [`report::seconds`] |
//! | a run as JSON | [`report::Report`] |
//! | a row an entry as CSV, while it goes | [`report::Rows`] |
//! | a run as Markdown | [`report::markdown()`] |
//! | its picture | [`report::picture::html`], [`report::picture::svg`] |
//! | what it was bound by | [`compare::Bound::of_run`] |
//!
//! # What flows where
//!
//! Bytes become lines, lines become [`job::Job`]s ([`list`]; each format has a room of its own behind one stream). [`Hauler::run`] is one `select!` loop: it gives each job
//! its name in list order and a task, as many as the settings allow, and collects a [`report::Row`] for each. A task
//! waits for a slot, makes one try after the other, and each try asks (`http`), decides, and copies (`disk`). Whoever
//! watches reads [`event::Event`]s and samples each transfer's [`event::Meter`].
//!
//! # Where each idea of tokio is at work
//!
//! | idea | where |
//! |---|---|
//! | one thread for the runtime, and why | `cli.rs` |
//! | spawn, and join what was spawned | `hauler/run.rs`: a `JoinSet` of entries |
//! | a semaphore bounds what runs at once | `slots.rs`: all connections, and those to one host |
//! | a stream with backpressure | `list.rs`, and how far it is read: `hauler/ahead.rs` |
//! | a bounded channel | `event.rs`, and `list/reader.rs` from a thread that may block |
//! | a channel for one answer | `disk/errands.rs` |
//! | somebody waits until something changed | `slots/host.rs`: a `Notify` |
//! | `select!` | `hauler.rs`: the loop; `http/silence.rs`: bytes, or too long without |
//! | a future of one's own | `stop.rs`: another future, or the end |
//! | cancellation | `stop.rs`: only what reads or sleeps is given up half-way |
//! | timeouts | `http/silence.rs`: one timer for a whole body |
//! | what belongs to a task | `http/client.rs`: how its request came by a connection |
//! | `spawn_blocking`, and when not to | `disk.rs`, `disk/part/sink.rs` |
//! | signals | `cli/signals.rs` |
//! | a listener with a task for each connection | `cli/demo/server.rs` |
//! | time that a test can pause | the tests of `slots.rs` and `throttle.rs` |

pub mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compare;
pub mod cookies;
mod disk;
pub mod error;
pub mod event;
mod fnv;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gaps;
mod hauler;
mod http;
pub mod job;
pub mod list;
mod lock;
pub mod netrc;
pub mod preview;
pub mod reach;
pub mod report;
pub mod settings;
pub mod shard;
mod slots;
pub mod stop;
pub mod tame;
mod throttle;
mod transfer;

pub use hauler::{Hauler, pour};
