//! What a request says, and through whom it goes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::support::{Origin, Room};

#[test]
fn one_file_is_one_get_that_wants_the_bytes_as_they_are() {
    let origin = Origin::new();
    origin.file("/a.bin?x=1&y=%20", "a");
    let room = Room::new();
    room.haul().arg(origin.url("/a.bin?x=1&y=%20")).run().succeeds();
    let [request] = &origin.requests()[..] else {
        panic!("one request")
    };
    assert_eq!((&*request.method, &*request.target), ("GET", "/a.bin?x=1&y=%20"));
    assert_eq!(request.field("Accept-Encoding"), Some("identity"));
    assert_eq!(request.field("Host"), Some(&*origin.authority()));
    assert!(
        request
            .field("User-Agent")
            .is_some_and(|agent| agent.starts_with("haul/"))
    );
    for absent in ["Authorization", "Cookie", "Referer", "Range", "If-Range"] {
        assert_eq!(request.field(absent), None, "{absent}");
    }
}

#[test]
fn headers_user_agent_and_credentials_are_sent_as_given() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    let args = ["-H", "X-One: 1", "-H", "X-Two:two", "-A", "me/1.0", "-u", "user:pa:ss"];
    room.haul().args(args).arg(origin.url("/a")).run().succeeds();
    let request = &origin.requests()[0];
    for (name, value) in [
        ("X-One", "1"),
        ("X-Two", "two"),
        ("User-Agent", "me/1.0"),
        ("Authorization", "Basic dXNlcjpwYTpzcw=="),
    ] {
        assert_eq!(request.field(name), Some(value), "{name}");
    }
}

#[test]
fn of_fields_that_a_request_has_once_the_last_is_sent() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    let said = ["Referer", "X-A", "Authorization", "User-Agent"].map(|name| [1, 2].map(|n| format!("-H{name}: {n}")));
    room.haul().args(said.concat()).arg(origin.url("/a")).run().succeeds();
    let request = &origin.requests()[0];
    for (name, sent) in [
        ("Referer", &["2"][..]),
        ("X-A", &["1", "2"]),
        ("Authorization", &["2"]),
        ("User-Agent", &["2"]),
    ] {
        let fields = request
            .fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        assert_eq!(fields.map(|(_, value)| &**value).collect::<Vec<_>>(), sent, "{name}");
    }
}

#[test]
fn credentials_of_a_url_are_sent_for_it_alone() {
    let origin = Origin::new();
    origin.file("/a", "a");
    origin.file("/b", "b");
    let room = Room::new();
    let with = origin.url("/a").replace("http://", "http://user:p%40ss@");
    let list = format!("{with}\n{}\n", origin.url("/b"));
    room.haul()
        .stdin(list)
        .run()
        .succeeds()
        .never_says("p%40ss")
        .never_says("p@ss");
    let authorization = |path| origin.requests_for(path)[0].field("Authorization").map(str::to_owned);
    assert_eq!(authorization("/a").as_deref(), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(authorization("/b"), None);
}

#[test]
fn a_proxy_of_the_environment_is_asked_and_no_proxy_excepts() {
    for (except, proxied) in [("", true), ("example.org", true), ("127.0.0.1", false)] {
        let (proxy, origin) = (Origin::new(), Origin::new());
        proxy.file("/a", "by the proxy");
        origin.file("/a", "by the origin");
        let room = Room::new();
        let haul = room.haul().env("http_proxy", proxy.url("")).env("no_proxy", except);
        haul.arg(origin.url("/a")).run().succeeds();
        assert_eq!(proxy.requests().len(), usize::from(proxied), "no_proxy={except:?}");
        assert_eq!(origin.requests().len(), usize::from(!proxied), "no_proxy={except:?}");
    }
}

#[test]
fn a_variable_that_is_no_text_is_not_passed_over() {
    let origin = Origin::new();
    let url = origin.file("/a", "a").url();
    let room = Room::new();
    let bad = OsStr::from_bytes(b"p\xFF:1");
    for name in ["http_proxy", "HTTPS_PROXY", "NO_PROXY", "HAUL_TOKEN", "HAUL_USER"] {
        let outcome = room.haul().env(name, bad).arg(&url).run();
        outcome.exits_with(2).says(&format!("the variable {name} is not UTF-8"));
    }
    // A path need not be one.
    let netrc = room.folder().with_file_name(bad);
    let outcome = room.haul().env("NETRC", &netrc).arg(&url).run();
    outcome.exits_with(2).says("no such file");
    std::fs::write(&netrc, "default login me password hush").unwrap();
    room.haul().env("NETRC", &netrc).arg(&url).run().succeeds();
    let sent = origin.requests();
    assert_eq!(
        (sent.len(), sent[0].field("Authorization")),
        (1, Some("Basic bWU6aHVzaA=="))
    );
}

#[test]
fn a_proxy_gets_the_whole_url_and_its_own_credentials() {
    let proxy = Origin::new();
    proxy.file("/a", "a");
    let room = Room::new();
    let url = proxy.url("").replace("http://", "http://user:hush@");
    let outcome = room.haul().env("http_proxy", url).arg("http://nowhere.invalid/a").run();
    outcome.succeeds().never_says("hush");
    let request = &proxy.requests()[0];
    assert_eq!(request.target, "http://nowhere.invalid/a");
    assert_eq!(request.field("Host"), Some("nowhere.invalid"));
    assert_eq!(request.field("Proxy-Authorization"), Some("Basic dXNlcjpodXNo"));
}

/// Passes on what comes by a Unix socket to the server, and what it answers back.
fn socket_to(origin: &Origin, path: &std::path::Path) {
    use std::io;
    use std::net::{Shutdown, TcpStream};
    use std::os::unix::net::UnixListener;
    let (listener, to) = (UnixListener::bind(path).unwrap(), origin.authority());
    std::thread::spawn(move || {
        for here in listener.incoming().map_while(Result::ok) {
            let there = TcpStream::connect(&to).unwrap();
            let (mut from, mut onward) = (here.try_clone().unwrap(), there.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = io::copy(&mut from, &mut onward);
                let _ = onward.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = io::copy(&mut &there, &mut &here);
                let _ = here.shutdown(Shutdown::Both);
            });
        }
    });
}

#[test]
fn a_unix_socket_is_connected_to_whatever_host_a_url_names() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a.bin", "a");
    origin.file("/b.bin", "b");
    let socket = room.folder().with_file_name("socket");
    let args = ["--unix-socket", socket.to_str().unwrap()];
    let list = "http://nowhere.invalid/a.bin\nhttp://also.invalid:81/b.bin\n";
    room.haul()
        .impatient()
        .args(args)
        .stdin(list)
        .run()
        .fails()
        .says("no such file or directory");
    socket_to(&origin, &socket);
    // A proxy of the environment is not in between, and its password is not told to who is.
    let haul = room.haul().env("http_proxy", "http://me:hush@127.0.0.1:9/").args(args);
    haul.stdin(list).run().succeeds().finished(2, 2);
    room.holds_exactly(&[("a.bin", "a"), ("b.bin", "b")]);
    let mut hosts: Vec<_> = origin
        .requests()
        .iter()
        .map(|request| request.field("Host").unwrap().to_owned())
        .collect();
    hosts.sort();
    assert_eq!(hosts, ["also.invalid:81", "nowhere.invalid"]);
    assert!(
        origin
            .requests()
            .iter()
            .all(|request| request.field("Proxy-Authorization").is_none())
    );
    for other in [&["--public-only"][..], &["-x", "http://h"]] {
        let haul = room.haul().args(args).args(other).stdin(list);
        haul.run().exits_with(2).says("cannot be used with");
    }
}
