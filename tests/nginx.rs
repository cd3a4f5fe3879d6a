//! The real program against a real server: thousands of files, TLS, HTTP/2, limits, and an end in the middle.

#[path = "support/nginx.rs"]
mod nginx;
mod support;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;

use nginx::{Hash, Logged, Nginx, Over, Served, Site, connections, hash, most_at_once};
use support::Room;

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
    assert_eq!((count(&log, "GET"), count(&log, "HEAD")), (all, all));
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
    tell(&format!("{} connections", connections(&log)));
}
