//! Who gets which credentials: the origin that they are meant for, and nobody else.

use crate::support::{Answer, Authority, Origin, Room, TlsFront};

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// What the list names in most of these tests.
    Home,
    /// Another port of the same host.
    Port,
    /// The same port of another host, which is the same server.
    Host,
    /// Another scheme, and so another port.
    Tls,
}

use At::{Home, Host, Port, Tls};

/// Every shape that a way can have, from the URL of the list to the file.
const WAYS: &[&[At]] = &[
    &[Home, Home],
    &[Home, Port],
    &[Home, Host],
    &[Home, Tls],
    &[Tls, Tls],
    &[Tls, Home],
    &[Home, Port, Home],
    &[Home, Home, Port, Host],
    &[Home, Tls, Port, Port, Home],
];

/// Servers for all of them.
struct World {
    room: Room,
    home: Origin,
    port: Origin,
    behind: Origin,
    front: TlsFront,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let room = Room::new();
        room.give("authority.pem", authority.pem());
        let behind = Origin::new();
        Self {
            room,
            home: Origin::new(),
            port: Origin::new(),
            front: TlsFront::new(&behind, &authority.certifies("127.0.0.1")),
            behind,
        }
    }

    fn origin(&self, at: At) -> &Origin {
        match at {
            Home | Host => &self.home,
            Port => &self.port,
            Tls => &self.behind,
        }
    }

    fn url(&self, at: At, path: &str) -> String {
        match at {
            Home | Port => self.origin(at).url(path),
            Host => self.home.url(path).replace("127.0.0.1", "localhost"),
            Tls => self.front.url(path),
        }
    }

    /// Leads along this way, and gives the URL where it begins.
    fn lead(&self, way: &[At]) -> String {
        for (n, at) in way.iter().enumerate() {
            let (here, there) = (format!("/{n}"), format!("/{}", n + 1));
            match way.get(n + 1) {
                Some(&next) => drop(
                    self.origin(*at)
                        .file(&here, "")
                        .always(Answer::to(&self.url(next, &there))),
                ),
                None => drop(self.origin(*at).file(&here, "the file")),
            }
        }
        self.url(way[0], "/0")
    }
}

/// What is sent at each step of a way.
#[track_caller]
fn sent(way: &[At], field: &str, give: &dyn Fn(&Room, &str) -> Given) -> Vec<Option<String>> {
    let world = World::new();
    let url = world.lead(way);
    let Given { args, env, list } = give(&world.room, &url);
    let mut haul = world
        .room
        .haul()
        .arg("--ca-cert")
        .arg(world.room.beside("authority.pem"));
    for (name, value) in env {
        haul = haul.env(name, value);
    }
    let outcome = haul.args(args).stdin(list).run();
    outcome.succeeds().never_says("hush");
    let steps = way.iter().enumerate().map(|(n, at)| {
        let requests = world.origin(*at).requests_for(&format!("/{n}"));
        assert_eq!(requests.len(), 1, "{way:?}: step {n}");
        requests[0].field(field).map(str::to_owned)
    });
    steps.collect()
}

/// What the program is given for a test.
#[derive(Default)]
struct Given {
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    list: String,
}

impl Given {
    fn list(url: &str) -> Self {
        Self {
            list: format!("{url}\n"),
            ..Self::default()
        }
    }

    fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }
}

/// Is a step still on the origin where the way began?
fn is_home(way: &[At], step: usize) -> bool {
    way[..=step].iter().all(|at| *at == way[0])
}

/// At each step of each way the field is sent if it `may` be.
#[track_caller]
fn goes(field: &str, value: &str, give: impl Fn(&Room, &str) -> Given, may: impl Fn(&[At], usize) -> bool) {
    for way in WAYS {
        let expected: Vec<_> = (0..way.len())
            .map(|n| may(way, n).then_some(value.to_owned()))
            .collect();
        assert_eq!(sent(way, field, &give), expected, "{way:?}");
    }
}

const BASIC: &str = "Basic aHVzaC11Omh1c2gtcA==";

#[test]
fn credentials_of_a_url_stay_with_its_origin() {
    let give = |_: &Room, url: &str| Given::list(&url.replace("://", "://hush-u:hush-p@"));
    goes("Authorization", BASIC, give, is_home);
}

#[test]
fn credentials_of_the_command_line_stay_with_the_origins_of_the_list() {
    let give = |_: &Room, url: &str| Given::list(url).arg("-u").arg("hush-u:hush-p");
    goes("Authorization", BASIC, give, is_home);
}

#[test]
fn credentials_and_fields_of_an_entry_stay_with_its_origin() {
    let give = |_: &Room, url: &str| {
        Given::list(&format!(
            "{url}\n http-user=hush-u\n http-passwd=hush-p\n header=X-Key: hush-k"
        ))
    };
    goes("Authorization", BASIC, give, is_home);
    goes("X-Key", "hush-k", give, is_home);
}

#[test]
fn fields_of_the_command_line_stay_with_the_origins_of_the_list() {
    for (name, value) in [
        ("Authorization", "Bearer hush-t"),
        ("Cookie", "a=hush"),
        ("X-Key", "hush"),
    ] {
        let give = |_: &Room, url: &str| Given::list(url).arg("-H").arg(&format!("{name}: {value}"));
        goes(name, value, give, is_home);
    }
}

#[test]
fn a_token_stays_with_the_origins_of_the_list() {
    let give = |_: &Room, url: &str| Given::list(url).env("HAUL_TOKEN", "hush-t");
    goes("Authorization", "Bearer hush-t", give, is_home);
}

fn netrc(room: &Room, text: &str) {
    std::fs::write(room.home().join(".netrc"), text).expect("a netrc");
}

#[test]
fn a_machine_of_the_netrc_gets_what_is_kept_for_it_and_no_other_host_does() {
    let give = |room: &Room, url: &str| {
        netrc(room, "machine 127.0.0.1 login hush-u password hush-p");
        Given::list(url)
    };
    goes("Authorization", BASIC, give, |way, n| way[n] != Host);
}

#[test]
fn the_default_of_the_netrc_goes_to_no_host_that_only_a_redirect_names() {
    let give = |room: &Room, url: &str| {
        netrc(
            room,
            "machine example.org login x\ndefault login hush-u password hush-p",
        );
        Given::list(url)
    };
    goes("Authorization", BASIC, give, is_home);
}

/// A line of a cookie file.
fn cookie(room: &Room, domain: &str, secure: &str) -> String {
    let text = format!("# Netscape HTTP Cookie File\n#HttpOnly_{domain}\tFALSE\t/\t{secure}\t0\tsid\thush-c\n");
    room.give("cookies.txt", text).display().to_string()
}

#[test]
fn a_cookie_goes_to_its_host_and_to_no_other() {
    let give = |room: &Room, url: &str| Given::list(url).arg("-b").arg(&cookie(room, "127.0.0.1", "FALSE"));
    goes("Cookie", "sid=hush-c", give, |way, n| way[n] != Host);
    let give = |room: &Room, url: &str| Given::list(url).arg("-b").arg(&cookie(room, "localhost", "FALSE"));
    goes("Cookie", "sid=hush-c", give, |way, n| way[n] == Host);
}

#[test]
fn a_secure_cookie_goes_over_https_alone() {
    let give = |room: &Room, url: &str| Given::list(url).arg("-b").arg(&cookie(room, "127.0.0.1", "TRUE"));
    goes("Cookie", "sid=hush-c", give, |way, n| way[n] == Tls);
}

#[test]
fn a_cookie_field_takes_the_place_of_the_file_where_it_goes() {
    let give = |room: &Room, url: &str| {
        let file = cookie(room, "127.0.0.1", "FALSE");
        Given::list(url).arg("-b").arg(&file).arg("-H").arg("Cookie: mine")
    };
    let found = sent(&[Home, Port], "Cookie", &give);
    assert_eq!(found, [Some("mine".to_owned()), Some("sid=hush-c".to_owned())]);
}

#[test]
fn what_a_server_sets_is_not_kept_and_the_file_stays_as_it_is() {
    let (origin, room) = (Origin::new(), Room::new());
    let to = Answer::to("/b").field("Set-Cookie", "sid=theirs; Path=/");
    origin.file("/a", "").always(to);
    origin.file("/b", "b");
    let file = cookie(&room, "127.0.0.1", "FALSE");
    let before = std::fs::read(&file).unwrap();
    room.haul().args(["-b", &file, &origin.url("/a")]).run().succeeds();
    assert_eq!(origin.requests_for("/b")[0].field("Cookie"), Some("sid=hush-c"));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn cookies_that_cannot_be_read_are_a_usage_error_and_not_repeated() {
    let room = Room::new();
    room.give("cookies.json", "[{\"value\": \"hush\"}]");
    let file = room.beside("cookies.json").display().to_string();
    for (value, why) in [(&*file, "line 1 is no cookie"), ("sid=hush", "-H 'Cookie: NAME=VALUE'")] {
        let outcome = room.haul().args(["-b", value, "http://h.test/a"]).run();
        outcome.exits_with(2).says(why).never_says("hush");
    }
}

#[test]
fn what_is_said_more_closely_comes_first() {
    const BASICS: [&str; 4] = ["Basic MTp4", "Basic Mjp4", "Basic Mzp4", "Basic Njp4"];
    // From the last to the first: each is added to all before it, and takes their place.
    let steps = |room: &Room, url: &str, count: usize| {
        let mut given = Given::default();
        let mut list = url.to_owned();
        if count > 0 {
            netrc(room, "default login 6 password x");
        }
        if count > 1 {
            given = given.env("HAUL_TOKEN", "five");
        }
        if count > 2 {
            given = given.arg("-H").arg("Authorization: four");
        }
        if count > 3 {
            given = given.arg("-u").arg("3:x");
        }
        if count > 4 {
            list += "\n http-user=2\n http-passwd=x";
        }
        if count > 5 {
            list = list.replace("://", "://1:x@");
        }
        Given { list, ..given }
    };
    let [url, entry, option, netrc] = BASICS.map(Some);
    let expected = [None, netrc, Some("Bearer five"), Some("four"), option, entry, url];
    for (count, expected) in expected.into_iter().enumerate() {
        let found = sent(&[Home], "Authorization", &|room, url| steps(room, url, count));
        assert_eq!(found, [expected.map(str::to_owned)], "{count} of them");
    }
}

#[test]
fn a_user_of_the_url_finds_the_password_in_the_netrc() {
    for (user, expected) in [("me@", "Basic bWU6cHc="), ("you@", "Basic eW91Og==")] {
        let found = sent(&[Home], "Authorization", &|room, url| {
            netrc(room, "default login me password pw");
            Given::list(&url.replace("://", &format!("://{user}")))
        });
        assert_eq!(found, [Some(expected.to_owned())], "{user}");
    }
}

/// What a request for another machine says, as a proxy sees it.
#[track_caller]
fn over_plain_http(env: &[(&str, &str)], text: &str) -> Option<String> {
    let (proxy, room) = (Origin::new(), Room::new());
    proxy.file("/a", "a");
    netrc(&room, text);
    let mut haul = room.haul().env("http_proxy", proxy.url("")).arg("http://files.test/a");
    for (name, value) in env {
        haul = haul.env(name, value);
    }
    haul.run().succeeds();
    proxy.requests()[0].field("Authorization").map(str::to_owned)
}

#[test]
fn neither_a_token_nor_a_netrc_is_sent_over_plain_http_to_another_machine() {
    assert_eq!(over_plain_http(&[("HAUL_TOKEN", "hush")], ""), None);
    assert_eq!(over_plain_http(&[], "machine files.test login hush"), None);
    assert_eq!(over_plain_http(&[], "default login hush"), None);
    let user = over_plain_http(&[("HAUL_USER", "a:b")], "default login hush");
    assert_eq!(user.as_deref(), Some("Basic YTpi"), "what is asked for is sent");
}

#[test]
fn a_netrc_is_where_the_variable_says_and_may_be_left_alone() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let room = Room::new();
    netrc(&room, "default login home");
    let other = room.give("other", "default login other");
    let run = |args: &[&str], env: &[(&str, &std::path::Path)]| {
        let mut haul = room.haul().args(["-f", &origin.url("/a")]).args(args);
        for (name, value) in env {
            haul = haul.env(name, value);
        }
        haul.run().succeeds();
        origin
            .requests()
            .last()
            .unwrap()
            .field("Authorization")
            .map(str::to_owned)
    };
    assert_eq!(run(&[], &[]).as_deref(), Some("Basic aG9tZTo="));
    assert_eq!(run(&[], &[("NETRC", &other)]).as_deref(), Some("Basic b3RoZXI6"));
    assert_eq!(run(&["--no-netrc"], &[("NETRC", &other)]), None);
    assert_eq!(
        run(&["--no-netrc"], &[("NETRC", std::path::Path::new("/nowhere"))]),
        None
    );
}

#[test]
fn a_netrc_or_token_that_cannot_be_used_is_a_usage_error_and_not_repeated() {
    let origin = Origin::new();
    let room = Room::new();
    let broken = room.give("broken", "machine h\nlogin \"hush");
    let run = |name: &str, value: &std::ffi::OsStr| {
        let outcome = room.haul().env(name, value).arg(origin.url("/a")).run();
        outcome.exits_with(2).never_says("hush");
        outcome
    };
    run("NETRC", broken.as_os_str()).says_in_a_line(&["broken: line 2: a quote", "--no-netrc"]);
    run("NETRC", room.beside("nowhere").as_os_str()).says("no such file");
    run("HAUL_TOKEN", "hush hush".as_ref()).says("HAUL_TOKEN is no token");
    assert_eq!(origin.connections(), 0);
}
