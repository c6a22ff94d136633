//! `crates/conformance/CONTRACT.md`: each sentence of the contracts of core has rules or a reason,
//! and each rule has a sentence.

use std::{collections::BTreeSet, fs};

use websocket_heartbeat_conformance::RULES;

use crate::modules::workspace;

/// The traits with a contract: the name, the file below `crates/core/src`, the sections of its
/// documentation.
const TRAITS: [(&str, &str, &[&str]); 3] = [
    ("Connection", "transport/connection.rs", &["Contract"]),
    ("Transport", "transport/mod.rs", &["Contract", "Errors"]),
    ("Timer", "time/timer.rs", &["Contract"]),
];

/// A sentence, with the lines of its list.
struct Entry {
    section: String,
    sentence: String,
    lines: Vec<String>,
}

/// The entries of `CONTRACT.md`.
fn entries() -> Vec<Entry> {
    let text = fs::read_to_string(workspace().join("crates/conformance/CONTRACT.md")).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix("## ") {
            section = name.to_owned();
        } else if let Some(rule) = line.strip_prefix("- ") {
            entries.last_mut().expect("a sentence").lines.push(rule.to_owned());
        } else if !section.is_empty() {
            let (section, sentence) = (section.clone(), line.to_owned());
            entries.push(Entry { section, sentence, lines: Vec::new() });
        }
    }
    entries
}

/// The sentences of some sections of the documentation of a trait.
fn sentences(source: &str, name: &str, sections: &[&str]) -> Vec<String> {
    let declaration = format!("pub trait {name}");
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(&declaration)).expect("a trait");
    let above = lines[..at].iter().rev().map_while(|line| line.strip_prefix("///"));
    let mut documentation: Vec<&str> = above.map(str::trim_end).collect();
    documentation.reverse();
    let mut paragraphs = vec![String::new()];
    let mut inside = false;
    for line in documentation {
        let text = line.trim();
        if let Some(heading) = text.strip_prefix("# ") {
            inside = sections.contains(&heading);
            paragraphs.push(String::new());
        } else if inside {
            if text.is_empty() || text.starts_with("- ") {
                paragraphs.push(String::new());
            }
            let paragraph = paragraphs.last_mut().expect("it begins with one");
            *paragraph += text.strip_prefix("- ").unwrap_or(text);
            *paragraph += " ";
        }
    }
    let paragraphs = paragraphs.iter().map(|paragraph| without_links(paragraph.trim()));
    paragraphs.filter(|paragraph| !paragraph.ends_with(':')).flat_map(split).collect()
}

/// The sentences of a paragraph. Each ends with a period, and another begins after a space.
fn split(paragraph: String) -> Vec<String> {
    let parts = paragraph.split_inclusive(". ").map(|sentence| sentence.trim().to_owned());
    parts.filter(|sentence| !sentence.is_empty()).collect()
}

/// Replaces each link by its text.
fn without_links(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let (name, after) = link.split_once("`]").expect("a link ends");
        result += &format!("{before}`{name}`");
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = target.map_or(after, |(_, after)| after);
    }
    result + rest
}

#[test]
fn each_sentence_of_a_contract_is_listed() {
    let entries = entries();
    for (name, file, sections) in TRAITS {
        let source = fs::read_to_string(workspace().join("crates/core/src").join(file)).unwrap();
        let documented = sentences(&source, name, sections);
        assert!(documented.len() >= 4, "{name} has only {documented:?}");
        let of_trait = entries.iter().filter(|entry| entry.section == name);
        let listed: Vec<_> = of_trait.map(|entry| entry.sentence.clone()).collect();
        assert_eq!(documented, listed, "CONTRACT.md repeats the contract of {name}");
    }
}

#[test]
fn each_sentence_has_rules_or_a_reason_and_each_rule_a_sentence() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), RULES.len(), "each rule has a name of its own");
    let mut listed = BTreeSet::new();
    let mut wrong = Vec::new();
    for Entry { sentence, lines, .. } in entries() {
        if lines.is_empty() {
            wrong.push(format!("{sentence:?} has no rule and no reason"));
        }
        for line in lines {
            let reason = line.strip_prefix("No rule: ").is_some_and(|reason| reason.len() > 20);
            if !reason && !names.contains(line.as_str()) {
                wrong.push(format!("no rule is named {line:?}"));
            }
            listed.insert(line);
        }
    }
    wrong.extend(
        names
            .iter()
            .filter(|name| !listed.contains(**name))
            .map(|name| format!("{name:?} has no sentence")),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_new_sentence_is_recognised() {
    let source = "/// Text.\n///\n/// # Contract\n///\n/// Reading:\n///\n/// - One [`a`](b)\n///   line. Two.\n\
                  ///\n/// # Other\n///\n/// Three.\npub trait Thing {}\n";
    assert_eq!(sentences(source, "Thing", &["Contract"]), ["One `a` line.", "Two."]);
}
