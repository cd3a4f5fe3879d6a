//! HTTP/2: what ends a stream is not always the end of the file.

use crate::support::{Authority, Haul, Origin, Room, Sent, Streams, TlsFront, bytes};

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;
const HTTP_1_1_REQUIRED: u32 = 13;

/// A folder, a server that is believed in it, and its URLs.
struct Site {
    room: Room,
    streams: Streams,
    front: TlsFront,
    authority: String,
}

impl Site {
    fn new(script: impl Fn(usize) -> Vec<Sent> + Send + Sync + 'static) -> Self {
        Self::of(Streams::new(script))
    }

    fn of(streams: Streams) -> Self {
        let (room, authority) = (Room::new(), Authority::new());
        let identity = authority.certifies("127.0.0.1").speaking(&["h2"]);
        Self {
            front: TlsFront::before(streams.authority(), None, &identity),
            authority: room.give("authority.pem", authority.pem()).display().to_string(),
            streams,
            room,
        }
    }

    fn haul(&self) -> Haul<'_> {
        self.room.haul().impatient().args(["--ca-cert", &self.authority])
    }
}

fn body() -> Vec<u8> {
    bytes(100_000, 1)
}

fn head(fields: &[(&'static str, &str)]) -> Sent {
    Sent::Head(fields.iter().map(|&(name, value)| (name, value.to_owned())).collect())
}

/// All of it, with its length or without.
fn well(has_length: bool) -> Vec<Sent> {
    let length: &[_] = if has_length {
        &[("content-length", "100000")]
    } else {
        &[]
    };
    vec![head(length), Sent::Last(body())]
}

#[test]
fn a_stream_that_is_reset_or_left_without_its_end_is_not_the_file() {
    let cut = || vec![head(&[]), Sent::Data(body()[..40_000].to_vec())];
    let ends = [
        Sent::Reset(NO_ERROR),
        Sent::Reset(INTERNAL_ERROR),
        Sent::GoAway(NO_ERROR),
        Sent::GoAway(ENHANCE_YOUR_CALM),
    ];
    for end in ends {
        for begun in [cut(), vec![head(&[])]] {
            let first = [begun, vec![end.clone()]].concat();
            let site = Site::new(move |n| if n == 0 { first.clone() } else { well(false) });
            site.haul().arg(site.front.url("/a.bin")).run().succeeds();
            site.room.holds_exactly(&[("a.bin", &body())]);
            assert_eq!(site.streams.requests(), 2, "{end:?}");
        }
    }
}

#[test]
fn a_stream_that_is_always_cut_is_a_failure() {
    let site = Site::new(|_| vec![head(&[]), Sent::Data(body()[..40_000].to_vec()), Sent::Reset(NO_ERROR)]);
    let outcome = site.haul().arg(site.front.url("/a.bin")).run();
    outcome.fails().says_in_a_line(&["body broke off at 39.1 KiB"]);
    site.room.holds_exactly::<&str>(&[]);
}

#[test]
fn nothing_after_all_bytes_that_were_announced_takes_them_back() {
    let ends = [
        vec![Sent::Reset(NO_ERROR)],
        vec![Sent::Reset(INTERNAL_ERROR)],
        vec![Sent::GoAway(INTERNAL_ERROR)],
        // The end is never said.
        vec![],
        vec![Sent::Hush],
    ];
    for end in ends {
        let whole = [
            vec![head(&[("content-length", "100000")]), Sent::Data(body())],
            end.clone(),
        ]
        .concat();
        let site = Site::new(move |_| whole.clone());
        site.haul().arg(site.front.url("/a.bin")).run().succeeds();
        site.room.holds_exactly(&[("a.bin", &body())]);
        assert_eq!(site.streams.requests(), 1, "{end:?}");
    }
}

#[test]
fn a_connection_that_is_cut_off_without_a_word_takes_no_further_requests() {
    let site = Site::new(|n| if n == 0 { vec![Sent::Hush] } else { well(true) });
    let haul = site.haul().args(["--timeout", "1s", "--retries", "1"]);
    haul.arg(site.front.url("/a.bin")).run().succeeds();
    assert_eq!((site.streams.requests(), site.front.connections()), (2, 2));
}

#[test]
fn a_long_head_is_an_answer_as_any_other() {
    let long = || "x".repeat(100);
    let fields = (0..600).map(move |_| ("x-field", long())).collect();
    let answer = vec![Sent::Head(fields), Sent::Last(body())];
    let site = Site::new(move |_| answer.clone());
    site.haul().arg(site.front.url("/a.bin")).run().succeeds();
    site.room.holds_exactly(&[("a.bin", &body())]);
}

#[test]
fn a_request_that_is_reset_before_its_answer_is_made_again() {
    let ends = [
        Sent::Reset(NO_ERROR),
        Sent::Reset(INTERNAL_ERROR),
        Sent::Reset(REFUSED_STREAM),
        Sent::Reset(ENHANCE_YOUR_CALM),
        Sent::GoAway(NO_ERROR),
        Sent::GoAway(INTERNAL_ERROR),
    ];
    for end in ends {
        let first = vec![end.clone()];
        let site = Site::new(move |n| if n == 0 { first.clone() } else { well(true) });
        let outcome = site.haul().arg(site.front.url("/a.bin")).run();
        outcome.succeeds();
        site.room.holds_exactly(&[("a.bin", &body())]);
        assert_eq!(site.streams.requests(), 2, "{end:?}");
    }
}

#[test]
fn a_server_that_takes_no_request_is_asked_again_once_for_nothing_and_then_by_the_rules() {
    for (end, said) in [
        (Sent::Reset(REFUSED_STREAM), "REFUSED_STREAM"),
        (Sent::GoAway(NO_ERROR), "takes no more requests"),
        (Sent::GoAway(ENHANCE_YOUR_CALM), "asks for less"),
    ] {
        let always = vec![end];
        let site = Site::new(move |_| always.clone());
        let outcome = site.haul().args(["--retries", "2"]).arg(site.front.url("/a.bin")).run();
        outcome.fails().says_in_a_line(&["HTTP/2", said, "3 tries"]);
        let asked = site.streams.requests();
        assert!((3..=4).contains(&asked), "{said}: {asked} requests");
    }
}

#[test]
fn a_server_that_wants_the_older_version_gets_it() {
    let (room, authority, origin) = (Room::new(), Authority::new(), Origin::new());
    let streams = Streams::new(|_| vec![Sent::Reset(HTTP_1_1_REQUIRED)]);
    let identity = authority.certifies("127.0.0.1").speaking(&["h2", "http/1.1"]);
    let front = TlsFront::before(origin.authority(), Some(&streams), &identity);
    let path = room.give("authority.pem", authority.pem());
    for name in ["/a", "/b"] {
        origin.file(name, name);
    }
    let list = format!("{}\n{}\n", front.url("/a"), front.url("/b"));
    let haul = room.haul().impatient().args(["-j", "1", "--retries", "0", "--ca-cert"]);
    haul.arg(path).arg("-").stdin(list).run().succeeds();
    room.holds_exactly(&[("a", "/a"), ("b", "/b")]);
    assert_eq!(streams.requests(), 1, "it is remembered");
}

#[test]
fn more_requests_than_a_connection_takes_go_over_another() {
    const FILES: usize = 101;
    // Nothing is answered before all have come.
    let site = Site::new(|_| [vec![Sent::Await(FILES)], well(true)].concat());
    let list: String = (0..FILES).map(|n| site.front.url(&format!("/{n}.bin\n"))).collect();
    let outcome = site
        .haul()
        .args(["-j", "101", "--timeout", "60s", "-"])
        .stdin(list)
        .run();
    outcome.succeeds();
    assert_eq!(site.streams.requests(), FILES);
    for n in 0..FILES {
        site.room.holds(&[(format!("{n}.bin").as_str(), &body())]);
    }
}

#[test]
fn what_a_server_does_not_take_on_one_connection_is_not_left_waiting_for_its_end() {
    const FILES: usize = 12;
    let begun = || vec![head(&[]), Sent::Data(body()[..40_000].to_vec())];
    let rest = || vec![Sent::Await(FILES), Sent::Last(body()[40_000..].to_vec())];
    // The others have answers that do not end, or none.
    let scripts = [
        [begun(), rest()].concat(),
        [vec![Sent::Await(FILES)], well(true)].concat(),
    ];
    for limit in [1, 4] {
        for script in scripts.clone() {
            let site = Site::of(Streams::taking(limit, move |_| script.clone()));
            let list: String = (0..FILES).map(|n| site.front.url(&format!("/{n}.bin\n"))).collect();
            let haul = site
                .haul()
                .args(["-j", "12", "--timeout", "10s", "--retries", "0", "-"]);
            haul.stdin(list).run().succeeds();
            for n in 0..FILES {
                site.room.holds(&[(format!("{n}.bin").as_str(), &body())]);
            }
        }
    }
}
