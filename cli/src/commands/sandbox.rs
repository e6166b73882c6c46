//! `mds sandbox`: providers, portal, bucket and database on loopback, to try commands against.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::TimeDelta;
use local_stack::{LocalStack, StackOptions, write_private};
use sandbox_lambda::FunctionProcess;
use sandbox_provider::{MdsVersion, OAuthLogin, Provider, ProviderOptions};
use serde_json::json;
use uuid::Uuid;

use crate::args::{FunctionStartsArgs, SandboxArgs, SandboxCommand, SandboxProviderArgs};
use crate::failure::usage;
use crate::{output, signals};

mod env_target;

/// How long a function may take to request its first event.
const START_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn sandbox(args: &SandboxArgs) -> anyhow::Result<ExitCode> {
    signals::until_stopped(async {
        serve(args).await?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn serve(args: &SandboxArgs) -> anyhow::Result<()> {
    match &args.only {
        Some(SandboxCommand::Provider(provider)) => match serve_provider(provider).await? {},
        Some(SandboxCommand::FunctionStarts(starts)) => print_start_times(starts).await,
        None => match serve_all(args).await? {},
    }
}

async fn serve_provider(args: &SandboxProviderArgs) -> anyhow::Result<Infallible> {
    let provider = Provider::start(ProviderOptions {
        seed: args.seed,
        name: args.name.to_string(),
        version: args.mds_version,
        trips_per_hour: f64::from(args.trips_per_hour),
        page_size: args.page_size,
        publication_lag: TimeDelta::hours(args.lag.into()),
        oauth: args.token_lives.map(|seconds| OAuthLogin {
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            token_lifetime: Duration::from_secs(seconds),
        }),
        quirks: args.odd.iter().copied().collect(),
        port: args.port,
        ..ProviderOptions::default()
    })
    .await?;
    for quirk in provider.options().quirks.iter() {
        note!("odd: {}", quirk.description());
    }
    note!(
        "MDS {} at {}; Ctrl-C ends it. The entry for the providers file:",
        args.mds_version,
        provider.base_url()
    );
    let entry = json!({ args.name.as_str(): provider.entry() });
    output::json(&entry)?;
    std::future::pending().await
}

async fn print_start_times(args: &FunctionStartsArgs) -> anyhow::Result<()> {
    for _ in 0..args.count {
        let began = Instant::now();
        let function = FunctionProcess::start(&args.binary, &BTreeMap::new())
            .await
            .with_context(|| args.binary.display().to_string())?;
        tokio::time::timeout(START_LIMIT, function.ready())
            .await
            .with_context(|| format!("{} requests no event", args.binary.display()))?;
        output::text(&format!("{:.3}", began.elapsed().as_secs_f64() * 1_000.0))?;
    }
    Ok(())
}

async fn serve_all(args: &SandboxArgs) -> anyhow::Result<Infallible> {
    env_target::check(&args.write_env)?;
    if let Some(folder) = args.folder.as_deref().filter(|it| it.is_file()) {
        return Err(usage(format!(
            "--folder {} is a file; give a folder, which may be new",
            folder.display()
        )));
    }
    note!("starting Postgres, S3, a portal and two providers on loopback ...");
    let stack = LocalStack::start(StackOptions {
        folder: args.folder.clone(),
        ..StackOptions::with_providers(providers(args.trips_per_hour))
    })
    .await?;
    if args.keep_versions {
        stack.keep_versions()?;
    }
    write_private(&args.write_env, &stack.env_file())
        .with_context(|| args.write_env.display().to_string())?;
    for (name, provider) in &stack.providers {
        note!(
            "provider {name:<6} {} (MDS {})",
            provider.base_url(),
            provider.options().version.short()
        );
    }
    note!("portal          {}", stack.portal.url());
    note!("database        psql '{}'", stack.database_url);
    note!("bucket          {}", stack.bucket_folder().display());
    let file = args.write_env.display();
    note!(
        "\nIn another terminal:\n  mds --env-file {file} run --provider all --interval 24\n\nCtrl-C ends it."
    );
    std::future::pending().await
}

/// Two providers that differ as those of a city do: one has a current version, the other an old one
/// with pages.
pub(crate) fn providers(trips_per_hour: u32) -> BTreeMap<String, ProviderOptions> {
    let bird = ProviderOptions {
        seed: 1,
        name: "Bird".to_owned(),
        provider_id: Uuid::from_u128(0x5bad_c0de_0000_4000_8000_0000_0000_0001),
        version: MdsVersion::V1_2,
        trips_per_hour: f64::from(trips_per_hour),
        ..ProviderOptions::default()
    };
    let lime = ProviderOptions {
        seed: 2,
        name: "Lime".to_owned(),
        provider_id: Uuid::from_u128(0x5bad_c0de_0000_4000_8000_0000_0000_0002),
        version: MdsVersion::V0_3,
        page_size: Some(50),
        ..bird.clone()
    };
    BTreeMap::from([("bird".to_owned(), bird), ("lime".to_owned(), lime)])
}
