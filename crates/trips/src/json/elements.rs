//! Reading a JSON array element by element.

use std::io::Read;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::JsonError;
use super::window::Window;

/// The elements of a JSON array, in order.
///
/// Each element is parsed once. Memory does not grow with the length of the array. A byte order
/// mark before the array is skipped; anything but white space after it is an error. The stream ends
/// after its first error.
///
/// ```
/// use trips::json::Elements;
///
/// let mut elements = Elements::new(br#"[{"n": 1.50}, {"n": 2}]"#.as_slice());
/// let mut seen = Vec::new();
/// while let Some(text) = elements.next_with(|element| element.get().to_owned())? {
///     seen.push(text);
/// }
/// assert_eq!(seen, [r#"{"n": 1.50}"#, r#"{"n": 2}"#]);
/// # Ok::<(), trips::json::JsonError>(())
/// ```
pub struct Elements<R> {
    window: Window<R>,
    position: Position,
}

#[derive(Clone, Copy)]
enum Position {
    BeforeArray,
    AfterElement,
    AtEnd,
}

impl<R: Read> Elements<R> {
    /// The elements of the array that `reader` holds. One element may have 64 MiB.
    pub fn new(reader: R) -> Self {
        Self {
            window: Window::new(reader),
            position: Position::BeforeArray,
        }
    }

    /// Refuses elements of more than `bytes` bytes.
    #[must_use]
    pub fn max_element_bytes(self, bytes: usize) -> Self {
        Self {
            window: self.window.max_value_bytes(bytes),
            ..self
        }
    }

    /// Lends the next element to `read`, exactly as it stands in the text; `None` after the last.
    ///
    /// # Errors
    ///
    /// A [`JsonError`].
    pub fn next_with<T>(
        &mut self,
        read: impl FnOnce(&RawValue) -> T,
    ) -> Result<Option<T>, JsonError> {
        self.next_element(|window| window.value(read))
    }

    /// The next element as a `T`; `None` after the last.
    ///
    /// # Errors
    ///
    /// A [`JsonError`]; [`JsonError::Malformed`] also for an element that is not a `T`.
    pub fn next_as<T: DeserializeOwned>(&mut self) -> Result<Option<T>, JsonError> {
        self.next_element(Window::value_as)
    }

    fn next_element<T>(
        &mut self,
        take: impl FnOnce(&mut Window<R>) -> Result<T, JsonError>,
    ) -> Result<Option<T>, JsonError> {
        // An early return on an error leaves the stream at its end.
        let position = std::mem::replace(&mut self.position, Position::AtEnd);
        let has_element = match position {
            Position::BeforeArray => self.window.enter_array()?,
            Position::AfterElement => self.window.has_another_element()?,
            Position::AtEnd => return Ok(None),
        };
        if !has_element {
            self.window.expect_end()?;
            return Ok(None);
        }
        let element = take(&mut self.window)?;
        self.position = Position::AfterElement;
        Ok(Some(element))
    }
}
