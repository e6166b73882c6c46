//! `mds config provider list`.

use std::process::ExitCode;

use config::Providers;
use mds_client::{AuthType, ProviderConfig};
use pipeline::quietly;
use serde_json::{Value, json};

use super::super::target::Target;
use crate::args::StageArgs;
use crate::output;
use crate::table::table;

pub(super) async fn list(stage: &StageArgs, json: bool) -> anyhow::Result<ExitCode> {
    let target = Target::open("providers", stage).await?;
    let text = target.text(None).await?;
    let providers = quietly(|| Providers::from_json(&text))?;
    let usable = providers.iter().map(|(name, entry)| {
        let problem = entry.check_login().err().map(|it| it.to_string());
        let mut row = row(entry);
        row["name"] = name.as_str().into();
        row["problem"] = json!(problem);
        row
    });
    let invalid = providers.all_invalid().map(
        |(name, error)| json!({ "name": name, "enabled": null, "problem": error.to_string() }),
    );
    let mut rows: Vec<Value> = usable.chain(invalid).collect();
    rows.sort_by_key(|row| row["name"].as_str().map(str::to_owned));
    if json {
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut shown = table(
        &[
            "provider",
            "enabled",
            "version",
            "host",
            "login",
            "active from",
            "problem",
        ],
        7,
    );
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let enabled = match row["enabled"].as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        shown.add_row([
            text("name"),
            enabled.to_owned(),
            text("version"),
            text("host"),
            text("auth_type"),
            text("active_from"),
            text("problem"),
        ]);
    }
    output::text(&shown.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &ProviderConfig) -> Value {
    json!({
        "enabled": entry.enabled,
        "version": entry.version.to_string(),
        "host": entry.mds_api_url.host_str(),
        "auth_type": match entry.auth_type {
            AuthType::Bearer => "Bearer",
            AuthType::Basic => "Basic",
            AuthType::OAuth => "OAuth",
            AuthType::Custom => "Custom",
        },
        "active_from": entry.active_from.as_ref().map(ToString::to_string),
    })
}
