//! `--report FILE.html` and `FILE.svg`: the picture of a run, as a browser shows it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Answer::{self, Status};
use crate::support::{Origin, Room, is_installed};

/// What a browser makes of a page, and what it has to say about it.
struct Seen {
    dom: String,
    pixels: u64,
}

/// Opens a page in a browser that runs no faster than it has to; `None` where there is none.
fn seen(room: &Room, page: &Path, width: u32) -> Option<Seen> {
    if !is_installed("chromium") {
        return None;
    }
    let profile = room.root().join("profile");
    let shot = room.root().join("shot.png");
    let browse = |what: &str| {
        let output = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--hide-scrollbars",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--enable-logging=stderr",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--window-size={width},1200"))
            .arg(what)
            .arg(format!("file://{}", page.display()))
            .env("HOME", room.home())
            .output()
            .expect("a browser");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaints: Vec<_> = said.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let dom = browse("--dump-dom");
    browse(&format!("--screenshot={}", shot.display()));
    let pixels = fs::metadata(&shot).map_or(0, |shot| shot.len());
    let _ = fs::remove_dir_all(&profile);
    let _ = fs::remove_file(&shot);
    Some(Seen { dom, pixels })
}

/// Nothing in it would fetch anything or run.
#[track_caller]
fn is_self_contained(text: &str) {
    for sign in [
        "<script",
        "src=",
        "@import",
        "url(",
        "<iframe",
        "<object",
        "onload",
        "javascript:",
    ] {
        assert!(!text.contains(sign), "{sign} in\n{text}");
    }
    let links = text.matches("href=").count();
    assert_eq!(links, text.matches("href=\"data:,\"").count(), "{text}");
}

#[test]
fn a_browser_shows_what_happened_in_every_slot() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/big.bin", vec![7; 300_000]).then(Answer::Trickle(4));
    origin.file("/later.bin", "later").then(Status(503));
    let (html, svg) = (room.beside("run.html"), room.beside("run.svg"));
    let list = origin.list(["/big.bin", "/later.bin", "/gone.bin"]) + "<img src=x onerror=alert(1)>\n";
    let haul = room
        .haul()
        .impatient()
        .args(["-j2", "--report"])
        .arg(&html)
        .arg("--report")
        .arg(&svg);
    haul.stdin(list).run().fails().finished(2, 4);
    let (page, picture) = (fs::read_to_string(&html).unwrap(), fs::read_to_string(&svg).unwrap());
    is_self_contained(&page.replace("img src=x", ""));
    is_self_contained(&picture);
    for width in [1280, 390] {
        let Some(seen) = seen(&room, &html, width) else { return };
        for text in [
            "2 of 4 files in ",
            "Why it took that long:",
            "transfers at once",
            "retries (1), push-back (1)",
            "<title>big.bin\n293 KiB in ",
            "<title>later.bin\n5 B in ",
            ", 2 tries",
            "failed: 404 Not Found",
            &format!("<td>{}</td>", origin.authority()),
            "&lt;img src=x onerror=alert(1)&gt;",
            "first byte p50",
        ] {
            assert!(seen.dom.contains(text), "no {text:?} in\n{}", seen.dom);
        }
        assert!(seen.pixels > 10_000, "{} bytes of a picture", seen.pixels);
    }
    let seen = seen(&room, &svg, 1280).expect("the browser was there before");
    assert!(
        seen.dom.contains("<title>big.bin") && !seen.dom.contains("parsererror"),
        "{}",
        seen.dom
    );
    assert!(seen.pixels > 10_000, "{} bytes of a picture", seen.pixels);
}

#[test]
fn thousands_of_files_merge_and_their_picture_stays_small() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file_elsewhere("a");
    let html = room.beside("run.html");
    let list: Vec<_> = (0..2_500).map(|n| format!("/{n}.bin")).collect();
    let haul = room.haul().args(["-q", "-j8", "--report"]).arg(&html);
    haul.stdin(origin.list(list)).run().succeeds();
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("each pixel shows what a slot mostly did"));
    assert!(page.len() < 400_000, "{} bytes", page.len());
    let Some(seen) = seen(&room, &html, 1280) else { return };
    assert!(seen.dom.contains("2,500 of 2,500 files"), "{}", seen.dom);
    assert!(seen.pixels > 10_000, "{} bytes of a picture", seen.pixels);
}

#[test]
fn levels_are_seen_one_above_the_other() {
    let (origin, room) = (Origin::new(), Room::new());
    origin.file("/a.bin", "a").always(Answer::Trickle(2));
    origin.file("/b.bin", "b").always(Answer::Trickle(2));
    let html = room.beside("levels.html");
    let haul = room.haul().args(["--compare=1,2", "--report"]).arg(&html);
    haul.stdin(origin.list(["/a.bin", "/b.bin"])).run().succeeds();
    let page = fs::read_to_string(&html).unwrap();
    is_self_contained(&page);
    assert_eq!(page.matches(">slots</text>").count(), 2, "{page}");
    let Some(seen) = seen(&room, &html, 1280) else { return };
    for text in [">1 job: ", ">2 jobs: ", "<th>speed-up</th>"] {
        assert!(seen.dom.contains(text), "no {text:?} in\n{}", seen.dom);
    }
}
