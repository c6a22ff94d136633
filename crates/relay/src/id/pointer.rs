//! [`Pointer`]: a place in a JSON text (RFC 6901).

use std::{borrow::Cow, fmt};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// A place in a JSON text (RFC 6901), for example `/data/0/seq`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pointer {
    tokens: Box<[Box<str>]>,
}

/// The reason why a text is no [`Pointer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerError {
    /// It does not begin with a slash.
    Slash,
    /// A `~` is not followed by `0` or `1`.
    Tilde,
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    ///
    /// If the text is not empty and does not begin with `/`, or has a `~` that is no part of `~0` or
    /// `~1`.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self { tokens: Box::default() });
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError::Slash)?;
        let tokens: Result<_, _> = tokens.split('/').map(unescaped).collect();
        Ok(Self { tokens: tokens? })
    }

    /// Finds the number or the string at this place: the text of the number, or the content of the
    /// string. Everything else, and a text that is no JSON up to this place, has none. What follows in
    /// the text is not read.
    #[must_use]
    pub fn find<'t>(&self, json: &'t str) -> Option<Cow<'t, str>> {
        let mut found = None;
        let walk = Walk { tokens: &self.tokens, found: &mut found };
        // The error at the end of the walk is also the one that ends it early.
        let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(json));
        scalar(found?)
    }
}

/// The pointer in the form of RFC 6901.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |token: &str| token.replace('~', "~0").replace('/', "~1");
        self.tokens.iter().try_for_each(|token| write!(f, "/{}", escaped(token)))
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pointer({self})")
    }
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slash => "a JSON pointer begins with `/`: write \"/seq\" for the key `seq`",
            Self::Tilde => {
                "`~` in a JSON pointer is written `~0`, and `/` in a key is written `~1`"
            }
        })
    }
}

impl std::error::Error for PointerError {}

fn unescaped(token: &str) -> Result<Box<str>, PointerError> {
    let mut parts = token.split('~');
    let mut text = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let (character, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(PointerError::Tilde),
        };
        text.push(character);
        text.push_str(rest);
    }
    Ok(text.into())
}

fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' if raw.contains('\\') => serde_json::from_str(raw).ok().map(Cow::Owned),
        b'"' => Some(Cow::Borrowed(raw.strip_prefix('"')?.strip_suffix('"')?)),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

/// The way along the rest of a pointer. All that is beside it is skipped, and no tree is built.
struct Walk<'p, 'f, 't> {
    tokens: &'p [Box<str>],
    found: &'f mut Option<&'t str>,
}

impl<'t> DeserializeSeed<'t> for Walk<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: Deserializer<'t>>(self, json: D) -> Result<(), D::Error> {
        if self.tokens.is_empty() {
            *self.found = Some(<&RawValue>::deserialize(json)?.get());
            return Ok(());
        }
        json.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Walk<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        let [token, tokens @ ..] = self.tokens else { return Ok(()) };
        while let Some(is_here) = map.next_key_seed(Is(token))? {
            if is_here {
                map.next_value_seed(Walk { tokens, found: self.found })?;
                return Err(A::Error::custom("the rest is not read"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut array: A) -> Result<(), A::Error> {
        let [token, tokens @ ..] = self.tokens else { return Ok(()) };
        let digits = token.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (!token.starts_with('0') || token.len() == 1) {
            let index = token.parse().map_err(A::Error::custom)?;
            for _ in 0_usize..index {
                if array.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
            }
            array.next_element_seed(Walk { tokens, found: self.found })?;
        }
        Err(A::Error::custom("the rest is not read"))
    }
}

/// Compares a key with this token, without a copy of it.
struct Is<'p>(&'p str);

impl<'t> DeserializeSeed<'t> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'t>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
