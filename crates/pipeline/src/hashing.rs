//! Hashes an object while it is read.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// A reader that knows the SHA-256 of what it has read.
pub(crate) struct Hashing<R> {
    content: R,
    digest: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(content: R) -> Self {
        Self {
            content,
            digest: Sha256::new(),
        }
    }

    /// Reads the rest and returns the SHA-256 of everything, in lower-case hexadecimal.
    pub(crate) fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.sha256())
    }

    /// The SHA-256 of what has been read so far, in lower-case hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        format!("{:x}", self.digest.clone().finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(out)?;
        self.digest.update(&out[..count]);
        Ok(count)
    }
}

/// The SHA-256 of a text, in lower-case hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}
