//! A run for people, as Markdown (GitHub's tables).

use std::fmt::Write as _;
use std::time::Duration;

use super::{About, Account, Host, Summary, count, seconds, size, speed};

/// Hosts and failures that are shown.
const SHOWN: usize = 50;

/// A run as a page of Markdown. `verdict` is what it was bound by, in words.
pub fn markdown(about: &About, summary: &Summary, account: &Account, verdict: Option<&str>) -> String {
    let mut text = format!("# haul: {}\n\n", headline(summary));
    let _ = writeln!(
        text,
        "`{}`, {}\n",
        about.command.join(" ").replace('`', "'"),
        super::rfc3339(about.started_at)
    );
    let _ = writeln!(text, "| | |\n|---|---|");
    for (name, value) in facts(about, summary, account, verdict) {
        let _ = writeln!(text, "| {name} | {} |", plain(&value));
    }
    hosts(&mut text, account);
    failures(&mut text, summary, account);
    text
}

/// `36 of 40 files, 29.4 MiB, 18.1 s, 1.62 MiB/s`
pub(super) fn headline(summary: &Summary) -> String {
    format!(
        "{} of {} files, {}, {}, {}",
        count(summary.arrived()),
        count(summary.files()),
        size(summary.received),
        seconds(summary.wall),
        speed(summary.speed())
    )
}

/// What is told of a run in a table of two columns.
pub(super) fn facts(
    about: &About,
    summary: &Summary,
    account: &Account,
    verdict: Option<&str>,
) -> Vec<(&'static str, String)> {
    let push_back: Vec<_> = account
        .push_back
        .iter()
        .map(|(code, n)| format!("{code}: {n}"))
        .collect();
    let counts = [
        ("downloaded", summary.downloaded),
        ("of those, gone on with", summary.resumed),
        ("already there", summary.already_there),
        ("duplicates", summary.duplicates),
        ("failed", summary.failed),
        ("retries", summary.retries),
    ];
    let counts = counts.into_iter().filter(|(_, number)| *number > 0);
    let mut facts: Vec<_> = counts.map(|(name, number)| (name, count(number))).collect();
    facts.push((
        "transfers at once",
        format!("{:.1} of {} on average", summary.parallelism(), about.jobs),
    ));
    facts.push(("longest file", seconds(summary.longest)));
    facts.extend((!push_back.is_empty()).then(|| ("push-back", push_back.join(", "))));
    facts.extend(verdict.map(|verdict| ("why it took that long", verdict.to_owned())));
    facts.extend(about.usage.iter().flat_map(|usage| {
        let time = format!("{} user, {} system", seconds(usage.user), seconds(usage.system));
        [("processor time", time), ("most memory", size(usage.max_rss))]
    }));
    facts
}

fn hosts(text: &mut String, account: &Account) {
    let hosts = account.hosts.named();
    if hosts.is_empty() {
        return;
    }
    text.push_str("\n## Hosts\n\n");
    text.push_str(
        "| host | files | failed | bytes | connect p50 | p95 | first byte p50 | p95 | push-back | pauses |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (name, host) in hosts.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "| {} |",
            host_cells(name, host).map(|cell| plain(&cell)).join(" | ")
        );
    }
    let left = hosts.len().saturating_sub(SHOWN);
    if left > 0 {
        let _ = writeln!(text, "\n{left} more hosts");
    }
}

fn unless_none(number: u64) -> String {
    match number {
        0 => "–".to_owned(),
        number => count(number),
    }
}

/// A host as a row of a table.
pub(super) fn host_cells(name: &str, host: &Host) -> [String; 10] {
    let time = |time: Option<Duration>| time.map_or_else(|| "–".to_owned(), seconds);
    let paused = Some(host.paused).filter(|paused| !paused.is_zero());
    [
        name.to_owned(),
        count(host.entries),
        unless_none(host.failed),
        size(host.received),
        time(host.connect.percentile(50)),
        time(host.connect.percentile(95)),
        time(host.wait.percentile(50)),
        time(host.wait.percentile(95)),
        unless_none(host.push_backs),
        time(paused),
    ]
}

fn failures(text: &mut String, summary: &Summary, account: &Account) {
    if summary.failed == 0 {
        return;
    }
    text.push_str("\n## Failed\n\n| line | entry | why | tries |\n|--:|---|---|--:|\n");
    for failure in account.failures.iter().take(SHOWN) {
        let (entry, why) = (plain(failure.shown()), plain(failure.why()));
        let (line, tries) = (failure.line(), unless_none(failure.tries().into()));
        let _ = writeln!(text, "| {line} | {entry} | {why} | {tries} |");
    }
    let left = summary.failed.saturating_sub(account.failures.len().min(SHOWN) as u64);
    if left > 0 {
        let _ = writeln!(text, "\n{left} more");
    }
}

/// Text that means nothing to Markdown or HTML.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut plain, c| {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => plain.extend(['\\', c]),
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_text() {
        for (text, written) in [
            ("a|b", "a\\|b"),
            ("<script>", "&lt;script>"),
            ("![x](http://h)", "\\!\\[x\\](http://h)"),
            ("a\nb", "a b"),
        ] {
            assert_eq!(plain(text), written);
        }
    }
}
