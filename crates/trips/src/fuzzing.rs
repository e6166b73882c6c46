//! Ways into the parsers that only fuzzing needs.

use std::io::Read;

use crate::envelope::{EnvelopeError, EnvelopeSummary, TripVisitor, read_window};
use crate::json::window::Window;

/// Reads an envelope as [`read_list`](crate::envelope::read_list) does, through a window of a few
/// bytes, so that every value is cut somewhere.
///
/// # Errors
///
/// As [`read_list`](crate::envelope::read_list).
pub fn read_in_window<R: Read, V: TripVisitor>(
    reader: R,
    window_bytes: usize,
    max_value_bytes: usize,
    list: &'static str,
    visitor: &mut V,
) -> Result<EnvelopeSummary, EnvelopeError> {
    let window = Window::of_bytes(reader, window_bytes).max_value_bytes(max_value_bytes);
    read_window(window, list, visitor)
}
