//! Collecting the bytes of an object as they arrive, and telling what it is.

use std::io::{Seek as _, Write as _};

use tempfile::SpooledTempFile;
use trips::text::{BYTE_ORDER_MARK, strip_byte_order_mark};

use crate::error::{SpoolError, Unreadable};
use crate::fernet::{FernetKeys, Token, Unsealer};

/// An object of up to this many bytes is kept in memory, a larger one in an unlinked temporary
/// file.
pub(crate) const SPOOL_MEMORY: usize = 8 * 1024 * 1024;
/// The most white space that may precede the first character of an object.
const MAX_LEADING_SPACE: usize = 64 * 1024;

/// A whole object, spooled. A token has been authenticated.
pub(crate) enum Spooled {
    Plain(SpooledTempFile),
    Sealed {
        content: Box<Unsealer>,
        key_index: usize,
    },
}

/// Spools the bytes of an object: plain JSON as it is, a token decoded and without its HMAC.
pub(crate) struct Spooler {
    keys: FernetKeys,
    spool: SpooledTempFile,
    state: State,
}

enum State {
    /// Only white space has arrived, or a part of a byte order mark.
    Start(Vec<u8>),
    Plain,
    Token(Token),
}

impl Spooler {
    pub(crate) fn new(keys: FernetKeys) -> Self {
        Self {
            keys,
            spool: SpooledTempFile::new(SPOOL_MEMORY),
            state: State::Start(Vec::new()),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        match &mut self.state {
            State::Plain => Ok(self.spool.write_all(bytes)?),
            State::Token(token) => token.push(bytes, &mut self.spool),
            State::Start(head) => {
                head.extend_from_slice(bytes);
                let head = std::mem::take(head);
                self.begin(head)
            }
        }
    }

    /// Decides by the first character what the object is.
    fn begin(&mut self, head: Vec<u8>) -> Result<(), SpoolError> {
        match first_character(&head) {
            None if head.len() > MAX_LEADING_SPACE => Err(Unreadable::Unknown.into()),
            None => {
                self.state = State::Start(head);
                Ok(())
            }
            Some(b'{' | b'[') => {
                self.state = State::Plain;
                Ok(self.spool.write_all(&head)?)
            }
            Some(_) => {
                let mut token = Token::new(self.keys.clone());
                token.push(strip_byte_order_mark(&head), &mut self.spool)?;
                self.state = State::Token(token);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(mut self) -> Result<Spooled, SpoolError> {
        match self.state {
            State::Start(_) => Err(Unreadable::Empty.into()),
            State::Plain => {
                self.spool.rewind()?;
                Ok(Spooled::Plain(self.spool))
            }
            State::Token(token) => {
                let (content, key_index) = token.open(self.spool)?;
                Ok(Spooled::Sealed {
                    content: Box::new(content),
                    key_index,
                })
            }
        }
    }
}

/// The first byte that tells what the object is, if it has arrived.
fn first_character(head: &[u8]) -> Option<u8> {
    if head.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(head) {
        return None;
    }
    strip_byte_order_mark(head)
        .iter()
        .copied()
        .find(|byte| !byte.is_ascii_whitespace())
}
