//! `mds doctor`: says what is missing in a set-up, each with the line that fixes it.
//!
//! Checks that do not depend on each other run side by side, each with a limit of time. A check
//! that cannot be tried, because another one has found something broken, says so.

use std::time::Duration;

use config::{Environment, KeySource, Providers, Settings};
use futures::stream::FuturesOrdered;
use futures::{StreamExt as _, join};
use vault::Vault;

pub use self::report::{Check, DoctorReport, Outcome, Verdict};
use self::report::{Job, timed};

mod bucket;
mod clock;
mod environment;
mod files;
mod outside;
mod report;
mod tables;

/// What reads a variable of the environment.
pub(crate) type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Tries everything that a run needs. `limit` is the longest time of each check.
pub async fn examine(lookup: Lookup<'_>, limit: Duration) -> DoctorReport {
    let mut checks = Vec::new();
    let env = match environment::read(lookup) {
        Ok(env) => {
            checks.push(Check::at_once("environment", environment::describe(&env)));
            env
        }
        Err(why) => {
            let message = why.to_string();
            checks.push(Check::at_once(
                "environment",
                Verdict::broken(message, "correct the variable"),
            ));
            checks.extend(not_tried(&BEHIND_ENVIRONMENT, "the environment is broken"));
            return DoctorReport { checks };
        }
    };
    let key = environment::fernet_key(lookup);
    let has_bucket = environment::has_bucket(lookup);
    let (region, credentials) = join!(
        timed("region", None, limit, bucket::region(&env)),
        timed("credentials", None, limit, bucket::credentials(&env)),
    );
    let can_sign = !region.is_broken() && !credentials.is_broken();
    checks.extend([region, credentials]);
    let (clock, (bucket, vault)) = join!(
        timed("clock", None, limit, clock::against_s3(&env)),
        open_bucket(&env, limit, has_bucket, can_sign),
    );
    checks.extend([clock, bucket]);
    let Some(vault) = vault else {
        checks.push(Check::at_once(
            "fernet key",
            key.unwrap_or_else(|broken| broken),
        ));
        checks.extend(not_tried(&BEHIND_BUCKET, "the bucket cannot be read"));
        return DoctorReport { checks };
    };
    checks.extend(bucket_checks(&env, &vault, key, limit).await);
    DoctorReport { checks }
}

/// The bucket, if it can be read.
async fn open_bucket(
    env: &Environment,
    limit: Duration,
    has_bucket: bool,
    can_sign: bool,
) -> (Check, Option<Vault>) {
    let verdict = match (has_bucket, can_sign) {
        (true, true) => return Box::pin(bucket::open(env, limit)).await,
        (true, false) => Verdict::not_tried("there is no way to sign a request"),
        (false, _) => Verdict::broken(
            "ATD_MDS_BUCKET is not set",
            "set ATD_MDS_BUCKET to the name of the S3 bucket",
        ),
    };
    (Check::at_once("bucket", verdict), None)
}

/// What needs the bucket: whether it can be written, its files, and what these name.
async fn bucket_checks(
    env: &Environment,
    vault: &Vault,
    key: Result<Verdict, Verdict>,
    limit: Duration,
) -> Vec<Check> {
    let (writing, found) = join!(
        timed(
            "writing",
            Some(env.bucket.clone()),
            limit,
            bucket::writing(env, vault)
        ),
        files::read(env, vault, limit),
    );
    let key = Check::at_once("fernet key", files::key_fits(key, &found));
    let mut checks = vec![writing, key];
    checks.extend([found.settings_check.clone(), found.providers_check.clone()]);
    checks.extend(outside_checks(env, vault, found.settings, found.providers, limit).await);
    checks
}

/// Tries the portal that the settings name: its login and its dataset.
pub async fn examine_portal(settings: &Settings, limit: Duration) -> Vec<Check> {
    outside::portal(settings, limit).await
}

/// What cannot be tried without the variables.
const BEHIND_ENVIRONMENT: [&str; 4] = ["region", "credentials", "clock", "bucket"];
/// What cannot be tried without the bucket.
const BEHIND_BUCKET: [&str; 5] = ["writing", "settings", "providers", "database", "portal"];

fn not_tried<'a>(names: &'a [&'static str], why: &'a str) -> impl Iterator<Item = Check> + 'a {
    names
        .iter()
        .map(move |name| Check::at_once(name, Verdict::not_tried(why)))
}

/// Whatever the two files name: database, boundaries, portal and providers, side by side.
async fn outside_checks(
    env: &Environment,
    vault: &Vault,
    settings: Option<Settings>,
    providers: Option<Providers>,
    limit: Duration,
) -> Vec<Check> {
    let mut jobs: FuturesOrdered<Job<'_>> = FuturesOrdered::new();
    match &settings {
        Some(settings) => {
            jobs.push_back(Box::pin(tables::check(env.clone(), limit)));
            jobs.push_back(Box::pin(files::boundaries(vault, settings, limit)));
            jobs.push_back(Box::pin(outside::portal(settings, limit)));
        }
        None => {
            let names = [
                "database",
                "rights",
                "trial rows",
                "migrations",
                "boundaries",
                "portal",
                "dataset",
            ];
            let checks = not_tried(&names, "the settings cannot be used").collect();
            jobs.push_back(Box::pin(std::future::ready(checks)));
        }
    }
    if let Some(providers) = &providers {
        jobs.push_back(Box::pin(outside::providers(env, providers, limit)));
    }
    jobs.collect::<Vec<_>>().await.concat()
}

/// Whether the keys come from the environment, so that nothing has to be asked for them.
fn is_given(env: &Environment) -> bool {
    matches!(env.fernet_keys, KeySource::Given(_))
}
