//! Real proxies: tinyproxy for http, microsocks for SOCKS.

mod support;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::{Answer, Authority, Identity, Origin, Room, TlsFront, bytes, is_installed};

/// Tries to start a proxy on a port that was free a moment ago.
const STARTS: usize = 5;
/// How long one may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy on the loopback. It ends when it is dropped.
struct Proxy {
    process: Child,
    port: u16,
}

impl Proxy {
    /// `command` makes one of a port. Neither of them takes over a socket or says which port it got.
    fn start(command: impl Fn(u16) -> Command) -> Self {
        for _ in 0..STARTS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = free.local_addr().expect("its address").port();
            drop(free);
            let mut command = command(port);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let process = command.spawn().expect("the proxy starts");
            let mut proxy = Self { process, port };
            if proxy.listens() {
                return proxy;
            }
        }
        panic!("no proxy came up");
    }

    fn listens(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.process.try_wait().expect("a child").is_some() {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// With an HTTP proxy's log in the room, and a user and a password if there are to be any.
    fn http(room: &Room, user: Option<&str>) -> Option<Self> {
        let auth = user.map_or_else(String::new, |user| format!("BasicAuth {user}\n"));
        let log = room.beside("tinyproxy.log");
        is_installed("tinyproxy").then(|| {
            Self::start(|port| {
                let text = format!(
                    "Port {port}\nListen 127.0.0.1\nLogFile \"{}\"\nLogLevel Info\n{auth}",
                    log.display()
                );
                let path = room.give("tinyproxy.conf", text);
                let mut command = Command::new("tinyproxy");
                command.arg("-d").arg("-c").arg(path);
                command
            })
        })
    }

    fn socks(user: Option<(&str, &str)>) -> Option<Self> {
        is_installed("microsocks").then(|| {
            Self::start(|port| {
                let mut command = Command::new("microsocks");
                command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
                if let Some((user, password)) = user {
                    command.args(["-u", user, "-P", password]);
                }
                command
            })
        })
    }

    fn url(&self, scheme: &str, user: &str) -> String {
        format!("{scheme}://{user}127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An origin without TLS and one with it, with the same file, and who believes the second.
fn world() -> (Room, Origin, TlsFront) {
    let (room, authority, origin) = (Room::new(), Authority::new(), Origin::new());
    room.give("authority.pem", authority.pem());
    let front = TlsFront::new(&origin, &authority.certifies("127.0.0.1"));
    (room, origin, front)
}

#[track_caller]
fn fetches(room: &Room, origin: &Origin, front: &TlsFront, proxy: &str) {
    let (plain, secure) = (bytes(300_000, 1), bytes(300_000, 2));
    origin
        .file("/plain.bin", &plain)
        .etag("p")
        .then(Answer::CutAfter(100_000));
    origin
        .file("/secure.bin", &secure)
        .etag("s")
        .then(Answer::CutAfter(100_000));
    let haul = room
        .haul()
        .impatient()
        .arg("--ca-cert")
        .arg(room.beside("authority.pem"));
    let list = format!("{}\n{}\n", origin.url("/plain.bin"), front.url("/secure.bin"));
    let outcome = haul.args(["-v", "-x", proxy]).stdin(list).run();
    outcome.succeeds().never_says("hush");
    room.holds_exactly(&[("plain.bin", &plain), ("secure.bin", &secure)]);
    assert_eq!(origin.requests().len(), 4, "each goes on where it broke");
    for request in origin.requests() {
        assert!(!format!("{request:?}").contains("Proxy-Auth"), "{request:?}");
    }
}

#[test]
fn an_http_proxy_carries_both_schemes() {
    let (room, origin, front) = world();
    let Some(proxy) = Proxy::http(&room, None) else { return };
    fetches(&room, &origin, &front, &proxy.url("http", ""));
    let log = std::fs::read_to_string(room.beside("tinyproxy.log")).expect("its log");
    for said in ["GET http://", "CONNECT 127.0.0.1"] {
        assert!(log.contains(said), "{said}: {log}");
    }
}

#[test]
fn an_http_proxy_gets_its_credentials_and_nobody_else_does() {
    let (room, origin, front) = world();
    let Some(proxy) = Proxy::http(&room, Some("me hush")) else {
        return;
    };
    fetches(&room, &origin, &front, &proxy.url("http", "me:hush@"));
}

#[test]
fn an_http_proxy_that_wants_credentials_fails_the_entries_at_once_and_says_where_they_stand() {
    let (room, origin, front) = world();
    origin.file_elsewhere("x");
    let Some(proxy) = Proxy::http(&room, Some("me hush")) else {
        return;
    };
    let run = |user: &str, args: &[&str]| {
        let list = format!("{}\n{}\n", origin.url("/a"), front.url("/b"));
        let haul = room.haul().arg("--ca-cert").arg(room.beside("authority.pem"));
        let outcome = haul
            .args(["-v", "-x", &proxy.url("http", user)])
            .args(args)
            .stdin(list)
            .run();
        outcome.fails().finished(0, 2).never_says("hush");
        outcome
    };
    run("", &[])
        .says("http://USER:PASSWORD@HOST")
        .says("407 Proxy Authentication Required")
        .never_says("retry in");
    // To wrong ones this proxy answers with a 401, as if it were the origin.
    run("me:hush-no@", &["--retries", "0"]);
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn a_socks_proxy_carries_both_schemes_with_and_without_credentials() {
    for (user, given) in [(None, ""), (Some(("me", "hush")), "me:hush@")] {
        for scheme in ["socks5", "socks5h"] {
            let (room, origin, front) = world();
            let Some(proxy) = Proxy::socks(user) else { return };
            fetches(&room, &origin, &front, &proxy.url(scheme, given));
        }
    }
}

#[test]
fn a_socks_proxy_with_wrong_credentials_fails_the_entry() {
    let (room, origin, _front) = world();
    let Some(proxy) = Proxy::socks(Some(("me", "hush"))) else {
        return;
    };
    let args = ["-v", "-x", &proxy.url("socks5", "me:hush-no@"), &origin.url("/a")];
    let outcome = room.haul().impatient().args(args).run();
    outcome.fails().says("the proxy does not let us in").never_says("hush");
    outcome.never_says("retry in");
    assert_eq!(origin.connections(), 0);
}

#[test]
fn an_address_of_version_6_goes_through_a_socks_proxy_as_it_is() {
    let Some(proxy) = Proxy::socks(None) else { return };
    for scheme in ["socks5", "socks5h"] {
        // Nobody listens there; the proxy says so.
        let args = ["--retries", "0", "-x", &proxy.url(scheme, ""), "http://[::1]:9/a"];
        Room::new()
            .haul()
            .args(args)
            .run()
            .fails()
            .says("SOCKS")
            .never_says("no address");
    }
}

#[test]
fn where_a_proxy_is_in_between_it_is_named() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let nobody = free.local_addr().expect("its address").to_string();
    drop(free);
    for (proxy, why) in [
        (format!("http://me:hush@{nobody}"), "connection refused"),
        (format!("socks5h://me:hush@{nobody}"), "not even to the proxy"),
        ("http://nowhere.invalid:3128".to_owned(), "no address for this host"),
    ] {
        let at = proxy.rsplit(['@', '/']).next().unwrap();
        for url in ["http://h.test/a", "https://h.test/a"] {
            let outcome = Room::new().haul().args(["--retries", "0", "-x", &proxy, url]).run();
            outcome
                .fails()
                .says_in_a_line(&[why, &format!("(through the proxy {at})")]);
            outcome.never_says("hush");
        }
    }
}

#[test]
fn a_certificate_of_one_s_own_is_not_shown_to_a_proxy() {
    let room = Room::new();
    let args = ["--cert", "me.pem", "-x", "https://proxy.test", "https://h.test/a"];
    let outcome = room.haul().args(args).run();
    outcome.exits_with(2).says("would be shown the certificate of --cert");
}

#[test]
fn names_are_looked_up_here_with_socks5_and_there_with_socks5h() {
    let Some(proxy) = Proxy::socks(None) else { return };
    for (scheme, why) in [("socks5", "no address"), ("socks5h", "SOCKS")] {
        let room = Room::new();
        let args = [
            "--retries",
            "0",
            "-x",
            &proxy.url(scheme, ""),
            "http://nowhere.invalid/a",
        ];
        room.haul().args(args).run().fails().says(why);
    }
}

#[test]
fn an_https_proxy_carries_both_schemes_and_has_to_prove_who_it_is() {
    let (room, origin, front) = world();
    let behind = Origin::new();
    behind.file_elsewhere("by the proxy");
    // It is asked for plain http as any origin is; that is all that can be seen of it from here.
    let authority = Authority::new();
    let proxy = TlsFront::new(&behind, &authority.certifies("127.0.0.1"));
    let pem = room.give("proxy.pem", authority.pem());
    let run = |args: &[&str]| {
        let haul = room.haul().args(["-f", "--retries", "0", "-x", &proxy.url("")]);
        haul.args(args).run()
    };
    run(&[&origin.url("/a")]).fails().says("issuer is unknown");
    let pem = pem.display().to_string();
    run(&["--ca-cert", &pem, &origin.url("/a")]).succeeds();
    assert_eq!(behind.requests()[0].target, origin.url("/a"));
    assert_eq!((origin.connections(), front.connections()), (0, 0));
    // One that is nobody is not told the password, either.
    let nobody = TlsFront::new(&behind, &Identity::self_signed("127.0.0.1"));
    let url = nobody.url("").replace("://", "://me:hush@");
    room.haul()
        .args(["--retries", "0", "-x", &url, "http://h.test/a"])
        .run()
        .fails()
        .never_says("hush");
    assert_eq!(behind.requests().len(), 1);
}

#[test]
fn the_option_comes_before_the_variables_and_no_proxy_holds_for_both() {
    let (option, variable, origin) = (Origin::new(), Origin::new(), Origin::new());
    for server in [&option, &variable, &origin] {
        server.file("/a", "a");
    }
    let room = Room::new();
    let run = |except: &str| {
        let haul = room.haul().args(["-f", "-x", &option.url("").replace("http://", "")]);
        let haul = haul.env("http_proxy", variable.url("")).env("no_proxy", except);
        haul.arg(origin.url("/a")).run().succeeds();
        (
            option.requests().len(),
            variable.requests().len(),
            origin.requests().len(),
        )
    };
    assert_eq!(run(""), (1, 0, 0));
    assert_eq!(run("127.0.0.1"), (1, 0, 1));
    assert_eq!(run("*"), (1, 0, 2));
}

#[test]
fn what_is_no_proxy_is_a_usage_error_and_not_repeated() {
    let room = Room::new();
    for (value, why) in [
        ("ftp://me:hush@p", "the URL of a proxy is needed"),
        ("http://", "the URL of a proxy is needed"),
        ("socks5h://me:hush@b\u{fc} cher", "the URL of a proxy is needed"),
        ("16", "--per-host N"),
    ] {
        let outcome = room.haul().args(["-x", value, "http://h.test/a"]).run();
        outcome.exits_with(2).says(why).never_says("hush");
    }
}
