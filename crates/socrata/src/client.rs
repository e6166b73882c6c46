//! The client of one dataset.

use std::fmt;
use std::time::Duration;

use backon::BackoffBuilder as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::config::{DatasetId, SocrataConfig, check_secure};
use crate::error::SocrataError;
use crate::request::{Answer, answer_of};
use crate::retry::RetryPolicy;
use crate::upsert::Upsert;

const APP_TOKEN: &str = "x-app-token";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A portal can work on 10,000 rows for a minute.
const TIMEOUT: Duration = Duration::from_secs(120);
const MAX_UPSERT_RESPONSE_BYTES: usize = 1 << 20;
const MAX_QUERY_RESPONSE_BYTES: usize = 64 << 20;

/// Writes and counts the rows of one dataset. Cheap to clone. `Debug` shows no secret.
#[derive(Clone)]
pub struct SocrataClient {
    http: reqwest::Client,
    dataset: DatasetId,
    url: Url,
    headers: HeaderMap,
    retry: RetryPolicy,
    timeout: Duration,
}

impl fmt::Debug for SocrataClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocrataClient")
            .field("host", &self.url.host_str())
            .field("dataset", &self.dataset)
            .finish_non_exhaustive()
    }
}

impl SocrataClient {
    /// A client for the dataset of `config`. `http` must not follow redirects by itself: it would
    /// carry the key to other hosts.
    ///
    /// # Errors
    ///
    /// [`SocrataError::Config`] for an endpoint that is not secure or a token that no HTTP header
    /// can carry.
    pub fn new(http: reqwest::Client, config: SocrataConfig) -> Result<Self, SocrataError> {
        check_secure(&config.endpoint).map_err(|why| SocrataError::Config {
            key: "SOCRATA_DATA_ENDPOINT",
            why: why.to_string(),
        })?;
        Ok(Self {
            http,
            url: resource(&config.endpoint, &config.dataset),
            headers: headers(&config)?,
            dataset: config.dataset,
            retry: RetryPolicy::default(),
            timeout: TIMEOUT,
        })
    }

    /// The same client with other attempts and waits.
    #[must_use]
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// The same client with another bound on the time of one request; 2 minutes unless given.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The dataset.
    pub fn dataset(&self) -> &DatasetId {
        &self.dataset
    }

    /// Sends rows, new ones and changed ones alike: `body` is a JSON array of `rows` objects, such
    /// as [`Chunk::body`](crate::Chunk). No rows are no request.
    ///
    /// Rows that the portal refuses while it takes others are counted in [`Upsert::errors`], not an
    /// error here.
    ///
    /// # Errors
    ///
    /// [`SocrataError::Throttled`] and [`SocrataError::Unavailable`] once the attempts are used up;
    /// rows may have been taken by then, and sending them again does no harm.
    /// [`SocrataError::Rejected`] at once.
    pub async fn upsert(&self, body: Bytes, rows: usize) -> Result<Upsert, SocrataError> {
        if rows == 0 {
            return Ok(Upsert::default());
        }
        match self.retry.run(|| self.post(body.clone())).await? {
            Posted::Done(upsert) => Ok(upsert),
            Posted::Taken(ticket) => self.outcome(&ticket).await,
        }
    }

    /// The number of rows that meet `filter`, a SoQL condition such as `year = 2020`; of all rows
    /// without one.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`].
    pub async fn count(&self, filter: Option<&str>) -> Result<u64, SocrataError> {
        let mut query = vec![("$select", "count(*) as total")];
        query.extend(filter.map(|filter| ("$where", filter)));
        let rows: Vec<Total> = self.query(&query).await?;
        rows.first()
            .and_then(Total::value)
            .ok_or_else(|| SocrataError::senseless("it answers a count without a number"))
    }

    /// The rows that a SoQL query gives: pairs such as `("$select", "year, count(*)")`. Without a
    /// `$limit` the portal gives 1,000 rows.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`]; [`SocrataError::Rejected`] also for rows that are no `T`.
    pub async fn query<T: DeserializeOwned>(
        &self,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, SocrataError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(query);
        let body = self.retry.run(|| self.query_once(url.clone())).await?;
        serde_json::from_slice(&body)
            .map_err(|_| SocrataError::senseless("it answers a query with other rows than asked"))
    }

    async fn query_once(&self, url: Url) -> Result<Bytes, SocrataError> {
        let answer = self.get(url, MAX_QUERY_RESPONSE_BYTES).await?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(still_working(status)),
        }
    }

    async fn post(&self, body: Bytes) -> Result<Posted, SocrataError> {
        let request = self
            .http
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, JSON)
            .timeout(self.timeout)
            .body(body);
        let answer = answer_of(request, MAX_UPSERT_RESPONSE_BYTES).await?;
        if answer.status == 200 {
            return Upsert::read(&answer.body).map(Posted::Done);
        }
        // Without a ticket the portal wants the same request again.
        let ticket = self.ticket(&answer)?;
        ticket
            .map(Posted::Taken)
            .ok_or_else(|| still_working(answer.status))
    }

    async fn get(&self, url: Url, most_bytes: usize) -> Result<Answer, SocrataError> {
        let request = self
            .http
            .get(url)
            .headers(self.headers.clone())
            .timeout(self.timeout);
        answer_of(request, most_bytes).await
    }

    /// Asks about an upload that the portal works on, until it is done.
    async fn outcome(&self, url: &Url) -> Result<Upsert, SocrataError> {
        for bound in self.retry.steps(self.retry.polls + 1).build() {
            tokio::time::sleep(self.retry.wait(bound, None).unwrap_or(bound)).await;
            let answer = match self.get(url.clone(), MAX_UPSERT_RESPONSE_BYTES).await {
                Err(error) if error.is_transient() => continue,
                answer => answer?,
            };
            if answer.status == 200 {
                return Upsert::read(&answer.body);
            }
        }
        Err(still_working(202))
    }

    /// Where to ask about an upload that the portal has taken but not done.
    fn ticket(&self, answer: &Answer) -> Result<Option<Url>, SocrataError> {
        if let Some(location) = answer.headers.get(LOCATION) {
            let url = location.to_str().ok().and_then(|at| self.url.join(at).ok());
            let url = url.ok_or_else(|| SocrataError::senseless("its Location is no URL"))?;
            return self.on_our_portal(url).map(Some);
        }
        #[derive(Deserialize)]
        struct Taken {
            ticket: String,
        }
        let taken: Option<Taken> = serde_json::from_slice(&answer.body).ok();
        Ok(taken.map(|taken| {
            let mut url = self.url.clone();
            url.query_pairs_mut().append_pair("ticket", &taken.ticket);
            url
        }))
    }

    fn on_our_portal(&self, url: Url) -> Result<Url, SocrataError> {
        if url.origin() == self.url.origin() {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or("(no host)");
        Err(SocrataError::Rejected {
            status: 202,
            code: None,
            why: format!("its Location leads to another origin, on host {host}"),
        })
    }
}

/// What became of an upload.
enum Posted {
    Done(Upsert),
    /// The portal works on it; where to ask about it.
    Taken(Url),
}

/// The one row of a count; Socrata writes numbers as text.
#[derive(Deserialize)]
struct Total {
    total: Value,
}

impl Total {
    fn value(&self) -> Option<u64> {
        match &self.total {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        }
    }
}

fn still_working(status: u16) -> SocrataError {
    SocrataError::Unavailable {
        why: format!("it is still working on the request ({status})"),
        status: Some(status),
        retry_after: None,
        source: None,
    }
}

fn resource(endpoint: &Url, dataset: &DatasetId) -> Url {
    let mut url = endpoint.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_path(&format!("/resource/{dataset}.json"));
    url
}

fn headers(config: &SocrataConfig) -> Result<HeaderMap, SocrataError> {
    let (id, secret) = (&config.key_id, &config.key_secret);
    let pair = format!("{}:{}", id.expose_secret(), secret.expose_secret());
    let basic = format!("Basic {}", STANDARD.encode(pair));
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, JSON);
    headers.insert(AUTHORIZATION, sensitive("SOCRATA_KEY_ID", &basic)?);
    let token = config.app_token.expose_secret().trim();
    if !token.is_empty() {
        headers.insert(APP_TOKEN, sensitive("SOCRATA_APP_TOKEN", token)?);
    }
    Ok(headers)
}

/// A value that `Debug` does not show.
fn sensitive(key: &'static str, text: &str) -> Result<HeaderValue, SocrataError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| SocrataError::Config {
        key,
        why: "has characters that no HTTP header can carry".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
