//! The client of one dataset.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_kit::{RetryBudget, host, same_origin};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;
use trips::json::Object;
use url::Url;

use crate::chunk::Chunk;
use crate::config::{DatasetId, SocrataConfig, check_secure};
use crate::error::SocrataError;
use crate::held::{Always, MaySend};
use crate::metadata::DatasetInfo;
use crate::options::ClientOptions;
use crate::request::{Kept, Response, send};
use crate::resource::{JSON, headers, metadata_url, resource_url};
use crate::upsert::Upsert;

/// The counts of an upload. What the portal reports of each row is not kept.
const UPSERT_RESPONSE: Kept = Kept::Outline(1 << 20);
const METADATA: Kept = Kept::Whole(8 << 20);
const QUERY_RESPONSE: Kept = Kept::Whole(64 << 20);

/// Writes and counts the rows of one dataset. Cheap to clone. `Debug` shows no secret.
#[derive(Clone)]
pub struct SocrataClient {
    http: reqwest::Client,
    dataset: DatasetId,
    url: Url,
    metadata_url: Url,
    headers: HeaderMap,
    options: ClientOptions,
}

impl fmt::Debug for SocrataClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocrataClient")
            .field("host", &self.url.host_str())
            .field("dataset", &self.dataset)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl SocrataClient {
    /// A client for the dataset of `config`. `http` must come from [`http_kit::client`]: a client
    /// that follows redirects by itself would send the key to other hosts.
    ///
    /// # Errors
    ///
    /// [`SocrataError::Config`] for an endpoint that is not secure, or a key or token that no HTTP
    /// header can carry.
    pub fn new(http: reqwest::Client, config: SocrataConfig) -> Result<Self, SocrataError> {
        check_secure(&config.endpoint).map_err(|why| SocrataError::Config {
            key: "SOCRATA_DATA_ENDPOINT",
            why: why.to_string(),
        })?;
        Ok(Self {
            http,
            url: resource_url(&config.endpoint, &config.dataset),
            metadata_url: metadata_url(&config.endpoint, &config.dataset),
            headers: headers(&config)?,
            dataset: config.dataset,
            options: ClientOptions::default(),
        })
    }

    /// The same client with other limits.
    #[must_use]
    pub fn with_options(self, options: ClientOptions) -> Self {
        Self { options, ..self }
    }

    /// Where rows are sent: the portal and the dataset.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.as_str()
    }

    /// Sends new, changed and deleted rows. A chunk without rows is not sent.
    ///
    /// Rows that the portal refuses while it takes others are counted in [`Upsert::errors`]; they
    /// are not an error here. The counts are those of the rows sent, save for
    /// [unconfirmed deletions](Upsert::unconfirmed_deletions), or the upload is
    /// [`SocrataError::Rejected`].
    ///
    /// # Errors
    ///
    /// [`SocrataError::Throttled`] and [`SocrataError::Unavailable`] once the attempts are used up;
    /// the portal may have taken rows by then, and sending them again does no harm.
    /// [`SocrataError::Rejected`] at once.
    pub async fn upsert(&self, chunk: &Chunk) -> Result<Upsert, SocrataError> {
        self.upsert_while(chunk, &Always).await
    }

    /// Sends rows as [`upsert`](Self::upsert) does, if it may: `held` is asked immediately before
    /// each attempt.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`]; [`SocrataError::NotSent`].
    pub async fn upsert_while(
        &self,
        chunk: &Chunk,
        held: &impl MaySend,
    ) -> Result<Upsert, SocrataError> {
        if chunk.rows == 0 {
            return Ok(Upsert::default());
        }
        let attempt = || async {
            let may_send = held.check().await;
            may_send.map_err(|why| SocrataError::NotSent { why })?;
            self.post(chunk.body.clone()).await
        };
        let mut expired = RetryBudget::new(self.options.max_attempts, self.options.retry);
        loop {
            let body = match self.with_retries(attempt).await? {
                Posted::Done(body) => Some(body),
                Posted::Accepted(ticket) => self.poll(&ticket).await?,
            };
            if let Some(body) = body {
                return Upsert::read(&body, chunk.rows as u64, chunk.deletions as u64);
            }
            // The rows may be there or not. To send them again does no harm.
            let wait = expired.backoff(None).ok_or_else(ticket_expired)?;
            pause(&ticket_expired(), wait).await;
        }
    }

    /// What the portal says about the dataset and its columns.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`].
    pub async fn dataset_info(&self) -> Result<DatasetInfo, SocrataError> {
        let url = &self.metadata_url;
        let body = self
            .with_retries(|| self.get_body(url.clone(), METADATA))
            .await?;
        DatasetInfo::read(&body)
    }

    /// The number of rows that meet `filter`, a SoQL condition such as `year = 2020`; without one,
    /// of all rows.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`].
    pub async fn count(&self, filter: Option<&str>) -> Result<u64, SocrataError> {
        let mut query = vec![("$select", "count(*) as total")];
        query.extend(filter.map(|filter| ("$where", filter)));
        total(&self.query_body(&query).await?)
    }

    /// The rows of a SoQL query: pairs such as `("$select", "year, count(*)")`. Without a `$limit`
    /// the portal returns 1,000 rows.
    ///
    /// # Errors
    ///
    /// As [`SocrataClient::upsert`]; [`SocrataError::Rejected`] also for rows that are not a `T`.
    pub async fn query<T: DeserializeOwned>(
        &self,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, SocrataError> {
        rows_of(&self.query_body(query).await?)
    }

    async fn query_body(&self, query: &[(&str, &str)]) -> Result<Bytes, SocrataError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(query);
        self.with_retries(|| self.get_body(url.clone(), QUERY_RESPONSE))
            .await
    }

    async fn get_body(&self, url: Url, kept: Kept) -> Result<Bytes, SocrataError> {
        let response = self.get(url, kept).await?;
        match response.status {
            200 => Ok(response.body),
            status => Err(in_progress(status)),
        }
    }

    async fn post(&self, body: Bytes) -> Result<Posted, SocrataError> {
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, JSON)
            .body(body);
        let response = self.send(request, UPSERT_RESPONSE).await?;
        if response.status == 200 {
            return Ok(Posted::Done(response.body));
        }
        // Without a ticket the portal expects the same request again.
        let ticket = self.ticket(&response)?;
        ticket
            .map(Posted::Accepted)
            .ok_or_else(|| in_progress(response.status))
    }

    async fn get(&self, url: Url, kept: Kept) -> Result<Response, SocrataError> {
        self.send(self.http.get(url), kept).await
    }

    async fn send(&self, request: RequestBuilder, kept: Kept) -> Result<Response, SocrataError> {
        let request = request
            .headers(self.headers.clone())
            .timeout(self.options.timeout);
        send(request, kept).await
    }

    /// Repeats `work` until it succeeds, fails for good, or the attempts are used up.
    async fn with_retries<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T, SocrataError>
    where
        F: Future<Output = Result<T, SocrataError>>,
    {
        let mut budget = RetryBudget::new(self.options.max_attempts, self.options.retry);
        loop {
            let error = match work().await {
                Err(error) if error.is_transient() => error,
                result => return result,
            };
            let Some(wait) = budget.backoff(error.retry_after()) else {
                return Err(error);
            };
            pause(&error, wait).await;
        }
    }

    /// Asks for the result of an upload that the portal processes in the background; `None` if it
    /// no longer knows of it.
    async fn poll(&self, ticket: &Url) -> Result<Option<Bytes>, SocrataError> {
        let max_polls = self.options.max_polls.saturating_add(1);
        let mut budget = RetryBudget::new(max_polls, self.options.retry);
        while let Some(wait) = budget.backoff(None) {
            sleep(wait).await;
            let response = match self.get(ticket.clone(), UPSERT_RESPONSE).await {
                Err(error) if error.is_transient() => continue,
                Err(SocrataError::Rejected {
                    status: 404 | 410, ..
                }) => return Ok(None),
                response => response?,
            };
            if response.status == 200 {
                return Ok(Some(response.body));
            }
        }
        Err(in_progress(202))
    }

    /// Where the result of an accepted upload will be; `None` if the response does not say.
    fn ticket(&self, response: &Response) -> Result<Option<Url>, SocrataError> {
        #[derive(Deserialize)]
        struct Accepted {
            ticket: String,
        }
        if let Some(location) = response.headers.get(LOCATION) {
            let url = location.to_str().ok().and_then(|at| self.url.join(at).ok());
            let url = url.ok_or_else(|| SocrataError::malformed("its Location is not a URL"))?;
            return self.on_same_origin(url).map(Some);
        }
        let accepted: Option<Object<Accepted>> = serde_json::from_slice(&response.body).ok();
        Ok(accepted.map(|Object(accepted)| {
            let mut url = self.url.clone();
            url.query_pairs_mut()
                .append_pair("ticket", &accepted.ticket);
            url
        }))
    }

    fn on_same_origin(&self, url: Url) -> Result<Url, SocrataError> {
        if same_origin(&url, &self.url) {
            return Ok(url);
        }
        Err(SocrataError::Rejected {
            status: 202,
            code: None,
            why: format!(
                "its Location leads to another origin, on host {}",
                host(&url)
            ),
        })
    }
}

/// Waits before the next attempt.
async fn pause(error: &SocrataError, wait: Duration) {
    tracing::info!(
        error.message = %error,
        retry.wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        "request to portal failed, retrying"
    );
    sleep(wait).await;
}

/// The response to an upload.
enum Posted {
    /// The body with the counts.
    Done(Bytes),
    /// The portal processes it in the background; where to ask for the result.
    Accepted(Url),
}

/// The one row of a count. Socrata writes numbers as text.
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

fn rows_of<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, SocrataError> {
    serde_json::from_slice(body).map_err(|_| {
        SocrataError::malformed("the response to a query has other rows than requested")
    })
}

/// Reads the answer to a count.
pub(crate) fn total(body: &[u8]) -> Result<u64, SocrataError> {
    let rows: Vec<Object<Total>> = rows_of(body)?;
    rows.first()
        .and_then(|Object(total)| total.value())
        .ok_or_else(|| SocrataError::malformed("the response to a count has no number"))
}

/// The dataset is there, since it has taken the upload.
fn ticket_expired() -> SocrataError {
    SocrataError::Unavailable {
        why: "it accepted an upload, and no longer knows what has become of it".to_owned(),
        status: Some(404),
        retry_after: None,
        source: None,
    }
}

fn in_progress(status: u16) -> SocrataError {
    SocrataError::Unavailable {
        why: format!("it is still working on the request (status {status})"),
        status: Some(status),
        retry_after: None,
        source: None,
    }
}
