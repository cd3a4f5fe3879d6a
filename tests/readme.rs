//! What the README says is what the program does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use futures::StreamExt as _;

mod support;

use support::{Origin, Room, bytes, sha256};

const README: &str = include_str!("../README.md");
const LIBRARY: &str = include_str!("../src/lib.rs");
const EXAMPLE: &str = include_str!("../urls.example.txt");

/// The lines below a heading, up to the next one.
fn section(heading: &str) -> Vec<&'static str> {
    let lines = README.lines().skip_while(|line| *line != heading).skip(1);
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("## ")).collect();
    assert!(!lines.is_empty(), "the README has {heading:?}");
    lines
}

/// The code blocks of a language.
fn blocks<'a>(lines: impl IntoIterator<Item = &'a str>, language: &str) -> Vec<Vec<&'a str>> {
    let fence = format!("```{language}");
    let mut lines = lines.into_iter();
    let mut blocks = Vec::new();
    while lines.any(|line| line == fence) {
        blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
    }
    blocks
}

/// The cells of the rows of tables.
fn rows<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let rows = lines
        .iter()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect()).collect()
}

fn help(flag: &str) -> String {
    let outcome = Room::new().haul().arg(flag).run();
    outcome.succeeds();
    outcome.stdout.clone()
}

/// An option as the help and the README write it, without the signs in which they differ.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Opt {
    group: String,
    short: String,
    long: String,
    default: String,
}

/// The options of the help: a line with each one's names, then its text in this and the next lines.
fn options_of_help(help: &str) -> BTreeSet<Opt> {
    let mut options: Vec<(Opt, String)> = Vec::new();
    let mut group = "";
    for line in help.lines().take_while(|line| *line != "Examples:") {
        let text = line.trim_start();
        if let Some(heading) = line.strip_suffix(':').filter(|_| text == line) {
            group = heading;
        } else if text.starts_with('-') {
            let (names, about) = text.split_once("  ").unwrap_or((text, ""));
            let (short, long) = names.split_once(", ").unwrap_or(("", names));
            let option = Opt {
                group: group.to_owned(),
                short: short.to_owned(),
                long: long.replace(['<', '>'], ""),
                default: String::new(),
            };
            options.push((option, about.to_owned()));
        } else if let Some((_, about)) = options.last_mut() {
            about.push(' ');
            about.push_str(text);
        }
    }
    let complete = |(option, about): (Opt, String)| {
        let default = about
            .split_once("[default: ")
            .and_then(|(_, rest)| rest.split_once(']'));
        let default = default.map_or_else(String::new, |(value, _)| value.to_owned());
        Opt { default, ..option }
    };
    options.into_iter().map(complete).collect()
}

fn options_of_readme() -> BTreeSet<Opt> {
    let mut group = String::new();
    let mut options = BTreeSet::new();
    for row in rows(&section("## Options")).iter().skip(2) {
        if let Some(heading) = row[1].strip_prefix("**") {
            group = heading.trim_end_matches('*').into();
        } else {
            let is_new = options.insert(Opt {
                group: group.clone(),
                short: row[0].replace('`', ""),
                long: row[1].replace('`', ""),
                default: row[2].replace('`', ""),
            });
            assert!(is_new, "{row:?} stands there twice");
        }
    }
    options
}

#[test]
fn the_options_are_those_of_the_help_in_the_same_groups_with_the_same_defaults() {
    let options = options_of_help(&help("--help"));
    assert!(options.len() > 20, "{options:?}");
    assert_eq!(options_of_readme(), options);
}

#[test]
fn there_is_one_help() {
    assert_eq!(help("-h"), help("--help"));
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let number = |text: &str| text.split_whitespace().next()?.parse::<u8>().ok();
    let help = help("--help");
    let codes: Vec<_> = help.lines().skip_while(|line| *line != "Exit status:").collect();
    let codes: Vec<_> = codes.into_iter().filter_map(number).collect();
    let readme: Vec<_> = rows(&section("## Exit status"))
        .iter()
        .filter_map(|row| number(row[0]))
        .collect();
    assert_eq!(readme, codes);
    assert_eq!(codes, [0, 1, 2, 129, 130, 141, 143]);
}

#[test]
fn what_may_be_done_with_a_file_that_is_there_is_what_the_help_says() {
    let help = help("--help");
    let lines: Vec<_> = help
        .lines()
        .skip_while(|line| !line.ends_with("(--existing):"))
        .collect();
    let lines = lines.iter().skip(1).take_while(|line| !line.is_empty());
    let words: Vec<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let rows = rows(&section("## A file that is already there"));
    let readme: Vec<_> = rows.iter().skip(2).map(|row| row[0].replace('`', "")).collect();
    assert_eq!(readme, words);
}

#[test]
fn the_library_example_is_the_tested_one() {
    let tested = LIBRARY.lines().skip_while(|line| *line != "//! ```no_run").skip(1);
    let tested = tested.take_while(|line| *line != "//! ```");
    let tested = tested.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or(""));
    let tested: Vec<_> = tested.filter(|line| !line.starts_with('#')).collect();
    assert_eq!(blocks(section("## As a library"), "rust"), [tested]);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_two_commands_are_those_that_every_change_has_to_pass() {
    let checks = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run");
    let Ok(checks) = fs::read_to_string(checks) else {
        eprintln!("skipped: there is no .ci/run");
        return;
    };
    let commands = blocks(section("## Two commands"), "sh").concat();
    assert_eq!(commands.len(), 2);
    for command in commands {
        let mut lines = checks.lines().map(str::trim);
        assert!(
            lines.any(|line| line == command || line.strip_prefix("step ") == Some(command)),
            "{command}"
        );
    }
}

/// The entries of a list.
fn entries(list: &str) -> Vec<haul::list::Entry> {
    let entries = haul::list::from_lines(list.as_bytes()).collect::<Vec<_>>();
    futures::executor::block_on(entries)
}

#[test]
fn the_list_of_many_forms_is_read_as_the_table_says() {
    let list = blocks(section("## Lists"), "text").concat().join("\n");
    let jobs: Vec<_> = entries(&list)
        .into_iter()
        .map(|entry| entry.expect("an entry"))
        .collect();
    assert_eq!(jobs.len(), 5);
    assert_eq!(jobs.iter().filter(|job| job.checksum.is_some()).count(), 2);
    assert_eq!(jobs.iter().filter(|job| job.name.is_some()).count(), 3);
    assert_eq!(jobs.iter().map(|job| job.mirrors().len()).sum::<usize>(), 1);
    assert_eq!(jobs[4].size, Some(1 << 20));
    assert!(
        jobs.iter()
            .all(|job| job.extras.iter().all(|extras| extras.notes.is_empty()))
    );
}

#[test]
fn every_name_of_an_option_is_one_that_lists_may_use() {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let mut count = 0;
    let lines = section("## Lists");
    let rows = rows(&lines).into_iter().skip_while(|row| row[0] != "name").skip(2);
    for name in rows.flat_map(|row| row[0].split('`').skip(1).step_by(2).collect::<Vec<_>>()) {
        let value = match name {
            "checksum" => format!("sha-256={sum}"),
            "md5" | "sha1" | "sha256" | "sha512" | "blake3" => {
                let digits = [("md5", 32), ("sha1", 40), ("sha512", 128)];
                "a".repeat(
                    digits
                        .iter()
                        .find(|(of, _)| *of == name)
                        .map_or(64, |(_, digits)| *digits),
                )
            }
            "size" => "5".into(),
            "mirrors" => "https://example.net/a".into(),
            "header" | "headers" => "A: b".into(),
            _ => "a:b".into(),
        };
        let list = format!(
            "https://example.org/a\n {name}={value}\n{{\"url\":\"https://example.org/b\",\"{name}\":\"{value}\"}}"
        );
        for entry in entries(&list) {
            let job = entry.unwrap_or_else(|bad| panic!("{name}: {}", bad.why));
            assert!(
                job.extras.as_ref().is_none_or(|extras| extras.notes.is_empty()),
                "{name}"
            );
            assert!(
                job.name.is_some() || job.size.is_some() || job.checksum.is_some() || job.extras.is_some(),
                "{name}"
            );
        }
        count += 1;
    }
    assert!(count > 15, "{count}");
}

#[test]
fn the_example_list_has_no_bad_line() {
    let entries = entries(EXAMPLE);
    assert!(entries.len() >= 5, "{} entries", entries.len());
    for entry in entries {
        let job = entry.expect("an entry");
        assert_eq!(job.url.to_string().split('/').next(), Some("https:"));
    }
    // What its comments show is right as well.
    let shown = EXAMPLE.lines().filter_map(|line| line.strip_prefix("# "));
    let shown: Vec<_> = shown.filter(|line| line.contains("  https://")).collect();
    let entries = self::entries(shown[0]);
    assert!(entries[0].as_ref().is_ok_and(|job| job.checksum.is_some()));
}

/// A room with the lists that the README's commands read, and an origin in place of `https://example.org`.
struct Stage {
    origin: Origin,
    room: Room,
}

impl Stage {
    fn new() -> Self {
        let (origin, room) = (Origin::new(), Room::new());
        for path in ["/a.bin", "/b.bin"] {
            origin.file(path, bytes(100_000, 1)).etag("v1");
        }
        let all = origin.list(["/a.bin", "/b.bin"]);
        for list in ["urls.txt", "a.txt", "b.txt"] {
            room.put(list, &all);
        }
        let mixed = origin.list(["/a.bin", "/missing.bin"]) + "no-scheme.zip\n";
        room.put("mixed.txt", mixed);
        let hex = sha256(&bytes(100_000, 1));
        room.put("SHA256SUMS", format!("{hex}  a.bin\n{hex}  b.bin\n"));
        Self { origin, room }
    }

    /// Runs a line of the README in a shell: both streams, and whether it went well.
    fn run(&self, line: &str) -> (String, bool) {
        let program = Path::new(env!("CARGO_BIN_EXE_haul"));
        let folder = program.parent().expect("the program lies in a folder");
        let line = line.replace("https://example.org", self.origin.url("").trim_end_matches('/'));
        let script = format!("producer() {{ cat urls.txt; }}\n{{ {line}\n}} 2>&1");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.room.folder())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout);
        let said = said.replace(self.origin.url("").trim_end_matches('/'), "https://example.org");
        (said, output.status.success())
    }
}

#[test]
fn the_commands_for_everyday_use_do_run() {
    let stage = Stage::new();
    let lines = blocks(section("## Use"), "sh").concat();
    assert!(lines.len() > 8, "{lines:?}");
    for line in lines {
        let (said, is_fine) = stage.run(line);
        assert!(is_fine, "{line}\n{said}");
        assert!(!said.contains("failed ("), "{line}\n{said}");
    }
    for name in ["a.bin", "b.bin", "data/a.bin", "data/b.bin"] {
        assert_eq!(stage.room.read(name), bytes(100_000, 1), "{name}");
    }
}

/// What does not differ from run to run: no times, sizes, speeds and averages.
fn steady(line: &str) -> Vec<&str> {
    const UNITS: [&str; 10] = [
        "ms",
        "s",
        "B",
        "KiB",
        "MiB",
        "B/s",
        "KiB/s",
        "MiB/s",
        "GiB/s",
        "transfers",
    ];
    let is_unit = |word: &str| UNITS.contains(&word.trim_end_matches(','));
    let words: Vec<_> = line.split_whitespace().collect();
    let followed = words.iter().zip(words.iter().skip(1).chain([&""]));
    let kept = followed.filter(|(word, next)| !is_unit(word) && !is_unit(next));
    kept.map(|(word, _)| *word).collect()
}

#[test]
fn the_screens_of_commands_are_what_they_show() {
    let blocks = blocks(README.lines(), "console");
    assert!(!blocks.is_empty());
    for block in blocks {
        let command = block[0].strip_prefix("$ ").expect("a command comes first");
        if command.contains("jq ") && !support::is_installed("jq") {
            continue;
        }
        let (said, _) = Stage::new().run(command);
        let mut said: Vec<_> = said.lines().map(steady).collect();
        let mut shown: Vec<_> = block[1..].iter().map(|line| steady(line)).collect();
        // What fails at the same time is told in any order.
        said.sort_unstable();
        shown.sort_unstable();
        assert_eq!(said, shown, "{command}");
    }
}

#[test]
fn the_demo_shows_what_the_readme_shows() {
    let room = Room::new();
    let outcome = room.haul().arg("--demo").run();
    outcome.succeeds();
    assert_eq!(room.names(), [""; 0]);
    let shown = blocks(section("## Two commands"), "text").concat();
    let whole = (outcome.stdout.clone() + &outcome.stderr)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for sentence in [
        "has 40 files, 5.48 MiB",
        "Comparing 40 files, 5.48 MiB",
        "All 80 files were right",
    ] {
        assert!(whole.contains(sentence), "{sentence}");
        assert!(shown.join(" ").contains(sentence), "{sentence}");
    }
    let heads = shown
        .iter()
        .filter(|line| line.contains("speed-up") && line.contains("efficiency"));
    let heads: Vec<_> = heads.flat_map(|line| line.split_whitespace()).collect();
    assert!(whole.contains(&heads.join(" ")), "{heads:?}");
}

/// Every file with the ending `.rs` below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(ending) if ending == "rs" => vec![fs::read_to_string(path).unwrap()],
        _ => Vec::new(),
    });
    texts.collect()
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let tests = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let rows = rows(&section("## What haul promises"));
    let promises: Vec<_> = rows.iter().filter(|row| row[1].starts_with('`')).collect();
    assert!(promises.len() > 10, "{}", promises.len());
    for promise in promises {
        for name in promise[1].split(',').map(|name| name.trim().trim_matches('`')) {
            let function = format!("fn {name}(");
            assert!(
                tests.iter().any(|text| text.contains(&function)),
                "{name}: {}",
                promise[0]
            );
        }
    }
}

#[test]
fn the_example_for_kubernetes_is_an_indexed_job_with_as_many_pods_as_shares() {
    let text = include_str!("../examples/kubernetes.yaml");
    let documents = yaml_rust2::YamlLoader::load_from_str(text).expect("YAML");
    let job = &documents[0];
    assert_eq!((documents.len(), job["kind"].as_str()), (1, Some("Job")));
    assert_eq!(job["spec"]["completionMode"].as_str(), Some("Indexed"));
    let completions = job["spec"]["completions"].as_i64().expect("a number");
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
    let args = pod["containers"][0]["args"].as_vec().expect("arguments");
    let args: Vec<_> = args.iter().filter_map(yaml_rust2::Yaml::as_str).collect();
    assert_eq!(args[..2], ["--shard", &format!("auto/{completions}")]);
    let room = Room::new();
    let list = room.give("urls.txt", "https://example.org/a\n");
    let haul = room
        .haul()
        .args(args.iter().take(2))
        .args(["-n", &list.to_string_lossy()]);
    haul.env("JOB_COMPLETION_INDEX", "0")
        .run()
        .succeeds()
        .says("--shard 0/16");
}

#[test]
fn the_example_for_slurm_runs_with_the_variables_of_an_array() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/slurm.sh");
    let program = Path::new(env!("CARGO_BIN_EXE_haul"));
    let bin = program.parent().expect("a folder").display();
    let origin = Origin::new();
    origin.file_elsewhere("well");
    let room = Room::new();
    let paths: Vec<_> = (0..64).map(|n| format!("/{n}")).collect();
    let list = room.give("urls.txt", origin.list(&paths));
    for (id, task) in (0..16).map(|id| (id, id.to_string())) {
        let mut bash = Command::new("bash");
        bash.arg(&script).current_dir(room.folder()).env_clear();
        bash.env("PATH", format!("{bin}:/usr/bin:/bin"))
            .env("LIST", &list)
            .env("FOLDER", ".");
        for (name, value) in [
            ("ID", &*task),
            ("MIN", "0"),
            ("MAX", "15"),
            ("COUNT", "16"),
            ("STEP", "1"),
        ] {
            bash.env(format!("SLURM_ARRAY_TASK_{name}"), value);
        }
        let output = bash.output().expect("bash");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.contains(&format!("--shard {id}/16, by SLURM")),
            "{said}"
        );
    }
    for path in paths {
        room.holds(&[(&path[1..], "well")]);
    }
}
