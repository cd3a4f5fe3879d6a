//! At home in a shell: the man page, completions, variables, and the habits of those who come from other programs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Origin, Outcome, Room, sha256};

fn generated(room: &Room, what: &str) -> PathBuf {
    let outcome = room.haul().args(["--generate", what]).run();
    outcome.succeeds();
    assert_eq!(outcome.stderr, "");
    room.give(what, &outcome.stdout)
}

/// What a shell says to a script, or nothing where the shell is not installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn shell(program: &str, args: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(args).output() else {
        eprintln!("skipped: there is no {program}");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}\n{said}\n{complaint}");
    assert_eq!(complaint, "", "{program} {args:?}");
    Some(said)
}

#[test]
fn bash_completes_options_values_files_and_folders() {
    let room = Room::new();
    let script = generated(&room, "bash").display().to_string();
    room.put("list.txt", "");
    room.put("folder/x", "");
    let complete = |words: &str| {
        let run = format!(
            "compopt() {{ :; }}; cd '{}'; source '{script}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); \
             _haul haul \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            room.folder().display()
        );
        shell("bash", &["--norc", "-c", &run])
    };
    for (words, offered, never) in [
        ("haul --per", "--per-host", "--jobs"),
        ("haul --existing u", "update", "skip"),
        ("haul --failed l", "list.txt", "folder"),
        // Folders and sources are left to bash itself.
        ("haul -d fo", "", "list.txt"),
        ("haul ''", "", "--jobs"),
        ("haul -q ''", "", "--jobs"),
        ("haul --in", "--insecure", "--input-file"),
        ("haul --generate p", "powershell", "zsh"),
    ] {
        let Some(said) = complete(words) else { return };
        assert!(said.lines().any(|line| line == offered), "{words}: {said}");
        assert!(!said.lines().any(|line| line == never), "{words}: {said}");
    }
    let registered = shell(
        "bash",
        &["--norc", "-c", &format!("source '{script}'; complete -p haul")],
    );
    let registered = registered.unwrap_or_default();
    assert!(
        registered.contains("-o default") && registered.contains("-F _haul"),
        "{registered}"
    );
}

#[test]
fn zsh_loads_its_completions() {
    let room = Room::new();
    let script = generated(&room, "zsh");
    let path = script.display();
    let Some(_) = shell("zsh", &["-f", "-n", &path.to_string()]) else {
        return;
    };
    // As a function of the completion system: what `_arguments` is given, one specification each.
    let run = format!("_arguments() {{ print -rl -- $@ }}; compdef() {{ : }}; words=(); source {path}; _haul");
    let said = shell("zsh", &["-f", "-c", &run]).unwrap_or_default();
    for line in [":DIR:_files -/", ":LIST:_files", ":VALUE:_default"] {
        let is_there = said.lines().any(|said| said.ends_with(line));
        assert_eq!(is_there, line != ":LIST:_files", "{line}: {said}");
    }
}

#[test]
fn fish_completes_options_and_values() {
    let room = Room::new();
    let script = generated(&room, "fish");
    let complete = |line: &str| {
        let run = format!("source {}; complete -C '{line}'", script.display());
        shell("fish", &["--no-config", "-c", &run])
    };
    for (line, offered) in [("haul --per", "--per-host"), ("haul --existing u", "update")] {
        let Some(said) = complete(line) else { return };
        assert!(said.lines().any(|line| line.starts_with(offered)), "{line}: {said}");
    }
}

#[test]
fn every_shell_has_completions() {
    let room = Room::new();
    for (what, word) in [
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let text = fs::read_to_string(generated(&room, what)).unwrap();
        assert!(text.contains(word) && text.contains("--per-host"), "{text}");
    }
}

#[test]
fn the_man_page_has_every_section_and_no_complaint() {
    let room = Room::new();
    let page = generated(&room, "man");
    let source = fs::read_to_string(&page).unwrap();
    for heading in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "LISTS",
        "EXIT STATUS",
        "ENVIRONMENT",
        "EXAMPLES",
        "SEE ALSO",
    ] {
        let mut lines = source.lines().filter_map(|line| line.strip_prefix(".SH "));
        assert!(
            lines.any(|line| line.trim_matches('"') == heading),
            "{heading}:\n{source}"
        );
    }
    for word in [
        "HAUL_*",
        "no_proxy",
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "SSL_CERT_FILE",
        "130",
    ] {
        assert!(source.contains(word), "{word}");
    }
    assert!(!source.contains("input\\-file"), "what is hidden is hidden");
    let page = page.display().to_string();
    shell("man", &["--warnings", "-E", "UTF-8", "-l", &page]);
}

#[test]
fn a_variable_that_is_empty_is_as_one_that_is_not_set() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    for name in [
        "HAUL_QUIET",
        "HAUL_DIR",
        "HAUL_JOBS",
        "HAUL_FAILED",
        "HAUL_COMPARE",
        "HAUL_INPUT_FILE",
    ] {
        let room = Room::new();
        room.haul()
            .env(name, "")
            .arg(origin.url("/a.bin"))
            .run()
            .succeeds()
            .finished(1, 1);
        room.holds_exactly(&[("a.bin", "a")]);
    }
    let room = Room::new();
    // Nobody typed the option that is named.
    let wrong = |typed: &str| room.haul().env("HAUL_JOBS", "abc").args(typed.split(' ')).run();
    wrong("-v x").exits_with(2).says("the variable HAUL_JOBS");
    wrong("-j 1 x").exits_with(2).never_says("HAUL_JOBS");
    wrong("-j 0 x").exits_with(2).says("at least 1").never_says("HAUL_JOBS");
    let outcome = room.haul().env("HAUL_QUIET", "1").arg(origin.url("/a.bin")).run();
    assert_eq!(outcome.stderr, "");
    room.haul()
        .env("HAUL_QUIET", "perhaps")
        .arg("x")
        .run()
        .exits_with(2)
        .says("--quiet");
}

#[test]
fn the_command_line_comes_before_a_variable_that_contradicts_it() {
    let origin = Origin::new();
    origin.file("/a.bin", "new");
    let room = Room::new();
    room.put("a.bin", "older");
    let haul = || room.haul().arg(origin.url("/a.bin"));
    haul().env("HAUL_QUIET", "1").arg("-v").run().fails();
    haul()
        .env("HAUL_FORCE", "1")
        .args(["--existing", "skip"])
        .run()
        .succeeds();
    assert_eq!(room.read("a.bin"), b"older");
    haul().env("HAUL_EXISTING", "skip").arg("-f").run().succeeds();
    assert_eq!(room.read("a.bin"), b"new");
    // A flag's variable that says no contradicts nothing.
    haul()
        .env("HAUL_DRY_RUN", "no")
        .args(["--failed", "again.txt"])
        .run()
        .succeeds()
        .finished(1, 1);
}

/// The habits of others that are haul's, too.
#[test]
fn what_a_newcomer_types_works() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    for line in [
        "-i LIST",
        "-iLIST -j4",
        "--input-file=LIST --dir=. -q",
        "-q -i -",
        "-j 4 -s 4 -H X:y --header=Y:z -A me LIST",
        "--user-agent me --timeout 5 --connect-timeout=5 LIST",
        "",
        "-",
    ] {
        let room = Room::new();
        let list = room.give("urls.txt", origin.list(["/a.bin"])).display().to_string();
        let haul = room
            .haul()
            .args(line.split_whitespace().map(|word| word.replace("LIST", &list)));
        haul.stdin(origin.list(["/a.bin"])).run().succeeds();
        room.holds_exactly(&[("a.bin", "a")]);
    }
}

/// What is called otherwise here, or is not needed, and the word that helps.
#[test]
fn what_does_not_work_says_what_to_type_instead() {
    let room = Room::new();
    for (line, helps) in [
        ("-i urls.txt -j4 -x16", "--per-host"),
        ("--max-concurrent-downloads=4 urls.txt", "-j N"),
        ("-P dir urls.txt", "-d DIR"),
        ("-O name http://h/x", "named after"),
        ("-c urls.txt", "nothing is needed"),
        ("--continue=true urls.txt", "nothing is needed"),
        ("--parallel-max 8 urls.txt", "-j N"),
        ("-Z -L http://h/x", "-j N"),
        ("-L http://h/x", "nothing is needed"),
        ("-nv http://h/x", "nothing but failures: -q"),
        ("-t 3 urls.txt", "--retries"),
        ("--tries 3", "--retries"),
        ("--max-tries=3", "--retries"),
        ("-nc urls.txt", "--existing skip"),
        ("-K cfg", "haul --format curl LIST"),
        ("-K cfg", "HAUL_*"),
        ("-fsSL http://h/x", "silence: -q"),
        ("-s http://me:hush@h/x", "silence: -q"),
        ("http://h/x -s", "silence: -q"),
        ("--fail http://h/x", "an error answer is never saved"),
        ("-nd urls.txt", "there are no folders"),
        ("-k1M urls.txt", "--split N"),
        ("-D domain urls.txt", "unexpected argument '-D'"),
        ("--parallel-minimum urls.txt", "unexpected argument"),
        ("-C - http://h/x", "nothing is needed"),
        ("--no-check-certificate http://h/x", "-k"),
        ("-i http://user:hush@h/list", "takes a list file"),
        // Mistyped options of its own are guessed, as before.
        ("--retires 3 urls.txt", "'--retries'"),
    ] {
        let outcome = room.haul().args(line.split_whitespace()).run();
        outcome.exits_with(2).says(helps).never_says("hush");
        outcome.never_says("error:").never_says("to pass");
        assert!(outcome.stderr.starts_with("haul: "), "{}", outcome.stderr);
        assert_one_tip(&outcome);
    }
    assert_eq!(room.names(), [""; 0]);
}

/// As an alias needs it.
#[test]
fn of_an_option_that_comes_twice_the_last_one_counts() {
    let origin = Origin::new();
    origin.file("/a.bin", "new");
    for (options, folder) in [
        ("-d one -q -j1 -q -j2 -d two", "two"),
        ("-f --existing overwrite -f", "."),
    ] {
        let room = Room::new();
        room.put("a.bin", "older");
        let haul = room.haul().args(options.split(' ')).arg(origin.url("/a.bin"));
        haul.run().succeeds();
        assert_eq!(room.read(&format!("{folder}/a.bin")), b"new");
    }
    let room = Room::new();
    for contradiction in ["-q -v", "-f --existing skip"] {
        let haul = room.haul().args(contradiction.split(' ')).arg(origin.url("/a.bin"));
        haul.run().exits_with(2).says("cannot be used with");
    }
}

/// cron has nothing to read, and `haul $LIST` has no argument where the variable is empty.
#[test]
fn without_a_source_and_a_stream_to_read_nothing_is_done() {
    let room = Room::new();
    room.put("again.txt", "http://h/a\n");
    let haul = |args: &[&str], stdin: &str| {
        room.haul()
            .args(["--failed", "again.txt"])
            .args(args)
            .after(stdin)
            .run()
    };
    for stdin in ["exec < /dev/null", "exec <&-"] {
        haul(&[], stdin).exits_with(2).says("no SOURCE is named");
        assert_eq!(room.read("again.txt"), b"http://h/a\n");
    }
    room.put("empty", "");
    for (args, stdin) in [
        (&["-"][..], "exec < /dev/null"),
        (&["/dev/null"], "exec < /dev/null"),
        (&[], "exec < empty"),
        (&[], ":"),
    ] {
        haul(args, stdin).succeeds().says("the list is empty");
    }
}

#[test]
fn a_file_may_have_a_name_that_is_no_text() {
    let origin = Origin::new();
    origin.file("/a.bin", "a");
    let room = Room::new();
    let named = |name: &[u8], holds: &str| {
        let path = room.folder().join(OsStr::from_bytes(name));
        fs::write(&path, holds).unwrap();
        path
    };
    let list = named(b"list-\xFF", &origin.list(["/a.bin"]));
    let sums = named(b"sums-\xFF", &format!("{}  a.bin\n", sha256(b"a")));
    let cookies = named(b"cookies-\xFF", "h\tFALSE\t/\tFALSE\t0\tn\tv\n");
    let report = room.folder().join(OsStr::from_bytes(b"report-\xFF.json"));
    let haul = room.haul().arg("--report").arg(&report).arg("--checksums").arg(sums);
    haul.arg("-b")
        .arg(cookies)
        .args(["-d", "to"])
        .arg(&list)
        .run()
        .succeeds()
        .finished(1, 1);
    assert!(report.exists());
    room.haul()
        .arg("-i")
        .arg(list)
        .args(["-d", "too"])
        .run()
        .succeeds()
        .finished(1, 1);
    // What is no name is text.
    let agent = room.haul().arg("-A").arg(OsStr::from_bytes(b"\xFF"));
    agent.arg("x").run().exits_with(2).says("invalid UTF-8");
}

#[test]
fn what_is_asked_for_and_cannot_be_written_is_said() {
    let room = Room::new();
    for what in ["--help", "--version", "--generate=man"] {
        let full = room.haul().arg(what).after("exec > /dev/full").run();
        full.exits_with(2).says("haul: cannot write to standard output");
        let unheard = room.haul().arg(what).after("exec > /dev/null").run();
        unheard.succeeds();
    }
}

#[track_caller]
fn assert_one_tip(outcome: &Outcome) {
    let tips = outcome.stderr.matches("tip:").count();
    assert!(tips <= 1, "{tips} tips");
}

#[test]
fn a_wrong_value_says_what_is_right_and_shows_no_secret() {
    let room = Room::new();
    for (args, helps) in [
        (["--header", "Authorization Bearer hush"], "'NAME: VALUE' is needed"),
        (["-u", "hush"], "USER:PASSWORD is needed"),
        (["--retries", "many"], "a whole number is needed"),
        (["--retries", "5000000000"], "a smaller number is needed"),
        (["-d", "/dev/null"], "it is a file; -d names a folder"),
        (["-j", "0"], "at least 1 is needed"),
    ] {
        let outcome = room.haul().args(args).arg("http://127.0.0.1:1/a").run();
        outcome.exits_with(2).says(helps).never_says("hush");
    }
    let outcome = room
        .haul()
        .env("HAUL_HEADER", "Authorization hush")
        .arg("http://h/a")
        .run();
    outcome.exits_with(2).never_says("hush");
}
