//! Why a time, a range or a zone is refused.

use chrono::FixedOffset;

use crate::block::Hour;

/// A time zone that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The IANA database has no zone of this name.
    #[error(
        "`{name}` is not a time zone; use a name of the IANA database, such as US/Central or Europe/London"
    )]
    Unknown {
        /// The name as it was given.
        name: String,
    },
    /// The zone's clocks are not a whole number of hours from UTC.
    #[error(
        "the time zone `{name}` is {offset} from UTC, and blocks need whole hours; use a zone whose offset from 2000 to 2049 is always a whole number of hours"
    )]
    FractionalOffset {
        /// The name as it was given.
        name: String,
        /// The first such offset since 2000.
        offset: FixedOffset,
    },
}

/// A time or a range of hours that cannot be used. The message names the input, what is wrong with
/// it, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither a civil time nor an instant.
    #[error(
        "`{input}` is not a time; write civil time as yyyy-mm-dd-hh, such as 2020-01-31-23, or an instant such as 2020-01-31T23:00:00Z"
    )]
    NotATime {
        /// The input, trimmed.
        input: String,
    },
    /// Not a civil month.
    #[error("`{input}` is not a month; write yyyy-mm, such as 2020-03")]
    NotAMonth {
        /// The input, trimmed.
        input: String,
    },
    /// A date alone.
    #[error("`{input}` has no hour; write `{input}-00` for the start of that day")]
    NoHour {
        /// The input, trimmed.
        input: String,
    },
    /// A year whose offsets from UTC are not known to be whole hours.
    #[error("`{input}` has the year {year}; use a year from 2000 to 2049")]
    Year {
        /// The input, trimmed.
        input: String,
        /// The year in it.
        year: i32,
    },
    /// No such month.
    #[error("`{input}` has the month {month}; use a month from 01 to 12")]
    Month {
        /// The input, trimmed.
        input: String,
        /// The month in it.
        month: u32,
    },
    /// No such day of that month.
    #[error("`{input}` has the day {day}; use a day from 01 to {last}, the last of that month")]
    Day {
        /// The input, trimmed.
        input: String,
        /// The day in it.
        day: u32,
        /// The last day of its month.
        last: u32,
    },
    /// Hour 24, which is hour 00 of the next day.
    #[error(
        "`{input}` has the hour 24; use an hour from 00 to 23, or `{next}` for the end of that day"
    )]
    HourTwentyFour {
        /// The input, trimmed.
        input: String,
        /// The same moment in the accepted form.
        next: String,
    },
    /// No such hour.
    #[error("`{input}` has the hour {hour}; use an hour from 00 to 23")]
    HourOfDay {
        /// The input, trimmed.
        input: String,
        /// The hour in it.
        hour: u32,
    },
    /// The second occurrence of an hour that occurs once, or not at all.
    #[error(
        "`{input}` names the second occurrence of an hour that the clocks of {zone} do not repeat; leave out the `b`"
    )]
    NotRepeated {
        /// The input, trimmed.
        input: String,
        /// The zone's name.
        zone: &'static str,
    },
    /// A label for an hour that the clocks skip.
    #[error(
        "`{input}` is not the label of a block, because the clocks of {zone} skip that hour; use `{next}`"
    )]
    Skipped {
        /// The input, trimmed.
        input: String,
        /// The zone's name.
        zone: &'static str,
        /// The label of the block that ends at the change.
        next: String,
    },
    /// An instant that does not follow RFC 3339.
    #[error(
        "`{input}` is not an instant of RFC 3339; write date, time and offset, such as 2020-01-31T23:00:00Z or 2020-01-31T17:00:00-06:00"
    )]
    NotAnInstant {
        /// The input, trimmed.
        input: String,
    },
    /// A civil time in the form of an instant, without its offset.
    #[error(
        "`{input}` has no offset from UTC; write `{civil}` for civil time, or `{input_with_minutes}Z` for UTC"
    )]
    NoOffset {
        /// The input, trimmed.
        input: String,
        /// The same numbers as a civil time.
        civil: String,
        /// The same numbers with minutes and seconds.
        input_with_minutes: String,
    },
    /// An instant within an hour.
    #[error("`{input}` is not on a whole hour; use {} or {}", rfc3339(.nearest), rfc3339(&.nearest.next()))]
    NotWholeHour {
        /// The input, trimmed.
        input: String,
        /// The hour that contains the instant.
        nearest: Hour,
    },
    /// A range without hours.
    #[error("time_min and time_max are both {}, a range without an hour; use a later time_max", rfc3339(.at))]
    EmptyRange {
        /// Both ends.
        at: Hour,
    },
    /// A range that ends before it starts.
    #[error("time_min {} is after time_max {}; swap the two", rfc3339(.time_min), rfc3339(.time_max))]
    MinAfterMax {
        /// The requested start.
        time_min: Hour,
        /// The requested end.
        time_max: Hour,
    },
    /// An interval of 0 hours.
    #[error("the interval is 0 hours, a range without an hour; use an interval of 1 or more")]
    ZeroInterval,
    /// An interval that exceeds the years that a time may have.
    #[error(
        "the interval of {interval} hours reaches beyond the years 2000 to 2049; use a shorter one"
    )]
    IntervalTooLong {
        /// The interval in hours.
        interval: u32,
    },
}

fn rfc3339(hour: &Hour) -> String {
    hour.start()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
