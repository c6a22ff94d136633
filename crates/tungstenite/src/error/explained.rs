//! [`Explained`]: an error with our message and the original error as its source.

use std::{error::Error, fmt};

/// An error with our message: it displays `words`, and keeps `source` as its source.
#[derive(Debug)]
pub(crate) struct Explained<E> {
    pub(crate) words: String,
    pub(crate) source: E,
}

impl<E> fmt::Display for Explained<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl<E: Error + 'static> Error for Explained<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
