//! The block on the terminal: a snapshot and a room become lines, none of them wider than the room.

use super::snapshot::{Expected, FILES, File, HeldHost, Snapshot};
use super::text::{Line, Tint, clip, clip_middle, fit, left};
use crate::report;

/// Lines of the terminal that the block leaves alone.
const SPARED: usize = 6;
/// Hosts on hold that get a line each.
const HOSTS: usize = 2;

/// How much room there is, and whether with colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) colour: bool,
}

impl Room {
    /// The last column stays free: a terminal that has just written it may stand in the next line already.
    pub(super) fn line(self) -> usize {
        self.columns.saturating_sub(1)
    }

    /// The cursor stands behind the last line, and there a terminal writes `^C`. Were it folded, the block would be
    /// looked for a row too low.
    fn last_line(self) -> usize {
        self.line().saturating_sub("^C".len())
    }
}

/// The block: a line a file and a host on hold, as many as there is room for, then the total.
pub(super) fn frame(now: &Snapshot, jobs: usize, room: Room) -> Vec<String> {
    let most = jobs.min(FILES).min(room.rows.saturating_sub(SPARED));
    let mut hosts = host_lines(&now.held);
    hosts.truncate(most);
    let files = &now.files[..now.files.len().min(most - hosts.len())];
    let mut lines: Vec<_> = files.iter().map(|file| file_line(file, room.line())).collect();
    let hidden = now
        .active
        .saturating_sub(files.iter().filter(|file| file.waits.is_none()).count());
    lines.extend(hosts);
    let show = |line: Line| line.show(room.line(), room.colour);
    let mut lines: Vec<_> = lines.into_iter().map(show).collect();
    let total = total_line(now, hidden, room.last_line(), is_wide(room.line()));
    lines.push(total.show(room.last_line(), room.colour));
    lines
}

fn host_lines(held: &[HeldHost]) -> Vec<Line> {
    let named = if held.len() > HOSTS { HOSTS - 1 } else { HOSTS };
    let mut lines: Vec<_> = held.iter().take(named).map(host_line).collect();
    if held.len() > named {
        let more = format!("… {} more hosts wait", held.len() - named);
        lines.push(Line::default().with(Tint::Faint, more));
    }
    lines
}

fn host_line(held: &HeldHost) -> Line {
    let wait = format!(" waits {} ({})", left(Some(held.left)), held.why);
    Line::default()
        .plain(format!("… {}", held.host))
        .with(Tint::Faint, wait)
}

/// What a file line has beside the name, by the room there is.
struct Shape {
    bar: usize,
    amount: Amount,
    speed: bool,
    eta: bool,
}

/// How a file line says how much of the file is here.
enum Amount {
    Sizes,
    Percent,
    Nothing,
}

impl Shape {
    fn of(room: usize) -> Self {
        let (bar, amount, speed, eta) = match room {
            99.. => (20, Amount::Sizes, true, true),
            79.. => (12, Amount::Sizes, true, false),
            49.. => (12, Amount::Percent, true, false),
            29.. => (0, Amount::Percent, true, false),
            12.. => (0, Amount::Percent, false, false),
            _ => (0, Amount::Nothing, false, false),
        };
        Self {
            bar,
            amount,
            speed,
            eta,
        }
    }
}

fn file_line(file: &File, room: usize) -> Line {
    if let Some((wait, why)) = &file.waits {
        let rest = format!("waits {} ({why})", left(Some(*wait)));
        return named(
            &file.name,
            Line::default().with(Tint::Faint, clip(&rest, room / 2)),
            room,
        );
    }
    let shape = Shape::of(room);
    let mut rest = bar(file, shape.bar);
    rest = match shape.amount {
        Amount::Sizes => rest.plain(format!("  {:>8} / {:>8}", report::size(file.received), size(file.size))),
        Amount::Percent => rest.plain(format!(" {:>4}", percent(file))),
        Amount::Nothing => rest,
    };
    if shape.speed {
        rest = rest.plain(format!("  {:>10}", speed(file.speed)));
    }
    if shape.eta {
        rest = rest.with(Tint::Faint, format!(" {:>8}", left(file.eta)));
    }
    named(&file.name, rest, room)
}

fn size(size: Option<u64>) -> String {
    size.map_or("--".into(), report::size)
}

/// The name takes what the rest leaves. Files of one list often differ in their ends alone, so that stays.
fn named(name: &str, rest: Line, room: usize) -> Line {
    let free = room.saturating_sub(2 + rest.width());
    rest.after(format!(" {} ", fit(&clip_middle(name, free), free)))
}

fn bar(file: &File, cells: usize) -> Line {
    let full = match file.size {
        None => 0,
        Some(0) => cells,
        Some(size) => share(file.received.min(size), size, cells),
    };
    Line::default()
        .with(Tint::Bar, "━".repeat(full))
        .with(Tint::Faint, "─".repeat(cells - full))
}

fn share(part: u64, of: u64, cells: usize) -> usize {
    usize::try_from(u128::from(part) * cells as u128 / u128::from(of)).map_or(cells, |n| n.min(cells))
}

fn percent(file: &File) -> String {
    match file.size {
        Some(0) => "100%".into(),
        Some(size) => format!("{}%", share(file.received.min(size), size, 100)),
        None => "--".into(),
    }
}

fn speed(speed: Option<f64>) -> String {
    speed.map_or("--".into(), report::speed)
}

/// A piece of the total line; the higher its rank, the sooner it goes when the room is short.
type Piece = (u8, Tint, String);

fn is_wide(room: usize) -> bool {
    room >= 79
}

fn total_line(now: &Snapshot, hidden: usize, room: usize, is_wide: bool) -> Line {
    let mut pieces = pieces(now, hidden, is_wide);
    if width(&pieces) > room
        && let Some((_, _, text)) = pieces.last_mut().filter(|_| hidden > 0)
    {
        *text = format!("(+{hidden})");
    }
    while width(&pieces) > room {
        let Some((at, _)) = pieces
            .iter()
            .enumerate()
            .max_by_key(|(_, piece)| piece.0)
            .filter(|(_, p)| p.0 > 0)
        else {
            break;
        };
        pieces.remove(at);
    }
    let mut line = Line::default();
    for (at, (_, tint, text)) in pieces.into_iter().enumerate() {
        line = line.plain(if at == 0 { "" } else { "  " }).with(tint, text);
    }
    line
}

fn width(pieces: &[Piece]) -> usize {
    let text: usize = pieces.iter().map(|(.., text)| super::text::width(text)).sum();
    text + 2 * pieces.len().saturating_sub(1)
}

fn pieces(now: &Snapshot, hidden: usize, wide: bool) -> Vec<Piece> {
    let mut pieces = vec![(0, Tint::Strong, files(now, wide))];
    if wide {
        pieces.push((4, Tint::Plain, bytes(now)));
    }
    pieces.push((2, Tint::Plain, speed(now.speed)));
    pieces.push((3, Tint::Plain, format!("ETA {}", left(now.eta))));
    pieces.push((
        5,
        Tint::Plain,
        format!("{} {}", now.active, if wide { "active" } else { "act" }),
    ));
    if now.waiting > 0 {
        pieces.push((7, Tint::Faint, format!("{} waiting", now.waiting)));
    }
    if now.failed > 0 {
        pieces.push((1, Tint::Bad, format!("{} failed", now.failed)));
    }
    if hidden > 0 {
        pieces.push((6, Tint::Faint, format!("(+{hidden} not shown)")));
    }
    pieces
}

/// `12/40 files`, and `12/40+ files` while the list is still being read.
pub(super) fn files(now: &Snapshot, word: bool) -> String {
    let more = if now.complete { "" } else { "+" };
    let word = match (word, now.complete, now.listed) {
        (false, ..) => "",
        (true, true, 1) => " file",
        _ => " files",
    };
    format!("{}/{}{more}{word}", now.done, now.listed)
}

fn bytes(now: &Snapshot) -> String {
    let expected = match now.expected {
        Expected::Exactly(total) => report::size(total),
        Expected::About(total) => format!("~{}", report::size(total)),
        Expected::Unknown => "--".into(),
    };
    format!("{} / {expected}", report::size(now.received))
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
