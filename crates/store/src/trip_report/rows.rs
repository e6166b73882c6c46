//! Reads trips from a binary COPY: only what a report asks of each, as it comes from the server.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::copy::{HEADER, TRAILER};
use crate::error::StoreError;

/// Microseconds since 2000, as Postgres sends times.
pub(super) type Micros = i64;

/// What lies between 1970 and 2000.
const EPOCH: Micros = 946_684_800_000_000;

pub(super) fn micros(time: DateTime<Utc>) -> Micros {
    time.timestamp_micros().saturating_sub(EPOCH)
}

pub(super) fn time(micros: Micros) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros.checked_add(EPOCH)?)
}

/// A row of the statement of a [slice](super::slice).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TripRow<'a> {
    pub(super) provider_id: Uuid,
    pub(super) device_id: Uuid,
    pub(super) schedule_id: Option<i64>,
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) vehicle_type: Option<&'a [u8]>,
    pub(super) metres: i64,
    pub(super) seconds: i64,
    pub(super) received_at: Option<Micros>,
    /// The bits of its class that the database knows.
    pub(super) class: i32,
}

const COLUMNS: i16 = 10;

/// Calls `each` with the trips of a piece. Pieces hold whole rows.
pub(super) fn read_rows(
    piece: &Bytes,
    mut each: impl FnMut(TripRow<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let rest = piece.strip_prefix(HEADER).unwrap_or(piece);
    let mut fields = Fields(rest);
    while !fields.0.is_empty() && fields.0 != TRAILER {
        each(fields.row().ok_or(CORRUPT)?)?;
    }
    Ok(())
}

const CORRUPT: StoreError = StoreError::Corrupt {
    what: "a row of api.trips",
};

/// What is left of a piece.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn row(&mut self) -> Option<TripRow<'a>> {
        if i16::from_be_bytes(self.take()?) != COLUMNS {
            return None;
        }
        Some(TripRow {
            provider_id: Uuid::from_bytes(self.fixed()??),
            device_id: Uuid::from_bytes(self.fixed()??),
            schedule_id: self.fixed()?.map(i64::from_be_bytes),
            start: i64::from_be_bytes(self.fixed()??),
            end: i64::from_be_bytes(self.fixed()??),
            vehicle_type: self.field()?,
            metres: i64::from_be_bytes(self.fixed()??),
            seconds: i64::from_be_bytes(self.fixed()??),
            received_at: self.fixed()?.map(i64::from_be_bytes),
            class: i32::from_be_bytes(self.fixed()??),
        })
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// A value of a fixed size; `Some(None)` for null.
    #[expect(clippy::option_option, reason = "a value can be null, or cut off")]
    fn fixed<const N: usize>(&mut self) -> Option<Option<[u8; N]>> {
        match self.field()? {
            Some(bytes) => bytes.try_into().ok().map(Some),
            None => Some(None),
        }
    }

    /// The bytes of a value; `Some(None)` for null.
    #[expect(clippy::option_option, reason = "a value can be null, or cut off")]
    fn field(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(i32::from_be_bytes(self.take()?)) else {
            return Some(None);
        };
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(field))
    }
}

#[cfg(test)]
mod tests;
