//! Who else hears of a run: on the way of the events to the view they are written down for programs, reports and the
//! list of failures. A thread of its own does it. What does not take what is written holds up this thread, then, once
//! the channel is full, the run; memory it never costs.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::failed::FailedList;
use super::json::Json;
use super::report::Table;
use crate::event::{Event, Interest};
use crate::report::Account;
use crate::report::picture::Film;

/// How long events gather before they are written: woken for each, this thread would cost the run more than they do.
const REST: Duration = Duration::from_millis(5);
/// How often the counters of what is under way are read.
const SAMPLE: Duration = Duration::from_millis(100);
/// Events that wait for the view, as many as it finds without a tap: it takes them together, and then rests.
const AHEAD: usize = 1024;

/// Those who hear of a run.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub(crate) failed: Option<FailedList>,
    pub(crate) json: Option<Json>,
    pub(crate) account: Option<Account>,
    /// Tables of entries.
    pub(crate) tables: Vec<Table>,
    pub(crate) film: Option<Film>,
}

impl Listeners {
    /// Is there anybody?
    pub(crate) fn is_nobody(&self) -> bool {
        self.failed.is_none() && self.wanted() == Interest::Failures
    }

    /// What they want to hear of. A list of failures needs no more than failures.
    pub(crate) fn wanted(&self) -> Interest {
        let Self {
            failed: _,
            json,
            account,
            tables,
            film,
        } = self;
        if json.is_none() && account.is_none() && tables.is_empty() && film.is_none() {
            Interest::Failures
        } else {
            Interest::All
        }
    }

    fn hear(&mut self, event: &Event) {
        if let (Some(list), Event::Finished(row)) = (&mut self.failed, event) {
            list.add(row);
        }
        if let Event::Finished(row) = event {
            self.tables.iter_mut().for_each(|table| table.add(row));
        }
        if let Some(account) = &mut self.account {
            account.note(event);
        }
        if let Some(film) = &mut self.film {
            film.note(event, Instant::now());
        }
        if let Some(json) = &mut self.json {
            json.tell(event, Instant::now());
        }
    }

    fn sample(&mut self) {
        if let Some(film) = &mut self.film {
            film.sample(Instant::now());
        }
    }

    /// Nothing else has happened yet.
    fn pause(&mut self) {
        if let Some(json) = &mut self.json {
            json.flush();
        }
    }
}

/// Listeners on the way of the events.
#[derive(Debug)]
#[must_use = "the thread has to be waited for, or what it writes is cut off"]
pub(crate) struct Tap {
    thread: thread::JoinHandle<Listeners>,
    hurry: CancellationToken,
}

impl Tap {
    /// Puts listeners between the run and what comes after it, which hears of what it wants.
    pub(crate) fn open(
        events: mpsc::Receiver<Event>,
        listeners: Listeners,
        wanted: Interest,
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let (onward, receiver) = mpsc::channel(AHEAD);
        let hurry = CancellationToken::new();
        let asked = hurry.clone();
        // Its runtime comes when there is a thread for it: here, where another one runs, none may be dropped.
        let (give, given) = oneshot::channel::<Runtime>();
        let thread = thread::Builder::new().name("tap".into()).spawn(move || {
            let runtime = given.blocking_recv().ok();
            let heard = runtime.map(|runtime| runtime.block_on(listen(events, (onward, wanted), listeners, asked)));
            heard.unwrap_or_default()
        })?;
        let _ = give.send(runtime::Builder::new_current_thread().enable_time().build()?);
        Ok((Self { thread, hurry }, receiver))
    }

    /// Waits until all events are heard, that is until every sender is gone.
    pub(crate) fn finish(self) -> Listeners {
        self.hurry.cancel();
        // A panic has told of itself already.
        self.thread.join().unwrap_or_default()
    }
}

async fn listen(
    mut events: mpsc::Receiver<Event>,
    (onward, wanted): (mpsc::Sender<Event>, Interest),
    mut listeners: Listeners,
    hurry: CancellationToken,
) -> Listeners {
    let mut ticks = interval(SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let first = tokio::select! {
            event = events.recv() => event,
            _ = ticks.tick(), if listeners.film.is_some() => {
                listeners.sample();
                continue;
            }
        };
        let Some(first) = first else { break };
        let mut next = Some(first);
        while let Some(event) = next {
            listeners.hear(&event);
            let is_wanted = match &event {
                Event::Finished(row) => wanted.covers(row),
                _ => wanted == Interest::All,
            };
            if is_wanted {
                let _ = onward.send(event).await;
            }
            next = events.try_recv().ok();
        }
        listeners.pause();
        let _ = timeout(REST, hurry.cancelled()).await;
    }
    listeners.pause();
    listeners
}
