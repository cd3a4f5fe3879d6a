//! Hosts where nobody is.

use std::net::{SocketAddr, TcpListener};

use crate::support::{Origin, Room};

/// An address where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn list(at: SocketAddr, count: usize) -> String {
    (0..count).fold(String::new(), |list, n| list + &format!("http://{at}/{n}\n"))
}

#[test]
fn a_host_that_only_refuses_is_given_up_with_one_message_and_the_others_go_on() {
    let (origin, closed) = (Origin::new(), nobody());
    origin.file_elsewhere("well");
    let room = Room::new();
    let good: Vec<_> = (0..50).map(|n| format!("/good-{n}")).collect();
    let text = list(closed, 500) + &origin.list(&good);
    let outcome = room.haul().impatient().args(["--progress", "plain"]).stdin(text).run();
    outcome.fails().finished(50, 550);
    let told = format!("{closed} is given up: connection refused; its other entries fail without a try");
    outcome
        .says_times(&told, 1)
        .says_in_a_line(&["failed", &closed.to_string(), "is given up"])
        .says_times("more entries of hosts that are given up fail, and are counted", 1);
    // Not one for each of five hundred.
    assert!(outcome.stderr.lines().count() < 100, "{}", outcome.stderr);
}

#[test]
fn no_entry_of_a_host_that_is_given_up_is_tried() {
    let room = Room::new();
    let haul = room
        .haul()
        .impatient()
        .args(["--json", "-j", "4"])
        .stdin(list(nobody(), 300));
    let outcome = haul.run();
    outcome.fails();
    let count = |text: &str| outcome.stdout.lines().filter(|line| line.contains(text)).count();
    // Six rounds of four.
    assert!(count("\"event\":\"begin\"") <= 24, "{}", count("\"event\":\"begin\""));
    assert_eq!(count("\"event\":\"failed\""), 300);
}

#[test]
fn a_server_that_comes_back_between_tries_loses_no_entry() {
    let closed = nobody();
    let room = Room::new();
    let mut running = room.haul().arg("-v").start();
    running.write(list(closed, 200));
    running.wait_for_stderr("connection refused");
    let origin = Origin::on(TcpListener::bind(closed).unwrap());
    origin.file_elsewhere("well");
    running.finish().succeeds().finished(200, 200);
}

#[test]
fn a_server_that_restarts_in_the_middle_loses_no_entry() {
    let origin = Origin::new();
    origin.file_elsewhere("well");
    let room = Room::new();
    let address: SocketAddr = origin.authority().parse().unwrap();
    let mut running = room.haul().arg("-v").start();
    running.write(list(address, 1));
    running.wait_for_stderr("done");
    drop(origin);
    running.write(list(address, 200).replacen(&list(address, 1), "", 1));
    // By themselves, entries would have used up their tries by then.
    running.wait_for_stderr("retry in 2");
    let origin = Origin::on(TcpListener::bind(address).unwrap());
    origin.file_elsewhere("well");
    running.finish().succeeds().finished(200, 200);
}

#[test]
fn a_host_that_answered_once_is_never_given_up() {
    let origin = Origin::new();
    origin.file_elsewhere("well");
    let room = Room::new();
    let address = origin.authority().parse().unwrap();
    let mut running = room
        .haul()
        .impatient()
        .args(["-j", "1", "--progress", "plain", "-v"])
        .start();
    running.write(list(address, 1));
    running.wait_for_stderr("done");
    drop(origin);
    running.write(list(address, 40));
    let outcome = running.finish();
    outcome.fails().never_says("is given up");
}
