//! `mds sandbox`: the outside world on loopback, to try commands against.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::process::ExitCode;

use anyhow::Context as _;
use local_stack::{LocalStack, StackOptions};
use sandbox::provider::{MdsVersion, ProviderOptions};
use uuid::Uuid;

use crate::args::SandboxArgs;
use crate::signals;

pub(crate) async fn sandbox(args: &SandboxArgs) -> anyhow::Result<ExitCode> {
    tokio::select! {
        // First, so that it listens before there is anything to leave behind.
        biased;
        asked = signals::asked_to_stop() => asked?,
        ended = serve(args) => match ended? {},
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: &SandboxArgs) -> anyhow::Result<Infallible> {
    eprintln!("starting Postgres, S3, a portal and two providers on loopback ...");
    let stack = LocalStack::start(StackOptions {
        folder: args.folder.clone(),
        ..StackOptions::with_providers(providers(args.trips_per_hour))
    })
    .await?;
    std::fs::write(&args.write_env, stack.env_file())
        .with_context(|| args.write_env.display().to_string())?;
    for (name, provider) in &stack.providers {
        eprintln!(
            "provider {name:<6} {} (MDS {})",
            provider.base_url(),
            provider.options().version.short()
        );
    }
    eprintln!("portal          {}", stack.portal.url());
    eprintln!("database        psql '{}'", stack.database_url);
    eprintln!("bucket          {}", stack.bucket_folder().display());
    let file = args.write_env.display();
    eprintln!(
        "\nIn another terminal:\n  mds --env-file {file} run --provider all --interval 24\n\nCtrl-C ends it."
    );
    std::future::pending().await
}

/// Two providers as a city has them: one on a current version, one that still pages its answers.
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
