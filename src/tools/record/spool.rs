//! Exchanges on disk until the recording is complete, sealed with a key that only this process has.
//!
//! A secret can be seen before any name says that it is one, so a recording is redacted once more as a whole before it is written.
//! Until then nothing of it may be readable on disk, and it may be too long for memory.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, Write as _};
use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::edge::private_file;

/// A list of texts on disk.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    key: LessSafeKey,
    count: u64,
}

impl Spool {
    pub(super) fn new(folder: &Path) -> io::Result<Spool> {
        let failed = |_| io::Error::other("no key for the exchanges of a recording");
        let mut key = [0; 32];
        SystemRandom::new().fill(&mut key).map_err(failed)?;
        let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).map_err(failed)?);
        Ok(Spool { file: private_file::scratch(folder)?, key, count: 0 })
    }

    /// Appends a text; after a failure the list is as it was.
    pub(super) fn push(&mut self, text: &str) -> io::Result<()> {
        let start = self.file.stream_position()?;
        let mut sealed = text.as_bytes().to_vec();
        let failed = |_| io::Error::other("an exchange cannot be sealed");
        self.key.seal_in_place_append_tag(nonce(self.count), Aad::empty(), &mut sealed).map_err(failed)?;
        let length = (sealed.len() as u64).to_le_bytes();
        let written = self.file.write_all(&length).and_then(|()| self.file.write_all(&sealed));
        written.inspect_err(|_| {
            // The error of the write is reported.
            let _ = self.file.set_len(start).and_then(|()| self.file.seek(io::SeekFrom::Start(start)));
        })?;
        self.count += 1;
        Ok(())
    }

    /// Passes each text in order to `receive`.
    pub(super) fn read<E: From<io::Error>>(&mut self, mut receive: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        self.file.rewind()?;
        let mut source = BufReader::new(&self.file);
        for number in 0..self.count {
            let mut length = [0; 8];
            source.read_exact(&mut length)?;
            let mut sealed = Vec::new();
            (&mut source).take(u64::from_le_bytes(length)).read_to_end(&mut sealed)?;
            let failed = |_| io::Error::other("the exchanges on disk were changed");
            let text = self.key.open_in_place(nonce(number), Aad::empty(), &mut sealed).map_err(failed)?;
            receive(&String::from_utf8_lossy(text))?;
        }
        self.file.seek(io::SeekFrom::End(0))?;
        Ok(())
    }
}

/// Each text has a number of its own, and each list a key of its own.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::test_folder::TestFolder;

    #[test]
    fn texts_come_back_in_order_and_leave_nothing() {
        let folder = TestFolder::new("spool");
        let mut spool = Spool::new(&folder.0).unwrap();
        let texts = ["first", "", "the third is longer"];
        for text in texts {
            spool.push(text).unwrap();
        }
        let read = |spool: &mut Spool| {
            let mut read = Vec::new();
            spool
                .read::<io::Error>(|text| {
                    read.push(text.to_owned());
                    Ok(())
                })
                .unwrap();
            read
        };
        assert_eq!(read(&mut spool), texts);
        spool.push("one more").unwrap();
        assert_eq!(read(&mut spool)[3], "one more");
        let mut raw = Vec::new();
        spool.file.rewind().unwrap();
        spool.file.read_to_end(&mut raw).unwrap();
        assert!(!String::from_utf8_lossy(&raw).contains("first"));
        drop(spool);
        assert_eq!(folder.names(), [""; 0]);
    }
}
