//! The client of one provider, and what it answers.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderValue;
use serde::Serialize;
use tokio::time::Instant;
use trips::block::{Hour, ProviderName};
use url::Url;
use uuid::Uuid;

use crate::auth::Auth;
use crate::config::ProviderConfig;
use crate::error::MdsError;
use crate::fetch_error::FetchError;
use crate::fields::ProviderConfigError;
use crate::list::ListFetch;
use crate::list_request::ListRequest;
use crate::options::ClientOptions;
use crate::paging::without_user;
use crate::query::trips_url;
use crate::sink::TripSink;

/// What a provider said about an hour.
#[derive(Debug)]
pub enum HourResponse<S> {
    /// The hour is published; it may be empty.
    Ready {
        /// The sink, which has all trips of the hour.
        sink: S,
        /// How it went.
        report: HourReport,
    },
    /// The hour is not published yet.
    NotYet {
        /// The status that said so.
        http_status: u16,
    },
    /// The provider had no service in that hour, which is an hour without trips.
    NotOperating {
        /// A sink that was begun and got no trip.
        sink: S,
        /// How it went; its `http_status` is the one that said so.
        report: HourReport,
    },
}

/// How the fetching of an hour went. Holds no secret and no trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HourReport {
    /// Pages read.
    pub pages: u32,
    /// Trips passed to the sink.
    pub trips: u64,
    /// Trips of the wider window asked at 0.2 that ended in another hour and were left out.
    pub trips_outside_window: u64,
    /// Status of the pages, 200, or the one that said there was no service.
    pub http_status: u16,
    /// The version the body names; the one of the `Content-Type` or of the configuration if it
    /// names none.
    pub version_served: String,
    /// Bytes of the bodies, after decompression.
    pub bytes: u64,
    /// Requests made, failed ones included.
    pub requests: u32,
    /// Whether the last page names a next one that was not asked for, since `paging` is off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub next_page_left: bool,
    /// The query of the first page, without parameters of the configured URL.
    pub asked: String,
    /// When the fetching began, by our clock.
    pub started_at: DateTime<Utc>,
    /// When the last byte had been read, by our clock.
    pub ended_at: DateTime<Utc>,
}

/// Fetches hours of one provider. `Debug` shows neither secrets nor the URL's query.
pub struct MdsClient {
    pub(crate) http: reqwest::Client,
    pub(crate) name: ProviderName,
    pub(crate) config: ProviderConfig,
    pub(crate) auth: Auth,
    pub(crate) trips_url: Url,
    pub(crate) accept: Option<HeaderValue>,
    pub(crate) options: ClientOptions,
}

impl std::fmt::Debug for MdsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MdsClient")
            .field("name", &self.name)
            .field("config", &self.config)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl MdsClient {
    /// A client for the provider `name`. `http` must come from [`http_client`](crate::http_client):
    /// one that follows redirects by itself would carry credentials to other hosts.
    ///
    /// # Errors
    ///
    /// [`MdsError::Config`] names the key that is missing or cannot work.
    pub fn new(
        http: reqwest::Client,
        name: ProviderName,
        config: ProviderConfig,
    ) -> Result<Self, MdsError> {
        let in_config = |error| in_config(&name, error);
        let auth = Auth::new(&http, &config).map_err(in_config)?;
        let accept = accept(&config).map_err(in_config)?;
        Ok(Self {
            accept,
            trips_url: without_user(trips_url(&config.mds_api_url)),
            http,
            name,
            config,
            auth,
            options: ClientOptions::default(),
        })
    }

    /// The same client with other limits.
    #[must_use]
    pub fn with_options(self, options: ClientOptions) -> Self {
        Self { options, ..self }
    }

    /// The provider's entry in the providers file.
    pub fn config(&self) -> &ProviderConfig {
        &self.config
    }

    /// Fetches one hour. `now` tells how old the hour is, which a 404 is judged by.
    ///
    /// `make_sink` is called when the first page of the hour begins, and again whenever a body
    /// breaks off and the hour is begun anew; the sink before is dropped then.
    ///
    /// # Errors
    ///
    /// [`MdsError::Throttled`] and [`MdsError::Unavailable`] when the attempts or the deadline are
    /// used up, the other kinds at once. No sink is left behind.
    pub async fn fetch_hour<F, S>(
        &self,
        hour: Hour,
        now: DateTime<Utc>,
        make_sink: F,
    ) -> Result<HourResponse<S>, MdsError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        self.fetch(ListRequest::trips(self, hour, now), make_sink)
            .await
    }

    /// Fetches the telemetry of one hour, of a provider of 2.0; its points go to the sink as trips
    /// do.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`].
    pub async fn fetch_telemetry<F, S>(
        &self,
        hour: Hour,
        now: DateTime<Utc>,
        make_sink: F,
    ) -> Result<HourResponse<S>, MdsError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        self.fetch(ListRequest::telemetry(self, hour, now), make_sink)
            .await
    }

    /// Fetches the vehicles of a provider of 2.0; their records go to the sink as trips do.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`]; [`MdsError::Rejected`] if there is no such list.
    pub async fn fetch_vehicles<F, S>(&self, make_sink: F) -> Result<S, MdsError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        match self.fetch(ListRequest::vehicles(self), make_sink).await? {
            HourResponse::Ready { sink, .. } => Ok(sink),
            HourResponse::NotYet { http_status } => Err(self.no_vehicles(http_status)),
            HourResponse::NotOperating { report, .. } => Err(self.no_vehicles(report.http_status)),
        }
    }

    /// Fetches what a provider of 2.0 knows of one device; `None` if it knows nothing.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`].
    pub async fn fetch_vehicle<F, S>(
        &self,
        device_id: Uuid,
        make_sink: F,
    ) -> Result<Option<S>, MdsError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        match self
            .fetch(ListRequest::vehicle(self, device_id), make_sink)
            .await?
        {
            HourResponse::Ready { sink, .. } => Ok(Some(sink)),
            HourResponse::NotYet { .. } | HourResponse::NotOperating { .. } => Ok(None),
        }
    }

    fn no_vehicles(&self, status: u16) -> MdsError {
        MdsError::Rejected {
            provider: self.name.clone(),
            status,
            why: format!("it answers {status} to a request for its vehicles"),
        }
    }

    async fn fetch<F, S>(&self, ask: ListRequest, make_sink: F) -> Result<HourResponse<S>, MdsError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        let answer = match self.config.deadline.or(self.options.deadline) {
            None => ListFetch::new(self, ask, make_sink, None).run().await,
            Some(limit) => self.within(limit, ask, make_sink).await,
        };
        answer.map_err(|fault| fault.of(&self.name))
    }

    async fn within<F, S>(
        &self,
        limit: Duration,
        ask: ListRequest,
        make_sink: F,
    ) -> Result<HourResponse<S>, FetchError>
    where
        F: FnMut() -> S,
        S: TripSink + Send + 'static,
    {
        let deadline = Instant::now() + limit;
        let fetch = ListFetch::new(self, ask, make_sink, Some(deadline));
        tokio::time::timeout_at(deadline, fetch.run())
            .await
            .unwrap_or_else(|_| Err(FetchError::out_of_time(limit)))
    }
}

fn accept(config: &ProviderConfig) -> Result<Option<HeaderValue>, ProviderConfigError> {
    let whole = config.accept.as_deref().map(HeaderValue::try_from);
    whole
        .transpose()
        .map_err(|_| ProviderConfigError::new("accept", "is no value of an HTTP header"))
}

fn in_config(provider: &ProviderName, error: ProviderConfigError) -> MdsError {
    MdsError::Config {
        provider: provider.clone(),
        key: error.key,
        why: error.why,
    }
}
