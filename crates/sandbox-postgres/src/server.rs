//! The server process, which never outlives this one.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::account::{Account, check_reachable};
use super::binaries::Binaries;
use super::verifier::verifier;
use super::{DATA, LOG, PostgresError};

/// The script that stops the server when this process ends. Its comments say how.
const WATCH: &str = include_str!("watch.sh");

/// Runs for as long as another process does.
const FOLLOW: &str = r#"while kill -0 "$1" 2>/dev/null; do sleep 0.2; done"#;

/// How much of the server's log an error quotes.
const LOG_TAIL_BYTES: u64 = 2_000;

/// How long to wait for the server to stop. The script kills the server before that.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Settings for a fast start and fast commits. The data does not survive a crash of the machine,
/// which a sandbox does not need.
const SETTINGS: [&str; 15] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=2GB",
    "shared_buffers=128MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    // The text of a failed statement can contain a trip.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
];

/// A run of tests has a database for each test. Autovacuum would visit them all once a minute, and
/// most of them are of no use any more.
const SETTINGS_OF_RUN: [&str; 1] = ["autovacuum=off"];

/// Where a cluster is, and what becomes of it when the server stops.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In this folder, which stays.
    Kept(PathBuf),
    /// In a temporary folder.
    Temporary,
    /// In a temporary folder within the folder of a nextest run. The server stops when the process
    /// `owner` ends, and that folder is removed as well.
    OfRun {
        /// The folder of the run.
        folder: PathBuf,
        /// nextest.
        owner: u32,
    },
}

impl Place {
    /// The folder for one attempt to start a server. Each has another one if it is temporary: what
    /// watches a server that did not start removes its folder only after a while.
    fn folder(&self) -> PathBuf {
        let new = || Uuid::new_v4().simple().to_string();
        match self {
            Self::Kept(folder) => folder.clone(),
            Self::Temporary => std::env::temp_dir().join(format!("sandbox-postgres-{}", new())),
            Self::OfRun { folder, .. } => folder.join(new()),
        }
    }

    fn is_temporary(&self) -> bool {
        !matches!(self, Self::Kept(_))
    }

    fn of_run(&self) -> Option<(&Path, u32)> {
        match self {
            Self::OfRun { folder, owner } => Some((folder, *owner)),
            Self::Kept(_) | Self::Temporary => None,
        }
    }
}

/// How to start the server.
pub(super) struct Plan<'p> {
    place: &'p Place,
    binaries: Binaries,
    folder: PathBuf,
    account: Option<Account>,
}

impl<'p> Plan<'p> {
    /// Prepares a folder for a server: gives it to the account that will run the server, and stores
    /// the superuser's password in it. Returns the password as well.
    pub(super) fn prepare(place: &'p Place) -> Result<(Self, String), PostgresError> {
        let binaries = Binaries::find()?;
        let folder = place.folder();
        fs::create_dir_all(&folder).map_err(|source| PostgresError::folder(&folder, source))?;
        let folder = folder
            .canonicalize()
            .map_err(|source| PostgresError::folder(&folder, source))?;
        let account = Account::to_run_as(&folder)?;
        let password = password_in(&folder)?;
        if let Some(account) = account {
            check_reachable(&folder)?;
            check_reachable(&binaries.postgres)?;
            account.take_over(&folder)?;
            account.take_over(&folder.join(super::PASSWORD))?;
            let verifier = folder.join(super::VERIFIER);
            if verifier.exists() {
                account.take_over(&verifier)?;
            }
            if let Some((of_run, _)) = place.of_run() {
                account.take_over(of_run)?;
            }
        }
        Ok((
            Self {
                place,
                binaries,
                folder,
                account,
            },
            password,
        ))
    }

    /// Starts the server on `port`. It can still end by itself, for instance if another process has
    /// taken the port.
    pub(super) fn start(&self, port: u16) -> Result<Server, PostgresError> {
        let log = File::create(self.folder.join(LOG))
            .map_err(|source| PostgresError::folder(&self.folder, source))?;
        let errors = log
            .try_clone()
            .map_err(|source| PostgresError::folder(&self.folder, source))?;
        let mut follower = self
            .place
            .of_run()
            .map(|(_, owner)| follow(owner))
            .transpose()
            .map_err(|source| PostgresError::Spawn { source })?;
        let pipe = follower.as_mut().and_then(|process| process.stdout.take());
        let mut command = self.command(port);
        command.stdin(pipe.map_or_else(Stdio::piped, Stdio::from));
        command.stdout(log).stderr(errors);
        let mut child = command
            .spawn()
            .map_err(|source| PostgresError::Spawn { source })?;
        let lifeline = child.stdin.take();
        Ok(Server {
            child,
            lifeline,
            follower,
            folder: self.folder.clone(),
            is_temporary: self.place.is_temporary(),
        })
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCH, "postgres-watch"]);
        command.arg(&self.binaries.initdb).arg(&self.folder);
        command.arg(if self.place.is_temporary() {
            "remove"
        } else {
            "keep"
        });
        command.arg(
            self.place
                .of_run()
                .map_or(Path::new(""), |(folder, _)| folder),
        );
        command
            .arg(&self.binaries.postgres)
            .arg("-D")
            .arg(self.folder.join(DATA));
        let of_run = self.place.of_run().map(|_| SETTINGS_OF_RUN);
        let settings = SETTINGS.into_iter().chain(of_run.into_iter().flatten());
        command.args(settings.flat_map(|setting| ["-c", setting]));
        command.arg("-p").arg(port.to_string());
        // PGDATA, PGPORT and similar variables would override these arguments.
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("LC_ALL", "C");
        command.current_dir(&self.folder);
        // A separate process group, so that Ctrl-C at the terminal only reaches the parent, which
        // can then still use the database while it shuts down.
        command.process_group(0);
        if let Some(account) = self.account {
            command.gid(account.gid).uid(account.uid);
        }
        command
    }
}

/// A running server. Dropping it stops the server and waits until it has ended.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    lifeline: Option<ChildStdin>,
    /// Holds the lifeline instead of this process.
    follower: Option<Child>,
    folder: PathBuf,
    is_temporary: bool,
}

impl Server {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the server has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The end of the server's log.
    pub(super) fn log_tail(&self) -> String {
        tail(&self.folder.join(LOG)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Some(follower) = &mut self.follower {
            let _ = follower.kill();
            let _ = follower.wait();
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        if self.is_temporary {
            // The script removes it as well, in case this process is killed.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Starts a process that keeps its standard output open for as long as the process `owner` runs.
fn follow(owner: u32) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", FOLLOW, "follow"])
        .arg(owner.to_string())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// The superuser's password. It is generated at the first start, and stored next to the data.
fn password_in(folder: &Path) -> Result<String, PostgresError> {
    let path = folder.join(super::PASSWORD);
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let stored = stored.trim();
    let password = match stored.is_empty() {
        true => Uuid::new_v4().simple().to_string(),
        false => stored.to_owned(),
    };
    if stored.is_empty() {
        write_secret(&path, &password)?;
    }
    // It is read when the cluster is made.
    if !folder.join(DATA).join("PG_VERSION").exists() {
        write_secret(&folder.join(super::VERIFIER), &verifier(&password))?;
    }
    Ok(password)
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, secret: &str) -> Result<(), PostgresError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .and_then(|mut file| writeln!(file, "{secret}"))
        .map_err(|source| PostgresError::folder(path, source))
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

#[cfg(test)]
mod tests;
