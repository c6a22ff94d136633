//! [`Explained`]: an error whose message is ours and whose source is kept.

use std::{error::Error, fmt};

/// An error with a message of our own: it displays `words`, and `source` stays its source.
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
