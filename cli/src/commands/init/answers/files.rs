//! The texts of the files that are put into the bucket.

use std::path::Path;

use boundaries::{Layer, default_layers};
use mds_client::MdsVersion;
use serde_json::{Map, Value, json};
use store::Store;
use trips::block::ProviderName;
use trips::time::CivilZone;
use uuid::Uuid;

use super::{NONE, random_key};
use crate::args::InitArgs;
use crate::commands::init::ask::{Asker, Question};
use crate::failure::usage;

const BOUNDARIES: &str =
    "Boundaries, LAYER=FILE with spaces between (council_district, census_geoid, cell), or none";
/// A UUID in the form that providers write, and no other that the parser knows.
const UUID_LENGTH: usize = 36;
const DATABASE_URL: &str = "DATABASE_URL";
const TOKEN: &str = "PROVIDER_TOKEN";
const PORTAL_LOGIN: [(&str, &str); 3] = [
    ("SOCRATA_APP_TOKEN", "The portal's app token"),
    ("SOCRATA_KEY_ID", "The id of an API key of the portal"),
    ("SOCRATA_KEY_SECRET", "The secret of that API key"),
];

/// The variables that have the secrets, if `--secrets` does not.
pub(crate) fn secrets() -> impl Iterator<Item = &'static str> {
    let of_portal = PORTAL_LOGIN.iter().map(|(name, _)| *name);
    [DATABASE_URL, TOKEN].into_iter().chain(of_portal)
}

pub(super) async fn settings(
    args: &InitArgs,
    asker: &mut Asker,
    boundaries: &[(Layer, Vec<u8>)],
) -> anyhow::Result<String> {
    let mut file = Map::new();
    let url = asker
        .ask(
            Question::new(
                "--database-url",
                "The database, postgresql://user:password@host:5432/database",
            )
            .given(args.database_url.as_deref())
            .variable(DATABASE_URL)
            .checked(|url| words(Store::check_url(DATABASE_URL, &url.into())))
            .hidden(),
        )
        .await?;
    file.insert(DATABASE_URL.to_owned(), json!(url));
    let zone = asker
        .ask(
            Question::new("--time-zone", "The city's time zone")
                .given(args.time_zone.as_deref())
                .checked(|zone| words(zone.parse::<CivilZone>()))
                .default("US/Central"),
        )
        .await?;
    file.insert("TIME_ZONE".to_owned(), json!(zone));
    file.insert("PUBLIC_ID_KEY".to_owned(), json!(random_key()));
    let layers: Vec<_> = boundaries.iter().map(|(layer, _)| layer).collect();
    file.insert("BOUNDARIES".to_owned(), json!(layers));
    let portal = asker
        .ask(
            Question::new("--portal", "The host of the Socrata portal, or none")
                .given(args.portal.as_deref())
                .default(NONE),
        )
        .await?;
    if portal != NONE && !portal.is_empty() {
        file.insert("SOCRATA_DATA_ENDPOINT".to_owned(), json!(portal));
        let dataset = asker
            .ask(
                Question::new("--dataset", "The id of its dataset, such as abcd-2345")
                    .given(args.dataset.as_deref()),
            )
            .await?;
        file.insert("SOCRATA_DATASET".to_owned(), json!(dataset));
        for (name, words) in PORTAL_LOGIN {
            let value = asker.ask(Question::secret(name, words)).await?;
            file.insert(name.to_owned(), json!(value));
        }
    }
    text(&Value::Object(file))
}

/// The layers and their files. Asked is only whether there are any: `mds config put` takes them
/// later, too.
pub(super) async fn read_boundaries(
    args: &InitArgs,
    asker: &mut Asker,
) -> anyhow::Result<Vec<(Layer, Vec<u8>)>> {
    let mut given = args.boundaries.clone();
    if given.is_empty() {
        let answer = asker
            .ask(Question::new("--boundaries", BOUNDARIES).default(NONE))
            .await?;
        given = answer.split_whitespace().map(str::to_owned).collect();
    }
    given
        .iter()
        .filter(|it| *it != NONE)
        .map(|it| read_layer(it))
        .collect()
}

fn read_layer(given: &str) -> anyhow::Result<(Layer, Vec<u8>)> {
    let refuse = || {
        usage(format!(
            "--boundaries {given}: write LAYER=FILE or LAYER=FILE:PROPERTY, with a layer of council_district, census_geoid \
             and cell, or none"
        ))
    };
    let (name, file) = given.split_once('=').ok_or_else(refuse)?;
    let mut layer = default_layers()
        .into_iter()
        .find(|layer| layer.layer.as_str() == name)
        .ok_or_else(refuse)?;
    let (file, property) = match file.rsplit_once(':') {
        Some((path, property)) if !Path::new(file).exists() => (path, Some(property)),
        _ => (file, None),
    };
    if let Some(property) = property {
        property.clone_into(&mut layer.property);
    }
    let text = std::fs::read(file)
        .map_err(|error| usage(format!("--boundaries {given}: {file}: {error}")))?;
    Ok((layer, text))
}

/// The providers file with its first entry, and the entry's name.
pub(super) async fn providers(
    args: &InitArgs,
    asker: &mut Asker,
) -> anyhow::Result<(Option<String>, String)> {
    if let Some(file) = &args.provider_file {
        return entry_of_file(args, file);
    }
    let name = asker
        .ask(
            Question::new(
                "--provider",
                "The short name of the first provider, such as bird, or none",
            )
            .given(args.provider.as_deref())
            .checked(|name| words(name.parse::<ProviderName>())),
        )
        .await?;
    if name == NONE {
        return Ok((None, text(&json!({}))?));
    }
    let entry = entry(args, asker).await?;
    Ok((Some(name.clone()), text(&json!({ name: entry }))?))
}

/// Asks for what the entry of a provider says.
async fn entry(args: &InitArgs, asker: &mut Asker) -> anyhow::Result<Value> {
    let url = asker
        .ask(
            Question::new("--provider-url", "The base address of its MDS API")
                .given(args.provider_url.as_deref()),
        )
        .await?;
    let id = asker
        .ask(
            Question::new("--provider-id", "Its UUID in the MDS registry")
                .given(args.provider_id.as_deref())
                .checked(|id| {
                    let is_uuid = id.len() == UUID_LENGTH && Uuid::try_parse(id).is_ok();
                    is_uuid.then_some(()).ok_or_else(|| {
                        "Write a UUID, such as 2411d395-04f2-47c9-ab66-d09e9e3c3251.".to_owned()
                    })
                }),
        )
        .await?;
    let version = asker
        .ask(
            Question::new("--provider-version", "The MDS version of its feed")
                .given(args.provider_version.as_deref())
                .checked(|version| words(version.parse::<MdsVersion>()))
                .default("1.2"),
        )
        .await?;
    let auth_type = asker
        .ask(
            Question::new("--auth-type", "The type of login")
                .given(args.auth_type.as_deref())
                .default("Bearer"),
        )
        .await?;
    let token = asker.ask(Question::secret(TOKEN, "Its token")).await?;
    Ok(json!({
        "mds_api_url": url,
        "provider_id": id,
        "version": version,
        "auth_type": auth_type,
        "token": token,
    }))
}

fn entry_of_file(args: &InitArgs, file: &Path) -> anyhow::Result<(Option<String>, String)> {
    let shown = file.display();
    let content =
        std::fs::read(file).map_err(|error| usage(format!("--provider-file {shown}: {error}")))?;
    let content: Value = serde_json::from_slice(&content)
        .map_err(|error| usage(format!("--provider-file {shown} is not JSON: {error}")))?;
    let is_entry = content.get("mds_api_url").is_some();
    let names: Vec<&String> = content
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    match (&args.provider, names.as_slice()) {
        (Some(name), _) if is_entry => Ok((Some(name.clone()), text(&json!({ name: content }))?)),
        (None, _) if is_entry => Err(usage(format!(
            "--provider-file {shown} has an entry without a name: give --provider"
        ))),
        (Some(name), names) if names.contains(&name) => Ok((Some(name.clone()), text(&content)?)),
        (None, [name, ..]) => Ok((Some((*name).clone()), text(&content)?)),
        _ => Err(usage(format!(
            "--provider-file {shown} has no entry such as {{\"bird\": {{\"mds_api_url\": …}}}} of the provider"
        ))),
    }
}

fn words<T>(parsed: Result<T, impl ToString>) -> Result<(), String> {
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

fn text(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
