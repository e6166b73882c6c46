//! `mds schedule`: changes which hours are planned.

use std::process::ExitCode;

use pipeline::Forgotten;
use serde::Serialize;

use crate::args::{ForgetArgs, ScheduleCommand};
use crate::commands::connect;
use crate::output;
use crate::table::table;

#[derive(Serialize)]
struct Document<'a> {
    dry_run: bool,
    providers: &'a [Forgotten],
}

pub(crate) async fn schedule(command: &ScheduleCommand, json: bool) -> anyhow::Result<ExitCode> {
    match command {
        ScheduleCommand::Forget(args) => forget(args, json).await,
    }
}

async fn forget(args: &ForgetArgs, json: bool) -> anyhow::Result<ExitCode> {
    let ctx = connect::context(None).await?;
    let providers = pipeline::forget(&ctx, &args.request()).await?;
    if json {
        output::json(&Document {
            dry_run: args.dry_run,
            providers: &providers,
        })?;
    } else {
        let forgotten = if args.dry_run {
            "would be forgotten"
        } else {
            "forgotten"
        };
        let mut rows = table(&["provider", forgotten, "kept"], 1);
        for provider in &providers {
            rows.add_row([
                provider.provider.to_string(),
                provider.forgotten.to_string(),
                provider.kept.to_string(),
            ]);
        }
        output::text(&rows.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
