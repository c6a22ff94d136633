//! The file of `--record`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use crate::usage::UsageError;

/// Appends lines to a file. Each is passed to the operating system at once.
pub(super) struct Recording {
    /// `None` after a write failed: a line that is missing must not be between two others.
    file: Option<File>,
}

impl Recording {
    pub(super) fn open(path: &Path) -> Result<Self, UsageError> {
        match OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Ok(Self { file: Some(file) }),
            Err(error) => Err(UsageError(format!(
                "--record: the file {} cannot be opened for writing ({error}); name a file in a \
                 folder that you can write to",
                path.display()
            ))),
        }
    }

    /// Returns the error of the first write that fails. Nothing is written after it.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(line);
        if written.is_err() {
            self.file = None;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_reported_once() {
        let mut recording = Recording::open(Path::new("/dev/full")).unwrap();
        assert!(recording.append(b"{}\n").is_err());
        assert!(recording.append(b"{}\n").is_ok());
    }
}
