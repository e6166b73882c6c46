//! The client of one provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout_at};
use trips::block::{Hour, ProviderName};

use crate::config::ProviderConfig;
use crate::endpoint::Endpoint;
use crate::error::MdsError;
use crate::fetch_error::FetchError;
use crate::list::ListFetch;
use crate::list_request::ListRequest;
use crate::options::ClientOptions;
use crate::pace::Pace;
use crate::report::HourResponse;
use crate::sink::TripSink;

/// Fetches hours of one provider. `Debug` shows neither secrets nor the URL's query. Cheap to
/// clone; all clones share the credentials and the pace.
#[derive(Clone)]
pub struct MdsClient {
    endpoint: Arc<Endpoint>,
    ends_at: Option<Instant>,
}

impl fmt::Debug for MdsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdsClient")
            .field("name", &self.endpoint.name)
            .field("config", &self.endpoint.config)
            .field("options", &self.endpoint.options)
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
        Endpoint::new(http, name, config).map(Self::of)
    }

    fn of(endpoint: Endpoint) -> Self {
        Self {
            endpoint: Arc::new(endpoint),
            ends_at: None,
        }
    }

    /// The same client with other limits.
    #[must_use]
    pub fn with_options(self, options: ClientOptions) -> Self {
        Self::of(Endpoint {
            options,
            ..(*self.endpoint).clone()
        })
    }

    /// The same client with another pace of its requests than one of its own.
    #[must_use]
    pub fn with_pace(self, pace: Arc<dyn Pace>) -> Self {
        Self::of(Endpoint {
            pace,
            ..(*self.endpoint).clone()
        })
    }

    /// The same client for work that must have ended at `ends_at`: however many lists it requests,
    /// none of them takes longer.
    #[must_use]
    pub fn until(&self, ends_at: Instant) -> Self {
        Self {
            ends_at: Some(ends_at),
            ..self.clone()
        }
    }

    /// The provider's entry in the providers file.
    pub fn config(&self) -> &ProviderConfig {
        &self.endpoint.config
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
        self.fetch(ListRequest::trips(&self.endpoint, hour, now), make_sink)
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
        self.fetch(ListRequest::telemetry(&self.endpoint, hour, now), make_sink)
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
            .fetch(ListRequest::vehicles(&self.endpoint), make_sink)
            .await?
        {
            HourResponse::Ready { sink, .. } => Ok(sink),
            HourResponse::NotYet { http_status } => Err(self.no_vehicles(http_status)),
            HourResponse::NotOperating { report, .. } => Err(self.no_vehicles(report.http_status)),
        }
    }

    /// Fetches one vehicle from a provider of 2.0, by the id that the provider uses: a UUID or a
    /// whole number. `None` if the provider does not know it.
    ///
    /// # Errors
    ///
    /// As [`MdsClient::fetch_hour`].
    pub async fn fetch_vehicle<S: TripSink>(
        &self,
        device_id: &str,
        make_sink: impl FnMut() -> S,
    ) -> Result<Option<S>, MdsError> {
        match self
            .fetch(ListRequest::vehicle(&self.endpoint, device_id), make_sink)
            .await?
        {
            HourResponse::Ready { sink, .. } => Ok(Some(sink)),
            HourResponse::NotYet { .. } | HourResponse::NotOperating { .. } => Ok(None),
        }
    }

    fn no_vehicles(&self, status: u16) -> MdsError {
        MdsError::Rejected {
            provider: self.endpoint.name.clone(),
            status,
            why: format!("it returned status {status} to a request for its vehicles"),
            said: None,
        }
    }

    async fn fetch<S: TripSink>(
        &self,
        request: ListRequest,
        make_sink: impl FnMut() -> S,
    ) -> Result<HourResponse<S>, MdsError> {
        self.fetch_in_time(request, make_sink)
            .await
            .map_err(|error| error.into_mds_error(&self.endpoint.name))
    }

    /// When a list that is requested now must have been read, and how long that is.
    fn deadline(&self) -> Option<(Instant, Duration)> {
        let Endpoint {
            config, options, ..
        } = &*self.endpoint;
        let now = Instant::now();
        let own = config.deadline.or(options.deadline);
        let left = self.ends_at.map(|at| at.saturating_duration_since(now));
        let limit = own.into_iter().chain(left).min()?;
        Some((now + limit, limit))
    }

    async fn fetch_in_time<S: TripSink>(
        &self,
        request: ListRequest,
        make_sink: impl FnMut() -> S,
    ) -> Result<HourResponse<S>, FetchError> {
        let deadline = self.deadline();
        let ends_at = deadline.map(|(at, _)| at);
        let slot = self.endpoint.pace.enter(ends_at).await?;
        let fetch = ListFetch::new(&self.endpoint, request, make_sink, ends_at).run();
        let response = match deadline {
            None => fetch.await,
            Some((at, limit)) => timeout_at(at, fetch)
                .await
                .unwrap_or_else(|_| Err(FetchError::out_of_time(limit))),
        };
        slot.free().await;
        response
    }
}
