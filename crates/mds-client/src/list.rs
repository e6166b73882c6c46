//! The fetch of one list: its pages and its attempts.

use chrono::{DateTime, Utc};
use http_kit::RetryBudget;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, sleep};
use trips::envelope::{EnvelopeSummary, NextPage, is_version};
use url::Url;

use crate::endpoint::Endpoint;
use crate::fetch_error::{FetchError, RetryScope};
use crate::link_header::HeaderLink;
use crate::list_request::{ListRequest, NoContent, TRIPS};
use crate::page::{self, HourSink, Limits, Page};
use crate::paging::{Next, Trail};
use crate::report::{HourReport, HourResponse};
use crate::request::{PageResponse, Requester, milliseconds};
use crate::sink::TripSink;

/// The fetch of one list: the trips of an hour, or one of the other lists of 2.0.
pub(crate) struct ListFetch<'a, F> {
    endpoint: &'a Endpoint,
    request: ListRequest,
    requester: Requester<'a>,
    budget: RetryBudget,
    make_sink: F,
    /// Whether there is a next page that the configuration forbids to request.
    next_page_left: bool,
    /// Whether the last pages were empty and had a next page nevertheless.
    empty_pages_left: bool,
}

/// How far a pass over the pages has come.
struct Progress<S> {
    sink: Option<HourSink<S>>,
    pages: u32,
    bytes: u64,
    trips_too_large: u64,
    names_error: bool,
}

impl<S> Progress<S> {
    fn new() -> Self {
        Self {
            sink: None,
            pages: 0,
            bytes: 0,
            trips_too_large: 0,
            names_error: false,
        }
    }
}

impl<'a, F, S> ListFetch<'a, F>
where
    F: FnMut() -> S,
    S: TripSink,
{
    pub(crate) fn new(
        endpoint: &'a Endpoint,
        request: ListRequest,
        make_sink: F,
        deadline: Option<Instant>,
    ) -> Self {
        let config = &endpoint.config;
        Self {
            endpoint,
            requester: Requester::new(endpoint, &request, deadline),
            request,
            budget: RetryBudget::new(config.max_attempts, endpoint.options.retry)
                .with_deadline(deadline),
            make_sink,
            next_page_left: false,
            empty_pages_left: false,
        }
    }

    pub(crate) async fn run(mut self) -> Result<HourResponse<S>, FetchError> {
        let started_at = Utc::now();
        loop {
            let error = match self.read_all_pages(started_at).await {
                Err(error) if error.scope == RetryScope::Hour => error,
                result => return result,
            };
            let Some(wait) = self.budget.restart() else {
                return Err(error);
            };
            tracing::info!(
                error.message = %error,
                retry.wait_ms = milliseconds(wait),
                "response of provider broke off, fetching the hour again"
            );
            sleep(wait).await;
        }
    }

    async fn read_all_pages(
        &mut self,
        started_at: DateTime<Utc>,
    ) -> Result<HourResponse<S>, FetchError> {
        let first = self.request.url.clone();
        let mut trail = Trail::new(&first, self.endpoint.options.max_pages)
            .within(self.request.hour.clone())
            .over(self.request.window);
        let mut progress = Progress::new();
        let mut next = Some(first);
        while let Some(url) = next {
            let (url, response) = match self.requester.request(&url, &mut self.budget).await? {
                PageResponse::Ready { url, response } => (url, response),
                PageResponse::NotYet(http_status) if progress.pages == 0 => {
                    return Ok(HourResponse::NotYet { http_status });
                }
                PageResponse::NoContent(http_status) if progress.pages == 0 => {
                    return self.without_content(http_status, started_at).await;
                }
                PageResponse::NoContent(_) => break,
                PageResponse::NotOperating(http_status) if progress.pages == 0 => {
                    let (sink, report) = self.nothing(http_status, started_at).await?;
                    return Ok(HourResponse::NotOperating { sink, report });
                }
                PageResponse::NotYet(status) | PageResponse::NotOperating(status) => {
                    return Err(page_gone(progress.pages + 1, status));
                }
            };
            let header = HeaderLink::of(response.headers());
            let (page, head) = self.read_page(*response, &mut progress).await?;
            next = self
                .next_page(&mut trail, &url, &page, &header)
                .map_err(|error| error.with_body(head))?;
        }
        let (sink, report) = self.finish(progress, 200, started_at)?;
        Ok(HourResponse::Ready { sink, report })
    }

    /// The response to a request for the first page is that there is no content.
    async fn without_content(
        &mut self,
        http_status: u16,
        started_at: DateTime<Utc>,
    ) -> Result<HourResponse<S>, FetchError> {
        let grace = self.endpoint.options.not_found_grace;
        match self.request.no_content(grace) {
            NoContent::NotYet => Ok(HourResponse::NotYet { http_status }),
            NoContent::Empty => {
                let (sink, report) = self.nothing(http_status, started_at).await?;
                Ok(HourResponse::Ready { sink, report })
            }
        }
    }

    /// A sink that was begun and got nothing.
    async fn nothing(
        &mut self,
        http_status: u16,
        started_at: DateTime<Utc>,
    ) -> Result<(S, HourReport), FetchError> {
        let progress = Progress {
            sink: Some(page::begin_only(self.new_sink(None)).await?),
            ..Progress::new()
        };
        self.finish(progress, http_status, started_at)
    }

    /// Reads a page into the sink and returns what else it holds, and what is kept of its body.
    async fn read_page(
        &mut self,
        response: Response,
        progress: &mut Progress<S>,
    ) -> Result<(EnvelopeSummary, Vec<u8>), FetchError> {
        let sink = match progress.sink.take() {
            Some(sink) => sink,
            None => self.new_sink(version_of(&response)),
        };
        let limits = Limits {
            timeout: self.endpoint.config.timeout,
            bytes: self.endpoint.options.max_body_bytes,
        };
        let Page {
            sink,
            summary,
            bytes,
            head,
        } = page::read(response, self.request.list, sink, limits, self.endpoint).await?;
        self.budget.reset();
        progress.sink = Some(sink);
        progress.pages += 1;
        progress.bytes += bytes;
        progress.trips_too_large += summary.trips_too_large;
        if summary.names_error {
            tracing::warn!("page of provider names an error beside its trips");
            progress.names_error = true;
        }
        Ok((summary, head))
    }

    fn new_sink(&mut self, served_version: Option<String>) -> HourSink<S> {
        let version = self.endpoint.config.version;
        let fallback = served_version.unwrap_or_else(|| version.body_number());
        HourSink::new((self.make_sink)(), fallback, self.request.window)
    }

    fn next_page(
        &mut self,
        trail: &mut Trail,
        from: &Url,
        page: &EnvelopeSummary,
        header: &HeaderLink,
    ) -> Result<Option<Url>, FetchError> {
        // The setting exists because some providers link pages of trips wrongly. Other lists are
        // always followed.
        if !self.endpoint.config.paging && self.request.list == TRIPS {
            if page.next != NextPage::None || *header != HeaderLink::None {
                tracing::warn!(
                    "provider names a next page, which is not requested since paging is off"
                );
                self.next_page_left = true;
            }
            return Ok(None);
        }
        let link = link(&page.next, header, trail.is_at_first()).map_err(FetchError::malformed)?;
        let next = trail.follow(from, link, page.trips == 0);
        match next.map_err(FetchError::malformed)? {
            Next::Page(url) => Ok(Some(url)),
            Next::End => Ok(None),
            Next::EmptyPages => {
                tracing::warn!(
                    pages.empty = trail.max_empty(),
                    "pages of provider are empty and have no end, reading no more of them"
                );
                self.empty_pages_left = true;
                Ok(None)
            }
        }
    }

    fn finish(
        &self,
        progress: Progress<S>,
        http_status: u16,
        started_at: DateTime<Utc>,
    ) -> Result<(S, HourReport), FetchError> {
        let sink = progress
            .sink
            .ok_or_else(|| FetchError::malformed("it has no page"))?;
        let served = sink.version();
        let is_of_trips = self.request.list == TRIPS;
        let expected = is_of_trips.then_some(self.endpoint.config.version);
        let report = HourReport {
            pages: progress.pages,
            trips: sink.passed_on,
            trips_outside_window: sink.left_out,
            trips_too_large: progress.trips_too_large,
            names_error: progress.names_error,
            http_status,
            version_served: served.to_owned(),
            version_expected: expected.and_then(|it| it.expected_instead_of(served)),
            bytes: progress.bytes,
            requests: self.requester.requests(),
            next_page_left: self.next_page_left,
            empty_pages_left: self.empty_pages_left,
            query: self.request.query.clone(),
            started_at,
            ended_at: Utc::now(),
        };
        Ok((sink.inner, report))
    }
}

/// The link of a page. What its body names, as MDS has it, counts before what its headers name.
/// Numbers of pages count only if nothing else is known: on the first page.
///
/// # Errors
///
/// Why it is not known.
fn link<'a>(
    body: &'a NextPage,
    header: &'a HeaderLink,
    is_first: bool,
) -> Result<Option<&'a str>, String> {
    match (body, header) {
        (NextPage::Url(link), _) | (_, HeaderLink::Url(link)) => Ok(Some(link)),
        (NextPage::Unclear(unclear), _) => Err(unclear.to_string()),
        (NextPage::None | NextPage::Counted(_), HeaderLink::Unclear(why)) => Err(why.clone()),
        (NextPage::Counted(unclear), HeaderLink::None) if is_first => Err(unclear.to_string()),
        (NextPage::None | NextPage::Counted(_), HeaderLink::None) => Ok(None),
    }
}

fn page_gone(page: u32, status: u16) -> FetchError {
    FetchError::broken_off(format!(
        "page {page} of the hour, which the page before it names, is not there (status {status})"
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
    is_version(version).then(|| version.to_owned())
}
