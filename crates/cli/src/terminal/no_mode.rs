//! The modes of the terminal, on systems where the program does not change them.

/// Keeps the mode.
#[derive(Debug, Default)]
pub(crate) struct KeyMode;

impl KeyMode {
    #[allow(clippy::unused_self, reason = "the same as on Unix")]
    pub(crate) fn enter(&self) {}

    #[allow(clippy::unused_self, reason = "the same as on Unix")]
    pub(crate) fn leave(&self) {}
}
