//! The digest of a file, taken while it is read.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use symbolon_policy::words::Digest;

/// As [`Digest::of`] with this label.
const LABEL: &str = "symbolon/asked-file/1";

/// A reader that hashes what passes.
pub(crate) struct Hashed<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Hashed<R> {
    /// A reader of which nothing was read yet.
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new().chain_update(LABEL).chain_update([0]) }
    }

    /// Reads what is left, and gives the digest of the whole.
    ///
    /// # Errors
    /// What the reader says.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Digest(self.hash.finalize().into()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_whole_however_much_was_read() {
        let bytes: Vec<u8> = (0..=255).cycle().take(20_000).collect();
        for read in [0, 1, 9_000, 20_000] {
            let mut hashed = Hashed::new(bytes.as_slice());
            hashed.read_exact(&mut vec![0; read]).unwrap();
            assert_eq!(hashed.finish().unwrap(), Digest::of(LABEL, &bytes));
        }
        assert_ne!(Hashed::new(&bytes[1..]).finish().unwrap(), Digest::of(LABEL, &bytes));
    }
}
