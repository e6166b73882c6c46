//! Readers and visitors for the tests.

use std::io::{self, Cursor, Read};

use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::envelope::{EnvelopeError, EnvelopeSummary, NonFiniteTrip, TripVisitor, read_envelope};

/// Keeps what it receives.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) version: Option<String>,
    pub(super) trips: Vec<String>,
    pub(super) non_finite: Vec<(String, String)>,
}

impl TripVisitor for Collected {
    fn version(&mut self, version: &str) {
        self.version = Some(version.to_owned());
    }

    fn trip(&mut self, trip: &RawValue) -> io::Result<()> {
        self.trips.push(trip.get().to_owned());
        Ok(())
    }

    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        let with_nulls = trip.with_nulls.get().to_owned();
        self.non_finite.push((trip.text.to_owned(), with_nulls));
        Ok(())
    }
}

/// Returns the text in pieces of these sizes, repeated.
pub(super) struct Pieces<'a> {
    text: Cursor<&'a [u8]>,
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(text: &'a [u8], sizes: Vec<usize>) -> Self {
        Self {
            text: Cursor::new(text),
            sizes: sizes.into_iter().cycle(),
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().unwrap().min(buffer.len());
        self.text.read(&mut buffer[..size])
    }
}

pub(super) fn read(json: impl AsRef<[u8]>) -> Result<(EnvelopeSummary, Collected), EnvelopeError> {
    let mut collected = Collected::default();
    let summary = read_envelope(json.as_ref(), &mut collected)?;
    Ok((summary, collected))
}

pub(super) fn envelope(trips: &[&[u8]]) -> Vec<u8> {
    [b"{\"trips\":[", &trips.join(&b","[..])[..], b"]}"].concat()
}

/// What was sent, restored from the member of what stands in its place.
pub(super) fn restored(marker: &Value, member: &str) -> Vec<u8> {
    let facts = &marker[member];
    let text = facts["latin1"].as_str().unwrap();
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    assert_eq!(facts["bytes"], bytes.len());
    assert_eq!(facts["sha256"], format!("{:x}", Sha256::digest(&bytes)));
    bytes
}
