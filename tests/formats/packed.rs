//! Compressed lists.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use async_compression::tokio::write;
use futures::executor::block_on;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Origin, Room, gzip};
use crate::tool::tool;

const TOOLS: [&str; 4] = ["gzip", "zstd", "xz", "bzip2"];

/// What a tool makes of it.
fn packed(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut command = tool(name)?;
    command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("its end");
    writer.join().unwrap().unwrap();
    Some(output.stdout)
}

#[test]
fn a_list_that_begins_with_a_frame_to_be_skipped_is_a_packed_one() {
    let (origin, files) = lettered();
    let list = origin.list(files.iter().map(|(name, _)| format!("/{name}")));
    let files: Vec<_> = files.iter().map(|(name, body)| (name.as_str(), body)).collect();
    let mut encoder = write::ZstdEncoder::new(Vec::new());
    block_on(encoder.write_all(list.as_bytes())).unwrap();
    block_on(encoder.shutdown()).unwrap();
    let frame = encoder.into_inner();
    for number in [0x50, 0x5F] {
        let skipped = [&[number, 0x2A, 0x4D, 0x18, 4, 0, 0, 0][..], &[1, 2, 3, 4]].concat();
        let room = Room::new();
        let packed = [&skipped[..], &frame, &skipped].concat();
        room.haul().stdin(packed).run().succeeds().finished(20, 20);
        room.holds_exactly(&files);
    }
    // Letters with such a number are letters.
    let room = Room::new();
    room.haul().stdin("P*M\n_\n").run().fails().finished(0, 2);
}

fn lettered() -> (Origin, Vec<(String, String)>) {
    let origin = Origin::new();
    let files: Vec<_> = (0..20).map(|n| (format!("{n}.bin"), format!("file {n}"))).collect();
    for (name, body) in &files {
        origin.file(&format!("/{name}"), body);
    }
    (origin, files)
}

#[test]
fn a_packed_list_is_read_from_a_file_and_from_a_pipe_whatever_its_name() {
    let (origin, files) = lettered();
    let list = origin.list(files.iter().map(|(name, _)| format!("/{name}")));
    let files: Vec<_> = files.iter().map(|(name, body)| (name.as_str(), body)).collect();
    for name in TOOLS {
        let Some(packed) = packed(name, list.as_bytes()) else {
            continue;
        };
        let room = Room::new();
        let given = room.give("list.txt", &packed);
        room.haul().arg(given).run().succeeds().finished(20, 20);
        room.holds_exactly(&files);
        let room = Room::new();
        room.haul().stdin(&packed).run().succeeds().finished(20, 20);
        room.holds_exactly(&files);
        // Two behind each other are one list.
        let room = Room::new();
        let twice = [&packed[..], &packed].concat();
        room.haul().stdin(twice).run().succeeds().says("20 listed twice");
    }
}

#[test]
fn a_packed_table_is_a_table() {
    let (origin, _) = lettered();
    let room = Room::new();
    let list = format!("url,out\n{},a.bin\n", origin.url("/0.bin"));
    let given = room.give("list.csv.gz", gzip(list.as_bytes()));
    room.haul().arg(given).run().succeeds();
    room.holds_exactly(&[("a.bin", "file 0")]);
}

#[test]
fn a_packed_list_that_breaks_off_is_a_failure_in_each_form() {
    let (origin, files) = lettered();
    let list = origin.list(files.iter().map(|(name, _)| format!("/{name}")));
    for name in TOOLS {
        let Some(packed) = packed(name, list.as_bytes()) else {
            continue;
        };
        for length in [packed.len() - 1, packed.len() / 2, 12] {
            let room = Room::new();
            let outcome = room.haul().stdin(&packed[..length]).run();
            outcome.fails().says(&format!("its {name} data breaks off"));
        }
        let mut damaged = packed.clone();
        let at = damaged.len() / 2;
        damaged[at] ^= 0xFF;
        damaged[at + 1] ^= 0xFF;
        let room = Room::new();
        room.haul()
            .stdin(damaged)
            .run()
            .fails()
            .says("the list cannot be read on");
    }
}

#[test]
fn an_entry_whose_options_may_be_missing_is_not_begun() {
    let (origin, _) = lettered();
    let list = format!(
        "{}\n out=a.bin\n{}\n out=b.bin\n",
        origin.url("/0.bin"),
        origin.url("/1.bin")
    );
    let cut = &list.as_bytes()[..list.len() - " out=b.bin\n".len()];
    // Stored, not packed: so the cut is where we want it.
    let mut stored = b"\x1F\x8B\x08\0\0\0\0\0\0\x03\0".to_vec();
    let length = u16::try_from(list.len()).unwrap();
    stored.extend(length.to_le_bytes());
    stored.extend((!length).to_le_bytes());
    stored.extend_from_slice(cut);
    let room = Room::new();
    let outcome = room.haul().stdin(stored).run();
    outcome.fails().says("its gzip data breaks off");
    room.holds_exactly(&[("a.bin", "file 0")]);
}

#[test]
fn the_first_download_starts_while_a_packed_pipe_stays_open() {
    let (origin, _) = lettered();
    let (first, second) = (origin.list(["/0.bin"]), origin.list(["/1.bin"]));
    macro_rules! pieces {
        ($encoder:ident) => {
            block_on(async {
                let mut encoder = write::$encoder::new(Vec::new());
                encoder.write_all(first.as_bytes()).await.unwrap();
                encoder.flush().await.unwrap();
                let flushed = encoder.get_ref().len();
                encoder.write_all(second.as_bytes()).await.unwrap();
                encoder.shutdown().await.unwrap();
                let bytes = encoder.into_inner();
                (bytes[..flushed].to_vec(), bytes[flushed..].to_vec())
            })
        };
    }
    for (first, second) in [pieces!(GzipEncoder), pieces!(ZstdEncoder), pieces!(XzEncoder)] {
        let room = Room::new();
        let before = origin.requests().len();
        let mut haul = room.haul().start();
        // Byte by byte: what it is packed in shows before all of its first bytes have come.
        for byte in first {
            haul.write([byte]);
        }
        origin.wait_for_requests(before + 1);
        haul.write(second);
        haul.finish().succeeds().finished(2, 2);
        room.holds_exactly(&[("0.bin", "file 0"), ("1.bin", "file 1")]);
    }
}

#[test]
fn a_bomb_costs_no_memory() {
    let (origin, _) = lettered();
    let mut bomb = vec![b'x'; 200 << 20];
    bomb.extend_from_slice(format!("\n{}", origin.list(["/0.bin"])).as_bytes());
    for name in ["gzip", "zstd", "bzip2"] {
        let Some(packed) = packed(name, &bomb) else { continue };
        let room = Room::new();
        let given = room.give("bomb", packed);
        assert!(fs::metadata(&given).unwrap().len() < 1 << 20, "{name}");
        let (outcome, peak) = room.haul().arg(given).start().finish_and_weigh();
        outcome
            .fails()
            .finished(1, 2)
            .says_in_a_line(&["line 1", "longer than 64 KiB"]);
        assert!(peak < 32 << 20, "{name}: {} KiB", peak / 1024);
        room.holds_exactly(&[("0.bin", "file 0")]);
    }
}
