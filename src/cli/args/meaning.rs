//! What the options mean to the engine: [`Settings`].

use std::path::{Path, PathBuf};

use super::{Apart, Args, FormatChoice, How, LayoutChoice};
use crate::cli::growing::destination;
use crate::cli::report::Wanted;
use crate::cli::shard::Share;
use crate::list::Format;
use crate::settings::{
    Durability, Existing, Http, Identity, Layout, Naming, OnFailure, Pace, Reach, Retry, Schemes, Settings, Timeouts,
    Trust,
};

/// What the engine is to do. Everything is taken apart, so that a new option cannot be forgotten here; what the
/// settings do not know is the command's own.
impl From<&Args> for Settings {
    fn from(args: &Args) -> Self {
        let Args {
            sources: _,
            input_file: _,
            dir,
            output: _,
            content_disposition: _,
            layout,
            existing,
            format: _,
            force,
            jobs,
            per_host,
            split,
            shard,
            rate,
            limit_rate,
            retries,
            retry_max_wait,
            connect_timeout,
            timeout,
            min_speed,
            fail_fast,
            https_only: _,
            public_only: _,
            max_size,
            checksum: _,
            checksums,
            fsync,
            headers: _,
            user_agent: _,
            user: _,
            no_netrc: _,
            cookies: _,
            proxy: _,
            unix_socket: _,
            insecure: _,
            ca_cert: _,
            cert: _,
            key: _,
            quiet: _,
            verbose: _,
            progress: _,
            color: _,
            json: _,
            reports,
            failed,
            dry_run: _,
            compare: _,
            runs: _,
            warmup: _,
            demo: _,
            generate: _,
            help: _,
            version: _,
            command: _,
        } = args;
        Self {
            dir: dir.clone().unwrap_or_else(|| PathBuf::from(".")),
            jobs: *jobs,
            per_host: *per_host,
            split: *split,
            existing: if *force {
                Existing::Overwrite
            } else {
                (*existing).into()
            },
            naming: args.naming(),
            layout: (*layout).into(),
            taken: taken(reports, failed.as_deref(), dir.as_deref()),
            max_size: *max_size,
            checksums: checksums.clone().unwrap_or_default(),
            durability: if *fsync { Durability::Disk } else { Durability::System },
            on_failure: if *fail_fast { OnFailure::Stop } else { OnFailure::GoOn },
            retry: Retry {
                times: *retries,
                max_wait: *retry_max_wait,
                ..Retry::default()
            },
            shard: match shard {
                Some(Share::Given(shard)) => Some(*shard),
                // That is for the environment to say.
                Some(Share::Auto(_)) | None => None,
            },
            pace: Pace {
                limit: *limit_rate,
                apart: rate.map(|Apart(time)| time),
                least: *min_speed,
            },
            timeouts: Timeouts {
                connect: *connect_timeout,
                silence: *timeout,
            },
            http: http(args),
        }
    }
}

impl Args {
    /// Who names the files.
    pub(crate) fn naming(&self) -> Naming {
        if self.content_disposition {
            Naming::Server
        } else {
            Naming::Url
        }
    }
}

/// Where the run's own files go, as far as that is among those of the list.
fn taken(reports: &[Wanted], failed: Option<&Path>, dir: Option<&Path>) -> Vec<PathBuf> {
    let dir = real(dir.unwrap_or(Path::new(".")));
    let below = |path: PathBuf| Some(path.strip_prefix(dir.as_deref()?).ok()?.to_owned());
    reports
        .iter()
        .map(Wanted::path)
        .chain(failed)
        .flat_map(places)
        .filter_map(below)
        .collect()
}

/// The names that a file takes which is to be found here: this one, and that where it leads as a symbolic link.
pub(crate) fn places(path: &Path) -> Vec<PathBuf> {
    let mut places: Vec<_> = place(path).into_iter().collect();
    places.extend(destination(path).ok().flatten().filter(|end| !places.contains(end)));
    places
}

/// Where a file of this name lies: its folder without detours, and its last component as it stands.
pub(crate) fn place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(real(folder.unwrap_or(Path::new(".")))?.join(path.file_name()?))
}

fn real(path: &Path) -> Option<PathBuf> {
    path.canonicalize().or_else(|_| std::path::absolute(path)).ok()
}

/// What is sent, to whom, and whom to trust.
fn http(args: &Args) -> Http {
    let Args {
        user_agent,
        headers,
        user,
        cookies,
        unix_socket,
        ca_cert,
        insecure,
        cert,
        key,
        public_only,
        https_only,
        ..
    } = args;
    let http = Http::default();
    Http {
        user_agent: user_agent.clone().unwrap_or_else(|| http.user_agent.clone()),
        headers: headers.clone(),
        credentials: user.clone(),
        cookies: cookies.clone().unwrap_or_default(),
        trust: match ca_cert {
            _ if *insecure => Trust::Anyone,
            Some(path) => Trust::SystemAnd(path.clone()),
            None => Trust::System,
        },
        identity: cert.clone().map(|certificate| Identity {
            certificate,
            key: key.clone(),
        }),
        reach: if *public_only { Reach::Public } else { Reach::Anywhere },
        schemes: if *https_only { Schemes::HttpsOnly } else { Schemes::Any },
        unix_socket: unix_socket.clone(),
        ..http
    }
}

impl From<How> for Existing {
    fn from(how: How) -> Self {
        match how {
            How::Check => Self::Check,
            How::Skip => Self::Skip,
            How::Update => Self::Update,
            How::Overwrite => Self::Overwrite,
            How::Rename => Self::Rename,
            How::Fail => Self::Fail,
        }
    }
}

impl From<LayoutChoice> for Layout {
    fn from(choice: LayoutChoice) -> Self {
        match choice {
            LayoutChoice::Flat => Self::Flat,
            LayoutChoice::Path => Self::Path,
            LayoutChoice::Host => Self::Host,
        }
    }
}

impl From<FormatChoice> for Format {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::Auto => Self::Auto,
            FormatChoice::Text => Self::Text,
            FormatChoice::Csv => Self::Csv,
            FormatChoice::Tsv => Self::Tsv,
            FormatChoice::Jsonl => Self::Jsonl,
            FormatChoice::Gcs => Self::Gcs,
            FormatChoice::Curl => Self::Curl,
        }
    }
}
