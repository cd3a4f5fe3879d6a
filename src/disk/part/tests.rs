use std::path::Path;

use bytes::Bytes;

use super::*;

async fn begun(dir: &Path, size: u64) -> Box<Part> {
    begun_for(dir, size, &[]).await
}

async fn begun_for(dir: &Path, size: u64, wanted: &[Checksum]) -> Box<Part> {
    let mut part = Part::new(&Disk::open(dir, 1, Durability::System).unwrap(), &Arc::new("a".into()));
    let identity = Identity {
        url: "http://h/a".into(),
        validator: Some("\"v1\"".into()),
        name: None,
        replace: Replace::Never,
        mixed: false,
        said: Said::default(),
    };
    part.begin(identity, Some(size), wanted).await.unwrap();
    part
}

#[tokio::test]
async fn a_record_claims_no_byte_that_is_only_in_memory() {
    const MIB: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let mut part = begun(dir.path(), 20 * MIB).await;
    part.scatter().await.unwrap();
    part.write(Bytes::from_static(&[1; 10_000])).await.unwrap();
    part.store().await.unwrap();
    // Another connection writes its share: enough for the next record.
    let file = std::fs::File::options()
        .write(true)
        .open(dir.path().join("a.part"))
        .unwrap();
    file.set_len(20 * MIB).unwrap();
    part.hear(std::iter::once(10 * MIB..20 * MIB).collect()).await.unwrap();
    let text = std::fs::read(dir.path().join("a.part.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(record["missing"], serde_json::json!([[10_000, 10 * MIB]]));
    assert_eq!(std::fs::read(dir.path().join("a.part")).unwrap()[..10_000], [1; 10_000]);
}

#[tokio::test]
async fn bytes_that_another_process_left_a_moment_ago_are_not_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = begun(dir.path(), 1_000_000).await;
    part.write(Bytes::from_static(&[1; 10_000])).await.unwrap();
    assert_eq!(part.park().await.unwrap(), 10_000);
    let mut unaware = Part::new(
        &Disk::open(dir.path(), 1, Durability::System).unwrap(),
        &Arc::new("a".into()),
    );
    let begun = unaware.create().await;
    assert_eq!(begun.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(dir.path().join("a.part")).unwrap(), [1; 10_000]);
}

#[tokio::test]
async fn after_a_write_that_failed_no_byte_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("a.part");
    let mut part = begun(dir.path(), 1_000_000).await;
    let swap = |part: &mut Part, file: std::fs::File| {
        part.open.as_mut().unwrap().sink = Sink::new(&part.disk, file, None);
    };
    // Cannot be written: what a full disk is for a moment.
    swap(&mut part, std::fs::File::open(&name).unwrap());
    // A failed write is told of with the next one.
    while part.write(Bytes::from_static(&[1; 10_000])).await.is_ok() {}
    swap(&mut part, std::fs::File::options().write(true).open(&name).unwrap());
    part.park().await.unwrap();
    assert_eq!(
        std::fs::read(&name).unwrap_or_default(),
        [0; 0],
        "bytes in the wrong place"
    );
}

#[tokio::test]
async fn steps_are_made_in_place_only_where_the_disk_is_quick_and_here_and_there_is_nothing_to_add_up() {
    let sum = Checksum::from_hex(&"0".repeat(64)).unwrap();
    for (is_quick, is_local, wanted, in_place) in [
        (true, true, &[][..], true),
        (false, true, &[], false),
        (true, false, &[], false),
        (true, true, &[sum][..], false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut part = begun_for(dir.path(), 10_000_000, wanted).await;
        let file = std::fs::File::options()
            .write(true)
            .open(dir.path().join("a.part"))
            .unwrap();
        part.open.as_mut().unwrap().sink = Sink::new(&part.disk, file, is_local.then_some(7));
        if is_quick {
            part.disk.quick().believe_quick(7);
        }
        let what = format!("quick {is_quick}, local {is_local}, {} sums", wanted.len());
        for block in [vec![1; 100_000], vec![2; 1_000_000], vec![3; 1_000_000]] {
            assert_eq!(part.turn().await, !in_place, "{what}");
            part.write(block.into()).await.unwrap();
        }
        assert_eq!(part.writing.is_none(), in_place, "{what}");
        part.store().await.unwrap();
        let written = std::fs::read(dir.path().join("a.part")).unwrap();
        let right = [vec![1; 100_000], vec![2; 1_000_000], vec![3; 1_000_000]].concat();
        assert!(written == right, "{what}: {} bytes", written.len());
        assert_eq!(part.gaps().pairs(), [(2_100_000, 10_000_000)], "{what}");
    }
}

#[tokio::test]
async fn a_part_that_is_another_file_by_now_gets_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let part = dir.path().join("a.part");
    for other in [None, Some("somebody else's")] {
        let mut ours = begun(dir.path(), 1_000_000).await;
        ours.write(Bytes::from(vec![1; 1_000_000])).await.unwrap();
        ours.store().await.unwrap();
        std::fs::remove_file(&part).unwrap();
        if let Some(other) = other {
            std::fs::write(&part, other).unwrap();
        }
        let finish = Finish {
            name: None,
            modified: None,
            mark: Mark::new(1_000_000, (&"http://h/a".into(), "a"), None, None),
            wanted: Vec::new(),
            replace: Replace::Never,
            durability: Durability::System,
        };
        assert!(ours.commit(finish).await.is_err());
        assert!(!dir.path().join("a").exists());
        assert_eq!(std::fs::read_to_string(&part).ok().as_deref(), other);
        let _ = std::fs::remove_file(dir.path().join("a.part.json"));
    }
}

#[tokio::test]
async fn a_file_that_needs_no_turn_any_more_keeps_none_from_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut part = begun(dir.path(), 10_000_000).await;
    let file = std::fs::File::options()
        .write(true)
        .open(dir.path().join("a.part"))
        .unwrap();
    part.open.as_mut().unwrap().sink = Sink::new(&part.disk, file, Some(7));
    assert!(part.turn().await);
    part.write(Bytes::from_static(&[1; 10_000])).await.unwrap();
    assert!(part.turn.is_some(), "its next bytes may be here");
    part.disk.quick().believe_quick(7);
    assert!(!part.turn().await);
    assert!(part.turn.is_none(), "it waits for its server now");
}
