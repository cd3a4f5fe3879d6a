//! What a terminal gets, where there are programs that play one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

use crate::support::{Answer, Gate, Origin, Room, bytes};

/// Some programs of the system may be missing; a test without its program says so.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn is_there(program: &str) -> bool {
    let found = ["/usr/bin", "/bin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    if !found {
        eprintln!("skipped: there is no {program}");
    }
    found
}

/// A thousand files, some of which fail.
fn thousand(room: &Room) -> Origin {
    let origin = Origin::new();
    origin.file_elsewhere("x".repeat(20_000));
    origin.file("/missing.bin", "").always(Answer::Status(404));
    let mut paths: Vec<_> = (0..999).map(|n| format!("/{n:03}-データ.csv.gz")).collect();
    paths.insert(500, "/missing.bin".into());
    room.give("urls.txt", origin.list(paths));
    origin
}

/// All bytes that the run sends to a terminal of 100 columns, and whether it went well.
fn typescript(room: &Room, variables: &[(&str, &str)], args: &str) -> String {
    let script = room.beside("typescript");
    let list = room.beside("urls.txt");
    let run = format!(
        "stty cols 100 rows 30; exec '{}' {args} '{}'",
        env!("CARGO_BIN_EXE_haul"),
        list.display()
    );
    let ended = Command::new("script")
        .args(["-q", "-e", "-c", &run])
        .arg(&script)
        .current_dir(room.folder())
        .env_clear()
        .envs([
            ("PATH", "/usr/bin:/bin"),
            ("TERM", "xterm-256color"),
            ("SHELL", "/bin/sh"),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("script runs");
    let sent = std::fs::read(script).expect("a typescript");
    let sent = String::from_utf8_lossy(&sent).into_owned();
    assert_eq!(ended.code(), Some(1), "one file is missing:\n{sent}");
    sent
}

#[test]
fn a_thousand_files_send_little_to_the_terminal_and_leave_the_cursor_alone() {
    if !is_there("script") {
        return;
    }
    let room = Room::new();
    let _origin = thousand(&room);
    let sent = typescript(&room, &[], "-j 64");
    assert!(sent.len() < 150_000, "{} bytes", sent.len());
    assert!(!sent.contains("\x1b[?"), "no mode of the terminal is touched");
    assert!(
        !sent.contains("\x1b]"),
        "this terminal is not known to show progress elsewhere"
    );
    assert_eq!(
        sent.matches("404 Not Found").count(),
        2,
        "above the block, and in the summary"
    );
}

#[test]
fn events_on_a_terminal_are_not_mixed_with_bars() {
    if !is_there("script") {
        return;
    }
    let room = Room::new();
    let _origin = thousand(&room);
    let sent = typescript(&room, &[], "--json --color never");
    assert!(sent.contains(r#""event":"summary""#), "{sent}");
    assert!(!sent.contains('\x1b'), "{sent}");
}

#[test]
fn a_terminal_that_shows_progress_in_its_tab_gets_it_and_loses_it() {
    if !is_there("script") {
        return;
    }
    let room = Room::new();
    let _origin = thousand(&room);
    let variables = [("WT_SESSION", "00000000-0000-0000-0000-000000000000")];
    let sent = typescript(&room, &variables, "-j 4");
    let codes: Vec<_> = sent
        .match_indices("\x1b]9;4;")
        .map(|(at, _)| &sent[at..at + 7])
        .collect();
    assert_eq!(codes.last(), Some(&"\x1b]9;4;0"), "{codes:?}");
    assert_eq!(codes.iter().filter(|code| code.ends_with('0')).count(), 1);
    for args in ["--progress plain", "--progress none", "-q"] {
        let room = Room::new();
        let _origin = thousand(&room);
        assert!(!typescript(&room, &variables, args).contains("\x1b]"), "{args}");
    }
}

#[test]
fn a_signal_ends_a_run_whose_terminal_stands_still() {
    for (args, is_again) in [
        (&["-"][..], false),
        (&["--progress", "plain", "-"], false),
        (&["-"], true),
    ] {
        // Nobody reads what it is to show.
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let room = Room::new();
        let mut haul = room.haul().args(args).on_terminal(terminal.into()).start();
        let taken = haul.write_while_taken((0..100_000).map(|n| format!("nonsense {n}\n")));
        assert!(taken < 100_000, "it waits for its terminal");
        haul.interrupt();
        if is_again {
            haul.terminate();
        }
        haul.ends_with_its_pipe_open().exits_with_one_of(&[130, 143]);
    }
}

/// A terminal with a server of its own, so that nobody else's is touched.
struct Tmux<'r> {
    room: &'r Room,
    socket: String,
}

impl<'r> Tmux<'r> {
    /// Runs the program in a terminal of so many columns.
    fn begin(room: &'r Room, columns: usize, args: &str) -> Self {
        let socket = room.beside("tmux").display().to_string();
        let run = format!(
            "trap : INT; '{}' {args} '{}'; tmux -S '{socket}' set-buffer -b ended yes; read line",
            env!("CARGO_BIN_EXE_haul"),
            room.beside("urls.txt").display()
        );
        let tmux = Self { room, socket };
        tmux.say(&["new-session", "-d", "-x", &columns.to_string(), "-y", "30", &run]);
        tmux
    }

    /// A shell with job control in a terminal of so many columns.
    fn shell(room: &'r Room, columns: usize) -> Self {
        let socket = room.beside("tmux").display().to_string();
        let tmux = Self { room, socket };
        let shell = "PS1='$ ' exec bash --norc --noprofile -i";
        tmux.say(&["new-session", "-d", "-x", &columns.to_string(), "-y", "30", shell]);
        tmux.wait_for("$", 1);
        tmux
    }

    /// A line, as if by hand.
    fn types(&self, line: &str) {
        self.say(&["send-keys", "-l", line]);
        self.say(&["send-keys", "Enter"]);
    }

    /// The lines that are seen, as soon as so many of them hold this.
    #[track_caller]
    fn wait_for(&self, text: &str, times: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let seen = self.say(&["capture-pane", "-p"]);
            if seen.lines().filter(|line| line.contains(text)).count() >= times {
                return seen.lines().map(str::to_owned).collect();
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no {text:?} in\n{seen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn say(&self, args: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-f", "/dev/null", "-u", "-S", &self.socket])
            .args(args)
            .current_dir(self.room.folder())
            .env_clear()
            .envs([
                ("PATH", "/usr/bin:/bin"),
                ("TERM", "xterm-256color"),
                ("SHELL", "/bin/sh"),
            ])
            .output()
            .expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// All lines down to the last that is not empty, those of the scrollback too, when the program has ended.
    fn end(self) -> Vec<String> {
        let begun = Instant::now();
        // tmux's own `wait-for` would wait for ever for a shell that died.
        while !self.say(&["show-buffer", "-b", "ended"]).contains("yes") {
            assert!(begun.elapsed() < Duration::from_secs(60), "no end in sight");
            std::thread::sleep(Duration::from_millis(20));
        }
        let seen = self.say(&["capture-pane", "-p", "-S", "-"]);
        let lines: Vec<_> = seen.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
        lines
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        self.say(&["kill-server"]);
    }
}

#[test]
fn a_thousand_files_leave_a_line_a_failure_and_the_summary() {
    if !is_there("tmux") {
        return;
    }
    let room = Room::new();
    let _origin = thousand(&room);
    let lines = Tmux::begin(&room, 100, "-j 64").end();
    assert_eq!(lines[0], "failed missing.bin  404 Not Found", "{lines:#?}");
    assert!(lines[1].contains("Finished 999 of 1,000 files"), "{lines:#?}");
    assert_eq!(lines.len(), 8, "{lines:#?}");
}

#[test]
fn after_ctrl_c_no_line_of_the_block_is_left() {
    if !is_there("tmux") {
        return;
    }
    let gate = Gate::new();
    // At one of them the last line would reach the edge.
    for columns in 40..=50 {
        let (room, origin) = (Room::new(), Origin::new());
        origin
            .file_elsewhere(bytes(100_000, 1))
            .always(Answer::HeldAfter(50_000, gate.clone()));
        room.give("urls.txt", origin.list((0..20).map(|n| format!("/{n:02}-a-name.bin"))));
        let tmux = Tmux::begin(&room, columns, "-j 12");
        tmux.wait_for("act", 1);
        tmux.say(&["send-keys", "C-c"]);
        let lines = tmux.end();
        assert!(lines[0].contains("Stopped: 0 of 20 files"), "{columns}: {lines:#?}");
    }
    gate.open();
}

#[test]
fn after_ctrl_z_and_fg_the_block_is_drawn_anew_below_what_the_shell_wrote() {
    if !is_there("tmux") {
        return;
    }
    let (room, origin, gate, late) = (Room::new(), Origin::new(), Gate::new(), Gate::new());
    origin
        .file_elsewhere(bytes(100_000, 1))
        .always(Answer::HeldAfter(50_000, gate.clone()));
    origin
        .file("/missing.bin", Vec::new())
        .always(Answer::Held(late.clone(), Answer::Status(404).into()));
    let names = (0..3).map(|n| format!("/{n}-a-name.bin"));
    room.give("urls.txt", origin.list(names.chain(["/missing.bin".into()])));
    let tmux = Tmux::shell(&room, 100);
    tmux.types(&format!(
        "'{}' -j 4 '{}'",
        env!("CARGO_BIN_EXE_haul"),
        room.beside("urls.txt").display()
    ));
    tmux.wait_for("4 active", 1);
    tmux.say(&["send-keys", "C-z"]);
    tmux.wait_for("Stopped", 1);
    // In the background it leaves the terminal to the shell, but for a failure.
    tmux.types("bg");
    tmux.wait_for("[1]+ ", 2);
    late.open();
    let seen = tmux.wait_for("404 Not Found", 1);
    let behind = seen.iter().position(|line| line.contains("Stopped"));
    assert!(
        !seen[behind.expect("what the shell says")..]
            .iter()
            .any(|line| line.contains("active")),
        "{seen:#?}"
    );
    tmux.types("fg");
    let seen = tmux.wait_for("3 active  1 failed", 1);
    let typed = seen.iter().position(|line| line.ends_with("fg"));
    let below = &seen[typed.expect("what was typed")..];
    for begins in [" 0-a-name.bin ", " 1-a-name.bin ", " 2-a-name.bin ", "0/4 files "] {
        let lines = below.iter().filter(|line| line.starts_with(begins));
        assert_eq!(lines.count(), 1, "{begins}: {seen:#?}");
    }
    gate.open();
}
