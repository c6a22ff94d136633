//! The HTTP header fields of the server's answer to the upgrade: [`Headers`].

use std::fmt;

/// The header fields of the server's answer to the upgrade, in the order in which they were
/// received.
///
/// `Debug` shows the names only, since a value can be a cookie or a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(Box<str>, Box<[u8]>)>,
}

impl Headers {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self { fields: Vec::new() }
    }

    /// Adds a field at the end.
    pub fn append(&mut self, name: impl Into<Box<str>>, value: impl Into<Box<[u8]>>) {
        self.fields.push((name.into(), value.into()));
    }

    /// Returns the first value with this name. Upper and lower case are the same. Returns `None` if
    /// there is no such field, or if its value is not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Returns all fields: names and raw values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl<N: Into<Box<str>>, V: Into<Box<[u8]>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self { fields: fields.into_iter().map(|(n, v)| (n.into(), v.into())).collect() }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_debug_hides_values() {
        let headers: Headers =
            [("Set-Cookie", *b"secret"), ("X-Raw", [0xff; 6])].into_iter().collect();
        assert_eq!(headers.get("set-cookie"), Some("secret"));
        assert_eq!(headers.get("x-raw"), None);
        assert_eq!(headers.iter().count(), 2);
        assert_eq!(format!("{headers:?}"), r#"["Set-Cookie", "X-Raw"]"#);
    }
}
