use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tempfile::SpooledTempFile;

use crate::error::Unreadable;
use crate::keys::FernetKeys;
use crate::sealer::{BLOCK, HEADER, IV, TAG, VERSION};
use crate::unsealer::Unsealer;

/// Up to here an object is kept in memory; beyond, in an unlinked temporary file.
pub(crate) const SPOOL_MEMORY: usize = 8 * 1024 * 1024;
/// White space before the first character of an object, at most.
const MAX_LEADING_SPACE: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Why taking in an object failed: the object itself, or this machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Scratch(#[from] io::Error),
}

/// A whole object, spooled. A token has been authenticated.
pub(crate) enum Spooled {
    Plain(SpooledTempFile),
    Sealed {
        content: Box<Unsealer>,
        key_index: usize,
    },
}

/// Takes in the bytes of an object as they arrive and spools them: plain JSON as it is, a token as
/// its decoded bytes without the tag, with one HMAC running for each key so that nothing has to be
/// read twice.
pub(crate) struct Spooler {
    keys: FernetKeys,
    spool: SpooledTempFile,
    state: State,
}

enum State {
    /// Nothing but white space so far (or a part of a byte order mark).
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

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), IntakeError> {
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

    fn begin(&mut self, head: Vec<u8>) -> Result<(), IntakeError> {
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
                let mut token = Token::new(&self.keys);
                token.push(without_mark(&head), &mut self.spool)?;
                self.state = State::Token(token);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(mut self) -> Result<Spooled, IntakeError> {
        match self.state {
            State::Start(_) => Err(Unreadable::Empty.into()),
            State::Plain => {
                self.spool.rewind()?;
                Ok(Spooled::Plain(self.spool))
            }
            State::Token(token) => {
                let (key_index, ciphertext) = token.authenticate()?;
                let iv = read_iv(&mut self.spool)?;
                let key = self.keys.get(key_index);
                let content = Box::new(Unsealer::new(self.spool, key, iv, ciphertext));
                Ok(Spooled::Sealed { content, key_index })
            }
        }
    }
}

fn without_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head)
}

/// The first byte that says what the object is, if it has come yet.
fn first_character(head: &[u8]) -> Option<u8> {
    if head.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(head) {
        return None;
    }
    without_mark(head)
        .iter()
        .copied()
        .find(|byte| !byte.is_ascii_whitespace())
}

/// Leaves `spool` at the first byte of the ciphertext.
fn read_iv(spool: &mut SpooledTempFile) -> io::Result<[u8; IV]> {
    let mut iv = [0_u8; IV];
    spool.seek(SeekFrom::Start((HEADER - IV) as u64))?;
    spool.read_exact(&mut iv)?;
    Ok(iv)
}

/// A Fernet token on its way in.
struct Token {
    /// Less than four characters of base64 that wait for more.
    text: Vec<u8>,
    /// The padding has been seen: nothing may follow.
    ended: bool,
    /// The last bytes decoded, which may be the tag.
    held: Vec<u8>,
    /// How many bytes before `held` have been spooled.
    spooled: u64,
    macs: Vec<Hmac<Sha256>>,
}

impl Token {
    fn new(keys: &FernetKeys) -> Self {
        Self {
            text: Vec::new(),
            ended: false,
            held: Vec::new(),
            spooled: 0,
            macs: keys.iter().map(crate::keys::FernetKey::mac).collect(),
        }
    }

    fn push(&mut self, bytes: &[u8], spool: &mut SpooledTempFile) -> Result<(), IntakeError> {
        self.text
            .extend(bytes.iter().filter(|byte| !byte.is_ascii_whitespace()));
        let whole = self.text.len() - self.text.len() % 4;
        if self.ended && !self.text.is_empty() {
            return Err(Unreadable::Unknown.into());
        }
        self.decode(whole)?;
        self.release(spool)?;
        Ok(())
    }

    fn decode(&mut self, whole: usize) -> Result<(), Unreadable> {
        let untouched = self.spooled == 0 && self.held.is_empty();
        URL_SAFE
            .decode_vec(&self.text[..whole], &mut self.held)
            .map_err(|_| Unreadable::Unknown)?;
        self.ended |= self.text[..whole].last() == Some(&b'=');
        self.text.drain(..whole);
        if untouched && self.held.first().is_some_and(|first| *first != VERSION) {
            return Err(Unreadable::Unknown);
        }
        Ok(())
    }

    /// Passes on all but the last bytes, which may be the tag.
    fn release(&mut self, spool: &mut SpooledTempFile) -> io::Result<()> {
        let sure = self.held.len().saturating_sub(TAG);
        for mac in &mut self.macs {
            mac.update(&self.held[..sure]);
        }
        spool.write_all(&self.held[..sure])?;
        self.held.drain(..sure);
        self.spooled += sure as u64;
        Ok(())
    }

    /// Which key authenticates the token, and how long its ciphertext is.
    fn authenticate(self) -> Result<(usize, u64), Unreadable> {
        let keys = self.macs.len();
        let ciphertext = self.spooled.saturating_sub(HEADER as u64);
        let fits = self.text.is_empty()
            && self.held.len() == TAG
            && ciphertext > 0
            && ciphertext.is_multiple_of(BLOCK as u64);
        if !fits {
            return Err(Unreadable::CutShort);
        }
        let tag = self.held;
        self.macs
            .into_iter()
            .position(|mac| mac.verify_slice(&tag).is_ok())
            .map(|key_index| (key_index, ciphertext))
            .ok_or(Unreadable::NoKeyFits { keys })
    }
}
