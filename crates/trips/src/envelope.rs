//! The JSON around a provider's trips, read and written as a stream.
//!
//! MDS up to 1.2 sends `{"version": …, "data": {"trips": […]}, "links": {…}}`; 2.0 sends `trips` at
//! the top level. Both forms are read, with members in any order, and every trip is passed on as
//! the text that was sent. The archive always has the older form (docs/CONTRACT.md, "Objects in the
//! bucket").

mod error;
mod found;
mod next_page;
mod not_json;
mod not_utf8;
mod read;
mod sent;
mod too_large;
mod value_of;
mod version;
mod write;

pub use error::EnvelopeError;
pub use next_page::{NextPage, UnclearNext, is_name_of_next};
#[cfg(feature = "fuzzing")]
pub(crate) use read::read_window;
pub use read::{EnvelopeSummary, NonFiniteTrip, TripVisitor, read_envelope, read_list};
pub use too_large::{TextFacts, TooLargeTrip};
pub use version::is_version;
pub use write::ArchiveWriter;

#[cfg(test)]
mod tests;
