//! [`PublishedRow`]: a row that has been read, member by member, in the published form.
//!
//! Whatever file a row comes from, only what is read here leaves for the portal.

mod members;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Clock, Label, Member, PublicForm, PublicRow, PublicTimes, PublicTrip, RowTimes, TimeRounding,
};
use crate::VehicleType;
use members::{Members, Scalar};

const VEHICLE_TYPE: &str = "a vehicle type of MDS";
const TIME: &str = "a time such as 2020-02-11T15:08:25";
const LABEL: &str = "a label (of at most 200 bytes, and no coordinates) or the number 0";

/// A row in the published form, whose members have been checked one by one. Those are the members
/// of [`PublicRow`], and it is written in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PublishedRow<'a>(PublicRow<'a>);

/// Why a text is not a published row. It names the member and never shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishedRowError {
    /// Not a JSON object.
    #[error("a row is not a JSON object")]
    NotAnObject,
    /// A member that published rows do not have.
    #[error("a row has {name}, which is not a member of published rows")]
    Unknown {
        /// The member's name, unless it could tell something itself.
        name: String,
    },
    /// A member is missing.
    #[error("a row has no `{member}`")]
    Missing {
        /// The member.
        member: Member,
    },
    /// A member occurs twice.
    #[error("a row has `{member}` twice")]
    Twice {
        /// The member.
        member: Member,
    },
    /// A value has another type or form.
    #[error("the `{member}` of a row is not {expected}")]
    WrongForm {
        /// The member.
        member: Member,
        /// The form that it should have.
        expected: &'static str,
    },
    /// A public id is one of the provider's.
    #[error(
        "the public id of a trip or its device is an id of the provider, which is never published"
    )]
    ProviderId,
    /// A value contradicts another member.
    #[error("the `{member}` of a row does not follow from its `{of}`")]
    Contradiction {
        /// The member.
        member: Member,
        /// The member that it has to follow from.
        of: Member,
    },
}

impl<'a> PublishedRow<'a> {
    /// The row of a trip.
    ///
    /// A trip can come from a database that other programs write to as well, so every member is
    /// checked as if its row had been read from a file.
    ///
    /// # Errors
    ///
    /// [`PublishedRowError`], by the first fault.
    pub fn of_trip(trip: &'a PublicTrip, form: &PublicForm) -> Result<Self, PublishedRowError> {
        if trip.has_provider_id {
            return Err(PublishedRowError::ProviderId);
        }
        let row = PublicRow::new(trip, form);
        check_forms(&row)?;
        check_times(&row, &form.times)?;
        Ok(Self(row))
    }
}

impl PublishedRow<'static> {
    /// Reads a row. It has exactly the members of a published row, each in its form, and year,
    /// month, hour, day of the week and civil times are those of its times in UTC.
    ///
    /// A row that was written with exact times, before they were rounded, is rounded here.
    ///
    /// # Errors
    ///
    /// [`PublishedRowError`], by the first fault.
    pub fn parse(text: &str, times: &PublicTimes) -> Result<Self, PublishedRowError> {
        let row = row(&members::read(text)?)?;
        check_times(&row, times)?;
        let row = rounded(row, times);
        // The last minutes of the year 9999 are rounded to a year with five digits.
        check_forms(&row)?;
        Ok(Self(row))
    }
}

impl PublishedRow<'_> {
    /// The trip's public id.
    #[must_use]
    pub fn trip_id(&self) -> Uuid {
        self.0.trip_id
    }

    /// When the trip's row in the database last changed, to the second.
    #[must_use]
    pub fn modified_date(&self) -> DateTime<Utc> {
        self.0.modified_date.0.and_utc()
    }
}

fn row(members: &Members<'_>) -> Result<PublicRow<'static>, PublishedRowError> {
    Ok(PublicRow {
        trip_id: id(members, Member::TripId)?,
        device_id: id(members, Member::DeviceId)?,
        vehicle_type: vehicle_type(members, Member::VehicleType)?,
        trip_duration: whole(members, Member::TripDuration)?,
        trip_distance: whole(members, Member::TripDistance)?,
        start_time: clock(members, Member::StartTime)?,
        end_time: clock(members, Member::EndTime)?,
        modified_date: clock(members, Member::ModifiedDate)?,
        start_time_us_central: clock(members, Member::StartTimeUsCentral)?,
        end_time_us_central: clock(members, Member::EndTimeUsCentral)?,
        year: small(members, Member::Year)?,
        month: small(members, Member::Month)?,
        hour: small(members, Member::Hour)?,
        day_of_week: small(members, Member::DayOfWeek)?,
        council_district_start: label(members, Member::CouncilDistrictStart)?,
        council_district_end: label(members, Member::CouncilDistrictEnd)?,
        census_geoid_start: label(members, Member::CensusGeoidStart)?,
        census_geoid_end: label(members, Member::CensusGeoidEnd)?,
    })
}

/// Checks what the types of the members leave open. An id is a UUID by its type, a number is whole,
/// and the other times follow from start and end.
fn check_forms(row: &PublicRow<'_>) -> Result<(), PublishedRowError> {
    if !is_word(row.vehicle_type) {
        return Err(wrong_form(Member::VehicleType, VEHICLE_TYPE));
    }
    for (time, member) in [
        (row.start_time, Member::StartTime),
        (row.end_time, Member::EndTime),
        (row.modified_date, Member::ModifiedDate),
        (row.start_time_us_central, Member::StartTimeUsCentral),
        (row.end_time_us_central, Member::EndTimeUsCentral),
    ] {
        if !time.has_form() {
            return Err(wrong_form(member, TIME));
        }
    }
    for (label, member) in [
        (&row.council_district_start, Member::CouncilDistrictStart),
        (&row.council_district_end, Member::CouncilDistrictEnd),
        (&row.census_geoid_start, Member::CensusGeoidStart),
        (&row.census_geoid_end, Member::CensusGeoidEnd),
    ] {
        if !label.has_form() {
            return Err(wrong_form(member, LABEL));
        }
    }
    Ok(())
}

fn wrong_form(member: Member, expected: &'static str) -> PublishedRowError {
    PublishedRowError::WrongForm { member, expected }
}

fn is_word(vehicle_type: &str) -> bool {
    VehicleType::ALL
        .into_iter()
        .any(|known| known.published() == vehicle_type)
}

fn id(members: &Members<'_>, member: Member) -> Result<Uuid, PublishedRowError> {
    let expected = "a UUID in lower case with hyphens";
    text(members, member)?
        .and_then(|text| {
            let id = Uuid::try_parse(text).ok()?;
            let mut form = [0; uuid::fmt::Hyphenated::LENGTH];
            (id.hyphenated().encode_lower(&mut form) == text).then_some(id)
        })
        .ok_or(wrong_form(member, expected))
}

fn vehicle_type(members: &Members<'_>, member: Member) -> Result<&'static str, PublishedRowError> {
    let word = text(members, member)?;
    VehicleType::ALL
        .into_iter()
        .map(VehicleType::published)
        .find(|published| Some(*published) == word)
        .ok_or(wrong_form(member, VEHICLE_TYPE))
}

fn clock(members: &Members<'_>, member: Member) -> Result<Clock, PublishedRowError> {
    text(members, member)?
        .and_then(Clock::parse)
        .ok_or(wrong_form(member, TIME))
}

fn whole(members: &Members<'_>, member: Member) -> Result<i64, PublishedRowError> {
    match members.get(member)? {
        Scalar::Whole(number) => Ok(*number),
        Scalar::Text(_) => Err(wrong_form(member, "a whole number")),
    }
}

fn small<N: TryFrom<i64>>(members: &Members<'_>, member: Member) -> Result<N, PublishedRowError> {
    N::try_from(whole(members, member)?).map_err(|_| wrong_form(member, "a part of a date"))
}

fn label(members: &Members<'_>, member: Member) -> Result<Label<'static>, PublishedRowError> {
    let label = match members.get(member)? {
        Scalar::Whole(0) => Some(Label(None)),
        Scalar::Whole(_) => None,
        Scalar::Text(text) => Some(Label(Some(Cow::Owned(text.clone().into_owned())))),
    };
    label
        .filter(Label::has_form)
        .ok_or(wrong_form(member, LABEL))
}

/// `None` for a number.
fn text<'m>(
    members: &'m Members<'_>,
    member: Member,
) -> Result<Option<&'m str>, PublishedRowError> {
    Ok(match members.get(member)? {
        Scalar::Text(text) => Some(text),
        Scalar::Whole(_) => None,
    })
}

/// Every other time has to follow from start and end, or it could say more than they do.
fn check_times(row: &PublicRow<'_>, times: &PublicTimes) -> Result<(), PublishedRowError> {
    let exact = PublicTimes {
        rounding: TimeRounding::NONE,
        ..*times
    };
    let due = RowTimes::rounded(row.start_time.0.and_utc(), row.end_time.0.and_utc(), &exact);
    for (follows, member, of) in [
        (
            row.start_time_us_central == due.civil_start,
            Member::StartTimeUsCentral,
            Member::StartTime,
        ),
        (
            row.end_time_us_central == due.civil_end,
            Member::EndTimeUsCentral,
            Member::EndTime,
        ),
        (row.year == due.year, Member::Year, Member::EndTime),
        (row.month == due.month, Member::Month, Member::EndTime),
        (row.hour == due.hour, Member::Hour, Member::EndTime),
        (
            row.day_of_week == due.day_of_week,
            Member::DayOfWeek,
            Member::EndTime,
        ),
    ] {
        if !follows {
            return Err(PublishedRowError::Contradiction { member, of });
        }
    }
    Ok(())
}

fn rounded<'a>(row: PublicRow<'a>, times: &PublicTimes) -> PublicRow<'a> {
    if times.rounding == TimeRounding::NONE {
        return row;
    }
    let shown = RowTimes::rounded(row.start_time.0.and_utc(), row.end_time.0.and_utc(), times);
    PublicRow {
        start_time: shown.start,
        end_time: shown.end,
        start_time_us_central: shown.civil_start,
        end_time_us_central: shown.civil_end,
        year: shown.year,
        month: shown.month,
        hour: shown.hour,
        day_of_week: shown.day_of_week,
        ..row
    }
}

#[cfg(test)]
mod tests;
