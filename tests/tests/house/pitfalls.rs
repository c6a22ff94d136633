//! `PITFALLS.md`: each entry has a test that exists, or a reason why there is none.

use std::{collections::BTreeMap, fs};

use crate::modules::workspace;

/// The lists, and the number of entries in each.
const LISTS: [(&str, u32); 3] = [("P", 27), ("E", 15), ("F", 54)];

/// The text of each entry, by its number.
fn entries() -> BTreeMap<String, String> {
    let list = fs::read_to_string(workspace().join("tests/PITFALLS.md")).unwrap();
    let mut entries = BTreeMap::new();
    let mut current = None;
    for line in list.lines() {
        if let Some(start) = line.strip_prefix("- ") {
            let (number, text) = start.split_once(": ").unwrap();
            let former = entries.insert(number.to_owned(), text.to_owned());
            assert!(former.is_none(), "{number} has two entries");
            current = Some(number.to_owned());
        } else if let Some(text) = line.strip_prefix("  ") {
            let entry = current.as_ref().and_then(|number| entries.get_mut(number)).unwrap();
            *entry += " ";
            *entry += text;
        } else {
            current = None;
        }
    }
    entries
}

/// The files and functions that an entry names, as `file::function`.
fn named_tests(entry: &str) -> impl Iterator<Item = (&str, &str)> {
    entry.split('`').filter_map(|part| part.split_once(".rs::"))
}

#[test]
fn every_number_has_an_entry() {
    let mut expected: Vec<_> = LISTS
        .into_iter()
        .flat_map(|(letter, count)| (1..=count).map(move |number| format!("{letter}{number}")))
        .collect();
    expected.sort();
    let found: Vec<_> = entries().into_keys().collect();
    assert_eq!(found, expected);
}

#[test]
fn every_entry_names_an_existing_test_or_a_reason() {
    let mut missing = Vec::new();
    for (number, entry) in entries() {
        let has_reason = entry.split_once("No test: ").is_some_and(|(_, reason)| reason.len() > 20);
        if !has_reason && named_tests(&entry).count() == 0 {
            missing.push(format!("{number} has no test and no reason"));
        }
        for (file, function) in named_tests(&entry) {
            let path = workspace().join("crates").join(file).with_extension("rs");
            let source = fs::read_to_string(&path).unwrap_or_default();
            if !["(", "<"].iter().any(|after| source.contains(&format!("fn {function}{after}"))) {
                missing.push(format!("{number}: no `{function}` in `{file}.rs`"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
