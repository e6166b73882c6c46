//! Finds the objects of a JSON array without understanding them.

use std::io::{self, BufRead, BufReader, Read};

const READ_AHEAD_BYTES: usize = 64 << 10;

/// The text of one object.
pub(super) struct Row(pub(super) Vec<u8>);

/// Why there is no next row.
pub(super) enum Fault {
    /// The reader failed.
    Io(io::Error),
    /// What is read is no array of objects.
    Shape(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What must come next.
#[derive(Clone, Copy)]
enum Expect {
    /// The bracket that begins the array.
    Array,
    /// The first row, or the end of an empty array.
    FirstRow,
    /// A comma and a row, or the end.
    NextRow,
    /// Nothing.
    Nothing,
}

/// Where in an object the scan is.
#[derive(Default)]
struct Place {
    depth: u32,
    in_string: bool,
    after_backslash: bool,
}

impl Place {
    /// Takes a byte; true if it ends the object.
    fn is_end(&mut self, byte: u8) -> bool {
        if self.in_string {
            self.in_string = self.after_backslash || byte != b'"';
            self.after_backslash = !self.after_backslash && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth == 0
    }
}

/// A reader that reads again when a signal interrupts it; a buffer in front of one does not.
struct Uninterrupted<R>(R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

pub(super) struct Rows<R> {
    input: BufReader<Uninterrupted<R>>,
    expect: Expect,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(READ_AHEAD_BYTES, Uninterrupted(input)),
            expect: Expect::Array,
        }
    }

    /// The next object of at most `most` bytes.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Row>, Fault> {
        loop {
            let byte = self.next_byte()?;
            match (self.expect, byte) {
                (Expect::Array, Some(b'[')) => self.expect = Expect::FirstRow,
                (Expect::FirstRow | Expect::NextRow, Some(b']')) => self.expect = Expect::Nothing,
                (Expect::FirstRow, Some(b'{')) => return self.object(most).map(Some),
                (Expect::NextRow, Some(b',')) => {
                    return match self.next_byte()? {
                        Some(b'{') => self.object(most).map(Some),
                        _ => Err(Fault::Shape("there is no object")),
                    };
                }
                (Expect::Nothing, None) => return Ok(None),
                (Expect::Array, _) => return Err(Fault::Shape("there is no array")),
                (Expect::FirstRow, _) => return Err(Fault::Shape("there is no object")),
                (Expect::NextRow, None) => return Err(Fault::Shape("the array has no end")),
                (Expect::NextRow, _) => return Err(Fault::Shape("there is no comma")),
                (Expect::Nothing, Some(_)) => {
                    return Err(Fault::Shape("the text goes on behind the array"));
                }
            }
        }
    }

    /// Takes the next byte that is no white space.
    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let found = buffer
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
            let byte = found.map(|at| buffer[at]);
            let taken = found.map_or(buffer.len(), |at| at + 1);
            self.input.consume(taken);
            if byte.is_some() {
                return Ok(byte);
            }
        }
    }

    /// Takes an object, whose brace has been taken, to its end.
    fn object(&mut self, most: usize) -> Result<Row, Fault> {
        let mut row = vec![b'{'];
        let mut place = Place {
            depth: 1,
            ..Place::default()
        };
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Err(Fault::Shape("a row has no end"));
            }
            let end = buffer.iter().position(|byte| place.is_end(*byte));
            let taken = end.map_or(buffer.len(), |at| at + 1);
            if row.len() + taken > most {
                return Err(Fault::Shape("a row is larger than an upload may be"));
            }
            row.extend_from_slice(&buffer[..taken]);
            self.input.consume(taken);
            if end.is_some() {
                self.expect = Expect::NextRow;
                return Ok(Row(row));
            }
        }
    }
}
