//! One attack: overlapping executions under their faults, then a plain one, then a look at what is
//! left.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use aws_sdk_sfn::types::ExecutionStatus;
use futures::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::storm::{Execution, Storm};
use super::strike::{announce, fault, outage, strike};
use super::tally::Tally;
use crate::aws::{Aws, Ended};
use crate::database::Database;
use crate::end;
use crate::network::Sky;
use crate::support::world_of;

/// How long the network and the database stay bad.
const FAULTS: Duration = Duration::from_secs(15);
/// When every execution has ended for sure, if no child hangs. A frozen minute and its retries take
/// the longest.
const PATIENCE: Duration = Duration::from_secs(400);
const PAUSE: Duration = Duration::from_millis(20);
/// Errors that are no cause.
const WORTHLESS: [&str; 4] = ["", "Internal", "States.Runtime", "States.DataLimitExceeded"];
/// Words that a log never has.
const UNHEARD_OF: [&str; 2] = ["panicked at", "\"error.name\":\"Internal"];

/// How an execution of the storm ended.
struct Survivor {
    name: &'static str,
    ended: Ended,
    /// Of each Map.
    failed_children: Vec<i64>,
}

/// Runs a storm. The error says what is not as it has to be, and how it came to that.
pub(crate) async fn attack(storm: Storm) -> Result<Tally, String> {
    let folder = TempDir::with_prefix("mds-e2e-chaos-").unwrap();
    let temporary = folder.path().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut options = storm.feed.options();
    if storm.own_server {
        options.folder = Some(folder.path().join("stack"));
    }
    let mut world = world_of(options).await;
    let database = Database::of(&world, storm.own_server).await;
    let sky = Sky::over(&mut world, &database.url_of_role(), storm.seed).await;
    let directory = temporary.to_str().unwrap().to_owned();
    world.stack.env.insert("TMPDIR".to_owned(), directory);
    let options = storm.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let mut aws = Aws::start_with(world, &options).await;
    let mut tally = Tally {
        attacks: 1,
        ..Tally::default()
    };
    let suffered = suffer(&aws, &database, &sky, &storm, &mut tally).await;
    tally.disturbances.disturbed = sky.disturbed();
    tally.disturbances.exchanges = sky.exchanges().total();
    aws.world.database = database.connect().await;
    let checked = match suffered {
        Ok(survivors) => check(&aws, &storm, &survivors).await,
        Err(what) => Err(what),
    };
    let checked = match checked {
        Ok(()) => end::check(&aws.world, storm.feed, &temporary).await,
        Err(what) => Err(what),
    };
    tally.take(&aws.command("figures"));
    match checked {
        Ok(()) => Ok(tally),
        Err(what) => Err(format!("{what}\n\n{storm}\n{tally}\n{}", words(&aws))),
    }
}

/// The executions under their faults. All of them have ended when this returns.
async fn suffer(
    aws: &Aws,
    database: &Database,
    sky: &Sky,
    storm: &Storm,
    tally: &mut Tally,
) -> Result<Vec<Survivor>, String> {
    for fate in &storm.fates {
        announce(aws, fate);
    }
    let deadline = Instant::now() + FAULTS;
    sky.set(storm.weather.clone());
    let clearing = async {
        sleep(FAULTS).await;
        sky.set(Default::default());
    };
    let executions = async {
        let executions = storm.executions.iter().map(|one| survive(aws, one));
        let ended = join_all(executions).await;
        sky.set(Default::default());
        ended
    };
    let faults = async {
        let strikes = storm
            .strikes
            .iter()
            .map(|one| strike(aws, sky, one, deadline));
        tokio::join!(
            join_all(strikes),
            outage(sky, storm.outage, deadline),
            fault(database, sky, storm.database, deadline),
            clearing,
        )
    };
    tokio::pin!(faults);
    let mut results = None;
    tokio::pin!(executions);
    let ended = tokio::select! {
        ended = &mut executions => ended,
        done = &mut faults => { results = Some(done); executions.await }
    };
    // A fault that has begun ends.
    let (_, outages, database_faults, ()) = match results {
        Some(results) => results,
        None => faults.await,
    };
    (
        tally.disturbances.outages,
        tally.disturbances.database_faults,
    ) = (outages, database_faults);
    let survivors: Vec<Survivor> = ended.into_iter().collect::<Result<_, _>>()?;
    tally.executions = survivors.len() as u64;
    let failed = |one: &&Survivor| one.ended.status != ExecutionStatus::Succeeded;
    tally.failed = survivors.iter().filter(failed).count() as u64;
    Ok(survivors)
}

async fn survive(aws: &Aws, execution: &Execution) -> Result<Survivor, String> {
    sleep(execution.starts_after).await;
    let name = execution.name;
    let arn = aws.begin(None, &execution.input).await;
    let ended = timeout(PATIENCE, aws.ended(&arn)).await;
    Ok(Survivor {
        name,
        ended: ended.map_err(|_| format!("{name} hangs"))?,
        failed_children: aws.failed_children_of(&arn).await,
    })
}

/// Checks what the executions said, and repairs what they left undone.
async fn check(aws: &Aws, storm: &Storm, survivors: &[Survivor]) -> Result<(), String> {
    survivors.iter().try_for_each(check_words)?;
    // A fault is over when nothing is frozen any more. What was cut off while it was frozen may
    // still go on beside the execution that repairs.
    until_none(aws, "frozen_now").await?;
    let mut input = storm.hours();
    input["incomplete_only"] = json!(true);
    let repair = Execution {
        name: "the execution that repairs",
        input,
        starts_after: Duration::ZERO,
    };
    let repaired = survive(aws, &repair).await?;
    if repaired.ended.status != ExecutionStatus::Succeeded {
        let Ended { error, cause, .. } = repaired.ended;
        return Err(format!("{} failed: {error}: {cause}", repair.name));
    }
    until_none(aws, "ghosts_now").await?;
    let logs = aws.logs();
    match UNHEARD_OF.iter().find(|words| logs.contains(**words)) {
        Some(words) => Err(format!("a function says {words:?}")),
        None => Ok(()),
    }
}

async fn until_none(aws: &Aws, figure: &str) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while aws.command("figures")[figure].as_u64() != Some(0) {
        if Instant::now() > deadline {
            return Err(format!("{figure} does not become zero"));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Checks that an execution failed if its blocks did, and named what was wrong.
fn check_words(survivor: &Survivor) -> Result<(), String> {
    let Survivor { name, ended, .. } = survivor;
    let failed: i64 = survivor.failed_children.iter().sum();
    if ended.status == ExecutionStatus::Succeeded {
        let counted = ended.output["failed"].as_u64().unwrap_or(0);
        return match (failed, counted) {
            (0, 0) => Ok(()),
            _ => Err(format!(
                "{name} succeeded with {failed} failed children: {}",
                ended.output
            )),
        };
    }
    let (error, cause) = (&ended.error, &ended.cause);
    let is_worthless = WORTHLESS.contains(&error.as_str()) || cause.is_empty();
    // The first blocks that failed or did not end are named.
    let names_a_block = ["bird 2020-01-15-1", "lime 2020-01-15-1"]
        .iter()
        .any(|block| cause.contains(block));
    if is_worthless || (error == "RunHadFailures" && !names_a_block) {
        return Err(format!("{name} ended without a cause: {error:?}: {cause}"));
    }
    Ok(())
}

/// What the functions said, metrics apart.
fn words(aws: &Aws) -> String {
    let logs = aws.logs();
    let lines = logs
        .lines()
        .filter(|line| !line.contains("\"_aws\"") && !line.contains("\"POST / HTTP"));
    let mut words = String::new();
    for line in lines {
        // A string takes whatever is written to it.
        let _ = writeln!(words, "{line}");
    }
    words
}
