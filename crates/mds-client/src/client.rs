//! The client of one provider.

use std::fmt;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout_at};
use trips::block::{Hour, ProviderName};
use uuid::Uuid;

use crate::config::ProviderConfig;
use crate::endpoint::Endpoint;
use crate::error::MdsError;
use crate::fetch_error::FetchError;
use crate::list::ListFetch;
use crate::list_request::ListRequest;
use crate::options::ClientOptions;
use crate::report::HourResponse;
use crate::sink::TripSink;

/// Fetches hours of one provider. `Debug` shows neither secrets nor the URL's query.
pub struct MdsClient(Endpoint);

impl fmt::Debug for MdsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdsClient")
            .field("name", &self.0.name)
            .field("config", &self.0.config)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl MdsClient {
    /// A client for the provider `name`. `http` must come from [`http_kit::client`]: a client that
    /// follows redirects by itself would send credentials to other hosts.
    ///
    /// # Errors
    ///
    /// [`MdsError::Config`] names the key that is missing or cannot work.
    pub fn new(
        http: reqwest::Client,
        name: ProviderName,
        config: ProviderConfig,
    ) -> Result<Self, MdsError> {
        Endpoint::new(http, name, config).map(Self)
    }

    /// The same client with other limits.
    #[must_use]
    pub fn with_options(self, options: ClientOptions) -> Self {
        Self(Endpoint { options, ..self.0 })
    }

    /// The provider's entry in the providers file.
    pub fn config(&self) -> &ProviderConfig {
        &self.0.config
    }

    /// Fetches one hour. `now` decides how old the hour is, and so what a 404 means.
    ///
    /// `make_sink` is called when the first page of the hour begins, and again whenever a body
    /// breaks off and the hour is fetched from its first page. The previous sink is dropped then.
    ///
    /// # Errors
    ///
    /// [`MdsError::Throttled`] and [`MdsError::Unavailable`] once the attempts or the deadline are
    /// used up, the other kinds at once. The sink has been dropped by then.
    pub async fn fetch_hour<S: TripSink>(
        &self,
        hour: Hour,
        now: DateTime<Utc>,
        make_sink: impl FnMut() -> S,
    ) -> Result<HourResponse<S>, MdsError> {
        self.fetch(ListRequest::trips(&self.0, hour, now), make_sink)
            .await
    }

    /// Fetches the telemetry of one hour from a provider of 2.0. The sink gets each point as it
    /// would get a trip.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`].
    pub async fn fetch_telemetry<S: TripSink>(
        &self,
        hour: Hour,
        now: DateTime<Utc>,
        make_sink: impl FnMut() -> S,
    ) -> Result<HourResponse<S>, MdsError> {
        self.fetch(ListRequest::telemetry(&self.0, hour, now), make_sink)
            .await
    }

    /// Fetches all vehicles of a provider of 2.0. The sink gets each vehicle as it would get a
    /// trip.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`]; [`MdsError::Rejected`] if there is no such list.
    pub async fn fetch_vehicles<S: TripSink>(
        &self,
        make_sink: impl FnMut() -> S,
    ) -> Result<S, MdsError> {
        match self
            .fetch(ListRequest::vehicles(&self.0), make_sink)
            .await?
        {
            HourResponse::Ready { sink, .. } => Ok(sink),
            HourResponse::NotYet { http_status } => Err(self.no_vehicles(http_status)),
            HourResponse::NotOperating { report, .. } => Err(self.no_vehicles(report.http_status)),
        }
    }

    /// Fetches one vehicle from a provider of 2.0; `None` if the provider does not know it.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`].
    pub async fn fetch_vehicle<S: TripSink>(
        &self,
        device_id: Uuid,
        make_sink: impl FnMut() -> S,
    ) -> Result<Option<S>, MdsError> {
        match self
            .fetch(ListRequest::vehicle(&self.0, device_id), make_sink)
            .await?
        {
            HourResponse::Ready { sink, .. } => Ok(Some(sink)),
            HourResponse::NotYet { .. } | HourResponse::NotOperating { .. } => Ok(None),
        }
    }

    fn no_vehicles(&self, status: u16) -> MdsError {
        MdsError::Rejected {
            provider: self.0.name.clone(),
            status,
            why: format!("it returned status {status} to a request for its vehicles"),
        }
    }

    async fn fetch<S: TripSink>(
        &self,
        request: ListRequest,
        make_sink: impl FnMut() -> S,
    ) -> Result<HourResponse<S>, MdsError> {
        let limit = self.0.config.deadline.or(self.0.options.deadline);
        let deadline = limit.map(|limit| (Instant::now() + limit, limit));
        let fetch = ListFetch::new(&self.0, request, make_sink, deadline.map(|(at, _)| at)).run();
        let response = match deadline {
            None => fetch.await,
            Some((at, limit)) => timeout_at(at, fetch)
                .await
                .unwrap_or_else(|_| Err(FetchError::out_of_time(limit))),
        };
        response.map_err(|error| error.into_mds_error(&self.0.name))
    }
}
