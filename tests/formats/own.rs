//! What an entry has of its own: it goes to the entry's own server, and is never shown.

use std::fs;

use crate::support::{Answer, Origin, Room};

fn with_secrets(url: &str) -> [(&'static str, String); 3] {
    [
        (
            "text",
            format!(
                "{url}\n header=X-Key: hush-1\n header=Cookie: hush-2\n header=Accept: text/x\n user-agent=me\n \
                 referer=http://r/hush-3\n http-user=hush-4\n http-passwd=hush-5\n"
            ),
        ),
        (
            "jsonl",
            format!(
                "{{\"url\":\"{url}\",\"headers\":{{\"X-Key\":\"hush-1\",\"Cookie\":\"hush-2\",\"Accept\":\"text/x\"}},\
                 \"user_agent\":\"me\",\"referer\":\"http://r/hush-3\",\"user\":\"hush-4:hush-5\"}}\n"
            ),
        ),
        (
            "curl",
            format!(
                "url = {url}\n-H \"X-Key: hush-1\"\n-H \"Cookie: hush-2\"\n-H \"Accept: text/x\"\n-A me\n\
                 -e http://r/hush-3\n-u hush-4:hush-5\n"
            ),
        ),
    ]
}

#[test]
fn an_entry_s_fields_go_home_and_nowhere_else() {
    let (home, away) = (Origin::new(), Origin::new());
    let there = away.file("/there", "body").url();
    let url = home.file("/a", "").always(Answer::to(&there)).url();
    home.file("/b", "b");
    for (format, list) in with_secrets(&url) {
        let room = Room::new();
        let list = list + &with_plain(format, &home.url("/b"));
        let outcome = room.haul().args(["--format", format, "-v"]).stdin(list).run();
        outcome.succeeds().finished(2, 2).never_says("hush");
        let request = home.requests_for("/a").pop().unwrap();
        for (name, value) in [
            ("X-Key", "hush-1"),
            ("Cookie", "hush-2"),
            ("Referer", "http://r/hush-3"),
            ("Authorization", "Basic aHVzaC00Omh1c2gtNQ=="),
            ("User-Agent", "me"),
        ] {
            assert_eq!(request.field(name), Some(value), "{format}");
        }
        for request in away.requests().iter().chain(&home.requests_for("/b")) {
            assert!(!format!("{request:?}").contains("hush"), "{request:?}");
            assert_eq!(request.field("Authorization"), None);
        }
        let there = away.requests().pop().unwrap();
        assert_eq!(there.field("User-Agent"), Some("me"));
        assert_eq!(there.field("Accept"), Some("text/x"));
    }
}

fn with_plain(format: &str, url: &str) -> String {
    match format {
        "jsonl" => format!("{{\"url\":\"{url}\"}}\n"),
        "curl" => format!("next\nurl = {url}\n"),
        _ => format!("{url}\n"),
    }
}

#[test]
fn an_entry_s_fields_take_the_place_of_the_run_s() {
    let origin = Origin::new();
    let url = origin.file("/a", "a").url();
    let room = Room::new();
    let list = format!("{url}\n header=Authorization: Bearer mine\n header=X-A: mine\n header=X-A: too\n");
    room.haul()
        .args(["-u", "all:all", "-H", "X-A: all", "-H", "X-B: all"])
        .stdin(list)
        .run()
        .succeeds();
    let request = &origin.requests()[0];
    let of = |name: &str| -> Vec<_> {
        let fields = request.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.clone()).collect()
    };
    assert_eq!(of("Authorization"), ["Bearer mine"]);
    assert_eq!(of("X-A"), ["mine", "too"]);
    assert_eq!(of("X-B"), ["all"]);
}

#[test]
fn no_secret_of_an_entry_is_in_a_part_a_mark_or_a_message() {
    let origin = Origin::new();
    let url = origin
        .file("/a", vec![b'x'; 100_000])
        .etag("v1")
        .always(Answer::CutAfter(20_000))
        .url();
    let room = Room::new();
    for (format, list) in with_secrets(&url) {
        let outcome = room
            .haul()
            .impatient()
            .args(["--format", format, "--retries", "0", "-v"])
            .stdin(list)
            .run();
        outcome.fails().never_says("hush");
        for name in room.names() {
            let bytes = fs::read(room.path(&name)).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("hush"), "{name}");
        }
    }
    assert!(room.has("a.part"));
}

#[test]
fn two_entries_that_differ_in_what_they_send_are_two() {
    let origin = Origin::new();
    let url = origin.file("/a", "a").url();
    let room = Room::new();
    let list = format!("{url}\n header=X-Version: 1\n{url}\n header=X-Version: 2\n{url}\n header=X-Version: 1\n");
    let outcome = room.haul().stdin(list).run();
    outcome.succeeds().says("1 listed twice");
    room.holds_exactly(&[("a", "a"), ("a-2", "a")]);
}
