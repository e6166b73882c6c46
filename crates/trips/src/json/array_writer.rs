//! Writing a JSON array element by element.

use std::io::{self, Write};

use serde::Serialize;

/// Writes a JSON array, by default with one element per line.
///
/// It does not buffer. An array that is dropped instead of finished lacks its end, so it does not
/// read as a shorter one.
///
/// ```
/// use trips::json::ArrayWriter;
///
/// let mut array = ArrayWriter::new(Vec::new())?;
/// array.push(&"a")?;
/// array.push(&2)?;
/// assert_eq!(array.finish()?, b"[\"a\",\n2]");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ArrayWriter<W> {
    out: W,
    separator: &'static [u8],
    elements: u64,
}

impl<W: Write> ArrayWriter<W> {
    /// Begins an array.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self {
            out,
            separator: b",\n",
            elements: 0,
        })
    }

    /// Writes all elements on one line, without white space between them.
    #[must_use]
    pub fn on_one_line(self) -> Self {
        Self {
            separator: b",",
            ..self
        }
    }

    /// Adds an element; a [`RawValue`](serde_json::value::RawValue) is written byte for byte.
    ///
    /// # Errors
    ///
    /// Those of the writer, and those of an element that has no JSON form.
    pub fn push(&mut self, element: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.separate()?;
        serde_json::to_writer(&mut self.out, element)?;
        Ok(())
    }

    /// Adds an element byte for byte, whether it is JSON or not.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn push_text(&mut self, element: &str) -> io::Result<()> {
        self.separate()?;
        self.out.write_all(element.as_bytes())
    }

    fn separate(&mut self) -> io::Result<()> {
        if self.elements > 0 {
            self.out.write_all(self.separator)?;
        }
        self.elements += 1;
        Ok(())
    }

    /// How many elements have been added.
    pub fn elements(&self) -> u64 {
        self.elements
    }

    /// The writer below.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Ends the array and returns the writer.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"]")?;
        Ok(self.out)
    }
}
