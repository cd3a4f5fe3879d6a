//! Where a redirect may lead, and what goes along: nothing that is meant for somebody else.

use crate::support::{Answer, Origin, Room};

#[test]
fn other_schemes_are_not_followed_whatever_they_are() {
    let room = Room::new();
    let mine = room.give("mine", "a secret");
    for (location, scheme) in [
        (format!("file://{}", mine.display()), "file:"),
        (format!("FILE://{}", mine.display()), "file:"),
        ("ftp://127.0.0.1/a".into(), "ftp:"),
        ("data:text/plain,hello".into(), "data:"),
        ("javascript:alert(1)".into(), "javascript:"),
        ("gopher://127.0.0.1:70/_a".into(), "gopher:"),
        ("about:blank".into(), "about:"),
        (" \tfile:///etc/passwd".into(), "file:"),
    ] {
        let origin = Origin::new();
        let url = origin.file("/a", "").always(Answer::to(&location)).url();
        let outcome = room.haul().impatient().arg(url).run();
        outcome
            .fails()
            .says_in_a_line(&[scheme, "not http or https"])
            .is_plain_text();
        room.holds_exactly::<&str>(&[]);
        assert_eq!(origin.requests().len(), 1);
    }
}

/// Everything that may be a secret, on its way from one origin to another.
const SECRETS: [&str; 8] = [
    "-H",
    "Authorization: Bearer hush-1",
    "-H",
    "Cookie: k=hush-2",
    "-H",
    "X-Api-Key: hush-3",
    "-H",
    "Proxy-Authorization: Basic hush-4",
];

#[track_caller]
fn holds_no_secret(origin: &Origin) {
    for request in origin.requests() {
        assert!(!format!("{request:?}").contains("hush"), "{request:?}");
        assert_eq!(request.field("Authorization"), None);
        assert_eq!(request.field("Referer"), None);
    }
}

#[test]
fn nothing_goes_along_to_another_origin_nor_comes_back_from_it() {
    for status in [301, 302, 303, 307, 308] {
        let (first, second) = (Origin::new(), Origin::new());
        let back = Answer::Status(status).field("Location", &first.url("/back"));
        first
            .file("/a", "")
            .always(Answer::Status(status).field("Location", &second.url("/b")));
        second.file("/b", "").always(back);
        first.file("/back", "c");
        let room = Room::new();
        let url = first.url("/a").replace("http://", "http://hush-u:hush-p@");
        room.haul().args(SECRETS).arg(url).run().succeeds().never_says("hush");
        room.holds_exactly(&[("a", "c")]);
        holds_no_secret(&second);
        // What came back from a stranger is a stranger's request.
        let back = &first.requests_for("/back")[0];
        assert!(!format!("{back:?}").contains("hush"), "{back:?}");
    }
}

#[test]
fn nothing_goes_along_in_a_retry_or_a_range_either() {
    let (first, second) = (Origin::new(), Origin::new());
    first.file("/a", "").always(Answer::to(&second.url("/b")));
    second
        .file("/b", "0123456789")
        .etag("v1")
        .then(Answer::Status(503))
        .then(Answer::CutAfter(4));
    let room = Room::new();
    let args = ["-u", "hush-u:hush-p", &first.url("/a")];
    room.haul()
        .impatient()
        .args(SECRETS)
        .args(args)
        .run()
        .succeeds()
        .never_says("hush");
    room.holds_exactly(&[("a", "0123456789")]);
    assert_eq!(second.requests().len(), 3);
    holds_no_secret(&second);
}

#[test]
fn userinfo_in_a_location_is_not_sent_nor_shown() {
    let (first, second) = (Origin::new(), Origin::new());
    let to = second
        .url("/b?X-Signature=hush-s")
        .replace("http://", "http://hush-u:hush-p@");
    first.file("/a", "").always(Answer::to(&to));
    second.file("/b?X-Signature=hush-s", "").always(Answer::Status(404));
    let room = Room::new();
    let outcome = room.haul().impatient().args(["-v", &first.url("/a")]).run();
    outcome.fails().never_says("hush");
    assert_eq!(second.requests()[0].field("Authorization"), None);
}

#[test]
fn a_secret_of_the_list_is_in_no_part_and_no_mark() {
    let origin = Origin::new();
    let path = "/a.bin?token=hush-t";
    origin.file(path, "0123456789").etag("v1").always(Answer::CutAfter(4));
    let room = Room::new();
    let url = origin.url(path).replace("http://", "http://hush-u:hush-p@");
    let args = ["--retries", "0", "-v", &url];
    room.haul().impatient().args(args).run().fails().never_says("hush");
    let record = room.read("a.bin.part.json");
    let record = String::from_utf8(record).unwrap();
    assert!(!record.contains("hush"), "{record}");
}

#[test]
fn a_location_with_a_control_character_does_no_harm() {
    let origin = Origin::new();
    for location in [
        "/b\x1b[31mred",
        "/b\u{202e}gpj.exe",
        "http://\x07/",
        "//",
        "http://[::1",
        "http://a b/",
    ] {
        origin.file("/a", "").always(Answer::to(location));
        let room = Room::new();
        let outcome = room
            .haul()
            .impatient()
            .args(["--connect-timeout", "1s", "-v", &origin.url("/a")])
            .run();
        outcome.fails().is_plain_text();
        room.holds_exactly::<&str>(&[]);
    }
}

/// Runs it against a server that cuts one file, refuses another and has a third, with all that can be told, and looks
/// through all that was told and written. Gives what the server was told.
#[track_caller]
fn told(prepare: impl Fn(&Room), args: &[&str], env: &[(&str, &str)], field: &str) -> String {
    let (server, room) = (Origin::new(), Room::new());
    server.file("/cut", "0123456789").etag("v1").always(Answer::CutAfter(4));
    server.file("/no", "").always(Answer::Status(401));
    server.file("/yes", "yes");
    prepare(&room);
    let address = server.authority();
    let filled = |text: &str| {
        text.replace("GIVEN", &room.beside("").display().to_string())
            .replace("SERVER", &address)
    };
    let reports = ["r.json", "r.csv", "r.md", "r.html", "r.svg", "failed"].map(|name| room.beside(name));
    let mut haul = room.haul().impatient().args(["-v", "--json", "--retries", "0"]);
    for report in &reports[..5] {
        haul = haul.arg("--report").arg(report);
    }
    haul = haul
        .arg("--failed")
        .arg(&reports[5])
        .args(args.iter().map(|arg| filled(arg)));
    for (name, value) in env {
        haul = haul.env(name, filled(value));
    }
    let outcome = haul.stdin(server.list(["/cut", "/no", "/yes"])).run();
    outcome.fails().finished(1, 3).never_says("hush").never_says("aHVza");
    assert!(room.has("cut.part.json"), "a part");
    let mut written: Vec<_> = reports.to_vec();
    written.extend(room.names().iter().map(|name| room.path(name)));
    for path in written {
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
        assert!(
            !text.contains("hush") && !text.contains("aHVza"),
            "{}: {text}",
            path.display()
        );
    }
    let said = server.requests_for("/no")[0].field(field).map(str::to_owned);
    said.expect("the server is told")
}

/// `hush-u:hush-p`.
const BASIC: &str = "Basic aHVzaC11Omh1c2gtcA==";

#[test]
fn a_token_a_netrc_a_cookie_and_a_proxy_s_password_are_told_to_nobody_but_their_server() {
    let nothing = |_: &Room| {};
    let token = told(nothing, &[], &[("HAUL_TOKEN", "hush-t")], "Authorization");
    assert_eq!(token, "Bearer hush-t");
    let netrc = |room: &Room| drop(room.give("netrc", "machine 127.0.0.1 login hush-u password hush-p"));
    assert_eq!(told(netrc, &[], &[("NETRC", "GIVEN/netrc")], "Authorization"), BASIC);
    let cookies = |room: &Room| drop(room.give("cookies", "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\thush-c\n"));
    assert_eq!(told(cookies, &["-b", "GIVEN/cookies"], &[], "Cookie"), "sid=hush-c");
    let proxy = "http://hush-u:hush-p@SERVER";
    assert_eq!(told(nothing, &["-x", proxy], &[], "Proxy-Authorization"), BASIC);
    assert_eq!(
        told(nothing, &[], &[("HAUL_PROXY", proxy)], "Proxy-Authorization"),
        BASIC
    );
    assert_eq!(
        told(nothing, &[], &[("http_proxy", proxy)], "Proxy-Authorization"),
        BASIC
    );
}

#[test]
fn a_proxy_s_password_does_not_go_along_to_who_is_asked_without_it() {
    let (proxy, origin) = (Origin::new(), Origin::new());
    proxy.file("/a", "").always(Answer::to(&origin.url("/b")));
    origin.file("/b", "b");
    let room = Room::new();
    let url = proxy.url("").replace("://", "://hush-u:hush-p@");
    let haul = room
        .haul()
        .env("no_proxy", "127.0.0.1")
        .args(["-x", &url, "http://files.test/a"]);
    haul.run().succeeds().never_says("hush");
    assert_eq!(proxy.requests()[0].field("Proxy-Authorization"), Some(BASIC));
    assert_eq!(origin.requests()[0].field("Proxy-Authorization"), None);
}
