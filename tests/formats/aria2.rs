//! aria2's input files, those that it saves itself included, and lists of failures that both run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Answer::Status;
use crate::support::{Origin, Room};
use crate::tool::{tool, written};

const SUM_OF_A: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

const BLAKE3_OF_C: &str = "ea7aa1fc9efdbe106dbb70369a75e9671fa29d52bd55536711bf197477b8f021";

/// aria2c with a list, into a folder, without anybody's configuration.
fn aria2c(list: &Path, folder: &Path) -> Option<Command> {
    let mut command = tool("aria2c")?;
    command.args(["--no-conf", "--quiet", "--max-tries=1", "--retry-wait=0", "-i"]);
    command.arg(list).arg("-d").arg(folder).current_dir(folder);
    Some(command)
}

/// `/a`, `/b`, … with one letter each.
fn letters(letters: &str) -> Origin {
    let origin = Origin::new();
    for letter in letters.chars() {
        origin.file(&format!("/{letter}"), letter.to_string());
    }
    origin
}

#[test]
fn a_list_gives_the_same_folder_with_aria2c_and_with_haul() {
    let origin = letters("abcd");
    let list = format!(
        "# a comment\n{a}\n out=sub/x y.bin\n checksum=sha-256={SUM_OF_A}\n\n{b}\t{b}?mirror\n\theader=X-B: b\n\
         \theader=X-C: c\n user-agent=me/1\n referer=http://r/\n{c}\n# another\n http-user=me\n http-passwd=p=w\n{d}\n",
        a = origin.url("/a"),
        b = origin.url("/b"),
        c = origin.url("/c"),
        d = origin.url("/d"),
    );
    let (room, other) = (Room::new(), Room::new());
    let list = room.give("list.txt", list);
    room.haul().arg(&list).run().succeeds().never_says("warning");
    room.holds_exactly(&[("sub/x y.bin", "a"), ("b", "b"), ("c", "c"), ("d", "d")]);
    let fields = |origin: &Origin| {
        ["/a", "/b", "/c", "/d"].map(|path| {
            let request = origin.requests_for(path).pop().expect("a request");
            ["X-B", "X-C", "Referer", "Authorization"].map(|name| request.field(name).map(str::to_owned))
        })
    };
    let sent = fields(&origin);
    assert_eq!(origin.requests_for("/b")[0].field("User-Agent"), Some("me/1"));
    assert_eq!(sent[2][3].as_deref(), Some("Basic bWU6cD13"));
    let Some(aria2c) = aria2c(&list, &other.folder()) else {
        return;
    };
    written(aria2c);
    assert_eq!(room.files(), other.files());
    assert_eq!(fields(&origin), sent);
}

#[test]
fn what_aria2c_saves_of_its_session_runs_as_it_is() {
    let origin = Origin::new();
    for path in ["/a", "/b", "/c"] {
        origin.file(path, &path[1..]).then(Status(404));
    }
    let room = Room::new();
    let list = format!(
        "{a}\n out=x.bin\n header=X-A: a\n checksum=sha-256={SUM_OF_A}\n{b}\n dir={sub}\n pause=true\n{c}\t{c}?2\n",
        a = origin.url("/a"),
        b = origin.url("/b"),
        c = origin.url("/c"),
        sub = room.path("sub").display(),
    );
    origin.file("/c?2", "c").then(Status(404));
    let (list, session) = (room.give("list.txt", list), room.beside("session.txt"));
    let Some(mut aria2c) = aria2c(&list, &room.folder()) else {
        return;
    };
    aria2c.arg(format!("--save-session={}", session.display()));
    aria2c.arg("--pause=false").status().expect("it starts");
    let saved = fs::read_to_string(&session).expect("a session");
    assert!(saved.contains("\n gid=") && saved.contains("\n dir=/"), "{saved}");
    room.haul().impatient().arg(&session).run().succeeds().finished(3, 3);
    room.holds_exactly(&[("x.bin", "a"), ("sub/b", "b"), ("c", "c")]);
    let request = origin.requests_for("/a").pop().unwrap();
    assert_eq!(request.field("X-A"), Some("a"));
}

#[test]
fn a_session_of_another_folder_leads_nobody_there() {
    let origin = letters("a");
    let room = Room::new();
    let elsewhere = room.beside("elsewhere");
    let list = format!("{}\n dir={}\n", origin.url("/a"), elsewhere.display());
    let outcome = room.haul().stdin(&list).run();
    outcome.fails().says("its path leads out of the folder");
    assert!(!elsewhere.exists() && room.names().is_empty());
    room.haul().arg("-d").arg(&elsewhere).stdin(&list).run().succeeds();
    assert_eq!(fs::read_to_string(elsewhere.join("a")).unwrap(), "a");
}

#[test]
fn an_option_that_nobody_knows_is_told_of_once() {
    let origin = letters("abc");
    let entries = ["/a", "/b", "/c"].map(|path| format!("{}\n split=5\n gid=1\n max-tries=2\n", origin.url(path)));
    let room = Room::new();
    let outcome = room.haul().stdin(entries.concat()).run();
    outcome
        .succeeds()
        .says_times("option split is not used (line 1)", 1)
        .says_times("option split", 1)
        .says_times("option max-tries", 1)
        .says_times("warning", 2);
    // Also over several lists.
    let lists = ["1", "2"].map(|name| room.give(name, &entries[0]));
    room.haul().args(lists).run().succeeds().says_times("option split", 1);
}

#[test]
fn an_option_that_comes_after_its_entry_has_begun_is_a_failure() {
    let origin = letters("ab");
    let room = Room::new();
    let mut haul = room.haul().start();
    haul.write(origin.url("/a") + "\n");
    origin.wait_for("/a");
    haul.write(format!(" http-passwd=hush\n out=x\n{}\n out=y\n", origin.url("/b")));
    let outcome = haul.finish();
    outcome
        .fails()
        .finished(2, 3)
        .says_in_a_line(&["failed line 2", "too late"])
        .never_says("hush");
    room.holds_exactly(&[("a", "a"), ("y", "b")]);
}

#[test]
fn what_failed_is_a_list_for_both_with_all_that_an_entry_had() {
    let origin = letters("abcde");
    for path in ["/a", "/b", "/c", "/d"] {
        origin.file(path, &path[1..]).then(Status(404));
    }
    // Its mirror has nothing, either.
    origin.file("/a?mirror", "").then(Status(404));
    let json = format!(
        r#"{{"url":"{}","out":"c.bin","blake3":"{BLAKE3_OF_C}","size":1,"headers":{{"X-A":"a"}}}}"#,
        origin.url("/c")
    );
    let list = format!(
        "{a}\t{a}?mirror\n out=x y.bin\n dir=sub\n checksum=sha-256={SUM_OF_A}\n header=X-A: a\n user-agent=me\n\
         {b}\n http-user=me\n http-passwd=hush\n referer=http://r/?hush\n{json}\n{d}\n{e}\nnonsense\n",
        a = origin.url("/a"),
        b = origin.url("/b"),
        d = origin.url("/d"),
        e = origin.url("/e"),
    );
    let room = Room::new();
    let failed = room.beside("failed.txt");
    let outcome = room.haul().arg("--failed").arg(&failed).stdin(list).run();
    outcome.fails().finished(1, 6).never_says("hush");
    let left = fs::read_to_string(&failed).unwrap();
    let mut lines: Vec<_> = left.lines().filter(|line| !line.starts_with('#')).collect();
    lines.sort_unstable();
    let mut expected = [
        format!("{0}\t{0}?mirror", origin.url("/a")),
        " out=sub/x y.bin".into(),
        format!(" checksum=sha-256={SUM_OF_A}"),
        " header=x-a: a".into(),
        " user-agent=me".into(),
        origin.url("/b"),
        " http-user=me".into(),
        " http-passwd=hush".into(),
        " referer=http://r/?hush".into(),
        origin.url("/c"),
        " out=c.bin".into(),
        format!(" blake3={BLAKE3_OF_C}"),
        " size=1".into(),
        " header=x-a: a".into(),
        origin.url("/d"),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    let arrived = [("sub/x y.bin", "a"), ("b", "b"), ("c.bin", "c"), ("d", "d"), ("e", "e")];
    let again = Room::new();
    again
        .haul()
        .arg(&failed)
        .run()
        .succeeds()
        .finished(4, 4)
        .never_says("warning");
    again.holds_exactly(&arrived[..4]);
    let other = Room::new();
    let Some(aria2c) = aria2c(&failed, &other.folder()) else {
        return;
    };
    written(aria2c);
    other.holds_exactly(&arrived[..4]);
}
