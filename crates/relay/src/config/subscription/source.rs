//! Reads texts that may be secrets and may have places for values: URLs, values of headers, messages.

use super::super::{Source, document::Field, mistakes::Problem, template};

/// Reads a text or a secret with places. What is known for each of these names is replaced.
pub(super) fn source(field: &Field<'_>, names: &[String], known: &[&str]) -> Option<Source> {
    let source = field.source()?;
    known_places(field, source.text(), known)?;
    if let Source::Secret(secret) = &source {
        if template::places(source.text()).next().is_none() {
            field.uses(secret.clone());
        } else {
            let with_name = |name: &String| source.named(name);
            let used: Vec<_> = names.iter().map(with_name).collect();
            used.iter().filter_map(Source::secret).for_each(|secret| field.uses(secret.clone()));
        }
    }
    Some(source)
}

/// Notes a place that nothing fills.
pub(super) fn known_places(field: &Field<'_>, text: &str, known: &[&str]) -> Option<()> {
    let Some(place) = template::places(text).find(|place| !known.contains(place)) else {
        return Some(());
    };
    let known = known.iter().map(|&name| name.to_owned()).collect();
    field.mistake(Problem::Template { place: place.chars().take(40).collect(), known });
    None
}

/// Reads messages to send.
pub(super) fn messages(field: &Field<'_>, names: &[String], known: &[&str]) -> Option<Vec<Source>> {
    let messages = field.list(|field| source(&field, names, known))?;
    // The subscription must fit into one message of NATS.
    let bytes: usize = messages.iter().map(|message| message.text().len()).sum();
    if messages.len() > 1_000 || bytes > 256 << 10 {
        field.mistake(Problem::TooMuch { most: "1000 messages with 256 KiB" });
        return None;
    }
    Some(messages)
}
