//! Reading an envelope of trips.

use std::io::{self, Read};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::EnvelopeError;
use super::source::Source;

/// Takes what an envelope holds, while it is read.
pub trait TripVisitor {
    /// The version that the body names. It may come before the trips, after them or not at all;
    /// [`EnvelopeSummary`] has it too.
    fn version(&mut self, version: &str) {
        let _ = version;
    }

    /// A trip, exactly as it was sent.
    ///
    /// # Errors
    ///
    /// An error ends the reading and comes back as [`EnvelopeError::Sink`].
    fn trip(&mut self, trip: &RawValue) -> io::Result<()>;

    /// A chance to take a trip in the pass that finds its end: `text` begins with it and goes on
    /// behind it, or is cut off anywhere. Answers the length of the trip that was taken; `None` has
    /// it come to [`TripVisitor::trip`], which is what happens unless this is implemented.
    ///
    /// # Errors
    ///
    /// As [`TripVisitor::trip`].
    fn trip_ahead(&mut self, text: &[u8]) -> io::Result<Option<usize>> {
        let _ = text;
        Ok(None)
    }
}

/// What stood around the trips.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopeSummary {
    /// The body's `version`.
    pub version: Option<String>,
    /// The URL of the next page; `null` and an empty text are none.
    pub next: Option<String>,
    /// How many trips were passed to the visitor.
    pub trips: u64,
}

/// Reads an envelope of trips to its end and passes each trip to the visitor.
///
/// A byte order mark before it is skipped, members that are not known are passed over, and anything
/// but white space behind it is refused. Memory does not grow with the number of trips; a single
/// trip may have 64 MiB.
///
/// # Errors
///
/// An [`EnvelopeError`]. The visitor may have got trips by then, so what it made of them must not
/// be taken for the whole.
pub fn read_envelope<R: Read, V: TripVisitor>(
    reader: R,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    read_list(reader, "trips", visitor)
}

/// As [`read_envelope`], for the list of another name: `vehicles` and `telemetry` of 2.0 come in
/// the same kind of envelope. Their records go to the visitor in the place of trips.
///
/// # Errors
///
/// As [`read_envelope`].
pub fn read_list<R: Read, V: TripVisitor>(
    reader: R,
    list: &'static str,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    let mut source = Source::new(reader)?;
    if source.peek()? != Some(b'{') {
        source.value(|_| ())?;
        end_of(&mut source)?;
        return Err(EnvelopeError::NotAnEnvelope {
            problem: "it is no JSON object",
        });
    }
    let mut envelope = Envelope {
        list,
        visitor,
        summary: EnvelopeSummary::default(),
        has_trips: false,
    };
    members(&mut source, |source, key| envelope.member(source, key))?;
    end_of(&mut source)?;
    envelope.finish()
}

fn end_of<R: Read>(source: &mut Source<R>) -> Result<(), EnvelopeError> {
    match source.peek()? {
        None => Ok(()),
        Some(_) => Err(source.malformed("it goes on behind its end".to_owned())),
    }
}

/// Takes an object, whose brace is the next byte, giving each key to `member`, which takes the
/// value.
fn members<R: Read>(
    source: &mut Source<R>,
    mut member: impl FnMut(&mut Source<R>, &str) -> Result<(), EnvelopeError>,
) -> Result<(), EnvelopeError> {
    source.expect(b'{', "an object")?;
    if source.take(b'}')? {
        return Ok(());
    }
    loop {
        let Some(key) = source.value(string)? else {
            return Err(source.malformed("a key is no text".to_owned()));
        };
        source.expect(b':', "a colon")?;
        member(source, &key)?;
        if source.take(b'}')? {
            return Ok(());
        }
        source.expect(b',', "a comma or the end of an object")?;
    }
}

/// Takes a list, whose bracket is the next byte, and has `element` take each of its values.
fn elements<R: Read>(
    source: &mut Source<R>,
    mut element: impl FnMut(&mut Source<R>) -> Result<(), EnvelopeError>,
) -> Result<(), EnvelopeError> {
    source.expect(b'[', "a list")?;
    if source.take(b']')? {
        return Ok(());
    }
    loop {
        element(source)?;
        if source.take(b']')? {
            return Ok(());
        }
        source.expect(b',', "a comma or the end of a list")?;
    }
}

struct Envelope<'v, V> {
    list: &'static str,
    visitor: &'v mut V,
    summary: EnvelopeSummary,
    has_trips: bool,
}

impl<V: TripVisitor> Envelope<'_, V> {
    fn member<R: Read>(&mut self, source: &mut Source<R>, key: &str) -> Result<(), EnvelopeError> {
        match key {
            "version" => self.version(source),
            "links" => self.links(source),
            "data" if source.peek()? == Some(b'{') => members(source, |source, key| {
                if key == self.list {
                    self.trips(source)
                } else {
                    source.value(|_| ())
                }
            }),
            key if key == self.list => self.trips(source),
            _ => source.value(|_| ()),
        }
    }

    fn version<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), EnvelopeError> {
        if let Some(version) = source.value(string_or_number)? {
            self.visitor.version(&version);
            self.summary.version = Some(version);
        }
        Ok(())
    }

    fn links<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), EnvelopeError> {
        // A page that cannot be found must not look like the last one.
        let next = source
            .value(next_page)?
            .map_err(|_| EnvelopeError::NotAnEnvelope {
                problem: "its link to the next page is no text",
            })?;
        self.summary.next = next.filter(|url| !url.is_empty());
        Ok(())
    }

    /// Trips stand in one place only, but should both have some, none is lost.
    fn trips<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), EnvelopeError> {
        if source.peek()? != Some(b'[') {
            return source.value(|_| ());
        }
        self.has_trips = true;
        elements(source, |source| {
            self.summary.trips += 1;
            let visitor = &mut *self.visitor;
            if source.take_ahead(|text| visitor.trip_ahead(text))? {
                return Ok(());
            }
            source.value(|trip| visitor.trip(trip).map_err(EnvelopeError::Sink))?
        })
    }

    fn finish(self) -> Result<EnvelopeSummary, EnvelopeError> {
        if self.has_trips {
            return Ok(self.summary);
        }
        Err(EnvelopeError::NotAnEnvelope {
            problem: match self.list {
                "vehicles" => "it has no list `vehicles`, neither at the top nor in `data`",
                "telemetry" => "it has no list `telemetry`, neither at the top nor in `data`",
                _ => "it has no list `trips`, neither at the top nor in `data`",
            },
        })
    }
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A version as sent, `1.0` in quotes or without.
fn string_or_number(raw: &RawValue) -> Option<String> {
    string(raw).or_else(|| {
        let is_number = raw.get().starts_with(|first: char| first.is_ascii_digit());
        is_number.then(|| raw.get().to_owned())
    })
}

/// `next` of the links, which JSON:API allows to be a URL or an object that holds one.
fn next_page(links: &RawValue) -> Result<Option<String>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Links {
        next: Option<Link>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Link {
        Url(String),
        Object { href: Option<String> },
    }
    if !links.get().starts_with('{') {
        return Ok(None);
    }
    let links: Links = serde_json::from_str(links.get())?;
    Ok(match links.next {
        Some(Link::Url(url)) => Some(url),
        Some(Link::Object { href }) => href,
        None => None,
    })
}
