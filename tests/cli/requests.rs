//! What a request says, and through whom it goes.

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
