//! [`Resume`]: how a new connection continues the session of an earlier one.

use std::collections::BTreeMap;

use websocket_heartbeat_tokio::Request;

use super::{
    super::{
        Source,
        document::Field,
        mistakes::{Problem, Warning},
        template,
    },
    id::pointer,
    source::{messages, source},
};
use crate::id::Pointer;

/// How a connection continues the session of an earlier one with the upstream.
///
/// The latest of each value is kept. As soon as all are known, new connections use `open` and `url`
/// of this table, with the values in places such as `{{seq}}`.
///
/// In `open` a value is a part of a JSON text: quotes, backslashes and control characters are escaped.
/// So write the quotes around a string in the template, and none around a number. In `url` a value is
/// percent-encoded, except at the very beginning, where it is a URL or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Where the values stand in messages of the upstream.
    pub values: BTreeMap<String, Pointer>,
    /// The messages that are sent instead of those of the subscription.
    pub open: Vec<Source>,
    /// The URL of these connections; `None` for that of the subscription.
    pub url: Option<Source>,
    /// When the upstream refuses to continue, so that the values are forgotten.
    pub reset: Reset,
}

/// When the upstream refuses to continue a session. Without it, a session that the upstream has
/// forgotten is tried for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// A message with this number or string at this place says so.
    pub message: Option<(Pointer, String)>,
    /// A connection that is closed with one of these codes says so.
    pub codes: Vec<u16>,
}

/// Reads the table. `loses_tls` says whether this URL has no TLS, but that of the subscription has.
pub(super) fn read(
    field: &Field<'_>,
    names: &[String],
    loses_tls: impl Fn(&Source) -> bool,
) -> Option<Resume> {
    let mut table = field.table()?;
    let write = "values = { seq = \"/seq\" }";
    let fields = table.required("values", write, |field| {
        let values = field.entries()?;
        if values.is_empty() {
            field.mistake(Problem::Empty);
        }
        Some(values)
    });
    let values = fields.as_ref().and_then(|fields| {
        let values = fields.iter().map(|(name, field)| value_name(name, field).zip(pointer(field)));
        values.collect::<Vec<_>>().into_iter().collect::<Option<BTreeMap<_, _>>>()
    });
    let fields = fields.unwrap_or_default();
    let known: Vec<&str> =
        ["name"].into_iter().chain(fields.iter().map(|(name, _)| *name)).collect();
    let open = table.or("open", Vec::new(), |field| messages(&field, names, &known));
    let url = table.maybe("url", |field| {
        let source = source(&field, names, &known)?;
        check_url(&field, &source)?;
        if loses_tls(&source) {
            field.mistake(Problem::OtherScheme);
            return None;
        }
        Some(source)
    });
    let reset = table.or("reset", Reset::default(), |field| reset(&field));
    if let (Some([]), Some(None)) = (open.as_deref(), &url) {
        let write = "the messages that continue the session, such as open = ['{\"seq\":{{seq}}}']";
        table.mistake("open", Problem::Missing { write });
    }
    table.finish();
    let (open, url) = (open?, url?);
    let sources = || open.iter().chain(&url);
    // The content of a secret may have any place.
    if sources().next().is_some() && sources().all(|source| source.secret().is_none()) {
        let used = |name: &str| {
            sources().flat_map(|source| template::places(source.text())).any(|place| place == name)
        };
        for (name, field) in &fields {
            if !used(name) {
                field.warn(Warning::Unused);
            }
        }
    }
    Some(Resume { values: values?, open, url, reset: reset? })
}

fn value_name(name: &str, field: &Field<'_>) -> Option<String> {
    let as_place = format!("{{{{{name}}}}}");
    if name == "name" || template::places(&as_place).next() != Some(name) {
        field.mistake(Problem::ValueName);
        return None;
    }
    Some(name.to_owned())
}

/// Checks what does not depend on the values.
fn check_url(field: &Field<'_>, url: &Source) -> Option<()> {
    let Source::Plain(url) = url else { return Some(()) };
    if url.starts_with("{{") {
        return Some(());
    }
    match Request::new(&template::fill(url, |_| Some("1".to_owned()))) {
        Ok(_) => Some(()),
        Err(error) => {
            field.mistake(Problem::Url(error));
            None
        }
    }
}

fn reset(field: &Field<'_>) -> Option<Reset> {
    let mut table = field.table()?;
    let place = table.maybe("pointer", |field| pointer(&field));
    let value = table.maybe("equals", |field| field.scalar());
    let codes =
        table.or("codes", Vec::new(), |field| field.list(|field| field.integer(1000..=4999)));
    for (key, other) in [("pointer", "equals"), ("equals", "pointer")] {
        if let Some(field) = table.field(key)
            && !table.has(other)
        {
            field.mistake(Problem::Needs { other });
        }
    }
    table.finish();
    Some(Reset { message: place?.zip(value?), codes: codes? })
}
