//! The servers: nginx, and two of our own that are far away or narrow.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::work::From;

/// Servers of one folder. They end with it.
#[derive(Debug)]
pub(crate) struct Servers {
    nginx: Option<(Child, SocketAddr)>,
    far: SocketAddr,
    narrow: SocketAddr,
}

/// What makes a server slow.
#[derive(Debug, Clone, Copy)]
struct Manner {
    delay: Duration,
    /// Bytes a second on each connection.
    rate: Option<u32>,
}

impl Servers {
    pub(crate) fn start(site: &Path, home: &Path) -> Self {
        let far = Manner {
            delay: Duration::from_millis(50),
            rate: None,
        };
        let narrow = Manner {
            delay: Duration::ZERO,
            rate: Some(8 << 20),
        };
        Self {
            nginx: nginx(site, home),
            far: serve(site, far),
            narrow: serve(site, narrow),
        }
    }

    pub(crate) fn address(&self, from: From) -> Option<SocketAddr> {
        match from {
            From::Nginx | From::Nowhere => self.nginx.as_ref().map(|(_, address)| *address),
            From::Far => Some(self.far),
            From::Narrow => Some(self.narrow),
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some((nginx, _)) = &mut self.nginx {
            let _ = nginx.kill();
            let _ = nginx.wait();
        }
    }
}

/// One worker, as one machine's share of a server; `None` when it is not installed.
fn nginx(site: &Path, home: &Path) -> Option<(Child, SocketAddr)> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?.local_addr().ok()?;
    let (site, folder) = (site.display(), home.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary
        .map(|name| format!("{name}_temp_path {folder}/tmp;"))
        .join("\n");
    let settings = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log /dev/null; worker_rlimit_nofile 4096;\n\
         events {{ worker_connections 2048; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; {temporary}\n\
         server {{ listen {free} backlog=1024; root {site}; }} }}\n"
    );
    let path = home.join("nginx.conf");
    fs::write(&path, settings).ok()?;
    let found = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&path).arg("-p").arg(home).stderr(Stdio::null());
            command.spawn().ok()
        })?;
    let patience = Instant::now();
    while TcpStream::connect(free).is_err() && patience.elapsed() < Duration::from_secs(10) {
        thread::yield_now();
    }
    Some((found, free))
}

/// A thread for each connection; none of them is waited for.
fn serve(site: &Path, manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    let site: Arc<PathBuf> = Arc::new(site.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let site = Arc::clone(&site);
            thread::spawn(move || drop(talk(&stream, &site, manner)));
        }
    });
    address
}

/// One answer after the other, as long as the client asks.
fn talk(stream: &TcpStream, site: &Path, manner: Manner) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(asked) = Asked::read(&mut reader)? {
        thread::sleep(manner.delay);
        answer(stream, site, manner, &asked)?;
    }
    Ok(())
}

/// As much of a request as matters here.
#[derive(Debug, Default)]
struct Asked {
    head: bool,
    path: String,
    /// The first byte, and the last.
    range: Option<(u64, Option<u64>)>,
}

impl Asked {
    fn read(reader: &mut impl io::BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ');
        let mut asked = Self {
            head: words.next() == Some("HEAD"),
            path: words.next().unwrap_or("/").trim_start_matches('/').to_owned(),
            range: None,
        };
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let lower = line.trim_end().to_ascii_lowercase();
            if lower.is_empty() {
                return Ok(Some(asked));
            }
            if let Some((from, to)) = lower
                .strip_prefix("range: bytes=")
                .and_then(|range| range.split_once('-'))
            {
                asked.range = from.parse().ok().map(|from| (from, to.parse().ok()));
            }
        }
    }
}

fn answer(mut stream: &TcpStream, folder: &Path, manner: Manner, asked: &Asked) -> io::Result<()> {
    let Ok(mut file) = File::open(folder.join(&asked.path)) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let size = file.metadata()?.len();
    let (from, to) = asked
        .range
        .map_or((0, size - 1), |(from, to)| (from, to.unwrap_or(size - 1).min(size - 1)));
    let status = match asked.range {
        None => "200 OK".to_owned(),
        Some(_) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{to}/{size}"),
    };
    let length = (to + 1).saturating_sub(from);
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nAccept-Ranges: bytes\r\nETag: \"1\"\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    if asked.head {
        return Ok(());
    }
    file.seek(SeekFrom::Start(from))?;
    send(stream, &mut file.take(length), manner.rate)
}

/// Sends no faster than the rate.
fn send(mut stream: &TcpStream, body: &mut impl io::Read, rate: Option<u32>) -> io::Result<()> {
    let (since, mut sent, mut block) = (Instant::now(), 0_u32, vec![0; 64 << 10]);
    loop {
        let read = body.read(&mut block)?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&block[..read])?;
        sent = sent.saturating_add(u32::try_from(read).unwrap_or(u32::MAX));
        if let Some(rate) = rate {
            let due = Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
            thread::sleep(due.saturating_sub(since.elapsed()));
        }
    }
}
