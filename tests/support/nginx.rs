//! A real nginx on the loopback, with a certificate authority of its own: a good server, and a strict one.
//!
//! It is given listening sockets, not port numbers, so no port can be lost to somebody else, and a client that comes
//! before it is ready waits in the socket's queue instead of being refused.
#![allow(unreachable_pub, reason = "a module of one test program, written like a library")]

#[path = "nginx/authority.rs"]
mod authority;
#[path = "nginx/site.rs"]
mod site;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

pub use site::{Hash, Served, Site, hash};

/// Where programs are looked for after PATH: Debian's nginx is not in everybody's.
const ELSEWHERE: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
/// How long somebody else may keep a port that is wanted back.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the files are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// HTTP/1.1 without TLS.
    Http1,
    /// HTTP/1.1 with TLS.
    Https1,
    /// HTTP/2 with TLS.
    Https2,
    /// The same, with four requests at once on a connection. It shares the port, and is who is asked for no name.
    Https2ByFours,
}

/// A server of a folder. It ends when it is dropped.
pub struct Nginx {
    home: TempDir,
    ports: [u16; 3],
    process: Option<Child>,
}

/// A request, as the server wrote it down at its end.
#[derive(Debug, Clone)]
pub struct Logged {
    pub protocol: String,
    pub method: String,
    pub status: u16,
    /// Which connection it came on.
    pub connection: u64,
    /// When it began and ended, in milliseconds.
    pub time: (u64, u64),
}

impl Nginx {
    /// Serves a folder. Without an nginx on this machine the test has nothing to say, and says so; where tests have
    /// to mean something (`CI` is set), that is a failure.
    #[track_caller]
    pub fn serving(folder: &Path) -> Option<Self> {
        Self::certified_for(&["localhost", "127.0.0.1"], folder)
    }

    /// The same, with a certificate for these names.
    #[track_caller]
    pub fn certified_for(names: &[&str], folder: &Path) -> Option<Self> {
        if !is_installed() {
            assert!(std::env::var_os("CI").is_none(), "nginx is not installed");
            super::tell("skipped: nginx is not installed");
            return None;
        }
        let home = TempDir::with_prefix("haul-nginx-").expect("a temporary folder");
        authority::certify(names, home.path());
        let sockets = [0; 3].map(|port| bound(port).expect("a free port on the loopback"));
        let ports = sockets.each_ref().map(port_of);
        let configuration = configuration(home.path(), folder, ports);
        fs::write(home.path().join("nginx.conf"), configuration).expect("its configuration");
        let process = Some(started(home.path(), sockets));
        Some(Self { home, ports, process })
    }

    /// The URL of a path that begins with a slash, percent-encoded already.
    pub fn url(&self, over: Over, path: &str) -> String {
        let [plain, tls, h2] = self.ports;
        let (start, port) = match over {
            Over::Http1 => ("http://127.0.0.1", plain),
            Over::Https1 => ("https://127.0.0.1", tls),
            Over::Https2 => ("https://localhost", h2),
            Over::Https2ByFours => ("https://127.0.0.1", h2),
        };
        format!("{start}:{port}{path}")
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join(authority::CERTIFICATE)
    }

    /// A certificate of its authority for a visitor, and the key.
    pub fn visitor(&self) -> [PathBuf; 2] {
        [authority::VISITOR, authority::VISITOR_KEY].map(|name| self.home.path().join(name))
    }

    /// It dies: every connection breaks, and new ones are refused.
    pub fn die(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = kill_process(Pid::from_child(&process), Signal::TERM);
            let _ = process.wait();
        }
    }

    /// It lives again, where it was before.
    pub fn revive(&mut self) {
        let sockets = self.ports.map(|port| {
            let begun = Instant::now();
            loop {
                match bound(port) {
                    Ok(socket) => return socket,
                    Err(error) if begun.elapsed() > PATIENCE => panic!("port {port} again: {error}"),
                    Err(_) => thread::yield_now(),
                }
            }
        });
        self.process = Some(started(self.home.path(), sockets));
    }

    /// Ends it, and reads what it wrote down. Only then is everything written.
    pub fn end(mut self) -> Vec<Logged> {
        self.die();
        let log = fs::read_to_string(self.home.path().join("access.log")).expect("its log");
        log.lines()
            .map(|line| logged(line).expect("a line of the log"))
            .collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.die();
        if thread::panicking() {
            let read = |name| fs::read_to_string(self.home.path().join(name)).unwrap_or_default();
            let requests = read("access.log");
            let last: Vec<_> = requests.lines().rev().take(50).collect();
            let (said, last) = (read("error.log"), last.join("\n"));
            super::tell(&format!(
                "--- nginx ---\n{said}\n--- its last requests, newest first ---\n{last}"
            ));
        }
    }
}

/// The most of these requests that were under way at one time.
pub fn most_at_once(log: &[Logged]) -> usize {
    let during = |now: u64| log.iter().filter(|r| r.time.0 <= now && now < r.time.1).count();
    log.iter().map(|request| during(request.time.0)).max().unwrap_or(0)
}

/// How many connections these requests came on.
pub fn connections(log: &[Logged]) -> usize {
    let mut connections: Vec<_> = log.iter().map(|request| request.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    connections.len()
}

fn path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(ELSEWHERE);
    path
}

fn is_installed() -> bool {
    std::env::split_paths(&path()).any(|folder| folder.join("nginx").is_file())
}

fn bound(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

fn port_of(socket: &TcpListener) -> u16 {
    socket.local_addr().as_ref().map_or(0, SocketAddr::port)
}

/// nginx takes over listening sockets whose descriptors are in a variable, as it does from its own predecessor when it
/// is upgraded. A child gets three descriptors of its parent: those of the standard streams. The shell moves them.
fn started(home: &Path, sockets: [TcpListener; 3]) -> Child {
    const TAKE_OVER: &str = r#"exec 3<&0 4<&1 5<&2 0</dev/null 1>>error.log 2>&1
        NGINX="3;4;5;" exec nginx -e "$PWD/error.log" -p "$PWD" -c "$PWD/nginx.conf""#;
    let [plain, tls, h2] = sockets.map(OwnedFd::from);
    let mut shell = Command::new("sh");
    shell.args(["-c", TAKE_OVER]).current_dir(home).env("PATH", path());
    shell.stdin(plain).stdout(tls).stderr(h2);
    shell.spawn().expect("nginx starts")
}

fn logged(line: &str) -> Option<Logged> {
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let (protocol, method) = (next()?.to_owned(), next()?.to_owned());
    let (status, connection) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let (ended, took) = (milliseconds(next()?)?, milliseconds(next()?)?);
    Some(Logged {
        protocol,
        method,
        status,
        connection,
        time: (ended.saturating_sub(took), ended),
    })
}

/// Seconds with three digits after the point.
fn milliseconds(seconds: &str) -> Option<u64> {
    seconds.replace('.', "").parse().ok()
}

/// Besides the folder itself there are strict views of it:
/// `/asked/` answers 100 requests a second and 429 to more, `/held/` serves four at a time and answers 503 with a wait
/// of a second to more, `/shared/` is the same without naming a wait, and `/slow/` takes its time. `/known/` is for who
/// shows a certificate of the authority; `/stay/` and `/away/` lead to its first file, here and at the other port.
fn configuration(home: &Path, folder: &Path, [plain, tls, h2]: [u16; 3]) -> String {
    let (home, folder) = (home.display(), folder.display());
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(temporary, r#"{kind}_temp_path "{home}/{kind}";"#);
    }
    format!(
        r#"daemon off; worker_processes 1; {user}
        pid "{home}/pid"; error_log "{home}/error.log" warn;
        events {{ worker_connections 1024; }}
        http {{
            {temporary}
            log_format short '$server_protocol $request_method $status $connection $msec $request_time $request_uri';
            access_log "{home}/access.log" short;
            sendfile on; keepalive_requests 300;
            ssl_certificate "{home}/{chain}"; ssl_certificate_key "{home}/{key}";
            ssl_client_certificate "{home}/{authority}"; ssl_verify_client optional;
            limit_req_zone $binary_remote_addr zone=asked:1m rate=100r/s;
            limit_conn_zone $binary_remote_addr zone=held:1m;
            map $status $wait {{ 503 1; default ""; }}
            server {{
                listen 127.0.0.1:{plain};
                listen 127.0.0.1:{tls} ssl;
                listen 127.0.0.1:{h2} ssl http2;
                server_name localhost;
                root "{folder}";
                limit_req_status 429; limit_conn_status 503;
                location /asked/ {{ alias "{folder}/"; limit_req zone=asked burst=5 nodelay; }}
                location /held/ {{
                    alias "{folder}/"; limit_conn held 4; add_header Retry-After $wait always;
                    limit_rate 100k; sendfile_max_chunk 8k;
                }}
                location /shared/ {{
                    alias "{folder}/"; limit_conn held 4; limit_rate 100k; sendfile_max_chunk 8k;
                }}
                location /closed/ {{
                    alias "{folder}/"; limit_conn held 2; limit_conn_status 444; error_page 444 = @close;
                    limit_rate 100k; sendfile_max_chunk 8k;
                }}
                location @close {{ return 444; }}
                location /known/ {{
                    alias "{folder}/";
                    if ($ssl_client_verify != SUCCESS) {{ return 403; }}
                }}
                location /away/ {{ return 302 https://127.0.0.1:{tls}/known/000.bin; }}
                location /stay/ {{ return 302 $scheme://$http_host/known/000.bin; }}
                location /slow/ {{ alias "{folder}/"; limit_rate 50k; }}
            }}
            server {{
                listen 127.0.0.1:{h2} ssl http2 default_server;
                http2_max_concurrent_streams 4; ssl_verify_client off;
                root "{folder}";
                location /slow/ {{ alias "{folder}/"; limit_rate 50k; }}
            }}
        }}
        "#,
        chain = authority::CHAIN,
        key = authority::KEY,
        authority = authority::CERTIFICATE,
    )
}
