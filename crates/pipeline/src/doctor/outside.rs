//! The portal and the providers: one cheap request each.

use std::io;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use config::{Environment, Providers, Settings};
use futures::future::join_all;
use mds_client::{
    ClientOptions as MdsOptions, HourResponse, MdsClient, MdsError, ProviderConfig, TripSink,
};
use serde_json::value::RawValue;
use socrata::{ClientOptions as PortalOptions, SocrataClient, SocrataError};
use trips::block::{Hour, ProviderName};

use super::report::{Check, Verdict, timed};
use crate::publish::dataset;

const EDIT_SETTINGS: &str = "mds config edit settings";
const EDIT_PROVIDERS: &str = "mds config edit providers";

/// Whether the portal accepts the login, and whether the dataset is one that rows can go to.
pub(super) async fn portal(settings: &Settings, limit: Duration) -> Vec<Check> {
    if !settings.has_portal {
        let none = "the settings name no portal, so nothing is published";
        return vec![
            Check::at_once("portal", Verdict::warning(none, EDIT_SETTINGS)),
            Check::at_once("dataset", Verdict::not_tried(none)),
        ];
    }
    let mut info = None;
    let portal = timed("portal", None, limit, async {
        match read_dataset(settings).await {
            Ok(found) => {
                info = Some(found);
                Verdict::ok("it accepts the login")
            }
            Err(broken) => broken,
        }
    })
    .await;
    let dataset = match info {
        None => Verdict::not_tried("the portal cannot be used"),
        Some(info) => match dataset::check_info(&info) {
            Ok(()) => usable(&dataset::not_audited(&info)),
            Err(error) => Verdict::broken(
                error.to_string(),
                "change the dataset at the portal; docs/SETUP.md lists its columns",
            ),
        },
    };
    vec![portal, Check::at_once("dataset", dataset)]
}

fn usable(not_audited: &[&str]) -> Verdict {
    let found = "rows are replaced by trip_id, and every column is there";
    if not_audited.is_empty() {
        return Verdict::ok(found);
    }
    Verdict::warning(
        format!(
            "{found}, but no audit can sum up a column of texts: {}",
            not_audited.join(", ")
        ),
        "make them number or calendar_date at the portal; docs/SETUP.md lists the columns",
    )
}

async fn read_dataset(settings: &Settings) -> Result<socrata::DatasetInfo, Verdict> {
    let config = settings
        .socrata()
        .map_err(|error| Verdict::broken(error.to_string(), EDIT_SETTINGS))?;
    let http = http_kit::client()
        .map_err(|_| Verdict::not_tried("this machine's HTTP client cannot be built"))?;
    let client = SocrataClient::new(http, config)
        .map_err(|error| Verdict::broken(error.to_string(), EDIT_SETTINGS))?
        .with_options(PortalOptions {
            max_attempts: 1,
            ..PortalOptions::default()
        });
    client.dataset_info().await.map_err(|error| {
        let remedy = match &error {
            SocrataError::Rejected {
                status: 401 | 403, ..
            } => {
                "correct SOCRATA_KEY_ID, SOCRATA_KEY_SECRET and SOCRATA_APP_TOKEN (mds config edit settings)"
            }
            SocrataError::Rejected { status: 404, .. } => {
                "correct SOCRATA_DATASET (mds config edit settings)"
            }
            SocrataError::Unavailable {
                status: Some(_), ..
            } => "wait, and try again; if it stays, ask the portal's support",
            SocrataError::Unavailable { .. } => {
                "look at the network, and at SOCRATA_DATA_ENDPOINT (mds config edit settings)"
            }
            SocrataError::Throttled { .. } => "wait, and try again",
            _ => EDIT_SETTINGS,
        };
        // A portal that asks to wait is there. One that cannot serve takes no rows from a run.
        if matches!(error, SocrataError::Throttled { .. }) {
            Verdict::warning(error.to_string(), remedy)
        } else {
            Verdict::broken(error.to_string(), remedy)
        }
    })
}

/// Requests the first trip of an hour that every provider should have published.
pub(super) async fn providers(
    env: &Environment,
    providers: &Providers,
    limit: Duration,
) -> Vec<Check> {
    let checks = providers.iter().map(|(name, config)| {
        let about = Some(name.to_string());
        let lag = env.lag_of(config.lag_hours);
        let request = provider(name, config, lag, limit);
        timed("provider", about, limit, request)
    });
    let mut checks = join_all(checks).await;
    checks.extend(providers.all_invalid().map(|(name, _)| {
        let why = Verdict::not_tried("its entry in the providers file cannot be used");
        Check::at_once("provider", why).about(name)
    }));
    checks
}

async fn provider(
    name: &ProviderName,
    config: &ProviderConfig,
    lag: u32,
    limit: Duration,
) -> Verdict {
    if !config.enabled {
        return Verdict::not_tried("it is disabled");
    }
    let Ok(http) = http_kit::client() else {
        return Verdict::not_tried("this machine's HTTP client cannot be built");
    };
    let patient = ProviderConfig {
        max_attempts: 1,
        ..config.clone()
    };
    let client = match MdsClient::new(http, name.clone(), patient) {
        Ok(client) => client.with_options(MdsOptions {
            deadline: Some(limit),
            ..MdsOptions::default()
        }),
        Err(error) => return Verdict::broken(error.to_string(), EDIT_PROVIDERS),
    };
    judge(name, &client, lag).await
}

/// Judges a provider by an hour that it should have published, and by one of a week before if there
/// is none: a wrong address answers like an hour without service, and asks for no login.
async fn judge(name: &ProviderName, client: &MdsClient, lag: u32) -> Verdict {
    let age = i64::from(lag) + 1;
    let look = format!("mds probe --provider {name}");
    let first = match answer(client, age).await {
        Answer::Hour => return Verdict::ok("it accepts the login and answers"),
        Answer::InProcess(status) => {
            let late = format!(
                "it answers, but the hour that is {lag} h old is not ready (HTTP {status})"
            );
            return Verdict::warning(late, look);
        }
        Answer::Error(error) => return refused(name, &error),
        Answer::NotFound(status) => status,
    };
    match answer(client, age + HOURS_OF_A_WEEK).await {
        Answer::Error(error) => refused(name, &error),
        Answer::Hour => Verdict::warning(
            format!(
                "it accepts the login, but has no hour that is {lag} h old (HTTP {first}): it is late, or had no service"
            ),
            look,
        ),
        Answer::NotFound(_) | Answer::InProcess(_) => Verdict::broken(
            format!(
                "the login could not be tested, because nothing is found at the address (HTTP {first}): neither an hour \
                 that is {lag} h old nor one of a week before"
            ),
            format!(
                "correct mds_api_url of {name} ({EDIT_PROVIDERS}); `{look}` asks for other hours"
            ),
        ),
    }
}

const HOURS_OF_A_WEEK: i64 = 7 * 24;

/// How a provider answers to the request for an hour.
enum Answer {
    /// By trips, or by none in that hour.
    Hour,
    /// It is at work on the hour.
    InProcess(u16),
    /// There is no such hour, or no such address.
    NotFound(u16),
    Error(MdsError),
}

/// Asks for the hour that began `age` hours ago.
async fn answer(client: &MdsClient, age: i64) -> Answer {
    let now = Utc::now();
    let hour = Hour::containing(now - TimeDelta::hours(age));
    match client.fetch_hour(hour, now, || FirstTrip).await {
        // The sink ends the request at the first trip: whoever sends one has accepted the login.
        Ok(HourResponse::Ready { .. }) | Err(MdsError::Sink { .. }) => Answer::Hour,
        Ok(HourResponse::NotYet {
            http_status: status,
        }) => match status {
            404 | 410 => Answer::NotFound(status),
            _ => Answer::InProcess(status),
        },
        Ok(HourResponse::NotOperating { report, .. }) => Answer::NotFound(report.http_status),
        Err(MdsError::Rejected {
            status: status @ (404 | 410),
            ..
        }) => Answer::NotFound(status),
        Err(error) => Answer::Error(error),
    }
}

fn refused(name: &ProviderName, error: &MdsError) -> Verdict {
    match error {
        MdsError::Rejected {
            status: 400 | 401 | 403,
            ..
        } => Verdict::broken(
            error.to_string(),
            format!(
                "correct the login of {name}: auth_type, token and what belongs to them ({EDIT_PROVIDERS})"
            ),
        ),
        MdsError::Config { .. } => Verdict::broken(error.to_string(), EDIT_PROVIDERS),
        MdsError::Throttled { .. } => Verdict::warning(error.to_string(), "wait, and try again"),
        MdsError::Unavailable { status: None, .. } => Verdict::broken(
            error.to_string(),
            format!("look at the network, and at mds_api_url of {name} ({EDIT_PROVIDERS})"),
        ),
        // It is judged like the portal: a run takes nothing from a server that cannot serve.
        MdsError::Unavailable { .. } => Verdict::broken(
            error.to_string(),
            "wait, and try again; if it stays, ask the provider",
        ),
        _ => Verdict::broken(error.to_string(), format!("mds probe --provider {name}")),
    }
}

/// Takes no trip: the request is over when the first one comes.
struct FirstTrip;

impl TripSink for FirstTrip {
    fn begin(&mut self, _version: &str) -> io::Result<()> {
        Ok(())
    }

    fn trip(&mut self, _raw: &RawValue) -> io::Result<()> {
        Err(io::Error::other("one trip is enough"))
    }
}
