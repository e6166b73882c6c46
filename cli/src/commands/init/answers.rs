//! The answers, and the texts of the files that are made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use boundaries::{Layer, default_layers};
use config::Settings;
use mds_client::MdsVersion;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use store::Store;
use trips::block::ProviderName;
use trips::time::CivilZone;
use vault::FernetKeys;

use super::ask::{Asker, Question, read_variables};
use super::bucket::Bucket;
use super::local;
use crate::args::{InitArgs, StageName};
use crate::commands::config::check_text;
use crate::failure::usage;

const NONE: &str = "none";
const BOUNDARIES: &str =
    "Boundaries, LAYER=FILE with spaces between (council_district, census_geoid, cell), or none";
const BUCKET: &str = "ATD_MDS_BUCKET";
const STAGE: &str = "ATD_MDS_RUN_MODE";
const KEY: &str = "ATD_MDS_FERNET_KEY";
const KEY_SECRET: &str = "ATD_MDS_FERNET_KEY_SECRET";
const REGION: &str = "AWS_REGION";
const ENDPOINT: &str = "AWS_ENDPOINT_URL_S3";
const PROFILE: &str = "AWS_PROFILE";
const ACCESS_KEY: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
const DATABASE_URL: &str = "DATABASE_URL";
const TOKEN: &str = "PROVIDER_TOKEN";
const PORTAL_LOGIN: [(&str, &str); 3] = [
    ("SOCRATA_APP_TOKEN", "The portal's app token"),
    ("SOCRATA_KEY_ID", "The id of an API key of the portal"),
    ("SOCRATA_KEY_SECRET", "The secret of that API key"),
];

/// What the files are to hold. A file without a text is stored already and stays.
pub(super) struct Answers {
    /// The settings, of this folder or made of the answers.
    pub(super) settings: Option<String>,
    pub(super) providers: Option<String>,
    /// Those of them that are made of the answers.
    pub(super) new_settings: Option<String>,
    pub(super) new_providers: Option<String>,
    pub(super) boundaries: Vec<(Layer, Vec<u8>)>,
    /// The provider to probe, if one was named.
    pub(super) provider: Option<String>,
}

/// The variables of the env file: of the one that is there, or made of the answers.
pub(super) async fn environment(
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

/// 32 random bytes, in base64.
fn random_key() -> String {
    FernetKeys::generate().expose_secret().to_owned()
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
pub(super) fn env_text(variables: &BTreeMap<String, String>) -> String {
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

impl Answers {
    /// Asks for what neither the folder nor the bucket has.
    pub(super) async fn gather(
        args: &InitArgs,
        asker: &mut Asker,
        bucket: &Bucket,
    ) -> anyhow::Result<Self> {
        let local_settings = local::read(&args.folder, local::SETTINGS)?;
        let local_providers = local::read(&args.folder, local::PROVIDERS)?;
        let is_new =
            |local: &Option<String>, stored: &Option<Vec<u8>>| local.is_none() && stored.is_none();
        let mut boundaries = Vec::new();
        let mut new_settings = None;
        if is_new(&local_settings, &bucket.settings) {
            boundaries = read_boundaries(args, asker).await?;
            new_settings = Some(settings(args, asker, &boundaries).await?);
        } else if !args.boundaries.is_empty() {
            boundaries = read_boundaries(args, asker).await?;
        }
        let mut provider = args.provider.clone().filter(|name| name != NONE);
        let mut new_providers = None;
        if is_new(&local_providers, &bucket.providers) {
            let (name, text) = providers(args, asker).await?;
            (provider, new_providers) = (name, Some(text));
        }
        Ok(Self {
            settings: local_settings.or_else(|| new_settings.clone()),
            providers: local_providers.or_else(|| new_providers.clone()),
            new_settings,
            new_providers,
            boundaries,
            provider,
        })
    }

    /// Checks the texts as `mds config put` does, and that an hour can be loaded with them.
    pub(super) async fn check(&self, bucket: &Bucket) -> anyhow::Result<()> {
        let env = &bucket.env;
        for (file, key, text) in [
            (local::SETTINGS, &env.settings_key, &self.settings),
            (local::PROVIDERS, &env.providers_key, &self.providers),
        ] {
            if let Some(text) = text {
                let warnings = check_text(key, env, &bucket.vault, text.as_bytes());
                for warning in warnings.await.context(file)? {
                    note!("warning: {file}: {warning}");
                }
            }
        }
        if let Some(text) = &self.settings {
            let settings = Settings::from_json(text.as_bytes()).context(local::SETTINGS)?;
            settings.public_id_key().context(local::SETTINGS)?;
        }
        for (layer, text) in &self.boundaries {
            config::check_boundary(std::slice::from_ref(layer), &layer.key, text)?;
        }
        Ok(())
    }
}

async fn settings(
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
async fn read_boundaries(
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
async fn providers(args: &InitArgs, asker: &mut Asker) -> anyhow::Result<(Option<String>, String)> {
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
                    let is_uuid =
                        id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
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
    let entry = json!({
        "mds_api_url": url,
        "provider_id": id,
        "version": version,
        "auth_type": auth_type,
        "token": token,
    });
    Ok((Some(name.clone()), text(&json!({ name: entry }))?))
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
