//! A listener with a task per connection, and just enough of HTTP/1.1 (RFC 9112) to serve a few files.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::files::ServedFile;

/// The longest head of a request that is read, in bytes.
const HEAD: u64 = 16 * 1024;

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// How slow the server is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// From the end of a request to the beginning of its answer: a round trip to another continent, or a busy server.
    pub(super) delay: Duration,
    /// Bytes of a body that go out at a time...
    pub(super) slice: usize,
    /// ...and how often they do, on each connection.
    pub(super) tick: Duration,
}

impl Default for Pace {
    /// 100 ms, then 1.5 MiB/s.
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(100),
            slice: 24 * 1024,
            tick: Duration::from_secs(1) / 64,
        }
    }
}

impl Pace {
    /// Of each connection, in bytes a second.
    pub(super) fn speed(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a slice is small")]
        let slice = self.slice as f64;
        slice / self.tick.as_secs_f64()
    }
}

/// A running server. Dropping it ends it, and every connection with it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    _listening: AbortOnDropHandle<()>,
}

impl Server {
    /// Listens on loopback, at a port that the system chooses.
    pub(super) async fn start(files: Arc<[ServedFile]>, pace: Pace) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self {
            address: listener.local_addr()?,
            _listening: AbortOnDropHandle::new(tokio::spawn(listen(listener, files, pace))),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts connections for ever. Each gets a task of its own, so that a slow one holds up no other; the set owns them, so
/// that they end when this future is dropped.
async fn listen(listener: TcpListener, files: Arc<[ServedFile]>, pace: Pace) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => drop(connections.spawn(connection(stream, Arc::clone(&files), pace))),
                // Too many open files, most likely: some will be closed in a moment.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            // A client that hangs up is no error of ours, but a task that has ended must be taken out of the set.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, files: Arc<[ServedFile]>, pace: Pace) -> io::Result<()> {
    // Slices go out when they are due, not when the kernel has collected enough of them.
    stream.set_nodelay(true)?;
    converse(stream, &files, pace).await
}

/// One request after the other, until the client hangs up.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, files: &[ServedFile], pace: Pace) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(path) = request(&mut stream).await? {
        sleep(pace.delay).await;
        match files.iter().find(|file| path.strip_prefix('/') == Some(&file.name)) {
            Some(file) => send(&mut stream, &file.body(), pace).await?,
            None => stream.write_all(NOT_FOUND).await?,
        }
        stream.flush().await?;
    }
    Ok(())
}

/// The path that the next request asks for; `None` when there is no further request, or one that is no `GET`.
async fn request(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut head = stream.take(HEAD).lines();
    let first = head.next_line().await?.unwrap_or_default();
    // Header fields up to an empty line; none of them changes the answer.
    while head.next_line().await?.is_some_and(|field| !field.is_empty()) {}
    Ok(match first.split(' ').collect::<Vec<_>>()[..] {
        ["GET", path, "HTTP/1.1"] => Some(path.to_owned()),
        _ => None,
    })
}

/// The head of an answer and then its body, a slice at each tick. An interval makes up for ticks that came late, so the
/// speed is right in the mean.
async fn send(stream: &mut (impl AsyncWrite + Unpin), body: &[u8], pace: Pace) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    let mut ticks = interval(pace.tick);
    for slice in body.chunks(pace.slice) {
        ticks.tick().await;
        stream.write_all(slice).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::files;
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;

    /// The client's end of a connection to the server.
    fn connect() -> DuplexStream {
        let (client, server) = duplex(64 * 1024);
        tokio::spawn(async move { converse(server, &files::all(), Pace::default()).await });
        client
    }

    async fn get(client: &mut DuplexStream, path: &str) -> (String, Vec<u8>) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(client.read_u8().await.unwrap().into());
        }
        let length = head.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        client.read_exact(&mut body).await.unwrap();
        (head, body)
    }

    #[tokio::test(start_paused = true)]
    async fn one_connection_serves_every_file_byte_for_byte() {
        let mut client = connect();
        for file in files::all().iter() {
            let (head, body) = get(&mut client, &format!("/{}", file.name)).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            assert!(body == file.body(), "{}", file.name);
        }
        let (head, _) = get(&mut client, "/nothing").await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_takes_its_time_and_keeps_to_its_speed() {
        let mut client = connect();
        for (name, ms) in [
            ("/00-empty.txt", 100),
            ("/01-note.txt", 100),
            ("/09-archive.tar.gz", 100 + 984),
            ("/19-archive.tar.gz", 100 + 250),
        ] {
            let begun = Instant::now();
            get(&mut client, name).await;
            let off = begun.elapsed().abs_diff(Duration::from_millis(ms));
            assert!(off < Duration::from_millis(20), "{name} took {:?}", begun.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_get_ends_the_connection() {
        for request in [
            "POST / HTTP/1.1\r\n\r\n",
            "GET /\r\n\r\n",
            "\r\n\r\n",
            "nonsense\n\n",
            &"x".repeat(20_000),
        ] {
            let mut client = connect();
            client.write_all(request.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "");
        }
    }
}
