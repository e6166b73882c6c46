//! One provider's entry in the providers file.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http_kit::without_credentials;
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;
use trips::{CostUnit, Feed};
use url::Url;
use uuid::Uuid;

use crate::active_from::ActiveFrom;
use crate::auth::Auth;
use crate::endpoint::accept;
use crate::fields::{BodyFormat, Fields, ProviderConfigError};
use crate::token_request::TokenRequest;
use crate::version::{MdsVersion, TimeFormat};

/// How requests to a provider authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// `Authorization: Bearer {token}`.
    Bearer,
    /// User name and password from `auth_data`.
    Basic,
    /// A token fetched from `token_url` with `auth_data`.
    OAuth,
    /// The headers of `request.auth.headers` and `headers`, unchanged, or a token that
    /// `token_request` describes.
    Custom,
}

impl FromStr for AuthType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim().to_ascii_lowercase().as_str() {
            "bearer" => Ok(Self::Bearer),
            "basic" => Ok(Self::Basic),
            "oauth" => Ok(Self::OAuth),
            "custom" => Ok(Self::Custom),
            _ => Err(()),
        }
    }
}

/// What becomes of loaded trips that the provider no longer returns for their hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Withdrawals {
    /// They are marked as withdrawn and no longer count.
    #[default]
    Mark,
    /// They stay as they are.
    Keep,
}

/// One provider's entry in the providers file (docs/PROVIDERS.md, "Settings").
///
/// Files of older tools can be read: numbers and switches may be written as text, null is the same
/// as absent, unknown keys are ignored. `Debug` shows neither secrets nor the URL's query.
#[derive(Clone)]
pub struct ProviderConfig {
    /// Base of the provider's API, or the full URL of its trips if the path has a segment `trips`.
    pub mds_api_url: Url,
    /// The provider's id in MDS.
    pub provider_id: Uuid,
    /// The ids under which its trips arrive: `provider_id`, and those of the key `provider_ids`.
    pub provider_ids: Vec<Uuid>,
    /// The version to request; 0.2 by default.
    pub version: MdsVersion,
    /// How to authenticate.
    pub auth_type: AuthType,
    /// The token of `Bearer`.
    pub token: Option<SecretString>,
    /// Where `OAuth` gets its token.
    pub token_url: Option<Url>,
    /// The fields that are posted to `token_url`, or `username` and `password` of `Basic`.
    pub auth_data: BTreeMap<String, SecretString>,
    /// How `auth_data` is posted; a form by default.
    pub auth_data_format: BodyFormat,
    /// The member of the response that holds the token, with dots between keys; `access_token` by
    /// default.
    pub auth_token_res_key: String,
    /// How `Custom` gets a token, if it uses one.
    pub token_request: Option<TokenRequest>,
    /// `request.auth.headers`: headers sent with every request.
    pub auth_headers: BTreeMap<String, SecretString>,
    /// Other headers sent with every request. Their values may be secrets.
    pub headers: BTreeMap<String, SecretString>,
    /// Whether `links.next` is followed. Only the boolean `false` turns it off.
    pub paging: bool,
    /// Shortest pause between two requests.
    pub delay: Duration,
    /// How many lists are requested at once, over all processes; `None` for no limit.
    pub max_parallel: Option<u32>,
    /// Attempts at a request, at least 1.
    pub max_attempts: u32,
    /// Longest wait for the next byte of a response.
    pub timeout: Duration,
    /// The provider's names of query parameters, by ours.
    pub mds_param_override: BTreeMap<String, String>,
    /// How the query writes times, if not as the version does.
    pub time_format: Option<TimeFormat>,
    /// The whole `Accept` header, if not the version's own.
    pub accept: Option<String>,
    /// Whether the feed swaps latitude and longitude.
    pub swap_coordinates: bool,
    /// The unit of its costs.
    pub cost_unit: CostUnit,
    /// What becomes of trips that it no longer returns.
    pub withdrawals: Withdrawals,
    /// 0.2: hours before the block that the query covers as well, so that long trips are not lost.
    pub lookback_hours: u32,
    /// Hours after the end of a block before a schedule requests it.
    pub lag_hours: Option<u32>,
    /// Longest time for one hour, retries and pauses included.
    pub deadline: Option<Duration>,
    /// 2.0: whether vehicles are fetched from `/vehicles`. True by default.
    pub vehicles: bool,
    /// 2.0: whether `/telemetry` is archived as well as the trips.
    pub telemetry: bool,
    /// Ages of a block in hours since its end, in order, at which it is fetched again, since some
    /// trips arrive late. The key in the file is `reask_hours`.
    pub refetch_after_hours: Vec<u32>,
    /// Which share of a block's loaded trips a later response may lack and still be believed.
    pub max_loss: f64,
    /// Whether the provider takes part in runs over all providers.
    pub enabled: bool,
    /// The hour from which on runs that do not name the provider include it; `None` for any hour.
    pub active_from: Option<ActiveFrom>,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_ATTEMPTS: u32 = 3;
const MAX_ATTEMPTS: u32 = 100;
const MAX_PARALLEL: u32 = 1000;
const DEFAULT_LOOKBACK_HOURS: u32 = 24;
const DEFAULT_MAX_LOSS: f64 = 0.2;
const MAX_HOURS: u32 = 24 * 366;

impl ProviderConfig {
    /// The query parameters that `mds_param_override` may give another name.
    pub const PARAMETERS: [&'static str; 4] =
        ["start_time", "end_time", "min_end_time", "max_end_time"];

    /// Every key of an entry that is read; others are ignored.
    pub const KEYS: [&'static str; 34] = [
        "mds_api_url",
        "provider_id",
        "provider_ids",
        "version",
        "auth_type",
        "token",
        "token_url",
        "auth_data",
        "auth_data_format",
        "auth_token_res_key",
        "token_request",
        "request.auth.headers",
        "headers",
        "accept",
        "paging",
        "delay",
        "max_parallel",
        "max_attempts",
        "timeout",
        "interval",
        "deadline",
        "mds_param_override",
        "time_format",
        "swap_coordinates",
        "cost_unit",
        "withdrawals",
        "lookback_hours",
        "lag_hours",
        "reask_hours",
        "max_loss",
        "vehicles",
        "telemetry",
        "enabled",
        ActiveFrom::KEY,
    ];

    /// The addresses that its requests go to: that of the API, and that of the login if it has one.
    /// They may hold secrets.
    #[must_use]
    pub fn addresses(&self) -> Vec<&str> {
        let login = self.token_request.as_ref().map(|request| &request.url);
        [Some(&self.mds_api_url), self.token_url.as_ref(), login]
            .into_iter()
            .flatten()
            .map(Url::as_str)
            .collect()
    }

    /// How the provider's feed has to be read.
    #[must_use]
    pub fn feed(&self) -> Feed {
        Feed {
            swap_coordinates: self.swap_coordinates,
            seconds_expected: self.version.has_seconds(),
            cost_unit: self.cost_unit,
        }
    }

    /// The same entry without what only requests need: its login, its headers, and what its address
    /// holds besides host and path.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        self.mds_api_url.set_query(None);
        Self {
            mds_api_url: without_credentials(self.mds_api_url),
            token: None,
            token_url: None,
            auth_data: BTreeMap::new(),
            token_request: None,
            auth_headers: BTreeMap::new(),
            headers: BTreeMap::new(),
            ..self
        }
    }

    /// Checks that the entry has what its `auth_type` needs and what headers can carry, as the
    /// first request would.
    ///
    /// # Errors
    ///
    /// The first key that is missing or that no header can carry, never its value.
    pub fn check_login(&self) -> Result<(), ProviderConfigError> {
        Auth::check(self)?;
        accept(self)?;
        Ok(())
    }

    /// Whether `paging` of an entry has a word or number for "off", which leaves it on: so did the
    /// older tools, whose files are read, and no trip is lost by it.
    #[must_use]
    pub fn is_paging_off_ignored(entry: &Value) -> bool {
        Fields::new(entry.clone(), &Self::KEYS).is_ok_and(|fields| {
            fields.switch("paging", true) == Ok(false) && fields.unless_false("paging") == Ok(true)
        })
    }

    /// Reads the entry of one provider.
    ///
    /// # Errors
    ///
    /// The first key that is missing or malformed, never its value.
    pub fn from_value(value: Value) -> Result<Self, ProviderConfigError> {
        let fields = Fields::new(value, &Self::KEYS)?;
        let token = fields.secret("token")?;
        let auth_data_format = fields.body_format("auth_data_format", BodyFormat::Form)?;
        Ok(Self {
            mds_api_url: fields.required_url("mds_api_url")?,
            provider_id: provider_id(&fields)?,
            provider_ids: provider_ids(&fields)?,
            version: version(&fields)?,
            auth_type: auth_type(&fields, token.is_some())?,
            token,
            token_url: fields.url("token_url")?,
            auth_data: fields.login("auth_data", auth_data_format)?,
            auth_data_format,
            token_request: fields.object(
                "token_request",
                &TokenRequest::KEYS,
                TokenRequest::read,
            )?,
            auth_token_res_key: fields
                .text("auth_token_res_key")?
                .filter(|key| !key.is_empty())
                .unwrap_or_else(|| "access_token".to_owned()),
            auth_headers: fields.dotted_secrets("request.auth.headers")?,
            headers: fields.secrets("headers")?,
            paging: fields.unless_false("paging")?,
            delay: fields.seconds("delay")?.unwrap_or_default(),
            max_parallel: fields.whole("max_parallel", 1, MAX_PARALLEL)?,
            max_attempts: fields
                .whole("max_attempts", 1, MAX_ATTEMPTS)?
                .unwrap_or(DEFAULT_ATTEMPTS),
            timeout: timeout(&fields)?,
            mds_param_override: fields.texts_if_any("mds_param_override")?,
            time_format: time_format(&fields)?,
            accept: fields.text("accept")?.filter(|accept| !accept.is_empty()),
            swap_coordinates: fields.switch("swap_coordinates", false)?,
            cost_unit: fields
                .word(
                    "cost_unit",
                    &[("minor", CostUnit::Minor), ("major", CostUnit::Major)],
                )?
                .unwrap_or_default(),
            withdrawals: fields
                .word(
                    "withdrawals",
                    &[("mark", Withdrawals::Mark), ("keep", Withdrawals::Keep)],
                )?
                .unwrap_or_default(),
            lookback_hours: fields
                .whole("lookback_hours", 0, MAX_HOURS)?
                .unwrap_or(DEFAULT_LOOKBACK_HOURS),
            lag_hours: fields.whole("lag_hours", 0, MAX_HOURS)?,
            deadline: fields.seconds("deadline")?.filter(|limit| !limit.is_zero()),
            vehicles: fields.switch("vehicles", true)?,
            telemetry: fields.switch("telemetry", false)?,
            refetch_after_hours: fields.ascending("reask_hours", 1, MAX_HOURS)?,
            max_loss: fields.share("max_loss")?.unwrap_or(DEFAULT_MAX_LOSS),
            enabled: fields.switch("enabled", true)?,
            active_from: fields
                .text(ActiveFrom::KEY)?
                .filter(|text| !text.trim().is_empty())
                .map(|text| ActiveFrom::parse(&text))
                .transpose()?,
        })
    }
}

impl<'de> Deserialize<'de> for ProviderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig")
            .field("host", &self.mds_api_url.host_str())
            .field("provider_id", &self.provider_id)
            .field("version", &self.version)
            .field("auth_type", &self.auth_type)
            .field("paging", &self.paging)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

fn provider_id(fields: &Fields) -> Result<Uuid, ProviderConfigError> {
    let key = "provider_id";
    Uuid::parse_str(&fields.required(key)?)
        .map_err(|_| ProviderConfigError::new(key, "must be a UUID"))
}

fn provider_ids(fields: &Fields) -> Result<Vec<Uuid>, ProviderConfigError> {
    let mut ids = vec![provider_id(fields)?];
    for id in fields.uuids("provider_ids")? {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn version(fields: &Fields) -> Result<MdsVersion, ProviderConfigError> {
    match fields.text("version")? {
        None => Ok(MdsVersion::V0_2),
        Some(text) => text
            .parse()
            .map_err(|why| ProviderConfigError::new("version", format!("{why}"))),
    }
}

fn auth_type(fields: &Fields, has_token: bool) -> Result<AuthType, ProviderConfigError> {
    let key = "auth_type";
    match fields.text(key)? {
        None if has_token => Ok(AuthType::Bearer),
        None => Err(ProviderConfigError::new(key, "is missing")),
        Some(text) => text
            .parse()
            .map_err(|()| ProviderConfigError::new(key, "must be Bearer, Basic, OAuth or Custom")),
    }
}

/// `timeout`, or its older name `interval`.
fn timeout(fields: &Fields) -> Result<Duration, ProviderConfigError> {
    let (key, timeout) = match fields.seconds("timeout")? {
        Some(timeout) => ("timeout", Some(timeout)),
        None => ("interval", fields.seconds("interval")?),
    };
    match timeout {
        None => Ok(DEFAULT_TIMEOUT),
        Some(Duration::ZERO) => Err(ProviderConfigError::new(key, "must be more than 0 seconds")),
        Some(timeout) => Ok(timeout),
    }
}

fn time_format(fields: &Fields) -> Result<Option<TimeFormat>, ProviderConfigError> {
    let Some(text) = fields.text("time_format")? else {
        return Ok(None);
    };
    match text.trim().to_ascii_lowercase().as_str() {
        // Older files have `unix` for every provider and version, and no tool has ever read it.
        "" | "unix" | "default" => Ok(None),
        "seconds" | "s" | "unix_seconds" | "unix_s" => Ok(Some(TimeFormat::Seconds)),
        "milliseconds" | "ms" | "unix_milliseconds" | "unix_ms" => {
            Ok(Some(TimeFormat::Milliseconds))
        }
        "hour" | "iso" | "iso8601" | "yyyy-mm-ddthh" => Ok(Some(TimeFormat::Hour)),
        "rfc3339" => Ok(Some(TimeFormat::Rfc3339)),
        _ => Err(ProviderConfigError::new(
            "time_format",
            "must be seconds, milliseconds, hour or rfc3339 (or unix: the version's own)",
        )),
    }
}

#[cfg(test)]
mod tests;
