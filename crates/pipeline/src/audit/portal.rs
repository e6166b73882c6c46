//! The queries of an audit to the portal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use socrata::SocrataClient;
use trips::block::{Hour, HourRange};
use trips::public_row::Member;
use uuid::Uuid;

use super::ExtraRow;
use super::content::{Content, parse_time};
use super::hours::HourSums;
use crate::error::{ErrorName, PipelineError};
use crate::publish::sending::{present, quoted};

/// How many rows a query asks for. A portal, or a proxy before it, may return fewer at a time.
pub(super) const PAGE_ROWS: usize = 50_000;

/// The sums of each hour. The aliases are not names of columns.
const HOUR_SUMS: &str = "date_trunc_ymd(end_time) as end_day, date_extract_hh(end_time) as end_hour, \
     count(*) as row_count, sum(trip_duration) as seconds, sum(trip_distance) as metres, \
     max(modified_date) as newest, sum(date_extract_hh(modified_date)) as modified_hh, \
     sum(date_extract_mm(modified_date)) as modified_mm, sum(date_extract_ss(modified_date)) as modified_ss, \
     min(end_time) as first_end, max(end_time) as last_end, \
     min(start_time) as first_start, max(start_time) as last_start";

/// The portal's dataset, to read.
#[derive(Clone)]
pub(super) struct Dataset {
    client: SocrataClient,
    columns: String,
}

/// A row of the portal: only what a comparison needs, since a page has many.
#[derive(Debug, Deserialize)]
#[serde(from = "Map<String, Value>")]
pub(super) struct PortalRow {
    /// The row identifier as it stands there.
    pub(super) id: String,
    end: Option<NaiveDateTime>,
    pub(super) content: Content,
}

impl PortalRow {
    pub(super) fn hour(&self) -> Option<Hour> {
        self.end.map(|end| Hour::containing(end.and_utc()))
    }

    /// The row as one that only the portal has.
    pub(super) fn extra(self) -> ExtraRow {
        ExtraRow {
            hour: self.hour(),
            is_on_the_hour: self.is_on_the_hour(),
            id: self.id,
        }
    }

    pub(super) fn is_on_the_hour(&self) -> bool {
        self.end
            .is_some_and(|end| (end.minute(), end.second()) == (0, 0))
    }

    /// The trip's public id; `None` for an identifier that no published row has.
    pub(super) fn trip(&self) -> Option<Uuid> {
        let id = Uuid::try_parse(&self.id).ok()?;
        (id.to_string() == self.id).then_some(id)
    }
}

impl From<Map<String, Value>> for PortalRow {
    fn from(row: Map<String, Value>) -> Self {
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        Self {
            id: text("trip_id").unwrap_or_default().to_owned(),
            end: text("end_time").and_then(parse_time),
            content: Content::of(&row),
        }
    }
}

impl Dataset {
    pub(super) fn new(client: SocrataClient) -> Self {
        let columns: Vec<_> = Member::ALL.iter().map(|member| member.as_str()).collect();
        Self {
            client,
            columns: columns.join(", "),
        }
    }

    /// The sums of each hour of a range that has rows.
    pub(super) async fn hour_sums(
        &self,
        range: HourRange,
    ) -> Result<BTreeMap<Hour, HourSums>, PipelineError> {
        let mut sums = BTreeMap::new();
        let mut rest = Some(range);
        while let Some(unread) = rest {
            let page: Vec<Map<String, Value>> = self
                .page(&[
                    ("$select", HOUR_SUMS),
                    ("$where", &within(unread)),
                    ("$group", "end_day, end_hour"),
                    ("$order", "end_day, end_hour"),
                ])
                .await?;
            if page.is_empty() {
                break;
            }
            let mut next = unread.first();
            for row in &page {
                let (hour, of_hour) = hour_sums(row).ok_or_else(not_understood)?;
                if hour < next {
                    return Err(not_in_order("end_time"));
                }
                next = hour.next();
                sums.insert(hour, of_hour);
            }
            rest = HourRange::new(next, range.end());
        }
        Ok(sums)
    }

    /// The rows of these ranges, in order of their ids.
    pub(super) fn rows(&self, ranges: &[HourRange]) -> Pages<'_> {
        let ranges: Vec<_> = ranges.iter().map(|range| within(*range)).collect();
        let filter = match ranges.as_slice() {
            [range] => range.clone(),
            ranges => format!("({})", ranges.join(") or (")),
        };
        self.pages(filter)
    }

    /// The rows that no hour has, because they have no end.
    pub(super) fn rows_without_end(&self) -> Pages<'_> {
        self.pages("end_time is null".to_owned())
    }

    fn pages(&self, filter: String) -> Pages<'_> {
        Pages {
            dataset: self,
            filter,
            last: None,
            page: VecDeque::new(),
            is_last: false,
        }
    }

    /// Those of the trips that the portal has, wherever they are.
    pub(super) async fn with_ids(&self, ids: &[Uuid]) -> Result<BTreeSet<Uuid>, PipelineError> {
        let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
        let found = present(&self.client, &ids).await?;
        Ok(found.iter().filter_map(|id| id.parse().ok()).collect())
    }

    async fn page<T: serde::de::DeserializeOwned>(
        &self,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, PipelineError> {
        let limit = PAGE_ROWS.to_string();
        let mut query = query.to_vec();
        query.push(("$limit", limit.as_str()));
        Ok(self.client.query(&query).await?)
    }
}

/// The rows of a query, page by page. A page begins after the last row of the one before, and not
/// after a number of rows: somebody may publish meanwhile.
pub(super) struct Pages<'a> {
    dataset: &'a Dataset,
    filter: String,
    /// The identifier of the last row that was read.
    last: Option<String>,
    page: VecDeque<PortalRow>,
    is_last: bool,
}

impl Pages<'_> {
    /// The next row; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<PortalRow>, PipelineError> {
        if self.page.is_empty() && !self.is_last {
            let filter = match &self.last {
                None => self.filter.clone(),
                Some(last) => format!("({}) and trip_id > {}", self.filter, quoted(last)),
            };
            let query = [
                ("$select", self.dataset.columns.as_str()),
                ("$where", &filter),
                ("$order", "trip_id"),
            ];
            let page: Vec<PortalRow> = self.dataset.page(&query).await?;
            // A page that is shorter than asked for may be followed by others.
            self.is_last = page.is_empty();
            let last = page.last().map(|row| row.id.clone());
            if last.is_some() && last == self.last {
                return Err(not_in_order("trip_id"));
            }
            self.last = last;
            self.page = page.into();
        }
        Ok(self.page.pop_front())
    }
}

/// The condition for rows that end in a range.
fn within(range: HourRange) -> String {
    let time = |hour: Hour| hour.start().format("%Y-%m-%dT%H:%M:%S").to_string();
    format!(
        "end_time >= '{}' and end_time < '{}'",
        time(range.first()),
        time(range.end())
    )
}

/// Numbers come as text. A sum or a newest time of nothing is left out.
fn hour_sums(row: &Map<String, Value>) -> Option<(Hour, HourSums)> {
    let text = |name: &str| match row.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let time = |name: &str| text(name).and_then(|text| parse_time(&text));
    let sum = |name: &str| text(name).map_or(Some(0), |text| whole_number(&text));
    let day: DateTime<Utc> = time("end_day")?.and_utc();
    let hour: i64 = text("end_hour")?.parse().ok()?;
    let sums = HourSums {
        rows: text("row_count")?.parse().ok()?,
        seconds: sum("seconds")?,
        metres: sum("metres")?,
        newest: time("newest"),
        modified_at: sum("modified_hh")? * 3600 + sum("modified_mm")? * 60 + sum("modified_ss")?,
        first_end: time("first_end"),
        last_end: time("last_end"),
        first_start: time("first_start"),
        last_start: time("last_start"),
    };
    Some((Hour::containing(day + TimeDelta::hours(hour)), sums))
}

/// A sum with a fraction is not that of published rows; its whole part is enough to tell.
fn whole_number(text: &str) -> Option<i128> {
    let whole = text.split('.').next()?;
    whole.parse().ok()
}

/// The error of rows that the query excludes, or that come in another order.
pub(super) fn not_in_order(column: &str) -> PipelineError {
    PipelineError::new(
        ErrorName::SocrataRejected,
        format!(
            "the portal's rows are not those that the query asks for, in the order of {column}: does a proxy before \
             it leave out $where or $order?"
        ),
    )
}

fn not_understood() -> PipelineError {
    PipelineError::new(
        ErrorName::SocrataRejected,
        "the portal's answer to a query for the sums of each hour makes no sense: is the column end_time a \
         calendar_date?",
    )
}
