//! The variables of the env file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::random_key;
use crate::args::{InitArgs, StageName};
use crate::commands::init::ask::{Asker, Question, read_variables};
use crate::commands::init::local;
use crate::failure::usage;

const BUCKET: &str = "ATD_MDS_BUCKET";
const STAGE: &str = "ATD_MDS_RUN_MODE";
const KEY: &str = "ATD_MDS_FERNET_KEY";
const KEY_SECRET: &str = "ATD_MDS_FERNET_KEY_SECRET";
const REGION: &str = "AWS_REGION";
const ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const PROFILE: &str = "AWS_PROFILE";
const ACCESS_KEY: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// The variables of the env file: of the one that is there, or made of the answers.
pub(in crate::commands::init) async fn environment(
    args: &InitArgs,
    asker: &mut Asker,
) -> anyhow::Result<BTreeMap<String, String>> {
    let file = args.folder.join(local::ENV);
    if file.exists() {
        let variables = read_variables(&file)?;
        check_same(args, &variables)?;
        return Ok(variables);
    }
    let mut variables = BTreeMap::new();
    let bucket = Question::new("--bucket", "The S3 bucket (it has to exist)")
        .given(args.bucket.as_deref())
        .variable(BUCKET);
    let bucket = asker.ask(bucket).await?;
    variables.insert(BUCKET.to_owned(), bucket);
    let endpoint = args.endpoint.clone().or_else(|| asker.variable(ENDPOINT));
    let region = Question::new("--region", "The bucket's region")
        .given(args.region.as_deref())
        .variable(REGION)
        // Another S3 than that of AWS accepts any.
        .default(endpoint.as_ref().map(|_| "us-east-1"));
    let region = asker.ask(region).await?;
    variables.insert(REGION.to_owned(), region);
    let stage = args.stage.map(StageName::as_run_mode);
    let stage = Question::new("--stage", "The stage, STAGING or PRODUCTION")
        .given(stage)
        .checked(|stage| match stage.to_uppercase().as_str() {
            "STAGING" | "PRODUCTION" => Ok(()),
            _ => Err("Write STAGING or PRODUCTION.".to_owned()),
        })
        .variable(STAGE)
        .default("STAGING");
    let stage = asker.ask(stage).await?;
    variables.insert(STAGE.to_owned(), stage.to_uppercase());
    let is_local = endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"));
    variables.extend(endpoint.map(|url| (ENDPOINT.to_owned(), url)));
    let profile = args.profile.clone().or_else(|| asker.variable(PROFILE));
    variables.extend(profile.map(|name| (PROFILE.to_owned(), name)));
    // Keys of AWS belong into a profile. Those of a sandbox are no secret, and end with it.
    for name in ACCESS_KEY.into_iter().filter(|_| is_local) {
        variables.extend(asker.variable(name).map(|value| (name.to_owned(), value)));
    }
    match (asker.variable(KEY), asker.variable(KEY_SECRET)) {
        (Some(key), _) => variables.insert(KEY.to_owned(), key),
        (None, Some(id)) => variables.insert(KEY_SECRET.to_owned(), id),
        (None, None) => variables.insert(KEY.to_owned(), random_key()),
    };
    Ok(variables)
}

/// Refuses an option that contradicts the env file, which is never overwritten.
fn check_same(args: &InitArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let stage = args.stage.map(|stage| stage.as_run_mode().to_owned());
    for (option, given, name) in [
        ("--bucket", &args.bucket, BUCKET),
        ("--region", &args.region, REGION),
        ("--endpoint", &args.endpoint, ENDPOINT),
        ("--stage", &stage, STAGE),
        ("--profile", &args.profile, PROFILE),
    ] {
        if let (Some(given), Some(written)) = (given, variables.get(name))
            && !given.eq_ignore_ascii_case(written)
        {
            return Err(usage(format!(
                "{option} {given} contradicts {name}={written} in {}: edit that file, or use another --folder",
                args.folder.join(local::ENV).display()
            )));
        }
    }
    Ok(())
}

/// The env file, with what each variable is for.
pub(in crate::commands::init) fn env_text(variables: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# Where mds finds its bucket: mds --env-file mds.env COMMAND. This file holds a key: keep it to yourself.\n",
    );
    let mut add = |comment: &str, names: &[&str], example: &str| {
        let _ = writeln!(text, "\n# {comment}");
        let mut is_set = false;
        for (name, value) in names
            .iter()
            .filter_map(|name| Some((name, variables.get(*name)?)))
        {
            let _ = writeln!(text, "{name}={}", quoted(value));
            is_set = true;
        }
        if !is_set {
            let _ = writeln!(text, "# {example}");
        }
    };
    add(
        "The bucket with the archives and the configuration.",
        &[BUCKET],
        "",
    );
    add("Its region.", &[REGION], "");
    add(
        "STAGING for trials, PRODUCTION for the real thing. Each has its own settings, providers and archives.",
        &[STAGE],
        "",
    );
    add(
        "Encrypts what is put into the bucket. Keep a copy in a safe place: nobody can read the archives without it.\n\
         # A new key goes first, separated by a comma; `mds config rotate-key` then encrypts everything with it.",
        &[KEY, KEY_SECRET],
        "",
    );
    add(
        "The address of another S3 than that of AWS.",
        &[ENDPOINT],
        "AWS_ENDPOINT_URL_S3=https://s3.example.gov",
    );
    add(
        "The credentials of AWS: a profile of ~/.aws/config, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        &[PROFILE, ACCESS_KEY[0], ACCESS_KEY[1]],
        "AWS_PROFILE=mds",
    );
    add(
        "How much the log says: warn, info, debug.",
        &["MDS_LOG"],
        "MDS_LOG=info",
    );
    text
}

fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+/.,:@".contains(c);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{value}'")
    }
}
