//! [`CopyEncoder`] writes trips in the format of binary COPY.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type};
use trips::Labels;
use trips::trip::Trip;
use uuid::Uuid;

/// Size of the pieces that go to the database: large enough for few calls, small enough for memory.
const FULL_BYTES: usize = 256 * 1024;

/// Starts a binary COPY: signature, no flags, no extension.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Ends a binary COPY.
pub(crate) const TRAILER: &[u8] = &[0xff, 0xff];

/// The columns of a row that come before those of [`TRIP_DATA`].
pub(crate) const KEYS: [&str; 6] = [
    "seq",
    "device_public_id",
    "id",
    "provider_id",
    "trip_id",
    "flags",
];

/// The columns of `api.trips` with the provider's data of a trip, and what is derived from that
/// data. A trip has changed if one of them has.
pub(crate) const TRIP_DATA: [&str; 29] = [
    "provider_name",
    "device_id",
    "vehicle_id",
    "vehicle_type",
    "propulsion_type",
    "trip_duration",
    "trip_distance",
    "accuracy",
    "start_time",
    "end_time",
    "publication_time",
    "parking_verification_url",
    "standard_cost",
    "actual_cost",
    "currency",
    "start_latitude",
    "start_longitude",
    "end_latitude",
    "end_longitude",
    "council_district_start",
    "council_district_end",
    "census_geoid_start",
    "census_geoid_end",
    "orig_cell_id",
    "dest_cell_id",
    "data_provider_id",
    "journey_id",
    "trip_type",
    "parking_category",
];

const FIELDS: i16 = 35;

/// A trip to load.
#[derive(Debug, Clone, Copy)]
pub struct LoadRow<'a> {
    /// The trip's position in the delivery: of two deliveries that are equally new, the later
    /// counts.
    pub seq: u64,
    /// The trip.
    pub trip: &'a Trip,
    /// Labels of the start point.
    pub start: Labels<'a>,
    /// Labels of the end point.
    pub end: Labels<'a>,
    /// The trip's public id if the trip is new.
    pub public_id: Uuid,
    /// The device's public id if the device is new.
    pub device_public_id: Uuid,
}

/// A value that can't be encoded for its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value of {column} can't be sent to the database")]
pub struct EncodeError {
    /// The column.
    pub column: &'static str,
}

/// Encodes trips for [`CopySink`](crate::CopySink). It only computes, so use it on the thread that
/// parses.
#[derive(Debug, Default)]
pub struct CopyEncoder {
    buffer: BytesMut,
}

impl CopyEncoder {
    /// An empty encoder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trip.
    ///
    /// Postgres text can't hold the character NUL; it becomes U+FFFD.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; the trip is then not added.
    pub fn push(&mut self, row: &LoadRow<'_>) -> Result<(), EncodeError> {
        let start = self.buffer.len();
        self.buffer.put_i16(FIELDS);
        let written = self.keys(row).and_then(|()| self.trip_data(row));
        if written.is_err() {
            self.buffer.truncate(start);
        }
        written
    }

    /// Adds the id of a trip that was rejected, so that the load does not take it for a trip that
    /// the provider no longer returns.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; the id is then not added.
    pub fn push_rejected(&mut self, trip_id: Uuid) -> Result<(), EncodeError> {
        self.buffer.put_i16(FIELDS);
        for column in KEYS.iter().chain(&TRIP_DATA) {
            let id = (*column == "trip_id").then_some(trip_id);
            self.put(column, &id, &Type::UUID)?;
        }
        Ok(())
    }

    /// True if it is time to [`take`](Self::take).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= FULL_BYTES
    }

    /// Takes the rows encoded since the last call. May be empty.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        let piece = self.buffer.split().freeze();
        self.buffer.reserve(FULL_BYTES);
        piece
    }

    fn keys(&mut self, row: &LoadRow<'_>) -> Result<(), EncodeError> {
        let seq = i64::try_from(row.seq).map_err(|_| EncodeError { column: "seq" })?;
        self.put("seq", &seq, &Type::INT8)?;
        self.put("device_public_id", &row.device_public_id, &Type::UUID)?;
        self.put("id", &row.public_id, &Type::UUID)?;
        self.put("provider_id", &row.trip.provider_id, &Type::UUID)?;
        self.put("trip_id", &row.trip.trip_id, &Type::UUID)?;
        self.put("flags", &row.trip.flags.names(), &Type::TEXT_ARRAY)
    }

    /// In the order of [`TRIP_DATA`].
    fn trip_data(&mut self, row: &LoadRow<'_>) -> Result<(), EncodeError> {
        let trip = row.trip;
        self.text("provider_name", trip.provider_name.as_deref())?;
        self.put("device_id", &trip.device_id, &Type::UUID)?;
        self.text("vehicle_id", trip.vehicle_id.as_deref())?;
        self.text("vehicle_type", trip.vehicle_type.as_deref())?;
        self.text("propulsion_type", trip.propulsion_type.as_deref())?;
        self.put("trip_duration", &trip.trip_duration, &Type::INT8)?;
        self.put("trip_distance", &trip.trip_distance, &Type::INT8)?;
        self.put("accuracy", &trip.accuracy, &Type::INT8)?;
        self.put("start_time", &trip.start_time, &Type::TIMESTAMPTZ)?;
        self.put("end_time", &trip.end_time, &Type::TIMESTAMPTZ)?;
        self.put(
            "publication_time",
            &trip.publication_time,
            &Type::TIMESTAMPTZ,
        )?;
        self.text(
            "parking_verification_url",
            trip.parking_verification_url.as_deref(),
        )?;
        self.put("standard_cost", &trip.standard_cost, &Type::INT8)?;
        self.put("actual_cost", &trip.actual_cost, &Type::INT8)?;
        self.text("currency", trip.currency.as_deref())?;
        self.points(row)?;
        self.put("data_provider_id", &trip.data_provider_id, &Type::UUID)?;
        self.put("journey_id", &trip.journey_id, &Type::UUID)?;
        self.text("trip_type", trip.trip_type.as_deref())?;
        self.text("parking_category", trip.parking_category.as_deref())
    }

    fn points(&mut self, row: &LoadRow<'_>) -> Result<(), EncodeError> {
        let trip = row.trip;
        self.put("start_latitude", &trip.start.lat, &Type::FLOAT8)?;
        self.put("start_longitude", &trip.start.lng, &Type::FLOAT8)?;
        self.put("end_latitude", &trip.end.lat, &Type::FLOAT8)?;
        self.put("end_longitude", &trip.end.lng, &Type::FLOAT8)?;
        self.text("council_district_start", row.start.council_district)?;
        self.text("council_district_end", row.end.council_district)?;
        self.text("census_geoid_start", row.start.census_geoid)?;
        self.text("census_geoid_end", row.end.census_geoid)?;
        self.text("orig_cell_id", row.start.cell)?;
        self.text("dest_cell_id", row.end.cell)
    }

    fn text(&mut self, column: &'static str, text: Option<&str>) -> Result<(), EncodeError> {
        let text = text.map(storable);
        self.put(column, &text.as_deref(), &Type::TEXT)
    }

    /// Writes a field: its length in four bytes, or -1 for null, and the value.
    fn put(
        &mut self,
        column: &'static str,
        value: &impl ToSql,
        ty: &Type,
    ) -> Result<(), EncodeError> {
        let does_not_fit = || EncodeError { column };
        let length_at = self.buffer.len();
        self.buffer.put_i32(-1);
        let start = self.buffer.len();
        if let IsNull::No = value
            .to_sql(ty, &mut self.buffer)
            .map_err(|_| does_not_fit())?
        {
            let length = i32::try_from(self.buffer.len() - start).map_err(|_| does_not_fit())?;
            self.buffer[length_at..start].copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }
}

fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
