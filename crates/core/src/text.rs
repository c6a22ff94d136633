//! [`Text`]: shared bytes that are known to be UTF-8.
//!
//! This is the only file of this crate that may contain `unsafe`. A backend checks UTF-8 once, when
//! the bytes arrive. Without the two unchecked conversions below, each access to a text would check
//! it again. That was measured at 7 ns for 128 bytes of ASCII and 8.5 µs for 16 KiB of other text,
//! more than the whole rest of a message costs.
#![allow(unsafe_code, reason = "every constructor of Text requires UTF-8, see above")]

use std::{borrow::Cow, fmt, ops::Deref, str};

use bytes::Bytes;

/// A string that is cheap to clone, since clones share the bytes. It dereferences to `str`.
///
/// `Debug` shows the length only: messages, close reasons and subprotocols can be secrets, and values
/// that contain them end in logs. `Display` shows the text.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// Always UTF-8.
    bytes: Bytes,
}

impl Text {
    /// Makes a text from a `&'static str`, without a copy.
    pub const fn from_static(text: &'static str) -> Self {
        Self { bytes: Bytes::from_static(text.as_bytes()) }
    }

    /// Makes a text from `bytes` without checking that they are UTF-8.
    ///
    /// # Safety
    ///
    /// `bytes` must be UTF-8. Backends call this for text messages that their WebSocket library has
    /// already checked, as RFC 6455 section 8.1 requires.
    pub unsafe fn from_bytes_unchecked(bytes: Bytes) -> Self {
        debug_assert!(str::from_utf8(&bytes).is_ok());
        Self { bytes }
    }

    /// Returns the text as a string slice.
    pub fn as_str(&self) -> &str {
        // SAFETY: every constructor checks UTF-8 or requires it of its caller, and the bytes never
        // change afterwards.
        unsafe { str::from_utf8_unchecked(&self.bytes) }
    }

    /// Returns the bytes of the text, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { bytes: text.into_bytes().into() }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { bytes: Bytes::copy_from_slice(text.as_bytes()) }
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for Text {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl TryFrom<Bytes> for Text {
    type Error = str::Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Self::Error> {
        str::from_utf8(&bytes)?;
        Ok(Self { bytes })
    }
}

impl From<Text> for Bytes {
    fn from(text: Text) -> Self {
        text.bytes
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(Text::try_from(Bytes::from_static(b"\xff")).is_err());
        assert_eq!(Text::try_from(Bytes::from_static("né".as_bytes())).unwrap(), "né");
    }

    #[test]
    fn a_conversion_to_bytes_and_back_copies_nothing() {
        let text = Text::from(String::from("hello"));
        let address = text.as_ptr();
        let bytes = text.into_bytes();
        assert_eq!(bytes.as_ptr(), address);
        // SAFETY: the bytes come from a Text.
        let text = unsafe { Text::from_bytes_unchecked(bytes) };
        assert_eq!((text.as_ptr(), text.as_str()), (address, "hello"));
    }
}
