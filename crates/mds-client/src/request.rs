//! One request until it is answered: credentials, redirects, what the status means, trying again.

use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Request, Response};
use url::Url;

use crate::auth::Grant;
use crate::fetch::MdsClient;
use crate::fetch_error::{FetchError, RetryScope};
use crate::http::{host, retry_after, same_origin};
use crate::interim::is_processing;
use crate::paging::without_user;
use crate::retry::RetryBudget;
use crate::version::StatusMeaning;

const MAX_REDIRECTS: u32 = 3;
const PROCESSING: u16 = 102;

/// An answer that ends the asking.
pub(crate) enum Answer {
    /// The body holds trips; `at` is where it came from, after redirects.
    Trips { at: Url, response: Box<Response> },
    /// The hour is not published.
    NotYet(u16),
    /// No service in that hour.
    NotOperating(u16),
}

/// A response, where it came from and what credentials the request carried.
struct Exchange {
    at: Url,
    response: Response,
    grant: Grant,
}

/// Makes the requests of one hour, and counts them.
pub(crate) struct Requester<'a> {
    client: &'a MdsClient,
    age: Duration,
    requests: u32,
}

impl<'a> Requester<'a> {
    /// For an hour that ended `age` ago.
    pub(crate) fn new(client: &'a MdsClient, age: Duration) -> Self {
        Self {
            client,
            age,
            requests: 0,
        }
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// Asks until there is an answer or nothing left to try.
    pub(crate) async fn ask(
        &mut self,
        url: &Url,
        attempts: &mut RetryBudget,
    ) -> Result<Answer, FetchError> {
        loop {
            match self.attempt(url).await {
                Err(fault) if matches!(fault.remedy, RetryScope::Request(_)) => {
                    tracing::info!(provider = %self.client.name, fault = %fault, "a request failed");
                    if !attempts.again(fault.asked_wait()).await {
                        return Err(fault);
                    }
                }
                ended => return ended,
            }
        }
    }

    async fn attempt(&mut self, url: &Url) -> Result<Answer, FetchError> {
        match self.exchange(url).await {
            Ok(Exchange { at, response, .. }) => self.judge(at, response),
            Err(fault) if fault.is_unanswered() && self.says_processing(url).await => {
                Ok(Answer::NotYet(PROCESSING))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Sends the request; a second time if the credentials were refused and can be renewed.
    async fn exchange(&mut self, url: &Url) -> Result<Exchange, FetchError> {
        let first = self.follow_redirects(url).await?;
        if is_refused(&first.response) && self.client.auth.refresh(first.grant).await {
            return self.follow_redirects(url).await;
        }
        Ok(first)
    }

    async fn follow_redirects(&mut self, url: &Url) -> Result<Exchange, FetchError> {
        let mut at = url.clone();
        for redirects in 0.. {
            let (headers, grant) = self.headers().await?;
            let response = self.send(&at, headers).await?;
            let Some(target) = redirect(&at, &response)? else {
                return Ok(Exchange {
                    at,
                    response,
                    grant,
                });
            };
            if redirects == MAX_REDIRECTS {
                let why = format!("it redirects more than {MAX_REDIRECTS} times");
                return Err(FetchError::rejected(response.status().as_u16(), why));
            }
            at = target;
        }
        Err(FetchError::malformed("it redirects without end"))
    }

    async fn headers(&self) -> Result<(HeaderMap, Grant), FetchError> {
        let own = HeaderValue::from_static(self.client.config.version.rules().accept);
        let mut headers = HeaderMap::from_iter([(ACCEPT, own)]);
        let grant = self.client.auth.authorize(&mut headers).await?;
        if let Some(accept) = &self.client.accept {
            headers.insert(ACCEPT, accept.clone());
        }
        Ok((headers, grant))
    }

    async fn send(&mut self, url: &Url, headers: HeaderMap) -> Result<Response, FetchError> {
        self.requests += 1;
        let mut request = Request::new(Method::GET, url.clone());
        *request.headers_mut() = headers;
        let timeout = self.client.config.timeout;
        tokio::time::timeout(timeout, self.client.http.execute(request))
            .await
            .map_err(|_| FetchError::silent(timeout))?
            .map_err(|error| FetchError::transport("no answer", error))
    }

    /// Whether the provider, that gave no answer, said 102 (see [`is_processing`]).
    async fn says_processing(&mut self, url: &Url) -> bool {
        let config = &self.client.config;
        if !config.version.rules().interim_not_ready {
            return false;
        }
        let Ok((headers, _)) = self.headers().await else {
            return false;
        };
        self.requests += 1;
        is_processing(url, &headers, config.timeout).await
    }

    fn judge(&self, at: Url, response: Response) -> Result<Answer, FetchError> {
        let status = response.status().as_u16();
        let version = self.client.config.version;
        let grace = self.client.options.not_found_grace;
        let wait = retry_after(response.headers(), Utc::now());
        match version.meaning(status, self.age, grace) {
            StatusMeaning::Ready => Ok(Answer::Trips {
                at,
                response: Box::new(response),
            }),
            StatusMeaning::NotYet => Ok(Answer::NotYet(status)),
            StatusMeaning::NotOperating => Ok(Answer::NotOperating(status)),
            StatusMeaning::Throttled => Err(FetchError::throttled(wait)),
            StatusMeaning::Unavailable => Err(FetchError::unavailable_status(
                status,
                format!("it answers {status}"),
                wait,
            )),
            StatusMeaning::Unauthorized | StatusMeaning::Rejected | StatusMeaning::Redirect => {
                Err(FetchError::rejected(status, refusal(status)))
            }
            StatusMeaning::Senseless => Err(FetchError::malformed(format!(
                "it answers {status}, which says nothing about an hour"
            ))),
        }
    }
}

fn is_refused(response: &Response) -> bool {
    matches!(response.status().as_u16(), 401 | 403)
}

/// Where the response sends us, if it does.
fn redirect(from: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    let status = response.status().as_u16();
    if !matches!(status, 300..=303 | 307 | 308) {
        return Ok(None);
    }
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .map(without_user)
        .ok_or_else(|| {
            FetchError::rejected(status, "it redirects without saying where".to_owned())
        })?;
    if same_origin(from, &target) {
        return Ok(Some(target));
    }
    let why = format!(
        "it redirects to another origin, on host {}; credentials only go to {}",
        host(&target),
        host(from)
    );
    Err(FetchError::rejected(status, why))
}

/// What a refusal asks people to look at.
fn refusal(status: u16) -> String {
    let look_at = match status {
        400 => "look at version, mds_param_override and time_format",
        401 | 403 => "look at auth_type and the credentials; a token may not cover this hour",
        404 | 410 => "look at mds_api_url",
        406 => "look at version and accept",
        _ => "asking again changes nothing",
    };
    format!("it answers {status}: {look_at}")
}
