//! The tree of a TOML or JSON text, and how it is read: each value of a table is read once, and all
//! that is wrong is collected.

use std::{cell::RefCell, ops::RangeInclusive, time::Duration};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Secret, Source,
    mistakes::{Found, Mistake, Place, Problem, Warning},
    units,
};

/// A value and where it begins, in bytes. In JSON that is always 0.
#[derive(Debug)]
pub(super) struct Node {
    at: usize,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Integer(i128),
    Number(f64),
    Boolean(bool),
    Time,
    Array(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Debug)]
struct Entry {
    key: String,
    at: usize,
    node: Node,
}

impl Value {
    fn type_name(&self) -> &'static str {
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

    /// The document as a table.
    pub(super) fn as_table<'a>(&'a self, notes: &'a Notes<'a>) -> Option<Table<'a>> {
        Field { path: String::new(), at: self.at, node: self, notes }.table()
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

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

/// What was found so far.
pub(super) struct Notes<'t> {
    /// The file, for places; `None` for JSON, where unknown keys are those of a newer version and are
    /// ignored.
    file: Option<Lines<'t>>,
    found: RefCell<Collected>,
}

#[derive(Default)]
pub(super) struct Collected {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Found<Warning>>,
    /// The secrets that are used, and the files.
    pub(super) secrets: Vec<Found<Secret>>,
}

impl<'t> Notes<'t> {
    pub(super) fn of_file(text: &'t str) -> Self {
        Self { file: Some(Lines::new(text)), found: RefCell::default() }
    }

    pub(super) fn of_json() -> Self {
        Self { file: None, found: RefCell::default() }
    }

    pub(super) fn into_collected(self) -> Collected {
        self.found.into_inner()
    }

    pub(super) fn mistake(&self, at: usize, key: impl Into<String>, problem: Problem) {
        let mistake = self.found_at(at, key, problem);
        self.found.borrow_mut().mistakes.push(mistake);
    }

    pub(super) fn warn(&self, at: usize, key: impl Into<String>, warning: Warning) {
        let warning = self.found_at(at, key, warning);
        self.found.borrow_mut().warnings.push(warning);
    }

    pub(super) fn place(&self, at: usize) -> Option<Place> {
        self.file.as_ref().map(|file| file.place(at))
    }

    fn found_at<T>(&self, at: usize, key: impl Into<String>, what: T) -> Found<T> {
        Found { place: self.place(at), key: key.into(), what }
    }
}

/// The places of a text.
struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    begins: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, begins: [0].into_iter().chain(ends).collect() }
    }

    fn place(&self, at: usize) -> Place {
        // The end of a file is behind its last line.
        let mut at = at.min(self.text.trim_end_matches('\n').len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.begins.partition_point(|begin| *begin <= at);
        let before = &self.text[self.begins[line - 1]..at];
        Place { line, column: before.chars().count() + 1 }
    }
}

/// A table whose keys are read one after another.
pub(super) struct Table<'a> {
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) notes: &'a Notes<'a>,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

/// A value that is read.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) notes: &'a Notes<'a>,
    node: &'a Node,
}

/// Methods that read return `None` after they have noted a mistake.
impl<'a> Table<'a> {
    /// The value of this key, if it is set.
    pub(super) fn field(&mut self, key: &'static str) -> Option<Field<'a>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let path = self.path_of(key);
        Some(Field { path, at: entry.node.at, node: &entry.node, notes: self.notes })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Reads a value that may be missing.
    pub(super) fn maybe<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Field<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.field(key) {
            Some(field) => read(field).map(Some),
            None => Some(None),
        }
    }

    /// Reads a value that has a default.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Field<'a>) -> Option<T>,
    ) -> Option<T> {
        self.maybe(key, read).map(|value| value.unwrap_or(default))
    }

    /// Reads a value that must be set.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        write: &'static str,
        read: impl FnOnce(Field<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.field(key) {
            Some(field) => read(field),
            None => {
                self.mistake(key, Problem::Missing { write });
                None
            }
        }
    }

    /// Notes a mistake about a key that is not set.
    pub(super) fn mistake(&self, key: &str, problem: Problem) {
        self.notes.mistake(self.at, self.path_of(key), problem);
    }

    /// Notes keys that nothing has read.
    pub(super) fn finish(self) {
        if self.notes.file.is_none() {
            return;
        }
        for entry in self.entries {
            if !self.known.contains(&&*entry.key) {
                let key = self.path_of(&shown(&entry.key));
                let nearest = nearest(&entry.key, &self.known);
                let problem = Problem::UnknownKey { nearest, known: self.known.clone() };
                self.notes.mistake(entry.at, key, problem);
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Field<'a> {
    pub(super) fn mistake(&self, problem: Problem) {
        self.notes.mistake(self.at, &*self.path, problem);
    }

    pub(super) fn warn(&self, warning: Warning) {
        self.notes.warn(self.at, &*self.path, warning);
    }

    /// Notes that the key has no effect, unless a worker of another version wrote it.
    pub(super) fn no_effect_without(&self, without: &'static str) {
        if self.notes.file.is_some() {
            self.mistake(Problem::NoEffect { without });
        }
    }

    fn wrong<T>(&self, problem: Problem) -> Option<T> {
        self.mistake(problem);
        None
    }

    fn wrong_type<T>(&self, expected: &'static str) -> Option<T> {
        self.wrong(Problem::Type { expected, found: self.node.value.type_name() })
    }

    /// The text, without a mistake if it is none.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Any text, also an empty one.
    pub(super) fn any_text(&self) -> Option<&'a str> {
        self.as_text().or_else(|| self.wrong_type("a text in quotes"))
    }

    /// An integer or a text, as a text.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.node.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(integer) => Some(integer.to_string()),
            _ => self.wrong_type("an integer or a text"),
        }
    }

    pub(super) fn text(&self) -> Option<String> {
        match self.any_text()? {
            "" => self.wrong(Problem::Empty),
            text => Some(text.to_owned()),
        }
    }

    /// A text that can be a part of a subject.
    pub(super) fn name(&self, longest: usize) -> Option<String> {
        let name = self.any_text()?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > longest || !name.bytes().all(allowed) {
            return self.wrong(Problem::Name { longest });
        }
        Some(name.to_owned())
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.node.value {
            Value::Boolean(boolean) => Some(boolean),
            _ => self.wrong_type("true or false"),
        }
    }

    pub(super) fn integer<T: TryFrom<i128> + Copy + Into<i128>>(
        &self,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let Value::Integer(integer) = self.node.value else {
            return self.wrong_type("an integer");
        };
        let (least, most) = ((*range.start()).into(), (*range.end()).into());
        if !(least..=most).contains(&integer) {
            return self.wrong(range_of(&least, &most));
        }
        T::try_from(integer).ok()
    }

    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.node.value {
            Value::Integer(integer) => integer as f64,
            Value::Number(number) => number,
            _ => return self.wrong_type("a number"),
        };
        if !range.contains(&number) {
            return self.wrong(range_of(range.start(), range.end()));
        }
        Some(number)
    }

    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let Value::Text(text) = &self.node.value else {
            return self.wrong_type("a duration such as \"15s\"");
        };
        let Some(duration) = units::duration(text) else { return self.wrong(Problem::Duration) };
        if !range.contains(&duration) {
            let text = units::duration_text;
            return self.wrong(range_of(&text(*range.start()), &text(*range.end())));
        }
        Some(duration)
    }

    pub(super) fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let Value::Text(text) = &self.node.value else {
            return self.wrong_type("a size such as \"1MiB\"");
        };
        let Some(size) = units::size(text) else { return self.wrong(Problem::Size) };
        if !range.contains(&size) {
            let text = units::size_text;
            return self.wrong(range_of(&text(*range.start()), &text(*range.end())));
        }
        Some(size)
    }

    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.any_text()?;
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Some(*choice),
            None => self.wrong(Problem::Choice(choices.iter().map(|(name, _)| *name).collect())),
        }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    pub(super) fn table(&self) -> Option<Table<'a>> {
        let Value::Table(entries) = &self.node.value else { return self.wrong_type("a table") };
        let path = self.path.clone();
        Some(Table { path, at: self.at, notes: self.notes, entries, known: Vec::new() })
    }

    /// The values of a table whose keys are chosen by the user.
    pub(super) fn entries(&self) -> Option<Vec<(&'a str, Field<'a>)>> {
        let table = self.table()?;
        let field = |entry: &'a Entry| {
            let path = table.path_of(&shown(&entry.key));
            let field = Field { path, at: entry.node.at, notes: self.notes, node: &entry.node };
            (&*entry.key, field)
        };
        Some(table.entries.iter().map(field).collect())
    }

    /// Reads all values of a list.
    pub(super) fn list<T>(&self, mut read: impl FnMut(Field<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(nodes) = &self.node.value else { return self.wrong_type("a list") };
        let field = |(n, node): (usize, &'a Node)| Field {
            path: format!("{}[{n}]", self.path),
            at: node.at,
            notes: self.notes,
            node,
        };
        let values: Vec<_> = nodes.iter().enumerate().map(field).map(&mut read).collect();
        values.into_iter().collect()
    }

    /// `{ file = "PATH" }` or `{ env = "VARIABLE" }`.
    pub(super) fn secret(&self) -> Option<Secret> {
        if let Value::Text(_) = self.node.value {
            return self.wrong(Problem::PlainSecret);
        }
        let mut table = self.table()?;
        let file = table.maybe("file", |field| field.text());
        let env = table.maybe("env", |field| field.text());
        let both = table.has("file") && table.has("env");
        let neither = !table.has("file") && !table.has("env");
        table.finish();
        if both {
            return self.wrong(Problem::NotBoth { other: "env" });
        }
        let secret = match (file?, env?) {
            (Some(path), _) => Secret::File(path),
            (_, Some(name)) => Secret::Env(name),
            (None, None) if neither => {
                return self.wrong(Problem::Missing {
                    write: "{ file = \"PATH\" } or { env = \"VARIABLE\" }",
                });
            }
            (None, None) => return None,
        };
        Some(secret)
    }

    /// Notes that the worker reads this secret.
    pub(super) fn uses(&self, secret: Secret) {
        let found = self.notes.found_at(self.at, &*self.path, secret);
        self.notes.found.borrow_mut().secrets.push(found);
    }

    /// A secret that is noted as used.
    pub(super) fn used_secret(&self) -> Option<Secret> {
        let secret = self.secret()?;
        self.uses(secret.clone());
        Some(secret)
    }

    /// A text, or a secret.
    pub(super) fn source(&self) -> Option<Source> {
        if self.is_table() {
            self.secret().map(Source::Secret)
        } else {
            self.text().map(Source::Plain)
        }
    }
}

fn range_of(least: &impl ToString, most: &impl ToString) -> Problem {
    Problem::Range { least: least.to_string(), most: most.to_string() }
}

/// The known key that was probably meant.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let key = key.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&key, known);
    let (distance, nearest) = known.iter().map(|known| (distance(known), *known)).min()?;
    // A third of the letters may be wrong.
    (distance <= nearest.len().max(3) / 3).then_some(nearest)
}

/// A key for people: a long or strange one is cut.
fn shown(key: &str) -> String {
    const LONGEST: usize = 40;
    let escaped: String = key.escape_debug().take(LONGEST).collect();
    if key.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
        escaped
    } else {
        format!("\"{escaped}\"")
    }
}
