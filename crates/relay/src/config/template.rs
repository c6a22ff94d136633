//! Texts with places such as `{{name}}`.

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    Text(&'t str),
    /// The name between `{{` and `}}`: letters, digits and `_`. Other braces are text.
    Place(&'t str),
}

/// The parts of a template, in order.
pub(crate) fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = place(rest) {
            rest = after;
            return Some(Part::Place(name));
        }
        let mut braces = rest.match_indices('{').map(|(at, _)| at);
        let end = braces.find(|at| place(&rest[*at..]).is_some()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Part::Text(text))
    })
}

/// The names of all places.
pub(crate) fn places(template: &str) -> impl Iterator<Item = &str> {
    parts(template).filter_map(|part| match part {
        Part::Place(name) => Some(name),
        Part::Text(_) => None,
    })
}

/// Replaces the places for which `value` returns something. The others stay.
pub(crate) fn fill(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Place(name) => match value(name) {
                Some(value) => text.push_str(&value),
                None => {
                    text.push_str("{{");
                    text.push_str(name);
                    text.push_str("}}");
                }
            },
        }
    }
    text
}

/// Replaces the place `{{name}}`.
pub(crate) fn fill_name(template: &str, name: &str) -> String {
    fill(template, |place| (place == "name").then(|| name.to_owned()))
}

/// The place at the beginning of this text, and what follows it.
fn place(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("{{")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, after) = rest.split_at(end);
    let after = after.strip_prefix("}}")?;
    (!name.is_empty()).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_replaced_and_other_braces_stay() {
        let value = |name: &str| (name == "seq").then(|| "7".to_owned());
        for (template, filled) in [
            (r#"{"d":{"seq":{{seq}}}}"#, r#"{"d":{"seq":7}}"#),
            ("{{seq}}", "7"),
            ("{{{seq}}}", "{7}"),
            ("{{{seq}}, {{seq}}", "{7, 7"),
            ("{{seq}}{{seq}}", "77"),
            ("a{{other}}b", "a{{other}}b"),
            ("{{ seq }}{{}}{{seq}", "{{ seq }}{{}}{{seq}"),
            ("{{a-b}}{{", "{{a-b}}{{"),
            ("ä{{seq}}ä", "ä7ä"),
            ("", ""),
        ] {
            assert_eq!(fill(template, value), filled, "{template}");
        }
        assert_eq!(places("{{a}}-{{b_1}}{{{{}}").collect::<Vec<_>>(), ["a", "b_1"]);
    }
}
