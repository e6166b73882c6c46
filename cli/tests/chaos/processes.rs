//! One `mds` of a wave: started, disturbed, and what it said.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use local_stack::Counts;
use tokio::time::sleep;

use crate::attack::Tally;
use crate::network::Sky;
use crate::schedule::{Fate, Run};
use crate::support::World;

const PAUSE: Duration = Duration::from_millis(4);
/// Words that are not the name of a cause.
const WORTHLESS: [&str; 3] = ["panicked at", "(Internal)", "error.name\":\"Internal"];

/// How a process ended, and its output.
pub(crate) struct Ended {
    pub(crate) args: Vec<String>,
    pub(crate) status: ExitStatus,
    pub(crate) output: String,
    /// Whether a signal of the schedule reached it.
    pub(crate) is_disturbed: bool,
}

/// Checks that a process that failed named what was wrong.
pub(crate) fn check_words(run: &Ended) -> Result<(), String> {
    let args = run.args.join(" ");
    if let Some(word) = WORTHLESS.iter().find(|word| run.output.contains(**word)) {
        return Err(format!("mds {args} says {word:?}"));
    }
    match run.status.code() {
        None | Some(0 | 130 | 143) => Ok(()),
        Some(1 | 2) if run.output.contains("mds: ") || run.output.contains("failed") => Ok(()),
        Some(code) => Err(format!("mds {args} ended with {code} without a cause")),
    }
}

/// Starts a run, lets its fate happen, and waits for its end. At `deadline` it is killed.
pub(crate) async fn suffer(
    world: &World,
    run: &Run,
    sky: &Sky,
    since: Counts,
    deadline: Instant,
    file: &Path,
) -> (Ended, Tally) {
    sleep(run.starts_after).await;
    let args: Vec<&str> = run.args.iter().map(String::as_str).collect();
    let mut process = Process(start(world, &args, file));
    let mut tally = Tally {
        processes: 1,
        ..Tally::default()
    };
    let at = match run.fate {
        Fate::Ends => None,
        Fate::Killed(at) | Fate::Terminated(at) | Fate::Frozen { at, .. } => Some(at),
    };
    let mut is_pending = at.is_some();
    let status = loop {
        if let Some(status) = process.0.try_wait().unwrap() {
            break status;
        }
        if Instant::now() >= deadline {
            process.signal("-KILL");
            tally.killed += 1;
        } else if is_pending && at.is_some_and(|at| sky.has_come(at, since)) {
            is_pending = false;
            process.meet(run.fate, &mut tally).await;
        }
        sleep(PAUSE).await;
    };
    let ended = Ended {
        args: run.args.clone(),
        status,
        output: std::fs::read_to_string(file).unwrap(),
        is_disturbed: at.is_some() && !is_pending,
    };
    (ended, tally)
}

/// Starts `mds` with all its output in a file.
pub(crate) fn start(world: &World, args: &[&str], file: &Path) -> Child {
    let folder = file.parent().unwrap();
    let output = File::create(file).unwrap();
    world
        .mds(args)
        .env("TMPDIR", folder.join("tmp"))
        .stdout(Stdio::from(output.try_clone().unwrap()))
        .stderr(Stdio::from(output))
        .spawn()
        .unwrap()
}

struct Process(Child);

impl Process {
    async fn meet(&self, fate: Fate, tally: &mut Tally) {
        match fate {
            Fate::Ends => {}
            Fate::Killed(_) => {
                self.signal("-KILL");
                tally.killed += 1;
            }
            Fate::Terminated(_) => {
                self.signal("-TERM");
                tally.terminated += 1;
            }
            Fate::Frozen { pause, .. } => {
                self.signal("-STOP");
                sleep(pause).await;
                self.signal("-CONT");
                tally.frozen += 1;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        // The process is not waited for yet, so its number is not another's.
        let sent = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
