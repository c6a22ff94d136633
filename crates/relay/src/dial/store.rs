//! The store of the records, as the budget needs it: [`Store`].

use std::fmt;

use crate::fleet::Written;

/// A store with conditional writes. Each write gives a record a new revision, above 0.
pub trait Store: Send + Sync {
    /// Why the store did not answer, for the log.
    type Error: fmt::Display + Send;

    /// Reads a record. It may be an old one: only a write decides.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<Entry>, Self::Error>> + Send;

    /// Writes a record if its revision is still `after`; 0 means that there is no record.
    fn write(
        &self,
        key: &str,
        value: Vec<u8>,
        after: u64,
    ) -> impl Future<Output = Result<Written, Self::Error>> + Send;
}

/// A record of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its bytes.
    pub value: Vec<u8>,
    /// Its revision.
    pub revision: u64,
}
