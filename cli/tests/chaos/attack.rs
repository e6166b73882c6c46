//! One attack: waves of disturbed runs, then a plain one, then a look at what is left.

use std::fmt::{self, Write};
use std::ops::AddAssign;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use local_stack::Counts;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::database::Database;
use crate::disturbances::Disturbances;
use crate::end;
use crate::feed::Feed;
use crate::network::Sky;
use crate::processes::{Ended, check_words, start, suffer};
use crate::schedule::{DatabaseFault, Moment, Outage, Schedule, Wave};
use crate::support::{World, world_of};

/// How long the runs of a wave may go on under their faults.
const WAVE: Duration = Duration::from_secs(8);
/// How long the run that repairs may take, with everything in order.
const REPAIR: Duration = Duration::from_secs(100);
const PAUSE: Duration = Duration::from_millis(4);

/// What attacks did.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) seeds: u64,
    pub(crate) processes: u64,
    pub(crate) killed: u64,
    pub(crate) terminated: u64,
    pub(crate) frozen: u64,
    pub(crate) disturbances: Disturbances,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.seeds += more.seeds;
        self.processes += more.processes;
        self.killed += more.killed;
        self.terminated += more.terminated;
        self.frozen += more.frozen;
        self.disturbances += more.disturbances;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} schedules, {} processes ({} killed, {} terminated, {} frozen), {}",
            self.seeds,
            self.processes,
            self.killed,
            self.terminated,
            self.frozen,
            self.disturbances
        )
    }
}

/// Runs a schedule. The error says what is not as it has to be, and how it came to that.
pub(crate) async fn attack(schedule: Schedule) -> Result<Tally, String> {
    let mut ended = Vec::new();
    attack_and_repair(&schedule, &mut ended)
        .await
        .map_err(|what| {
            let mut report = format!("{what}\n\n{schedule}");
            for run in &ended {
                let (args, status, output) =
                    (run.args.join(" "), run.status, run.output.trim_end());
                // A string takes whatever is written to it.
                let _ = write!(
                    report,
                    "-- mds {args}: {status}, disturbed: {}\n{output}\n",
                    run.is_disturbed
                );
            }
            report
        })
}

async fn attack_and_repair(schedule: &Schedule, ended: &mut Vec<Ended>) -> Result<Tally, String> {
    let folder = TempDir::with_prefix("mds-chaos-").unwrap();
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    let mut options = schedule.feed.options();
    if schedule.own_server {
        options.folder = Some(folder.path().join("stack"));
    }
    let mut world = world_of(options).await;
    let database = Database::of(&world, schedule.own_server).await;
    let sky = Sky::over(&mut world, &database.url_of_role(), schedule.seed).await;
    let mut tally = Tally {
        seeds: 1,
        ..Tally::default()
    };
    for (number, wave) in schedule.waves.iter().enumerate() {
        let name = format!("wave-{number}");
        let (runs, one) =
            suffer_wave(&world, &database, &sky, wave, &folder.path().join(name)).await;
        ended.extend(runs);
        tally += one;
    }
    tally.disturbances.disturbed = sky.disturbed();
    for run in &*ended {
        check_words(run)?;
    }
    ended.push(repair(&world, schedule.feed, &folder.path().join("repair")).await?);
    tally.disturbances.exchanges = sky.exchanges().total();
    world.database = database.connect().await;
    end::check(&world, schedule.feed, &folder.path().join("tmp")).await?;
    Ok(tally)
}

async fn suffer_wave(
    world: &World,
    database: &Database,
    sky: &Sky,
    wave: &Wave,
    file: &Path,
) -> (Vec<Ended>, Tally) {
    let (since, deadline) = (sky.exchanges(), Instant::now() + WAVE);
    sky.set(wave.weather.clone());
    let runs = wave.runs.iter().enumerate().map(|(number, run)| {
        let file = file.with_extension(number.to_string());
        async move { suffer(world, run, sky, since, deadline, &file).await }
    });
    let (runs, outage, fault) = tokio::join!(
        join_all(runs),
        outage(sky, wave.outage, since, deadline),
        fault(database, sky, wave.database, since, deadline),
    );
    sky.set(Default::default());
    let mut tally = Tally {
        disturbances: Disturbances {
            outages: outage,
            database_faults: fault,
            ..Disturbances::default()
        },
        ..Tally::default()
    };
    let runs = runs.into_iter().map(|(run, one)| {
        tally += one;
        run
    });
    let runs = runs.collect();
    (runs, tally)
}

/// Waits for a moment. It may never come.
async fn has_come(sky: &Sky, at: Moment, since: Counts, deadline: Instant) -> bool {
    while Instant::now() < deadline {
        if sky.has_come(at, since) {
            return true;
        }
        sleep(PAUSE).await;
    }
    false
}

async fn outage(sky: &Sky, outage: Option<Outage>, since: Counts, deadline: Instant) -> u64 {
    let Some(outage) = outage else { return 0 };
    if !has_come(sky, outage.at, since, deadline).await {
        return 0;
    }
    let place = outage.at.place;
    sky.cut(place);
    sleep(outage.pause).await;
    sky.mend(place);
    1
}

async fn fault(
    database: &Database,
    sky: &Sky,
    fault: Option<DatabaseFault>,
    since: Counts,
    deadline: Instant,
) -> u64 {
    let Some(fault) = fault else { return 0 };
    if !has_come(sky, fault.at, since, deadline).await {
        return 0;
    }
    database.suffer(fault).await;
    1
}

/// The run after the faults. It has to succeed.
async fn repair(world: &World, feed: Feed, file: &Path) -> Result<Ended, String> {
    let range = feed.range();
    let args = ["run", "--incomplete-only"].map(str::to_owned);
    let args: Vec<String> = args.into_iter().chain(range).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut process = start(world, &words, file);
    let deadline = Instant::now() + REPAIR;
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            process.kill().unwrap();
        }
        sleep(PAUSE).await;
    };
    let output = std::fs::read_to_string(file).unwrap();
    if status.code() == Some(0) {
        return Ok(Ended {
            args,
            status,
            output,
            is_disturbed: false,
        });
    }
    Err(format!(
        "the run that repairs ended with {status}\n{output}"
    ))
}
