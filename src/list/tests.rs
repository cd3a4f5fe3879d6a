//! What each format makes of its lines.

use std::fmt::Write as _;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;

/// Everything that is known of an entry, secrets included.
fn told(entry: &Entry) -> String {
    let job = match entry {
        Ok(job) => job,
        Err(bad) => return format!("{} {}: {}", bad.place, bad.text, bad.why),
    };
    let mut text = format!("{} {}", job.place, job.url.reveal());
    for mirror in job.mirrors() {
        let _ = write!(text, " or {}", mirror.reveal());
    }
    if let Some(path) = &job.name {
        let _ = write!(text, " to {}", path.display());
    }
    if let Some(checksum) = &job.checksum {
        let shown = checksum.to_string();
        let _ = write!(text, " {}", &shown[..shown.len().min(12)]);
    }
    if let Some(size) = job.size {
        let _ = write!(text, " {size} B");
    }
    let own = job.request().cloned().unwrap_or_default();
    for (name, value) in &own.headers {
        let _ = write!(text, " [{name}: {}]", value.to_str().unwrap());
    }
    if let Some(own) = own.credentials {
        let _ = write!(text, " as {}:{}", own.user, own.password);
    }
    let notes = job.extras.iter().flat_map(|extras| &extras.notes);
    notes.fold(text, |text, note| text + " (" + note + ")")
}

fn entries(format: Format, list: &[u8]) -> Vec<Entry> {
    let mut reading = Reading::of(format);
    reading.roots.push("/data/run".into());
    let entries = super::read(list, reading).collect::<Vec<_>>();
    entries.now_or_never().expect("memory is never waited for")
}

#[track_caller]
fn reads(format: Format, list: &str, expected: &[&str]) {
    let entries: Vec<_> = entries(format, list.as_bytes()).iter().map(told).collect();
    assert_eq!(entries, expected, "{list}");
}

async fn read(list: &[u8]) -> Vec<String> {
    from_lines(list).map(|entry| told(&entry)).collect().await
}

#[tokio::test]
async fn a_bad_line_is_one_entry_and_the_rest_goes_on() {
    let list = b"\xEF\xBB\xBFhttp://h/a\r\n\n# no\nnonsense\nhttp://h/b\xFF\n  http://h/c  \n";
    let expected = [
        "line 1 http://h/a",
        "line 4 nonsense: not a URL (a URL begins with http:// or https://)",
        "line 5 http://h/b\u{FFFD}: invalid UTF-8",
        "line 6 http://h/c",
    ];
    assert_eq!(read(list).await, expected);
}

#[tokio::test]
async fn several_lists_are_one_with_ids_that_go_on() {
    let lists = [
        (Some("a.txt".into()), from_lines(&b"http://h/1\n#\nhttp://h/2"[..])),
        (Some("b.txt".into()), from_lines(&b"\nx"[..])),
    ];
    let entries: Vec<_> = in_turn(lists).collect().await;
    let shown: Vec<_> = entries
        .iter()
        .map(|e| {
            e.as_ref()
                .map_or_else(|b| (b.id.0, b.place.to_string()), |j| (j.id.0, j.place.to_string()))
        })
        .collect();
    assert_eq!(
        shown,
        [(1, "a.txt:1".into()), (2, "a.txt:3".into()), (3, "b.txt:2".into())]
    );
}

#[tokio::test]
async fn a_reader_that_fails_is_a_bad_line_and_the_end() {
    let broken = read_aside(|| Err::<std::io::Empty, _>(std::io::Error::from(std::io::ErrorKind::PermissionDenied)));
    let entries: Vec<_> = from_lines(broken).collect().await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        entries[0].as_ref().unwrap_err().why.to_string(),
        "the list cannot be read on: permission denied"
    );
}

const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn aria2_s_options_belong_to_the_entry_above_them() {
    let list = format!(
        "http://h/a\thttp://i/a\t\n gid=17\n dir=/data/run/sub\n out=x y.bin\n\theader=X-A: b\n header=Cookie: c\n\
         # comment\n\n checksum=sha-256={SHA}\n  referer=http://r/\n user-agent=me\n http-user=u\n http-passwd=p=w\n\
         http://h/b\n dir=deep\n size=5\n split=4\n pause=true\nhttp://h/c\n split=4\n dir=/data/run\n  http://h/d d\n"
    );
    reads(
        Format::Auto,
        &list,
        &[
            "line 1 http://h/a or http://i/a to sub/x y.bin sha256:e3b0c [x-a: b] [cookie: c] [referer: http://r/] \
             [user-agent: me] as u:p=w",
            "line 14 http://h/b to deep/ 5 B (option split is not used) (option pause is not used)",
            "line 19 http://h/c",
            "line 22 http://h/d to d",
        ],
    );
    reads(
        Format::Auto,
        "http://h/a\n dir=/elsewhere\n",
        &["line 1 http://h/a to /elsewhere/"],
    );
    reads(
        Format::Auto,
        "http://h/a\n dir=/data/run/../x\n",
        &["line 1 http://h/a to ../x/"],
    );
}

#[test]
fn an_option_that_cannot_be_used_fails_its_entry_and_no_other() {
    let unknown = "not an algorithm that haul knows (md5, sha-1, sha-256, sha-512, blake3) and all its digits";
    for (option, why) in [
        ("checksum=sha-224=00", format!("checksum: {unknown}")),
        ("checksum=sha-256=00", format!("checksum: {unknown}")),
        ("header=hush", "header: 'NAME: VALUE' is needed".into()),
        ("header=Range: bytes=0-1", "header: haul fetches whole files".into()),
        ("size=hush", "size: no whole number of bytes".into()),
        ("http-user=a\u{1}hush", "http-user: a control character".into()),
    ] {
        let list = format!("http://h/a?t=hush\n {option}\n out=x\n http-passwd=hush\nhttp://h/b\n");
        let bad = format!("line 2 http://h/a?t=…: {why}");
        reads(Format::Auto, &list, &[&bad, "line 5 http://h/b"]);
    }
    let read = entries(
        Format::Auto,
        b"http://h/a\n http-passwd=hush\xFF\n header=x: \0\nhttp://h/b\n",
    );
    let read: Vec<_> = read.iter().map(told).collect();
    assert_eq!(read, ["line 2 http://h/a: invalid UTF-8", "line 4 http://h/b"]);
    let long = format!("http://h/{}\n size=x\n", "a".repeat(1000));
    let shown = format!("line 2 http://h/{}…: size: no whole number of bytes", "a".repeat(90));
    reads(Format::Auto, &long, &[&shown]);
    let own = "header=Accept-Encoding: gzip";
    let note = "line 1 http://h/a (header accept-encoding is haul's own and not taken from a list)";
    reads(Format::Auto, &format!("http://h/a\n {own}\n"), &[note]);
    let orphan = "line 1 http-passwd=…: an option, and no URL above it";
    reads(
        Format::Auto,
        " http-passwd=hush\n out=x\nhttp://h/b\n",
        &[orphan, "line 3 http://h/b"],
    );
    reads(
        Format::Auto,
        "nonsense\n out=x\nhttp://h/b\n",
        &[
            "line 1 nonsense: not a URL (a URL begins with http:// or https://)",
            "line 3 http://h/b",
        ],
    );
    let many = format!("http://h/a\n{}http://h/b\n", " header=A: b\n".repeat(20_000));
    reads(
        Format::Auto,
        &many,
        &[
            "line 965 http://h/a: an entry of more than 64 KiB",
            "line 20002 http://h/b",
        ],
    );
}

#[test]
fn json_objects_are_entries() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    for (line, expected) in [
        (r#"{"url":"http://h/a"}"#.to_owned(), "line 1 http://h/a"),
        (
            format!(r#"{{"url":"http://h/a","out":"x/y","md5":"{md5}","sha256":"{SHA}","size":5,"caption":null}}"#),
            "line 1 http://h/a to x/y sha256:e3b0c 5 B",
        ),
        (
            format!(r#"{{"url":"http://h/a","checksum":"md5:{md5}"}}"#),
            "line 1 http://h/a md5:d41d8cd9",
        ),
        (
            format!(r#"{{"url":"http://h/a","blake3":"{SHA}"}}"#),
            "line 1 http://h/a blake3:e3b0c",
        ),
        (
            r#"{"url":"http://h/a","headers":{"X-A":"b","X-B":["c","d"]},"user_agent":"me","user":"u:p"}"#.into(),
            "line 1 http://h/a [x-a: b] [x-b: c] [x-b: d] [user-agent: me] as u:p",
        ),
        (
            r#"{"headers":["X-A: b"],"url":"http://h/a"}"#.into(),
            "line 1 http://h/a [x-a: b]",
        ),
        (
            r#"{"url":"http://h/a","mirrors":["http://i/a","ftp://j/a"]}"#.into(),
            "line 1 http://h/a or http://i/a (ftp: mirrors are not used)",
        ),
        (
            r#"{"url":["http://h/a","http://i/a"]}"#.into(),
            "line 1 http://h/a or http://i/a",
        ),
        (r#"{"url":"http://h/\u00e4 b"}"#.into(), "line 1 http://h/%C3%A4%20b"),
        (
            r#"{"url":"http://h/a","caption":"a cat","width":3}"#.into(),
            "line 1 http://h/a (field caption is not used) (field width is not used)",
        ),
        (
            r#"{"url":"http://h/a","token":"hush""#.into(),
            "line 1 {…}: not JSON from column 34 on",
        ),
        (r#"{"out":"hush"}"#.into(), "line 1 {…}: url: is missing"),
        (r#"{"url":7}"#.into(), "line 1 {…}: url: not a text"),
        (
            r#"{"url":"http://h/a","size":-1}"#.into(),
            "line 1 http://h/a: size: no whole number of bytes",
        ),
        (
            r#"{"url":"http://h/a","size":1.5}"#.into(),
            "line 1 http://h/a: size: no whole number of bytes",
        ),
        (
            r#"{"url":"http://h/a","out":7}"#.into(),
            "line 1 http://h/a: out: not a text",
        ),
        (
            format!(r#"{{"url":"http://h/a","sha256":"{md5}"}}"#),
            "line 1 http://h/a: sha256: not all its digits, or more",
        ),
        (
            r#"{"url":"http://h/a","headers":{"X":"a\r\nAuthorization: b"}}"#.into(),
            "line 1 http://h/a: headers: a line break in a header field",
        ),
        (
            r#"{"url":"ftp://u:hush@h/a"}"#.into(),
            "line 1 ftp://…@h/a: ftp: is not http or https",
        ),
    ] {
        for format in [Format::Auto, Format::Jsonl] {
            reads(format, &line, &[expected]);
        }
    }
    reads(
        Format::Jsonl,
        "http://h/a?t=hush\n",
        &["line 1 {…}: not JSON from column 1 on"],
    );
    let not_read = "not a URL (a URL begins with http:// or https://)";
    reads(Format::Text, "{\"url\":1}\n", &[&format!("line 1 {{…}}: {not_read}")]);
    reads(
        Format::Auto,
        "http://h/a\n{\"url\":\"http://h/b\"}\nhttp://h/c\n",
        &["line 1 http://h/a", "line 2 http://h/b", "line 3 http://h/c"],
    );
}

#[test]
fn tables_have_a_url_and_a_path_or_named_columns() {
    let quoted = "\u{FEFF}http://h/a,x.bin\r\n\r\n# comment\n\"http://h/b,c\",\"x \"\"y\"\".bin\"\n\"http://h/d\"\n";
    reads(
        Format::Csv,
        quoted,
        &[
            "line 1 http://h/a to x.bin",
            "line 4 http://h/b,c to x \"y\".bin",
            "line 5 http://h/d",
        ],
    );
    reads(
        Format::Csv,
        &format!(
            "URL,Size,sha256,caption,user_agent\nhttp://h/a,5,{SHA},\"two\nlines\",me\nhttp://h/b\nhttp://h/c,,,,,\n"
        ),
        &[
            "line 2 http://h/a sha256:e3b0c 5 B [user-agent: me] (column caption is not used)",
            "line 4 http://h/b",
            "line 5 http://h/c: more cells than named columns",
        ],
    );
    reads(
        Format::Tsv,
        "http://h/a\tx y.bin\nhttp://h/b,c\n",
        &["line 1 http://h/a to x y.bin", "line 2 http://h/b,c"],
    );
    let several = "more than one URL in a row; a first row with cells called url and mirrors names columns";
    for (format, row) in [
        (Format::Csv, "http://h/a,http://h/b\n"),
        (Format::Tsv, "http://h/a\tftp://h/b\n"),
    ] {
        reads(format, row, &[&format!("line 1 http://h/a: {several}")]);
    }
    reads(
        Format::Csv,
        "http://h/a,x,hush\nid,url\nhttp://h/b,\"open\nhttp://h/c\n",
        &[
            "line 1 http://h/a: more cells than a URL and a path; a first line with a cell called url names columns",
            "line 2 id: not a URL (a URL begins with http:// or https://)",
            "line 3 http://h/b: a quoted cell that does not end",
        ],
    );
    reads(
        Format::Csv,
        "id,caption,Url,out\n1,hush,http://h/a,x\n2,hush,ftp://h/a\n3,hush\nhttp://h/b,url\n",
        &[
            "line 2 http://h/a to x (column id is not used) (column caption is not used)",
            "line 3 ftp://h/a: ftp: is not http or https",
            "line 4 : not a URL (a URL begins with http:// or https://)",
            "line 5 : not a URL (a URL begins with http:// or https://)",
        ],
    );
    reads(Format::Csv, "http://h/a,url\n", &["line 1 http://h/a to url"]);
    let open = format!("http://h/a,\"{}http://h/b\n", "x\n".repeat(40_000));
    let read = entries(Format::Csv, open.as_bytes());
    assert_eq!(told(&read[0]), "line 1 http://h/a: a row of more than 64 KiB");
    assert_eq!(told(read.last().unwrap()), "line 40001 http://h/b");
}

#[test]
fn a_transfer_list_is_known_by_its_first_line() {
    let list = "TsvHttpData-1.0\nhttp://h/a\t5\t1B2M2Y8AsgTpgAmY7PhCfg==\nhttp://h/b\t\t\nhttp://h/c\nhttp://h/d\tx\n\
                http://h/e\t5\tnonsense\nhttp://h/f\t5\t\tx\n";
    let expected = [
        "line 2 http://h/a md5:d41d8cd9 5 B",
        "line 3 http://h/b",
        "line 4 http://h/c",
        "line 5 http://h/d: size: no whole number of bytes",
        "line 6 http://h/e: MD5: not base64 of 16 bytes",
        "line 7 http://h/f: more than a URL, a size and an MD5",
    ];
    reads(Format::Auto, list, &expected);
    reads(Format::Gcs, list, &expected);
    let (_, headless) = list.split_once('\n').unwrap();
    assert_eq!(entries(Format::Gcs, headless.as_bytes()).len(), 6);
    assert!(entries(Format::Text, list.as_bytes())[0].is_err());
}

#[test]
fn curl_s_options_are_for_a_whole_group() {
    let manual = "# --- Example file ---\nurl = \"http://example.com\"\noutput = \"curlhere.html\"\n\
                  user-agent = \"superagent/1.0\"\n\n# and fetch another URL too\n\
                  url = \"http://example.com/docs/manpage.html\"\n-O\nreferer = \"http://nowhereatall.example.com/\"\n";
    let both = "[user-agent: superagent/1.0] [referer: http://nowhereatall.example.com/]";
    reads(
        Format::Curl,
        manual,
        &[
            &format!("line 2 http://example.com/ to curlhere.html {both}"),
            &format!("line 7 http://example.com/docs/manpage.html {both}"),
        ],
    );
    reads(
        Format::Curl,
        "output = a\n-o b\nurl = http://h/1\nurl: http://h/2\n--url http://h/3\n-u me:pw\n-C -\n-sXGET\nnext\nurl http://h/4\ncompressed\n",
        &[
            "line 3 http://h/1 to a as me:pw",
            "line 4 http://h/2 to b as me:pw",
            "line 5 http://h/3 as me:pw",
            "line 10 http://h/4 (curl option compressed is not used)",
        ],
    );
    reads(
        Format::Curl,
        "url = http://[::1]/a\nreferer = \"http://r/;auto\"\nheader = \"Accept:\"\nheader = \"X-A;\"\n",
        &["line 1 http://[::1]/a [referer: http://r/] [x-a: ]"],
    );
    reads(
        Format::Auto,
        "url = \"http://h/a\"\n",
        &["line 1 url = \"http://h/a\": not a URL; a list of curl -K is read with --format curl"],
    );
    for (line, why) in [
        (
            "data = hush",
            "line 1 http://h/a: data: makes it another request than a download",
        ),
        ("-u hush", "line 1 http://h/a: u: USER:PASSWORD is needed"),
        ("-H @hush", "line 1 http://h/a: header: 'NAME: VALUE' is needed"),
    ] {
        let read = entries(
            Format::Curl,
            format!("url = http://h/a\n{line}\nnext\nurl = http://h/b\n").as_bytes(),
        );
        let read: Vec<_> = read.iter().map(told).collect();
        assert_eq!(read.last().unwrap(), "line 4 http://h/b", "{line}");
        assert_eq!(read[0].replace(" user:", " u:"), why, "{line}");
    }
    for (list, why) in [
        (
            "url = \"http://h/[1-3]\"\n",
            "line 1 http://h/[1-3]: url: curl makes several URLs of these brackets; write each (or globoff)",
        ),
        (
            "url = \"http://[::1]/f[1-3].bin\"\n",
            "line 1 http://[::1]/f[1-3].bin: url: curl makes several URLs of these brackets; write each (or globoff)",
        ),
        (
            "url = example.com\n",
            "line 1 example.com: not a URL (a URL begins with http:// or https://)",
        ),
        ("user = \"me:hush\n", "line 1 user = …: a quote that does not end"),
        ("output\n", "line 1 output = …: output: a value is missing"),
        ("-o -\n", "line 1 o = …: output: a file is needed, not standard output"),
    ] {
        let read: Vec<_> = entries(Format::Curl, list.as_bytes()).iter().map(told).collect();
        assert_eq!(read, [why.replace(": output: a file", ": o: a file")], "{list}");
    }
}

#[test]
fn of_curl_s_groups_only_so_much_is_held() {
    let urls = (0..1500).fold(String::new(), |urls, n| urls + &format!("url = http://h/{n}\n"));
    let read = entries(Format::Curl, (urls + "header = \"X: y\"\n").as_bytes());
    assert_eq!(read.len(), 1501);
    let late: Vec<_> = read.iter().filter(|entry| entry.is_err()).map(told).collect();
    let why = "an option that came too late: the list paused, and its entry was begun without it";
    assert_eq!(late, [format!("line 1501 header = …: {why}")]);
}

#[test]
fn what_is_no_list_is_said_once() {
    let html = "this is a web page, not a list; is the list behind a login, or is there a link to its raw text?";
    let xml = "this is XML (a metalink?), not a list; haul reads no metalinks: write the URLs of its files as lines";
    let utf16 = "this is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8";
    for (list, why) in [
        (&b"\n \n<!DOCTYPE html>\n<html>\nhttp://h/a\n"[..], html),
        (b"<HTML lang=en><body>\nhttp://h/a\n", html),
        (b"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<metalink>\n", xml),
        (b"<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n", xml),
        (b"\xFF\xFEh\0t\0\n\0h\0\n\0", utf16),
    ] {
        for format in [
            Format::Auto,
            Format::Text,
            Format::Csv,
            Format::Jsonl,
            Format::Gcs,
            Format::Curl,
        ] {
            let read = entries(format, list);
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].as_ref().unwrap_err().why.to_string(), why, "{format:?}");
        }
    }
}

#[test]
fn a_table_is_known_by_its_name() {
    for (name, format) in [
        ("a.csv", Format::Csv),
        ("dir/A.CSV.GZ", Format::Csv),
        ("a.tsv.zst", Format::Tsv),
        ("a.txt", Format::Auto),
        ("a.csv.txt", Format::Auto),
        ("csv", Format::Auto),
        (".csv.gz", Format::Auto),
        ("a.gz", Format::Auto),
    ] {
        assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
    }
}

#[test]
fn a_line_that_is_no_option_fails_the_entry_that_it_is_meant_for() {
    let sum = format!(" checksum=sha-256={SHA}\n");
    let none = "a line below it is no option (name=value, the name in small letters)";
    for (line, why) in [
        (" Out=x.bin", none.to_owned()),
        (" checksum sha-256:00", none.to_owned()),
        ("\tReferer=http://h/", none.to_owned()),
        ("  caf\u{e9}=x", none.to_owned()),
        (
            &format!(" header=X: {}", "x".repeat(70_000)),
            "longer than 64 KiB".into(),
        ),
        (&format!(" {}", "x".repeat(70_000)), "longer than 64 KiB".into()),
    ] {
        let list = format!("http://h/a\n{line}\n{sum} Dir=x\n out=y\nhttp://h/b\n");
        let bad = format!("line 2 http://h/a: {why}");
        reads(Format::Auto, &list, &[&bad, "line 6 http://h/b"]);
    }
    // What is not indented deeper than the entry, or begins as a URL does, stands for itself.
    let not = "not a URL (a URL begins with http:// or https://)";
    reads(
        Format::Auto,
        "  http://h/a\n  nonsense\nhttp://h/b\n  ftp://h/c\n  http://h/d\nnonsense\n",
        &[
            "line 1 http://h/a",
            &format!("line 2 nonsense: {not}"),
            "line 3 http://h/b",
            "line 4 ftp://h/c: ftp: is not http or https",
            "line 5 http://h/d",
            &format!("line 6 nonsense: {not}"),
        ],
    );
    for begun in ["http://h/", "  {\"url\": \"http://h/"] {
        let long = format!("http://h/a\n{begun}{}\nhttp://h/b\n", "x".repeat(70_000));
        let read: Vec<_> = entries(Format::Auto, long.as_bytes()).iter().map(told).collect();
        assert_eq!(read.len(), 3);
        assert_eq!((&*read[0], &*read[2]), ("line 1 http://h/a", "line 3 http://h/b"));
    }
}

#[test]
fn a_comment_may_be_as_long_as_it_likes() {
    let comment = format!("  # {}\n", "x".repeat(70_000));
    for (format, first, second) in [
        (Format::Text, "http://h/a", "http://h/b"),
        (Format::Csv, "http://h/a", "http://h/b"),
        (Format::Tsv, "http://h/a", "http://h/b"),
        (Format::Jsonl, "{\"url\":\"http://h/a\"}", "{\"url\":\"http://h/b\"}"),
        (Format::Auto, "TsvHttpData-1.0\nhttp://h/a", "http://h/b"),
        (Format::Curl, "url = http://h/a", "url = http://h/b"),
    ] {
        let list = format!("{comment}{first}\n{comment}{second}\n");
        let read = entries(format, list.as_bytes());
        assert!(
            read.len() == 2 && read.iter().all(Result::is_ok),
            "{format:?}: {read:?}"
        );
    }
    // In a cell it is none.
    let list = format!("http://h/a,\"x\n{comment}\"\nhttp://h/b\n");
    let read = entries(Format::Csv, list.as_bytes());
    assert!(read[0].is_err());
}

/// A list whose writer pauses for a second before each of its pieces.
fn slowly(pieces: &'static [&'static str]) -> impl AsyncBufRead + Send + Unpin {
    let pieces = stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Ok::<_, std::io::Error>(piece.as_bytes())
    });
    tokio_util::io::StreamReader::new(Box::pin(pieces))
}

#[tokio::test(start_paused = true)]
async fn a_pause_lets_an_entry_go_only_where_nothing_says_that_options_follow() {
    let late = "out=…: an option that came too late: the list paused, and its entry was begun without it";
    let late = format!("line 2 {late}");
    for (pause, pieces, expected) in [
        (
            Pause::Writer,
            &["http://h/a\n", " out=x\n"][..],
            &["line 1 http://h/a", &late][..],
        ),
        (
            Pause::Writer,
            &["http://h/a\n ou", "t=x\n"],
            &["line 1 http://h/a to x"],
        ),
        (
            Pause::Writer,
            &["http://h/a\n out=x\n", " size=5\n", "http://h/b\n", " size=6\n"],
            &["line 1 http://h/a to x 5 B", "line 4 http://h/b 6 B"],
        ),
        (
            Pause::Writer,
            &["http://h/a\n size=5\n\n", " out=x\n"],
            &["line 1 http://h/a 5 B", &late.replace("line 2", "line 4")],
        ),
        (
            // A comment belongs to nobody.
            Pause::Writer,
            &["http://h/a\n size=5\n\n# b\n", " out=x\n"],
            &["line 1 http://h/a 5 B", &late.replace("line 2", "line 5")],
        ),
        (
            // One that came too late says that there are options.
            Pause::Writer,
            &["http://h/a\n", " out=x\n", "http://h/b\n", " out=y\n"],
            &["line 1 http://h/a", &late, "line 3 http://h/b to y"],
        ),
        (
            Pause::Nothing,
            &["http://h/a\n", " out=x\n"],
            &["line 1 http://h/a to x"],
        ),
    ] {
        let reading = Reading {
            pause,
            ..Reading::default()
        };
        let read: Vec<_> = super::read(slowly(pieces), reading).collect().await;
        let read: Vec<_> = read.iter().map(told).collect();
        assert_eq!(read, expected, "{pieces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_nothing_can_follow_is_given_on_while_its_writer_pauses() {
    let begun = tokio::time::Instant::now();
    let mut list = Box::pin(from_lines(slowly(&["http://h/a\n", "http://h/b\n"])));
    assert_eq!(told(&list.next().await.unwrap()), "line 1 http://h/a");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    assert_eq!(told(&list.next().await.unwrap()), "line 2 http://h/b");
}

/// Pieces of which broken lists are made.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("http://h/a"),
        Just("ftp://h/a"),
        Just("\n"),
        Just("\r\n"),
        Just("\t"),
        Just(" "),
        Just("\""),
        Just(","),
        Just("{\"url\":\"http://h/b\""),
        Just("}"),
        Just("\"size\":"),
        Just(" out="),
        Just(" header=A: b"),
        Just("\n dir="),
        Just("TsvHttpData-1.0\n"),
        Just("url"),
        Just("url = "),
        Just("next\n"),
        Just("-o"),
        Just("output = x\n"),
        Just("checksum=md5="),
        Just("#"),
        Just("<html"),
        Just("\u{FEFF}"),
        Just("\\"),
        Just("=")
    ];
    prop_oneof![
        8 => pieces.prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #[test]
    fn whatever_a_list_holds_no_line_is_two_entries(pieces in proptest::collection::vec(piece(), 0..40)) {
        let list = pieces.concat();
        for format in [Format::Auto, Format::Text, Format::Csv, Format::Tsv, Format::Jsonl, Format::Gcs, Format::Curl] {
            let read = entries(format, &list);
            let mut lines: Vec<_> = read
                .iter()
                .map(|entry| entry.as_ref().map_or_else(|bad| bad.place.line, |job| job.place.line))
                .collect();
            if format == Format::Curl {
                lines.sort_unstable();
            }
            prop_assert!(lines.is_sorted_by(|a, b| a < b), "{:?} {:?}", format, lines);
            prop_assert!(lines.last().is_none_or(|&last| last <= list.split(|b| matches!(b, b'\n' | b'\r')).count() as u64));
        }
    }
}
