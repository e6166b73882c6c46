use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::{COLUMNS, micros, read_rows, time};
use crate::copy::{HEADER, TRAILER};

/// A row whose vehicle type and time of receipt are null.
fn row() -> BytesMut {
    let mut row = BytesMut::new();
    row.put_i16(COLUMNS);
    let field = |row: &mut BytesMut, value: &[u8]| {
        row.put_i32(i32::try_from(value.len()).unwrap());
        row.put_slice(value);
    };
    field(&mut row, Uuid::from_u128(1).as_bytes());
    field(&mut row, Uuid::from_u128(2).as_bytes());
    for number in [3_i64, 4, 5] {
        field(&mut row, &number.to_be_bytes());
    }
    row.put_i32(-1);
    for number in [6_i64, 7] {
        field(&mut row, &number.to_be_bytes());
    }
    row.put_i32(-1);
    field(&mut row, &64_i32.to_be_bytes());
    row
}

fn read(piece: &[u8]) -> Result<Vec<(i64, i64, i32)>, String> {
    let mut trips = Vec::new();
    read_rows(&Bytes::copy_from_slice(piece), |trip| {
        assert_eq!(trip.vehicle_type, None);
        assert_eq!(trip.received_at, None);
        trips.push((trip.start, trip.metres, trip.class));
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    Ok(trips)
}

#[test]
fn rows_are_read_with_and_without_the_header() {
    assert_eq!(read(&row()), Ok(vec![(4, 6, 64)]));
    assert_eq!(read(&[HEADER, &row()].concat()), Ok(vec![(4, 6, 64)]));
    assert_eq!(read(&[row(), row()].concat()).unwrap().len(), 2);
    assert_eq!(read(HEADER), Ok(vec![]));
    assert_eq!(read(TRAILER), Ok(vec![]));
    assert_eq!(read(&[&row(), TRAILER].concat()).unwrap().len(), 1);
}

#[test]
fn a_row_that_is_cut_off_is_no_trip() {
    let row = row();
    for end in 1..row.len() {
        assert!(read(&row[..end]).is_err(), "the first {end} bytes");
    }
}

#[test]
fn times_count_from_2000() {
    let instant = "2000-01-01T00:00:01Z".parse().unwrap();
    assert_eq!(micros(instant), 1_000_000);
    assert_eq!(time(1_000_000), Some(instant));
    assert_eq!(time(i64::MAX), None);
}
