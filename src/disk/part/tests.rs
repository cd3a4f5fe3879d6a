use super::*;

#[tokio::test]
async fn after_a_write_that_failed_no_byte_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("a.part");
    let mut part = Part::new(&Disk::open(dir.path()).unwrap(), &Arc::new("a".into()));
    let identity = Identity {
        url: "http://h/a".into(),
        validator: Some("\"v1\"".into()),
        name: None,
        replace: Replace::Never,
    };
    part.begin(identity, Some(1_000_000), &[]).await.unwrap();
    let swap = |part: &mut Part, file: std::fs::File| part.open.as_mut().unwrap().file = Arc::new(file);
    // Cannot be written: what a full disk is for a moment.
    swap(&mut part, std::fs::File::open(&name).unwrap());
    // A failed write is told of with the next one.
    while part.write(Bytes::from_static(&[1; 10_000]), None).await.is_ok() {}
    swap(&mut part, std::fs::File::options().write(true).open(&name).unwrap());
    part.park().await.unwrap();
    assert_eq!(
        std::fs::read(&name).unwrap_or_default(),
        [0; 0],
        "bytes in the wrong place"
    );
}
