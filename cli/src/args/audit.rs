//! `mds audit`.

use chrono::NaiveDate;
use clap::Args;
use pipeline::PlanRequest;

/// `mds audit`.
#[derive(Debug, Args)]
#[group(id = "range", required = true, multiple = true, args = ["month", "time_min", "time_max"])]
pub(crate) struct AuditArgs {
    /// Only blocks of this provider; several are separated by commas. Rows that only the portal has
    /// belong to no provider and are always reported.
    #[arg(
        long,
        value_name = "NAME|all",
        default_value = "all",
        value_delimiter = ','
    )]
    pub(crate) provider: Vec<String>,

    /// A civil month, `yyyy-mm`.
    #[arg(long, value_name = "MONTH", value_parser = month, conflicts_with_all = ["time_min", "time_max"])]
    pub(crate) month: Option<Month>,

    /// Start of the range, inclusive: civil hour `yyyy-mm-dd-hh` or an RFC 3339 instant.
    #[arg(long, value_name = "HOUR", requires = "time_max")]
    pub(crate) time_min: Option<String>,

    /// End of the range, exclusive; same formats.
    #[arg(long, value_name = "HOUR", requires = "time_min")]
    pub(crate) time_max: Option<String>,

    /// Delete the rows that only the portal has, publish again the blocks whose rows differ, and
    /// compare once more.
    #[arg(long)]
    pub(crate) repair: bool,
}

/// The first day of a month, and of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    first: NaiveDate,
    next: NaiveDate,
}

/// Reads a month, padded or not.
fn month(text: &str) -> Result<Month, String> {
    let wrong = || "write a month as yyyy-mm, such as 2020-03".to_owned();
    let (year, month) = text.trim().split_once('-').ok_or_else(wrong)?;
    let is_number = |text: &str, longest| {
        (1..=longest).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
    };
    if year.len() != 4 || !is_number(year, 4) || !is_number(month, 2) {
        return Err(wrong());
    }
    let year: i32 = year.parse().map_err(|_| wrong())?;
    let month: u32 = month.parse().map_err(|_| wrong())?;
    let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1);
    let first =
        day(year, month).ok_or_else(|| format!("there is no month {month}: {}", wrong()))?;
    let next = if month == 12 {
        day(year + 1, 1)
    } else {
        day(year, month + 1)
    };
    Ok(Month {
        first,
        next: next.ok_or_else(wrong)?,
    })
}

impl AuditArgs {
    pub(crate) fn request(&self) -> PlanRequest {
        let midnight = |day: NaiveDate| day.format("%Y-%m-%d-00").to_string();
        let (time_min, time_max) = match self.month {
            Some(month) => (Some(midnight(month.first)), Some(midnight(month.next))),
            None => (self.time_min.clone(), self.time_max.clone()),
        };
        PlanRequest {
            providers: self.provider.clone(),
            time_min,
            time_max,
            audit: true,
            ..PlanRequest::default()
        }
    }
}

#[cfg(test)]
mod tests;
