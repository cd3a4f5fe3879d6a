//! `--public-only`: no list, no redirect and no name server leads into a network that is not public.

use std::process::{Command, Stdio};

use crate::support::{Answer, Origin, Outcome, Room, Schema, is_installed};

#[test]
fn an_address_that_is_not_public_is_refused_in_every_spelling_and_nobody_is_connected_to() {
    let origin = Origin::new();
    origin.file("/a", "a");
    let port = origin.authority().split_once(':').unwrap().1.to_owned();
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("127.1", "127.0.0.1 is a loopback address"),
        ("2130706433", "127.0.0.1 is a loopback address"),
        ("[::ffff:127.0.0.1]", "stands for 127.0.0.1, a loopback address"),
        // By a lookup.
        ("localhost", "is a loopback address"),
        ("169.254.169.254", "a cloud's metadata service"),
        ("metadata.google.internal", "a cloud's metadata service"),
    ] {
        let room = Room::new();
        let url = format!("http://{host}:{port}/a");
        let outcome = room.haul().args(["-v", "--public-only", &url]).run();
        outcome
            .fails()
            .says_in_a_line(&[address, "--public-only refuses that"])
            .never_says("retry in");
        room.holds_exactly::<&str>(&[]);
    }
    assert_eq!(origin.connections(), 0);
    let room = Room::new();
    room.haul().arg(origin.url("/a")).run().succeeds();
}

#[test]
fn programs_are_told_that_it_was_refused() {
    let room = Room::new();
    let outcome = room.haul().args(["--json", "--public-only", "http://10.0.0.1/a"]).run();
    outcome.fails();
    let lines = Schema::shipped().lines(&outcome.stdout);
    let failed = lines.iter().find(|line| line["event"] == "failed").expect("a failure");
    assert_eq!(failed["error"]["kind"], "refused");
}

#[test]
fn with_a_proxy_it_is_a_usage_error_for_the_proxy_would_look_names_up() {
    let proxy = Origin::new();
    proxy.file("/a", "a");
    let room = Room::new();
    let haul = || room.haul().args(["--public-only", "http://h.test/a"]);
    let says = |outcome: &Outcome| {
        outcome.exits_with(2).says("a proxy looks names up itself");
    };
    says(&haul().args(["-x", &proxy.url("")]).run());
    says(&haul().env("http_proxy", proxy.url("")).run());
    says(&haul().env("HAUL_PROXY", proxy.url("")).run());
    says(&haul().args(["-o", "-"]).env("all_proxy", proxy.url("")).run());
    let direct = haul().env("http_proxy", proxy.url("")).env("no_proxy", "*");
    direct.args(["--retries", "0"]).run().fails();
    assert_eq!(proxy.connections(), 0);
}

/// A network of its own in which the loopback has a public address, with an nginx on it that leads astray.
const INSIDE: &str = "PATH=$PATH:/usr/sbin; exec unshare --map-root-user --net --pid --fork --kill-child sh -c '
    { ip link set lo up; ip address add 93.184.216.34/32 dev lo; } >/dev/null &&
    nginx -p \"$SERVER\" -c \"$SERVER/nginx.conf\" -e \"$SERVER/error.log\" && exec \"$0\" \"$@\"' \"$0\" \"$@\"";

fn has_networks() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--map-root-user", "--net", "--pid", "--fork", "/bin/true"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Runs the program in such a network.
fn in_a_network(room: &Room, args: &[&str], list: &str) -> Outcome {
    let home = room.beside("nginx");
    std::fs::create_dir_all(&home).expect("a folder");
    let shown = home.display();
    let configuration = format!(
        r#"user root; pid "{shown}/pid"; worker_processes 1; events {{ }}
        http {{
            access_log "{shown}/access.log"; client_body_temp_path "{shown}/b"; proxy_temp_path "{shown}/p";
            fastcgi_temp_path "{shown}/f"; uwsgi_temp_path "{shown}/u"; scgi_temp_path "{shown}/s";
            server {{
                listen 93.184.216.34:8080; listen 127.0.0.1:8080;
                location / {{ return 200 "public"; }}
                location /to-loopback {{ return 302 http://127.0.0.1:8080/secret; }}
                location /to-mapped {{ return 302 http://[::ffff:127.0.0.1]:8080/secret; }}
                location /to-name {{ return 302 http://localhost:8080/secret; }}
                location /to-itself {{ return 302 http://93.184.216.34:8080/a; }}
            }}
        }}"#
    );
    std::fs::write(home.join("nginx.conf"), configuration).expect("a configuration");
    room.haul()
        .after(INSIDE)
        .env("SERVER", &home)
        .args(args)
        .stdin(list)
        .run()
}

#[test]
fn a_redirect_does_not_lead_in_either_and_what_is_public_is_fetched() {
    if !is_installed("unshare") {
        return;
    }
    let tools = ["/usr/sbin/nginx", "/usr/sbin/ip"];
    if !has_networks() || !tools.iter().all(|tool| std::path::Path::new(tool).exists()) {
        crate::support::tell("skipped: no networks of one's own here (unshare --net, ip, nginx)");
        return;
    }
    let paths = ["a", "to-itself", "to-loopback", "to-mapped", "to-name"];
    let list: String = paths.map(|path| format!("http://93.184.216.34:8080/{path}\n")).concat();
    let room = Room::new();
    let outcome = in_a_network(&room, &["--public-only"], &list);
    outcome
        .fails()
        .finished(2, 5)
        .says_times("--public-only refuses that", 3);
    room.holds_exactly(&[("a", "public"), ("to-itself", "public")]);
    let log = std::fs::read_to_string(room.beside("nginx/access.log")).expect("its log");
    assert!(!log.contains("/secret"), "{log}");
    // The way in is there for who does not mind.
    let room = Room::new();
    in_a_network(&room, &[], &list.replace("to-mapped", "a")).succeeds();
    let log = std::fs::read_to_string(room.beside("nginx/access.log")).expect("its log");
    assert_eq!(log.matches("/secret").count(), 2, "{log}");
}

#[test]
fn without_it_any_address_will_do() {
    let (first, second) = (Origin::new(), Origin::new());
    first.file("/a", "").always(Answer::to(&second.url("/b")));
    second.file("/b", "b");
    let room = Room::new();
    room.haul().arg(first.url("/a")).run().succeeds();
    room.holds_exactly(&[("a", "b")]);
}
