//! One hour, or one list of 2.0: its pages, its attempts.

use chrono::{DateTime, Utc};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::Instant;
use url::Url;

use crate::fetch::{HourReport, HourResponse, MdsClient};
use crate::fetch_error::{FetchError, RetryScope};
use crate::list_request::{ListRequest, TRIPS};
use crate::page::{self, HourSink, Limits, Page};
use crate::paging::Trail;
use crate::request::{Answer, Requester};
use crate::retry::RetryBudget;
use crate::sink::TripSink;

/// The fetching of one list: the trips of an hour, or what 2.0 has beside them.
pub(crate) struct ListFetch<'a, F> {
    client: &'a MdsClient,
    ask: ListRequest,
    asker: Requester<'a>,
    attempts: RetryBudget,
    make_sink: F,
    /// Whether there is a next page that the configuration forbids to ask for.
    unfollowed: bool,
}

/// How far a pass over the pages has come.
struct Progress<S> {
    intake: Option<HourSink<S>>,
    pages: u32,
    bytes: u64,
}

impl<'a, F, S> ListFetch<'a, F>
where
    F: FnMut() -> S,
    S: TripSink + Send + 'static,
{
    pub(crate) fn new(
        client: &'a MdsClient,
        ask: ListRequest,
        make_sink: F,
        deadline: Option<Instant>,
    ) -> Self {
        let config = &client.config;
        Self {
            client,
            asker: Requester::new(client, ask.age),
            ask,
            attempts: RetryBudget::new(
                config.max_attempts,
                config.delay,
                client.options.retry,
                deadline,
            ),
            make_sink,
            unfollowed: false,
        }
    }

    pub(crate) async fn run(mut self) -> Result<HourResponse<S>, FetchError> {
        let started_at = Utc::now();
        loop {
            match self.pass(started_at).await {
                Err(fault) if fault.remedy == RetryScope::Hour => {
                    tracing::info!(provider = %self.client.name, fault = %fault, "the hour broke off");
                    if !self.attempts.restart().await {
                        return Err(fault);
                    }
                }
                ended => return ended,
            }
        }
    }

    /// Reads the pages from first to last.
    async fn pass(&mut self, started_at: DateTime<Utc>) -> Result<HourResponse<S>, FetchError> {
        let first = self.ask.url.clone();
        let mut trail = Trail::new(&first, self.client.options.max_pages);
        let mut progress = Progress {
            intake: None,
            pages: 0,
            bytes: 0,
        };
        let mut next = Some(first);
        while let Some(url) = next {
            if progress.pages > 0 {
                tokio::time::sleep(self.client.config.delay).await;
            }
            let (at, response) = match self.asker.ask(&url, &mut self.attempts).await? {
                Answer::Trips { at, response } => (at, response),
                Answer::NotYet(http_status) if progress.pages == 0 => {
                    return Ok(HourResponse::NotYet { http_status });
                }
                Answer::NotOperating(http_status) if progress.pages == 0 => {
                    let intake = page::none(self.new_intake(None)).await?;
                    progress.intake = Some(intake);
                    let (sink, report) = self.ended(progress, http_status, started_at)?;
                    return Ok(HourResponse::NotOperating { sink, report });
                }
                Answer::NotYet(status) | Answer::NotOperating(status) => {
                    return Err(page_gone(progress.pages + 1, status));
                }
            };
            let link = self.read(*response, &mut progress).await?;
            next = self.follow(&mut trail, &at, link.as_deref())?;
        }
        let (sink, report) = self.ended(progress, 200, started_at)?;
        Ok(HourResponse::Ready { sink, report })
    }

    async fn read(
        &mut self,
        response: Response,
        progress: &mut Progress<S>,
    ) -> Result<Option<String>, FetchError> {
        let intake = match progress.intake.take() {
            Some(intake) => intake,
            None => self.new_intake(version_of(&response)),
        };
        let limits = Limits {
            timeout: self.client.config.timeout,
            bytes: self.client.options.max_body_bytes,
        };
        let Page {
            intake,
            summary,
            bytes,
        } = page::read(response, self.ask.list, intake, limits).await?;
        self.attempts.succeeded();
        progress.intake = Some(intake);
        progress.pages += 1;
        progress.bytes += bytes;
        Ok(summary.next)
    }

    fn new_intake(&mut self, named_version: Option<String>) -> HourSink<S> {
        let version = self.client.config.version;
        let assumed = named_version.unwrap_or_else(|| version.body_number());
        HourSink::new((self.make_sink)(), assumed, self.ask.window)
    }

    fn follow(
        &mut self,
        trail: &mut Trail,
        from: &Url,
        link: Option<&str>,
    ) -> Result<Option<Url>, FetchError> {
        // The switch is about trips, whose links some providers get wrong.
        if !self.client.config.paging && self.ask.list == TRIPS {
            self.unfollowed |= link.is_some_and(|link| !link.trim().is_empty());
            return Ok(None);
        }
        trail.follow(from, link).map_err(FetchError::malformed)
    }

    fn ended(
        &self,
        progress: Progress<S>,
        http_status: u16,
        started_at: DateTime<Utc>,
    ) -> Result<(S, HourReport), FetchError> {
        let intake = progress
            .intake
            .ok_or_else(|| FetchError::malformed("it has no page"))?;
        let report = HourReport {
            pages: progress.pages,
            trips: intake.passed_on,
            trips_outside_window: intake.left_out,
            http_status,
            version_served: intake.version().to_owned(),
            bytes: progress.bytes,
            requests: self.asker.requests(),
            next_page_left: self.unfollowed,
            asked: self.ask.asked.clone(),
            started_at,
            ended_at: Utc::now(),
        };
        Ok((intake.sink, report))
    }
}

fn page_gone(page: u32, status: u16) -> FetchError {
    FetchError::broken_off(format!(
        "page {page} of the hour, which the page before it names, is not there ({status})"
    ))
}

/// The version in the `Content-Type`: `application/vnd.mds+json;version=1.0`.
fn version_of(response: &Response) -> Option<String> {
    let content_type = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let version = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("version"))
        .map(|(_, value)| value.trim().trim_matches('"'))?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_version.then(|| version.to_owned())
}
