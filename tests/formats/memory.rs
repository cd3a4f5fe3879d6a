//! Memory grows with no list, however it is written.

use crate::support::Answer::Silent;
use crate::support::{Origin, Room, gzip};

const LIMIT: u64 = 32 << 20;
const ENTRIES: usize = 100_000;

#[test]
fn a_list_of_each_form_into_a_silent_server_stays_under_32_mib() {
    let origin = Origin::new();
    origin.file_elsewhere("").always(Silent);
    let key = "k".repeat(300);
    let entry = |form: &str, url: &str| match form {
        "jsonl" | "gz" => format!("{{\"url\":\"{url}\",\"headers\":{{\"X-Key\":\"{key}\"}},\"note\":\"{key}\"}}\n"),
        "csv" => format!("\"{url}\",\"a\n{key}\",X-Key: {key}\n"),
        "gcs" => format!("{url}\t5\n"),
        "curl" => format!("url = {url}\noutput = {key}\n"),
        _ => format!("{url}\t{url}?{key}\n header=X-Key: {key}\n split=5\n"),
    };
    for form in ["jsonl", "gz", "csv", "gcs", "curl", "text"] {
        let room = Room::new();
        let head = if form == "csv" { "url,caption,header\n" } else { "" };
        let entries = (0..ENTRIES).map(|n| entry(form, &origin.url(&format!("/{form}/{n}"))));
        let list = entries.fold(head.to_owned(), |list, entry| list + &entry);
        let (format, list) = match form {
            "gz" => ("auto", gzip(list.as_bytes())),
            form => (form, list.into_bytes()),
        };
        let list = room.give("list", list);
        let before = origin.requests().len();
        let haul = room
            .haul()
            .args(["-j", "64", "--timeout", "1h", "--format", format])
            .arg(list)
            .start();
        origin.wait_for_requests(before + 64);
        let peak = haul.peak_memory();
        haul.interrupt();
        let (outcome, weight) = haul.finish_and_weigh();
        outcome.exits_with(130);
        assert!(peak.max(weight) < LIMIT, "{form}: {} KiB", peak.max(weight) / 1024);
    }
}

#[test]
fn a_list_of_each_form_that_fails_throughout_stays_under_32_mib() {
    for (format, line) in [
        ("jsonl", "{\"url\":\"ftp://h/a\"}\n"),
        ("csv", "ftp://h/a,b\n"),
        ("curl", "url = ftp://h/a\n"),
        ("text", "http://h/a\n size=x\n"),
    ] {
        let room = Room::new();
        let list = room.give("list", line.repeat(ENTRIES));
        let haul = room.haul().unheard().args(["--format", format]).arg(list);
        let (outcome, peak) = haul.start().finish_and_weigh();
        outcome.fails();
        assert!(peak < LIMIT, "{format}: {} KiB", peak / 1024);
    }
}
