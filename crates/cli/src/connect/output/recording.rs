//! The file of `--record`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::usage::{UsageError, write_problem};

/// Appends lines to a file. Each is passed to the operating system at once.
pub(super) struct Recording {
    /// `None` after a write failed: a line that is missing must not be between two others.
    file: Option<File>,
}

impl Recording {
    pub(super) fn open(path: &Path) -> Result<Self, UsageError> {
        let opened = OpenOptions::new().append(true).create(true).open(path);
        let mut file = opened.map_err(|error| {
            UsageError(format!(
                "--record: the file {} cannot be opened for writing ({}); name a file that you can \
                 write",
                path.display(),
                write_problem(&error)
            ))
        })?;
        // If this fails, so will the first record, which is reported.
        if ends_within_a_line(path).unwrap_or(false) {
            let _ = file.write_all(b"\n");
        }
        Ok(Self { file: Some(file) })
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

/// Whether an earlier program ended, or the disk was full, while a line was written.
fn ends_within_a_line(path: &Path) -> io::Result<bool> {
    let mut last = [b'\n'];
    if path.metadata()?.is_file() {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last != *b"\n")
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
