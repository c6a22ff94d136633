//! Files with random changes.

use proptest::prelude::*;

use super::*;

/// A change of a text.
#[derive(Clone, Debug)]
enum Change {
    /// Removes these bytes.
    Remove { at: usize, length: usize },
    /// Puts a text there.
    Insert { at: usize, text: String },
    /// Copies a line to another place.
    Copy { line: usize, to: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let text = prop_oneof![
        "[\\[\\]{}=\"'#,.\n\r\t a-z0-9é]{1,6}",
        "(true|-1|0x1F|1e9|inf|nan|99999999999999999999|\"\"|\\[\\]|1979-05-27)",
        "(\\{\\{name\\}\\}|kind = \"resume\"\n|replicas = 2\n|id = \"none\"\n|\\[subscription.resume\\]\n)",
        any::<char>().prop_map(String::from),
    ];
    prop_oneof![
        (any::<usize>(), 1..40_usize).prop_map(|(at, length)| Change::Remove { at, length }),
        (any::<usize>(), text).prop_map(|(at, text)| Change::Insert { at, text }),
        (any::<usize>(), any::<usize>()).prop_map(|(line, to)| Change::Copy { line, to }),
    ]
}

fn changed(text: &str, changes: Vec<Change>) -> String {
    let mut text = text.to_owned();
    for change in changes {
        let boundary = |text: &str, at: usize| {
            (0..=at % (text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap()
        };
        match change {
            Change::Remove { at, length } => {
                let begin = boundary(&text, at);
                let end = boundary(&text, (begin + length).min(text.len())).max(begin);
                text.replace_range(begin..end, "");
            }
            Change::Insert { at, text: inserted } => {
                let at = boundary(&text, at);
                text.insert_str(at, &inserted);
            }
            Change::Copy { line, to } => {
                let lines: Vec<_> = text.split_inclusive('\n').collect();
                if lines.is_empty() {
                    continue;
                }
                let line = lines[line % lines.len()].to_owned();
                let to = lines[..to % lines.len()].iter().map(|line| line.len()).sum();
                text.insert_str(to, &line);
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_and_each_reported_line_exists(
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        let text = changed(FULL, changes);
        let report = check(&text, |_| Ok(()));
        prop_assert_eq!(report.config.is_none(), !report.mistakes.is_empty());
        let places = report.mistakes.iter().map(|mistake| mistake.place);
        for place in places.chain(report.warnings.iter().map(|warning| warning.place)) {
            let place = place.unwrap();
            let line = text.split('\n').nth(place.line - 1);
            prop_assert!(place.line <= text.lines().count().max(1), "{place:?} in {text:?}");
            prop_assert!(place.column <= line.unwrap().chars().count() + 1, "{place:?} in {text:?}");
        }
        for subscription in report.config.into_iter().flat_map(|config| config.subscriptions) {
            prop_assert_eq!(Subscription::from_json(&subscription.to_json()), Ok(subscription));
        }
    }

    #[test]
    fn no_json_panics(changes in proptest::collection::vec(change(), 1..6)) {
        for subscription in Config::parse(FULL).unwrap().subscriptions {
            let json = String::from_utf8(subscription.to_json()).unwrap();
            let _ = Subscription::from_json(changed(&json, changes.clone()).as_bytes());
        }
    }
}
