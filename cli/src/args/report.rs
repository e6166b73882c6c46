//! `mds report`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pipeline::ReportFilters;
use trips::time::Month;

/// `mds report`.
#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Per provider, the trips of a month: before and after the filters, miles, averages, and what
    /// has changed since the last report of that month.
    Trips(TripsArgs),
    /// Per month, how many published rows are the only one with their pair of tracts and their
    /// times: as published, and as they would be with times rounded to 15 minutes.
    Privacy {
        /// Only trips that ended in this civil month, `yyyy-mm`. [default: all months]
        #[arg(long, value_name = "MONTH")]
        month: Option<Month>,
    },
}

/// `mds report trips`.
#[derive(Debug, Args)]
pub(crate) struct TripsArgs {
    /// The civil month in which the trips ended, `yyyy-mm`.
    #[arg(long, value_name = "MONTH")]
    pub(crate) month: Month,

    /// The shortest distance that counts, in miles.
    #[arg(long, value_name = "MILES", default_value = "0.1", value_parser = amount)]
    pub(crate) min_miles: f64,

    /// The longest distance that counts, in miles.
    #[arg(long, value_name = "MILES", default_value = "500", value_parser = amount)]
    pub(crate) max_miles: f64,

    /// The longest duration that counts, in hours.
    #[arg(long, value_name = "HOURS", default_value = "24", value_parser = amount)]
    pub(crate) max_hours: f64,

    /// Count trips without a rider too, such as moves by the provider.
    #[arg(long)]
    pub(crate) all_purposes: bool,

    /// Compare with the last report that was made before this day or instant: `yyyy-mm-dd`, civil
    /// hour or RFC 3339. [default: with the last report of the month]
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Do not record this report. The next one is then compared with an earlier one.
    #[arg(long)]
    pub(crate) no_record: bool,

    /// Write comma-separated values, to FILE or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", conflicts_with = "html")]
    pub(crate) csv: Option<PathBuf>,

    /// Write a page for a browser, to FILE or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) html: Option<PathBuf>,
}

impl TripsArgs {
    pub(crate) fn filters(&self) -> ReportFilters {
        ReportFilters {
            min_miles: self.min_miles,
            max_miles: self.max_miles,
            max_hours: self.max_hours,
            riders_only: !self.all_purposes,
        }
    }
}

fn amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "must be a number".to_owned())?;
    if amount.is_finite() && amount >= 0.0 {
        Ok(amount)
    } else {
        Err("must be 0 or more".to_owned())
    }
}
