//! One request until it has a final response: credentials, redirects, statuses, retries.

use std::time::Duration;

use http_kit::{RetryBudget, host, over_tls_as, same_origin, without_credentials};
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Request, Response};
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use crate::auth::Grant;
use crate::endpoint::Endpoint;
use crate::fetch_error::{FetchError, RetryScope};
use crate::hour_parameters::HourParameters;
use crate::interim::is_processing;
use crate::link_header::HeaderLink;
use crate::list_request::ListRequest;
use crate::pace::{Turns, WaitLimits};
use crate::paging::{shown_host, with_parameters_of};
use crate::version::StatusMeaning;
use crate::words;

const MAX_REDIRECTS: u32 = 3;
const PROCESSING: u16 = 102;
const UNAUTHORIZED: u16 = 401;

/// A final response to the request for a page.
pub(crate) enum PageResponse {
    /// The body holds trips; `url` is where it came from, after redirects.
    Ready { url: Url, response: Box<Response> },
    /// The hour is not published.
    NotYet(u16),
    /// There is nothing, or nothing more.
    NoContent(u16),
    /// There was no service in that hour.
    NotOperating(u16),
}

/// A response, its URL after redirects, and the credentials that the request carried.
struct Exchange {
    url: Url,
    response: Response,
    grant: Grant,
}

/// Sends the requests of one hour, and counts them.
pub(crate) struct Requester<'a> {
    endpoint: &'a Endpoint,
    age: Duration,
    hour: HourParameters,
    limits: WaitLimits,
    requests: u32,
}

impl<'a> Requester<'a> {
    /// For this list, until `deadline`.
    pub(crate) fn new(
        endpoint: &'a Endpoint,
        list: &ListRequest,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            endpoint,
            age: list.age,
            hour: list.hour.clone(),
            limits: WaitLimits {
                deadline,
                patience: endpoint.options.retry.patience,
            },
            requests: 0,
        }
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// Repeats the request until there is a final response or the budget is used up.
    pub(crate) async fn request(
        &mut self,
        url: &Url,
        budget: &mut RetryBudget,
    ) -> Result<PageResponse, FetchError> {
        loop {
            let error = match self.attempt(url).await {
                Err(error) => error,
                Ok(response) => return Ok(response),
            };
            let RetryScope::Request(requested_wait) = error.scope else {
                return Err(error);
            };
            let Some(wait) = budget.backoff(requested_wait) else {
                return Err(error);
            };
            tracing::info!(
                error.message = %error,
                retry.wait_ms = milliseconds(wait),
                "request to provider failed, retrying"
            );
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self, url: &Url) -> Result<PageResponse, FetchError> {
        match self.exchange(url).await {
            Ok(exchange) => self.judge(exchange).await,
            Err(error) if error.is_without_response() && self.is_processing(url).await => {
                Ok(PageResponse::NotYet(PROCESSING))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the request, and once more if the credentials were refused and can be renewed.
    async fn exchange(&mut self, url: &Url) -> Result<Exchange, FetchError> {
        let first = self.follow_redirects(url).await?;
        if is_refused(&first.response) && self.endpoint.auth.refresh(first.grant).await {
            return self.follow_redirects(url).await;
        }
        Ok(first)
    }

    async fn follow_redirects(&mut self, url: &Url) -> Result<Exchange, FetchError> {
        let mut url = url.clone();
        for redirects in 0.. {
            // A login takes a turn of its own.
            let (headers, grant) = self.headers().await?;
            self.turns().next().await?;
            let response = self.send(&url, headers).await?;
            let Some(target) = redirect(&url, &response, &self.hour)? else {
                return Ok(Exchange {
                    url,
                    response,
                    grant,
                });
            };
            if redirects == MAX_REDIRECTS {
                let why = format!("it redirects more than {MAX_REDIRECTS} times");
                return Err(FetchError::rejected(response.status().as_u16(), why));
            }
            url = target;
        }
        Err(FetchError::malformed("it redirects without end"))
    }

    fn turns(&self) -> Turns<'a> {
        Turns {
            pace: self.endpoint.pace.as_ref(),
            limits: self.limits,
        }
    }

    async fn headers(&self) -> Result<(HeaderMap, Grant), FetchError> {
        let own = HeaderValue::from_static(self.endpoint.config.version.rules().accept);
        let mut headers = HeaderMap::from_iter([(ACCEPT, own)]);
        let auth = &self.endpoint.auth;
        let grant = auth.authorize(&mut headers, self.turns()).await?;
        if let Some(accept) = &self.endpoint.accept {
            headers.insert(ACCEPT, accept.clone());
        }
        Ok((headers, grant))
    }

    async fn send(&mut self, url: &Url, headers: HeaderMap) -> Result<Response, FetchError> {
        self.requests += 1;
        let mut request = Request::new(Method::GET, url.clone());
        *request.headers_mut() = headers;
        // Not the request's own time-out, which would end long bodies as well.
        let limit = self.endpoint.config.timeout;
        timeout(limit, self.endpoint.http.execute(request))
            .await
            .map_err(|_| FetchError::silent(limit))?
            .map_err(|error| FetchError::transport("no response", error))
    }

    /// Whether a provider that sent no final response sent 102 (see [`is_processing`]).
    async fn is_processing(&mut self, url: &Url) -> bool {
        let config = &self.endpoint.config;
        if !config.version.rules().interim_not_ready {
            return false;
        }
        let Ok((headers, _)) = self.headers().await else {
            return false;
        };
        if self.turns().next().await.is_err() {
            return false;
        }
        self.requests += 1;
        is_processing(url, &headers, config.timeout).await
    }

    async fn judge(&self, exchange: Exchange) -> Result<PageResponse, FetchError> {
        let Exchange {
            url,
            response,
            grant,
        } = exchange;
        let status = response.status().as_u16();
        let grace = self.endpoint.options.not_found_grace;
        let meaning = StatusMeaning::of(status, self.age, grace);
        let requested_wait = match meaning {
            StatusMeaning::Throttled | StatusMeaning::Unavailable => {
                self.turns().heed(&response).await
            }
            _ => None,
        };
        match meaning {
            StatusMeaning::Ready => Ok(PageResponse::Ready {
                url,
                response: Box::new(response),
            }),
            StatusMeaning::NotYet => Ok(PageResponse::NotYet(status)),
            StatusMeaning::NoContent
                if self.endpoint.config.paging
                    && HeaderLink::of(response.headers()) != HeaderLink::None =>
            {
                Err(FetchError::malformed(format!(
                    "it returned status {status}, which has no content, but its headers name a \
                     next page"
                )))
            }
            StatusMeaning::NoContent => Ok(PageResponse::NoContent(status)),
            StatusMeaning::NotOperating => Ok(PageResponse::NotOperating(status)),
            StatusMeaning::Throttled => Err(FetchError::throttled(requested_wait)),
            StatusMeaning::Unavailable => {
                Err(FetchError::unavailable_status("it", status, requested_wait))
            }
            StatusMeaning::Unauthorized | StatusMeaning::Rejected | StatusMeaning::Redirect => {
                let said = words::of_response(response, &self.endpoint.secrets().await).await;
                let refused = FetchError::rejected(status, refusal(status)).with_words(said);
                // Some providers know one session: the login of another process ends this one's.
                let may_be_ended = status == UNAUTHORIZED && grant.is_renewable();
                Err(if may_be_ended {
                    refused.may_pass()
                } else {
                    refused
                })
            }
            StatusMeaning::Senseless => Err(FetchError::malformed(refusal(status))),
        }
    }
}

/// A wait as log lines have it.
pub(crate) fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn is_refused(response: &Response) -> bool {
    matches!(response.status().as_u16(), 401 | 403)
}

/// The target of a redirect; `None` if the response is not one.
fn redirect(
    from: &Url,
    response: &Response,
    hour: &HourParameters,
) -> Result<Option<Url>, FetchError> {
    let status = response.status().as_u16();
    if !matches!(status, 300..=303 | 307 | 308) {
        return Ok(None);
    }
    let target = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .map(|target| over_tls_as(from, without_credentials(target)))
        .ok_or_else(|| FetchError::rejected(status, "it redirects to no URL".to_owned()))?;
    if !same_origin(from, &target) {
        let why = format!(
            "it redirects to another origin, on host {}; credentials only go to {}",
            shown_host(&target),
            host(from)
        );
        return Err(FetchError::rejected(status, why));
    }
    if let Some(contradiction) = hour.contradiction(&target) {
        let why = format!("it redirects to another hour than the requested one: {contradiction}");
        return Err(FetchError::rejected(status, why));
    }
    Ok(Some(with_parameters_of(from, target)))
}

/// What a status without an hour means, and what people should look at.
fn refusal(status: u16) -> String {
    let advice = match status {
        // A proxy that changes bodies may change trips.
        203 => "a proxy on the way has changed the response; look at HTTPS_PROXY",
        0..=399 => "this says nothing about an hour",
        400 => "look at version, mds_param_override and time_format",
        401 | 403 => "look at auth_type and the credentials; a token may not cover this hour",
        404 | 410 => "look at mds_api_url",
        406 => "look at version and accept",
        _ => "repeating the request changes nothing",
    };
    format!("it returned status {status}: {advice}")
}
