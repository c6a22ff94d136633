//! The tree of a TOML or JSON text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value and where it begins, in bytes. In JSON that is always 0.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Number(f64),
    Boolean(bool),
    Time,
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

/// A member of a table, and where its key begins.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: usize,
    pub(super) node: Node,
}

impl Value {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Time => "a date or a time",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    pub(super) fn of_document(document: &Spanned<DeTable<'_>>) -> Self {
        Self { at: 0, value: table_value(document.get_ref()) }
    }
}

fn table_value(table: &DeTable<'_>) -> Value {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let text: &std::borrow::Cow<'_, str> = key.get_ref();
        Entry { key: text.to_string(), at: key.span().start, node: node(value) }
    };
    Value::Table(table.iter().map(entry).collect())
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let at = value.span().start;
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            // Far out of every range if it has more than 127 bits.
            let digits = i128::from_str_radix(integer.as_str(), integer.radix());
            Value::Integer(digits.unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Time,
        DeValue::Array(array) => Value::Array(array.iter().map(node).collect()),
        DeValue::Table(table) => table_value(table),
    };
    Node { at, value }
}

/// Of JSON. Members that are `null` are left out.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(OfJson)?.ok_or_else(|| serde::de::Error::custom("the value is null"))
    }
}

struct OfJson;

impl OfJson {
    fn some<E>(value: Value) -> Result<Option<Node>, E> {
        Ok(Some(Node { at: 0, value }))
    }
}

struct Member(Option<Node>);

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(OfJson).map(Self)
    }
}

impl<'de> Visitor<'de> for OfJson {
    type Value = Option<Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Self::Value, E> {
        Self::some(Value::Boolean(boolean))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Self::Value, E> {
        Self::some(Value::Integer(integer.into()))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Self::Value, E> {
        Self::some(Value::Integer(integer.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Self::some(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Self::some(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(Member(node)) = array.next_element()? {
            nodes.extend(node);
        }
        Self::some(Value::Array(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Member(node))) = map.next_entry()? {
            entries.extend(node.map(|node| Entry { key, at: 0, node }));
        }
        Self::some(Value::Table(entries))
    }
}
