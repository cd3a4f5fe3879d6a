//! Downloads a list with a progress of its own: `cargo run --example progress -- DIR < LIST`

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use haul::event::{Event, Events, Meter};
use haul::report::{Account, seconds, size, speed};
use haul::{Hauler, list, settings::Settings, stop::Stop};
use tokio::sync::mpsc::Receiver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut settings = Settings::default();
    settings.dir = std::env::args().nth(1).unwrap_or_else(|| ".".into()).into();
    let hauler = Hauler::new(settings)?;
    let list = list::from_lines(list::read_aside(|| Ok(io::stdin())));
    let (events, inbox) = Events::channel();
    // The block owns the sending end: when the run is over it is dropped, and the watching ends with it.
    let run = async move { hauler.run(list, &events, &Stop::new()).await };
    let (summary, watched) = tokio::join!(run, watch(inbox));
    let account = watched?;

    let (mut out, time) = (io::stderr(), seconds(summary.wall));
    writeln!(out, "{time}, {}, {} failed", speed(summary.speed()), summary.failed)?;
    for (name, host) in account.hosts.by_entries() {
        writeln!(out, "{name}: {} files, {}", host.entries, size(host.received))?;
    }
    Ok(())
}

/// Changes of state come as events; bytes are counters to look at.
async fn watch(mut inbox: Receiver<Event>) -> io::Result<Account> {
    let (mut account, mut under_way) = (Account::default(), HashMap::new());
    let mut ticks = tokio::time::interval(Duration::from_millis(200));
    loop {
        let event = tokio::select! {
            event = inbox.recv() => event,
            _ = ticks.tick() => {
                let here = under_way.values().map(|meter: &Arc<Meter>| meter.here()).sum();
                write!(io::stderr(), "\r{} files, {} so far \x1b[K\r", under_way.len(), size(here))?;
                continue;
            }
        };
        let Some(event) = event else { return Ok(account) };
        account.note(&event);
        match event {
            Event::Started { id, meter, .. } => under_way.insert(id, meter),
            Event::Finished(row) => under_way.remove(&row.id),
            _ => None,
        };
    }
}
