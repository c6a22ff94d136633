//! The names of tests: short, and without numbers of entries in a list.

use std::fs;

use crate::{files::rust_files, modules::workspace};

/// A name is shorter than this.
const LENGTH: usize = 70;

/// The folders with tests.
const FOLDERS: [&str; 3] = ["crates", "tests", "examples"];

/// The names of all functions with `#[test]` in a source file.
fn test_names(source: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line == "#[test]" {
            is_test = true;
        } else if is_test && let Some((_, name)) = line.split_once("fn ") {
            names.push(name.split(['(', '<']).next().unwrap());
            is_test = false;
        }
    }
    names
}

/// Whether a name starts with the number of an entry in a list, for example with `p04_`.
fn has_list_number(name: &str) -> bool {
    let Some((prefix, _)) = name.split_once('_') else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let letter = prefix.strip_prefix(['p', 'e', 'f']);
    letter.is_some_and(is_number) || ["fact", "facts"].contains(&prefix)
}

#[test]
fn test_names_are_short_and_have_no_list_numbers() {
    let sources = FOLDERS.into_iter().flat_map(|folder| rust_files(&workspace().join(folder)));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        for name in test_names(&source) {
            count += 1;
            let is_wrong = name.len() >= LENGTH || has_list_number(name);
            if is_wrong {
                wrong.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 600, "only {count} tests were found");
}

#[test]
fn a_list_number_is_recognised() {
    assert!(has_list_number("p04_a_name") && has_list_number("fact_16_a_name"));
    assert!(!has_list_number("a_name") && !has_list_number("pings_are_answered"));
    assert!(!has_list_number("e_mail") && !has_list_number("invariant_02_one_sleep"));
}
