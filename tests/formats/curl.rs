//! curl's configuration files.

use std::process::Command;

use crate::support::{Origin, Room};
use crate::tool::{tool, written};

/// What both make of a configuration: the folders, and what each request said.
#[track_caller]
fn is_the_same(paths: &[&str], config: &str) {
    let origin = Origin::new();
    for path in paths {
        origin.file(path, path);
    }
    let (room, other) = (Room::new(), Room::new());
    let config = room.give(
        "config",
        config.replace("http://example.com", origin.url("").trim_end_matches('/')),
    );
    let outcome = room.haul().args(["--format", "curl"]).arg(&config).run();
    outcome.succeeds().finished(paths.len(), paths.len());
    let fields = || {
        paths.iter().map(|path| {
            let request = origin.requests_for(path).pop().expect("a request");
            ["User-Agent", "Referer", "Authorization", "X-A", "X-B"].map(|name| request.field(name).map(str::to_owned))
        })
    };
    let mut sent: Vec<_> = fields().collect();
    let Some(mut curl) = tool("curl") else { return };
    curl.args(["-q", "-s", "-S", "-f", "-A", "", "-K"]).arg(&config);
    curl.current_dir(other.folder());
    written(with_folders(curl));
    assert_eq!(room.files(), other.files());
    let mut curls: Vec<_> = fields().collect();
    // Where the configuration names no agent, each has its own.
    for agent in sent.iter_mut().chain(&mut curls).map(|fields| &mut fields[0]) {
        agent.take_if(|agent| agent.starts_with("haul/") || agent.starts_with("curl/"));
    }
    assert_eq!(sent, curls);
}

fn with_folders(mut curl: Command) -> Command {
    curl.arg("--create-dirs");
    curl
}

#[test]
fn the_example_of_curl_s_manual_does_what_curl_does() {
    let manual = r#"
# --- Example file ---
# this is a comment
url = "http://example.com/"
output = "curlhere.html"
user-agent = "superagent/1.0"

# and fetch another URL too
url = "http://example.com/docs/manpage.html"
-O
referer = "http://nowhereatall.example.com/"
# --- End of example file ---
"#;
    is_the_same(&["/", "/docs/manpage.html"], manual);
}

#[test]
fn groups_quotes_and_short_forms_do_what_curl_does() {
    let config = r#"
-o first.bin
output = "second name.bin"
url = http://example.com/a
--url http://example.com/b
url: "http://example.com/c"
remote-name
-u me:p=w
-H "X-A: \"a\"\\"
header = "X-B: b" 
next
  url   "http://example.com/d"
-o "d.bin"
-e http://r/
next
url=http://example.com/e # a comment
-sLoe.bin
silent
location
"#;
    is_the_same(&["/a", "/b", "/c", "/d", "/e"], config);
}

#[test]
fn a_line_that_is_no_option_is_not_passed_over() {
    let origin = Origin::new();
    let url = origin.file("/a", "a").url();
    for line in [
        url.clone(),
        format!("-o b {url}"),
        "config = more.txt".into(),
        format!("url = {url} {url}"),
    ] {
        let room = Room::new();
        let list = format!("{line}\nurl = {url}\n");
        let outcome = room.haul().args(["--format", "curl", "-"]).stdin(list).run();
        outcome.fails().says_in_a_line(&["failed line 1"]);
        room.holds_exactly(&[("a", "a")]);
    }
}

#[test]
fn what_is_no_download_fails_also_in_its_short_and_joined_forms() {
    for line in [
        "-XPOST",
        "-X POST",
        "-sI",
        "-r0-1",
        "-sr 0-1",
        "-dk=hush",
        "url-query = k=hush",
    ] {
        let origin = Origin::new();
        let room = Room::new();
        let config = format!("url = {}\n-fsSLo x\n{line}\n", origin.url("/a"));
        let outcome = room.haul().args(["--format", "curl"]).stdin(config).run();
        outcome
            .fails()
            .finished(0, 1)
            .says("makes it another request than a download")
            .never_says("hush");
        assert!(origin.paths().is_empty(), "{line}");
    }
}

#[test]
fn what_is_no_download_fails_and_shows_no_secret() {
    let origin = Origin::new();
    origin.file("/a", "a");
    origin.file("/b", "b");
    let config = format!(
        "url = {}\ndata = \"k=hush\"\nnext\nurl = {}\n--oauth2-bearer hush\n",
        origin.url("/a"),
        origin.url("/b")
    );
    let room = Room::new();
    let outcome = room.haul().args(["--format", "curl"]).stdin(config).run();
    outcome
        .fails()
        .finished(1, 2)
        .says("data: makes it another request than a download")
        .says("curl option oauth2-bearer is not used")
        .never_says("hush");
    assert_eq!(origin.paths(), ["/b"]);
}
