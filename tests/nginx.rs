//! The real program against a real server: thousands of files, TLS, HTTP/2, limits, and an end in the middle.

#[path = "support/nginx.rs"]
mod nginx;
mod support;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;

use nginx::{Hash, Logged, Nginx, Over, Served, Site, connections, hash, most_at_once};
use support::{Room, Schema, bytes};

/// The summary of a run over the whole site.
const ALL_FINISHED: &str = "finished 3,000 of 3,000 files";

/// What is in the folder, by name.
fn arrived(room: &Room) -> BTreeMap<OsString, Hash> {
    let entries = fs::read_dir(room.folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry of it"));
    let content = |path| fs::read(path).expect("a file, not a folder");
    entries
        .map(|entry| (entry.file_name(), hash(&content(entry.path()))))
        .collect()
}

/// Every file that was asked for has arrived, whole, and nothing else is there: no part, no second copy.
#[track_caller]
fn all_arrived<'s>(room: &Room, asked: impl Iterator<Item = &'s Served>) -> BTreeMap<OsString, Hash> {
    let arrived = arrived(room);
    let mut left: HashMap<Hash, Vec<&OsString>> = HashMap::new();
    for (name, hash) in &arrived {
        left.entry(*hash).or_default().push(name);
    }
    let mut missing: Vec<_> = asked.collect();
    missing.retain(|file| left.get_mut(&file.hash).and_then(Vec::pop).is_none());
    let unasked: Vec<_> = left.into_values().flatten().collect();
    assert!(
        missing.is_empty() && unasked.is_empty(),
        "missing: {missing:?}\nnobody asked for: {unasked:?}"
    );
    arrived
}

fn list<'s>(nginx: &Nginx, over: Over, asked: impl Iterator<Item = &'s Served>) -> String {
    asked.map(|file| nginx.url(over, &file.path) + "\n").collect()
}

fn count(log: &[Logged], method: &str) -> usize {
    log.iter().filter(|request| request.method == method).count()
}

/// Tells whoever runs the tests something.
#[expect(clippy::print_stderr, reason = "the test harness shows this with the failure")]
fn tell(text: &str) {
    eprintln!("{text}");
}

#[test]
fn three_thousand_awkward_names_arrive_whole_over_http_1_and_a_second_run_fetches_nothing() {
    let site = Site::shared();
    let Some(nginx) = Nginx::serving(site.folder()) else {
        return;
    };
    let (room, all) = (Room::new(), site.files.len());
    let list = list(&nginx, Over::Http1, site.files.iter());
    room.haul().stdin(&list).run().succeeds().says(ALL_FINISHED);
    let first = all_arrived(&room, site.files.iter());

    let file = room.give("list.txt", &list);
    room.haul().arg(file).run().succeeds().says(ALL_FINISHED);
    assert!(all_arrived(&room, site.files.iter()) == first, "the same names again");

    let log = nginx.end();
    assert!(
        log.iter()
            .all(|request| request.protocol == "HTTP/1.1" && request.status == 200)
    );
    assert_eq!(count(&log, "GET"), all);
    // A finished file is marked, and then nobody is asked about it; where there are no attributes, each is asked about.
    let asked = count(&log, "HEAD");
    assert!(asked == 0 || asked == all, "{asked} of {all} were asked about");
}

#[test]
fn three_thousand_awkward_names_arrive_whole_over_https_with_a_named_authority() {
    let site = Site::shared();
    let Some(nginx) = Nginx::serving(site.folder()) else {
        return;
    };
    let (room, asked) = (Room::new(), site.files.iter());
    let file = room.give("list.txt", list(&nginx, Over::Https1, asked.clone()));
    room.haul()
        .arg("--ca-cert")
        .arg(nginx.authority())
        .arg(file)
        .run()
        .succeeds()
        .says(ALL_FINISHED);
    all_arrived(&room, asked);
    assert!(nginx.end().iter().all(|request| request.protocol == "HTTP/1.1"));
}

#[test]
fn three_thousand_awkward_names_arrive_whole_over_http_2_with_the_system_s_authority() {
    let site = Site::shared();
    let Some(nginx) = Nginx::serving(site.folder()) else {
        return;
    };
    let (room, asked) = (Room::new(), site.files.iter());
    let list = list(&nginx, Over::Https2, asked.clone());
    let haul = room.haul().env("SSL_CERT_FILE", nginx.authority()).stdin(list);
    haul.run().succeeds().says(ALL_FINISHED);
    all_arrived(&room, asked);
    let log = nginx.end();
    assert!(log.iter().all(|request| request.protocol == "HTTP/2.0"));
}

/// Files for a small server, which serves what the room was given.
fn given(room: &Room, count: usize, size: usize) -> Vec<(String, Vec<u8>)> {
    let file = |n: usize| (format!("{n:03}.bin"), bytes(size, n as u64));
    let files: Vec<_> = (0..count).map(file).collect();
    for (name, content) in &files {
        room.give(name, content);
    }
    files
}

/// A list of them, under one of the server's views.
fn below(nginx: &Nginx, over: Over, view: &str, files: &[(String, Vec<u8>)]) -> String {
    let line = |(name, _): &(String, _)| nginx.url(over, &format!("{view}{name}")) + "\n";
    files.iter().map(line).collect()
}

#[track_caller]
fn holds_exactly(room: &Room, files: &[(String, Vec<u8>)]) {
    let expected: Vec<_> = files.iter().map(|(name, content)| (&**name, content)).collect();
    room.holds_exactly(&expected);
}

fn statuses(log: &[Logged], status: u16) -> usize {
    log.iter().filter(|request| request.status == status).count()
}

#[test]
fn sixty_four_jobs_over_http_2_are_streams_of_one_or_two_connections() {
    let room = Room::new();
    let files = given(&room, 80, 60_000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Https2, "/slow/", &files);
    room.haul()
        .args(["-j", "64", "--ca-cert"])
        .arg(nginx.authority())
        .stdin(list)
        .run()
        .succeeds();
    holds_exactly(&room, &files);
    let log = nginx.end();
    assert_eq!(most_at_once(&log), 64);
    assert!(connections(&log) <= 2, "{} connections", connections(&log));
}

#[test]
fn a_server_that_takes_four_streams_a_connection_is_asked_over_as_many_as_that_needs() {
    let room = Room::new();
    let files = given(&room, 24, 60_000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Https2ByFours, "/slow/", &files);
    let haul = room.haul().args(["-j", "24", "--retries", "0", "--ca-cert"]);
    haul.arg(nginx.authority()).stdin(list).run().succeeds();
    holds_exactly(&room, &files);
    let mut log = nginx.end();
    log.retain(|request| request.status == 200);
    // In one try each, over as many connections as they need.
    assert!(connections(&log) >= 6, "{} connections", connections(&log));
}

#[test]
fn a_server_that_counts_requests_and_says_429_is_asked_again_until_all_is_there() {
    let room = Room::new();
    let files = given(&room, 100, 1000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Http1, "/asked/", &files);
    room.haul()
        .args(["--retries", "20", "--retry-max-wait", "1s"])
        .stdin(list)
        .run()
        .succeeds();
    holds_exactly(&room, &files);
    assert_ne!(statuses(&nginx.end(), 429), 0, "it was not strict");
}

#[test]
fn a_server_that_counts_connections_and_names_a_wait_gets_it() {
    let room = Room::new();
    let files = given(&room, 12, 20_000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Http1, "/held/", &files);
    let outcome = room.haul().args(["-v", "-j", "8"]).stdin(list).run();
    outcome.succeeds().says("127.0.0.1").says("503 Service");
    holds_exactly(&room, &files);
    let (pauses, refused) = (outcome.stderr.matches(" waits 1s").count(), statuses(&nginx.end(), 503));
    assert!(
        0 < pauses && pauses < refused,
        "{pauses} pauses told for {refused} refusals"
    );
}

#[test]
fn a_server_that_counts_connections_and_names_no_wait_is_asked_again_until_all_is_there() {
    let room = Room::new();
    let files = given(&room, 32, 20_000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Http1, "/shared/", &files);
    room.haul()
        .args(["--retries", "20", "--retry-max-wait", "1s"])
        .stdin(list)
        .run()
        .succeeds();
    holds_exactly(&room, &files);
    assert_ne!(statuses(&nginx.end(), 503), 0, "it was not strict");
}

#[test]
fn a_server_that_counts_connections_and_closes_the_rest_loses_no_entry() {
    let room = Room::new();
    let files = given(&room, 24, 20_000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Http1, "/closed/", &files);
    let outcome = room.haul().args(["--retry-max-wait", "500ms"]).stdin(list).run();
    outcome.succeeds();
    holds_exactly(&room, &files);
    assert_ne!(statuses(&nginx.end(), 444), 0, "it was not strict");
}

#[test]
fn a_server_that_dies_midway_and_comes_back_is_asked_again_until_all_is_there() {
    let room = Room::new();
    let files = given(&room, 24, 60_000);
    let Some(mut nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let patience = ["-v", "-j", "8", "--retries", "30", "--retry-max-wait", "1s"];
    let mut haul = room.haul().args(patience).start();
    haul.write(below(&nginx, Over::Http1, "/slow/", &files));
    haul.close_stdin();
    haul.wait_for_stderr("done");
    nginx.die();
    haul.wait_for_stderr("refused");
    nginx.revive();
    let outcome = haul.finish();
    outcome.succeeds().says("finished 24 of 24 files");
    holds_exactly(&room, &files);
}

#[test]
fn a_certificate_that_nobody_vouches_for_fails_its_entries_without_a_second_try() {
    for over in [Over::Https1, Over::Https2] {
        let room = Room::new();
        let files = given(&room, 3, 1000);
        let Some(nginx) = Nginx::serving(&room.beside("")) else {
            return;
        };
        let outcome = room.haul().arg("-v").stdin(below(&nginx, over, "/", &files)).run();
        outcome
            .fails()
            .says_in_a_line(&["000.bin", "TLS: the certificate's issuer is unknown here"])
            .never_says("retry");
        assert!(room.names().is_empty(), "{:?}", room.names());
        assert_eq!(nginx.end().len(), 0, "requests");
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_will_do_for_who_asks_for_no_proof() {
    let room = Room::new();
    let files = given(&room, 3, 1000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    for over in [Over::Https1, Over::Https2] {
        room.haul()
            .args(["-k", "-f"])
            .stdin(below(&nginx, over, "/", &files))
            .run()
            .succeeds();
        holds_exactly(&room, &files);
    }
}

#[test]
fn a_certificate_for_another_name_fails_the_entry() {
    let room = Room::new();
    let files = given(&room, 1, 10);
    let Some(nginx) = Nginx::certified_for(&["elsewhere.example"], &room.beside("")) else {
        return;
    };
    let list = below(&nginx, Over::Https2, "/", &files);
    let outcome = room.haul().arg("--ca-cert").arg(nginx.authority()).stdin(list).run();
    outcome
        .fails()
        .says("TLS: the certificate is not for")
        .says("elsewhere.example");
    assert!(room.names().is_empty(), "{:?}", room.names());
}

#[test]
fn programs_are_told_of_the_connections_that_were_made_and_kept() {
    let room = Room::new();
    let files = given(&room, 6, 1000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    for (over, version) in [(Over::Http1, "1.1"), (Over::Https1, "1.1"), (Over::Https2, "2")] {
        let haul = room
            .haul()
            .args(["--json", "-j1", "-f"])
            .arg("--ca-cert")
            .arg(nginx.authority());
        let outcome = haul.stdin(below(&nginx, over, "/", &files)).run();
        outcome.succeeds();
        let lines = Schema::shipped().lines(&outcome.stdout);
        let done: Vec<_> = lines.iter().filter(|line| line["event"] == "done").collect();
        assert_eq!(done.len(), files.len());
        for line in &done {
            assert_eq!(line["http_version"], version);
            assert_eq!(line["remote_ip"], "127.0.0.1");
            let time = |name: &str| line[name].as_f64().unwrap();
            // The first one makes the connection over which all others go.
            assert_eq!(time("time_connect") > 0.0, line["id"] == 1, "{line}");
            assert!(time("time_starttransfer") > time("time_connect"), "{line}");
        }
    }
}

#[test]
fn a_certificate_of_one_s_own_opens_what_is_closed_without_it() {
    for over in [Over::Https1, Over::Https2] {
        let room = Room::new();
        let files = given(&room, 3, 1000);
        let Some(nginx) = Nginx::serving(&room.beside("")) else {
            return;
        };
        let list = below(&nginx, over, "/known/", &files);
        let haul = || room.haul().arg("--ca-cert").arg(nginx.authority());
        haul().stdin(&list).run().fails().says("403");
        let [certificate, key] = nginx.visitor();
        let haul = haul().arg("--cert").arg(&certificate).arg("--key").arg(&key);
        haul.stdin(&list).run().succeeds();
        holds_exactly(&room, &files);
    }
}

#[test]
fn a_certificate_and_its_key_may_be_one_file_in_either_order() {
    let room = Room::new();
    let files = given(&room, 1, 1000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let parts = nginx
        .visitor()
        .map(|path| fs::read_to_string(path).expect("a PEM file"));
    let list = below(&nginx, Over::Https2, "/known/", &files);
    for (name, text) in [("a.pem", parts.concat()), ("b.pem", [&*parts[1], &*parts[0]].concat())] {
        let haul = room.haul().arg("-f").arg("--ca-cert").arg(nginx.authority());
        haul.arg("--cert")
            .arg(room.give(name, text))
            .stdin(&list)
            .run()
            .succeeds();
    }
}

#[test]
fn a_certificate_of_one_s_own_is_shown_to_no_origin_but_those_of_the_list() {
    let room = Room::new();
    let files = given(&room, 1, 1000);
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let run = |list: String| {
        let [certificate, key] = nginx.visitor();
        let haul = room.haul().args(["-f", "-j1"]).arg("--ca-cert").arg(nginx.authority());
        haul.arg("--cert")
            .arg(certificate)
            .arg("--key")
            .arg(key)
            .stdin(list)
            .run()
    };
    let url = |over, path| nginx.url(over, path) + "\n";
    run(url(Over::Https2, "/stay/")).succeeds();
    // It is not shown over a connection that has shown it before, either.
    let list = url(Over::Https1, "/known/000.bin") + &url(Over::Https2, "/away/");
    run(list).fails().says("403").says("finished 1 of 2 files");
    assert_eq!(fs::read(room.path("000.bin")).expect("the file"), files[0].1);
}

#[test]
fn a_certificate_of_one_s_own_that_cannot_be_used_is_a_usage_error() {
    let room = Room::new();
    let Some(nginx) = Nginx::serving(&room.beside("")) else {
        return;
    };
    let [certificate, key] = nginx.visitor();
    let other = Nginx::serving(&room.beside("")).expect("another nginx");
    let stranger = other.visitor()[1].clone();
    let (empty, nowhere) = (room.give("empty.pem", ""), room.beside("nowhere.pem"));
    for (cert, with, why) in [
        (&certificate, None, "no PEM key"),
        (&certificate, Some(&stranger), "of another certificate"),
        (&certificate, Some(&empty), "empty.pem: no PEM key"),
        (&nowhere, Some(&key), "nowhere.pem: no such file"),
        (&empty, Some(&key), "no PEM certificate"),
    ] {
        let mut haul = room.haul().arg(nginx.url(Over::Http1, "/a")).arg("--cert").arg(cert);
        if let Some(key) = with {
            haul = haul.arg("--key").arg(key);
        }
        haul.run().exits_with(2).says(why);
    }
    assert_eq!(nginx.end().len(), 0, "nothing is asked for");
}

#[test]
fn another_name_for_a_host_is_given_to_it_over_every_version() {
    for over in [Over::Http1, Over::Https1, Over::Https2] {
        let room = Room::new();
        let files = given(&room, 2, 1000);
        let Some(nginx) = Nginx::serving(&room.beside("")) else {
            return;
        };
        let list = below(&nginx, over, "/", &files);
        let haul = room.haul().arg("--ca-cert").arg(nginx.authority());
        haul.args(["-H", "Host: virtual.test"]).stdin(list).run().succeeds();
        holds_exactly(&room, &files);
    }
}
