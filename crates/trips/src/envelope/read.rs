//! Reading an envelope of trips.

use std::io::{self, Read};

use serde_json::value::RawValue;

use super::found::{Found, is_about_error, names_error};
use super::next_page::NextPageFinder;
use super::not_json::in_place_of_not_json;
use super::not_utf8::in_place_of_not_utf8;
use super::version::version;
use super::{EnvelopeError, NextPage, TooLargeTrip};
use crate::json::element::Element;
use crate::json::window::Window;

/// Receives what an envelope holds, while it is read.
pub trait TripVisitor {
    /// The version that the body names. It may come before the trips, after them or not at all.
    /// [`EnvelopeSummary`] has it too.
    fn version(&mut self, version: &str) {
        let _ = version;
    }

    /// A trip, exactly as it was sent, or what stands in its place.
    ///
    /// # Errors
    ///
    /// An error ends the reading and is returned as [`EnvelopeError::Sink`].
    fn trip(&mut self, trip: &RawValue) -> io::Result<()>;

    /// A trip that would be JSON but for `NaN`, `Infinity` or `-Infinity`, which some languages
    /// write. By default it is passed to [`TripVisitor::trip`] with `null` in place of these.
    ///
    /// # Errors
    ///
    /// As [`TripVisitor::trip`].
    fn non_finite_trip(&mut self, trip: &NonFiniteTrip<'_>) -> io::Result<()> {
        self.trip(trip.with_nulls)
    }

    /// A chance to parse a trip in the same pass that finds its end. `text` begins with the trip
    /// and continues after it, or is cut off anywhere. Returns the length of the trip if it was
    /// taken. After `None`, the default, the trip is passed to [`TripVisitor::trip`].
    ///
    /// # Errors
    ///
    /// As [`TripVisitor::trip`].
    fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
        let _ = text;
        Ok(None)
    }
}

/// A trip that is no JSON because of `NaN`, `Infinity` or `-Infinity`.
#[derive(Debug, Clone, Copy)]
pub struct NonFiniteTrip<'a> {
    /// The trip exactly as it was sent.
    pub text: &'a str,
    /// The trip with `null` in place of these: its ids and times can be read here.
    pub with_nulls: &'a RawValue,
}

/// What an envelope holds besides its trips.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopeSummary {
    /// The body's `version`.
    pub version: Option<String>,
    /// The page after this one.
    pub next: NextPage,
    /// How many trips were passed to the visitor.
    pub trips: u64,
    /// For how many of them a [`TooLargeTrip`] was passed, since they have more than 64 MiB, or
    /// more than 10 MiB and are not UTF-8 or no JSON.
    pub trips_too_large: u64,
    /// Whether an error is named beside the trips, so that some may be missing.
    pub names_error: bool,
}

/// Reads an envelope of trips to its end and passes each trip to the visitor.
///
/// A byte order mark before it is skipped, unknown members are skipped, and anything but white
/// space after it is an error. Memory does not grow with the number of trips. In the place of a
/// single trip of more than 64 MiB, the visitor receives a [`TooLargeTrip`]; in the place of one
/// whose texts have bytes that are not UTF-8, what is readable of it, with the bytes in its member
/// `mds_etl_not_utf8`; in the place of an object with another fault that JSON does not allow, its
/// ids and times, with the bytes in `mds_etl_not_json` (docs/CONTRACT.md, "Reject reasons"). Such a
/// fault must leave no doubt where the object ends, otherwise the envelope is malformed.
///
/// ```
/// use serde_json::value::RawValue;
/// use trips::envelope::{ArchiveWriter, TripVisitor, read_envelope};
///
/// struct Archive(ArchiveWriter<Vec<u8>>);
///
/// impl TripVisitor for Archive {
///     fn trip(&mut self, trip: &RawValue) -> std::io::Result<()> {
///         self.0.push(trip)
///     }
/// }
///
/// let response = br#"{"trips": [{"cost": 1.50}], "links": {"next": "https://example.com/2"}}"#;
/// let mut archive = Archive(ArchiveWriter::new(Vec::new(), "2.0.0")?);
/// let summary = read_envelope(response.as_slice(), &mut archive)?;
/// assert_eq!(summary.trips, 1);
/// assert_eq!(summary.next.url(), Some("https://example.com/2"));
/// assert_eq!(
///     archive.0.finish()?,
///     br#"{"version":"2.0.0","data":{"trips":[{"cost": 1.50}]}}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// An [`EnvelopeError`]. The visitor may have received trips before the error; they are not all the
/// trips of the envelope.
pub fn read_envelope<R: Read, V: TripVisitor>(
    reader: R,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    read_list(reader, "trips", visitor)
}

/// As [`read_envelope`], for a list of another name: `vehicles` and `telemetry` of 2.0 come in the
/// same kind of envelope. The visitor receives their records as trips.
///
/// # Errors
///
/// As [`read_envelope`].
pub fn read_list<R: Read, V: TripVisitor>(
    reader: R,
    list: &'static str,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    read_window(Window::new(reader), list, visitor)
}

pub(crate) fn read_window<R: Read, V: TripVisitor>(
    mut window: Window<R>,
    list: &'static str,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    if window.peek()? != Some(b'{') {
        window.value(|_| ())?;
        window.expect_end()?;
        return Err(EnvelopeError::NotAnEnvelope {
            problem: "it is not a JSON object".to_owned(),
        });
    }
    let mut envelope = Envelope {
        list,
        visitor,
        summary: EnvelopeSummary::default(),
        next_page: NextPageFinder::default(),
        found: Found::default(),
    };
    members(&mut window, |window, key| envelope.member(window, key))?;
    window.expect_end()?;
    envelope.finish()
}

/// Takes an object, whose brace is the next byte. It passes each key to `member`, which takes the
/// value.
pub(super) fn members<R: Read>(
    window: &mut Window<R>,
    mut member: impl FnMut(&mut Window<R>, &str) -> Result<(), EnvelopeError>,
) -> Result<(), EnvelopeError> {
    window.expect(b'{', "an object")?;
    if window.take(b'}')? {
        return Ok(());
    }
    loop {
        let Some(key) = window.value(string)? else {
            return Err(window.malformed("a key is not a string".to_owned()).into());
        };
        window.expect(b':', "a colon")?;
        member(window, &key)?;
        if window.take(b'}')? {
            return Ok(());
        }
        window.expect(b',', "a comma or the end of an object")?;
    }
}

struct Envelope<'v, V> {
    list: &'static str,
    visitor: &'v mut V,
    summary: EnvelopeSummary,
    next_page: NextPageFinder,
    found: Found,
}

impl<V: TripVisitor> Envelope<'_, V> {
    fn member<R: Read>(&mut self, window: &mut Window<R>, key: &str) -> Result<(), EnvelopeError> {
        match key {
            "version" => self.version(window),
            "data" if window.peek()? == Some(b'{') => members(window, |window, key| {
                if key == self.list {
                    self.trips(window)
                } else {
                    self.other(window, key)
                }
            }),
            key if key == self.list => self.trips(window),
            _ => self.other(window, key),
        }
    }

    /// A member that says nothing about trips.
    fn other<R: Read>(&mut self, window: &mut Window<R>, key: &str) -> Result<(), EnvelopeError> {
        if self.next_page.takes(window, key)? {
            return Ok(());
        }
        if is_about_error(key) {
            self.found.error |= window.element(|value| names_error(&value))?;
            return Ok(());
        }
        skip(window)
    }

    fn version<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), EnvelopeError> {
        if let Some(version) = window.value(version)? {
            self.visitor.version(&version);
            self.summary.version = Some(version);
        }
        Ok(())
    }

    /// Trips are in one place only, but if both places have some, none is lost.
    fn trips<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), EnvelopeError> {
        match window.peek()? {
            Some(b'[') => self.found.list = true,
            Some(b'n') => {
                self.found.null = true;
                return skip(window);
            }
            _ => {
                self.found.other = true;
                return skip(window);
            }
        }
        let mut has_trip = window.enter_array()?;
        while has_trip {
            self.trip(window)?;
            has_trip = window.has_another_element()?;
        }
        Ok(())
    }

    fn trip<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), EnvelopeError> {
        self.summary.trips += 1;
        let visitor = &mut *self.visitor;
        if window.take_ahead(|text| visitor.trip_ahead(text).map_err(EnvelopeError::Sink))? {
            return Ok(());
        }
        let too_large = &mut self.summary.trips_too_large;
        let taken = window.record(|element| match element {
            Element::Json(trip) => visitor.trip(trip),
            Element::NonFinite { text, with_nulls } => {
                visitor.non_finite_trip(&NonFiniteTrip { text, with_nulls })
            }
            Element::NotUtf8 { sent, readable } => {
                visitor.trip(&in_place_of_not_utf8(sent, readable)?)
            }
            Element::NotJson(sent) => visitor.trip(&in_place_of_not_json(sent)?),
            Element::TooLarge(skipped) => {
                *too_large += 1;
                visitor.trip(&TooLargeTrip::of(skipped).to_json()?)
            }
        })?;
        taken.map_err(EnvelopeError::Sink)
    }

    fn finish(self) -> Result<EnvelopeSummary, EnvelopeError> {
        let Some(problem) = self.found.problem(self.list, self.summary.trips) else {
            return Ok(EnvelopeSummary {
                next: self.next_page.finish(),
                names_error: self.found.error,
                ..self.summary
            });
        };
        Err(EnvelopeError::NotAnEnvelope { problem })
    }
}

pub(super) fn skip<R: Read>(window: &mut Window<R>) -> Result<(), EnvelopeError> {
    Ok(window.element(|_| ())?)
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}
