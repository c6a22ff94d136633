//! How a tree is read: each value of a table once, and all that is wrong is noted.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    Secret, Source,
    mistakes::{Problem, Warning},
    notes::Notes,
    tree::{Entry, Node, Value},
    units,
};

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
    /// The whole document as a table.
    pub(super) fn of_document(document: &'a Node, notes: &'a Notes<'a>) -> Option<Self> {
        Field { path: String::new(), at: document.at, node: document, notes }.table()
    }

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
        if !self.notes.is_file() {
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
        if self.notes.is_file() {
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
        let (least, most): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
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
        self.notes.uses(self.at, &*self.path, secret);
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
