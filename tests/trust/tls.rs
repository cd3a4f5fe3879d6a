//! TLS: who a server is has to be proved.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use crate::support::{Answer, Authority, Identity, Origin, Outcome, Room, TlsFront, bytes};

const HOST: &str = "127.0.0.1";

/// A server with this identity is not believed: one connection, one line, no request, nothing in the folder.
#[track_caller]
fn is_refused(identity: &Identity, args: &[&str], room: &Room, reason: &str) -> Outcome {
    let origin = Origin::new();
    origin.file("/a", "a");
    let front = TlsFront::new(&origin, identity);
    let outcome = room.haul().impatient().args(args).args(["-v", &front.url("/a")]).run();
    outcome.fails().says_in_a_line(&["TLS", reason]).never_says("again in");
    room.holds_exactly::<&str>(&[]);
    assert_eq!(
        (origin.requests().len(), front.connections()),
        (0, 1),
        "not asked, and not tried again"
    );
    outcome
}

/// What an authority says is believed in this room.
fn room_that_believes(authority: &Authority) -> (Room, String) {
    let room = Room::new();
    let path = room.give("authority.pem", authority.pem());
    (room, path.display().to_string())
}

#[test]
fn nobody_vouches_for_himself() {
    is_refused(&Identity::self_signed(HOST), &[], &Room::new(), "issuer is unknown");
}

#[test]
fn an_authority_that_nobody_knows_is_none() {
    is_refused(
        &Authority::new().certifies(HOST),
        &[],
        &Room::new(),
        "issuer is unknown",
    );
}

#[test]
fn an_authority_that_is_not_the_one_named_is_none() {
    let (room, path) = room_that_believes(&Authority::new());
    is_refused(
        &Authority::new().certifies(HOST),
        &["--ca-cert", &path],
        &room,
        "not to be trusted",
    );
}

#[test]
fn a_certificate_that_is_over_is_none() {
    let authority = Authority::new();
    let (room, path) = room_that_believes(&authority);
    is_refused(
        &authority.certified(HOST),
        &["--ca-cert", &path],
        &room,
        "certificate expired on",
    );
}

#[test]
fn a_certificate_of_another_host_is_none() {
    let authority = Authority::new();
    let (room, path) = room_that_believes(&authority);
    for host in ["127.0.0.2", "example.org", "localhost"] {
        is_refused(
            &authority.certifies(host),
            &["--ca-cert", &path],
            &room,
            "the certificate is not for 127.0.0.1, but for",
        );
    }
}

#[test]
fn an_authority_that_is_named_is_believed() {
    let authority = Authority::new();
    let (room, path) = room_that_believes(&authority);
    let (origin, body) = (Origin::new(), bytes(400_000, 1));
    origin.file("/a", &body).etag("v1").then(Answer::CutAfter(100_000));
    let front = TlsFront::new(&origin, &authority.certifies(HOST));
    let args = ["--ca-cert", &path, &front.url("/a")];
    room.haul().impatient().args(args).run().succeeds();
    room.holds_exactly(&[("a", &body)]);
    assert!(origin.requests()[1].field("If-Range").is_some());
}

#[test]
fn a_certificate_that_is_named_is_believed_also_when_it_calls_itself_an_authority_s() {
    let origin = Origin::new();
    origin.file("/a", "a");
    for is_authority in [false, true] {
        let (identity, pem) = Identity::of_its_own(HOST, is_authority, 2100);
        let room = Room::new();
        let path = room.give("own.pem", &pem).display().to_string();
        let front = TlsFront::new(&origin, &identity);
        room.haul()
            .args(["--ca-cert", &path, &front.url("/a")])
            .run()
            .succeeds();
        room.haul()
            .env("SSL_CERT_FILE", &path)
            .args(["-f", &front.url("/a")])
            .run()
            .succeeds();
        room.holds_exactly(&[("a", "a")]);
    }
}

#[test]
fn a_certificate_that_is_named_is_not_believed_for_another_host_or_when_its_time_is_over() {
    for is_authority in [false, true] {
        for (host, end, reason) in [
            ("example.org", 2100, "is not for 127.0.0.1, but for example.org"),
            (HOST, 2001, "expired"),
        ] {
            let (identity, pem) = Identity::of_its_own(host, is_authority, end);
            let room = Room::new();
            let path = room.give("own.pem", &pem).display().to_string();
            is_refused(&identity, &["--ca-cert", &path], &room, reason);
        }
    }
    let (identity, _) = Identity::of_its_own(HOST, true, 2100);
    is_refused(
        &identity,
        &[],
        &Room::new(),
        "self-signed certificate (--ca-cert FILE trusts it)",
    );
}

#[test]
fn insecure_believes_anybody() {
    let authority = Authority::new();
    let origin = Origin::new();
    origin.file("/a", "a");
    for identity in [
        Identity::self_signed("example.org"),
        authority.certified(HOST),
        authority.certifies("x.test"),
    ] {
        for option in ["-k", "--insecure"] {
            let front = TlsFront::new(&origin, &identity);
            let room = Room::new();
            room.haul().args([option, &front.url("/a")]).run().succeeds();
            room.holds_exactly(&[("a", "a")]);
        }
    }
}

#[test]
fn certificates_that_cannot_be_used_are_a_usage_error() {
    let origin = Origin::new();
    let room = Room::new();
    room.give("empty.pem", "");
    room.give(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
    );
    for name in ["empty.pem", "broken.pem", "nowhere.pem"] {
        let path = room.beside(name);
        room.haul()
            .arg("--ca-cert")
            .arg(&path)
            .arg(origin.url("/a"))
            .run()
            .exits_with(2)
            .says(name);
    }
    assert_eq!(origin.connections(), 0);
}

#[test]
fn a_server_that_speaks_no_tls_fails_with_a_reason() {
    let origin = Origin::new();
    origin.file_elsewhere("a");
    let room = Room::new();
    let url = origin.url("/a").replace("http:", "https:");
    let outcome = room
        .haul()
        .impatient()
        .args(["--retries", "1", "--timeout", "1s", "--connect-timeout", "1s", &url])
        .run();
    outcome.fails().is_plain_text();
    room.holds_exactly::<&str>(&[]);
}

#[test]
fn a_handshake_that_is_cut_is_a_try() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let url = format!("https://{}/a", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for _ in 0..3 {
            // It is read, or the end would be a reset.
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 16 * 1024]);
        }
    });
    let haul = Room::new().haul().impatient().args(["--retries", "2", &url]).run();
    haul.fails()
        .says("connection closed before the answer: in the TLS handshake (3 tries)");
    server.join().unwrap();
}

#[test]
fn plain_text_in_the_middle_of_tls_is_a_broken_connection() {
    let authority = Authority::new();
    let (room, path) = room_that_believes(&authority);
    let origin = Origin::new();
    origin.file("/a", "a");
    let front = TlsFront::new(&origin, &authority.certifies(HOST));
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let url = format!("https://{}/a", listener.local_addr().unwrap());
    let behind = front.url("").replace("https://", "");
    thread::spawn(move || {
        for number in 0.. {
            let Ok((client, _)) = listener.accept() else { return };
            let server = TcpStream::connect(&behind).unwrap();
            let (mut up, mut down) = (
                (&client, &server),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            );
            thread::spawn(move || io::copy(&mut down.0, &mut down.1));
            if number == 0 {
                let mut hello = [0; 16 * 1024];
                let count = up.0.read(&mut hello).unwrap();
                up.1.write_all(&hello[..count]).unwrap();
                // What comes next comes after the handshake.
                let _ = up.0.read(&mut hello);
                let _ =
                    up.0.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n");
                let _ = client.shutdown(Shutdown::Both);
            } else {
                let _ = io::copy(&mut up.0, &mut up.1);
            }
        }
    });
    let haul = room.haul().impatient().args(["--ca-cert", &path, &url]).run();
    haul.succeeds();
    room.holds_exactly(&[("a", "a")]);
}

#[test]
fn from_https_to_http_nothing_goes_along_and_each_host_is_warned_of_once() {
    let authority = Authority::new();
    let (room, path) = room_that_believes(&authority);
    let (origin, plain) = (Origin::new(), Origin::new());
    let front = TlsFront::new(&origin, &authority.certifies(HOST));
    for name in ["/a", "/b", "/c"] {
        origin.file(name, "").always(Answer::to(&plain.url(name)));
        plain.file(name, name);
    }
    let list: String = ["/a", "/b", "/c"].map(|name| front.url(name) + "\n").concat();
    let args = ["--ca-cert", &path, "-u", "u:hush", "-H", "Cookie: hush"];
    let outcome = room.haul().args(args).stdin(list).run();
    outcome.succeeds().says_times("plain http", 1).never_says("hush");
    room.holds_exactly(&[("a", "/a"), ("b", "/b"), ("c", "/c")]);
    assert!(origin.requests().iter().all(|r| r.field("Authorization").is_some()));
    for request in plain.requests() {
        assert_eq!((request.field("Authorization"), request.field("Cookie")), (None, None));
    }
}
