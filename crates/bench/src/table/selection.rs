//! The selected part of the plan.

use crate::{case::Case, contender::Contender};

/// The names of the runtimes. The name of a contender ends with one of them.
const RUNTIMES: [&str; 3] = ["smol", "async-std", "tokio"];

/// The arguments of `table`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Selection {
    pub(crate) quick: bool,
    /// Only our and the raw contenders on this runtime.
    runtime: Option<String>,
    /// Only these cases; all if empty.
    cases: Vec<Case>,
}

impl Selection {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut selection = Self::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--quick" => selection.quick = true,
                "--runtime" => {
                    let name = words.next().copied().unwrap_or_default();
                    if !RUNTIMES.contains(&name) {
                        return Err(format!("--runtime is one of {}", RUNTIMES.join(", ")));
                    }
                    selection.runtime = Some(name.to_owned());
                }
                case => selection.cases.push(case.parse()?),
            }
        }
        Ok(selection)
    }

    pub(crate) fn has(&self, case: Case, contender: Contender) -> bool {
        let name = contender.kind.name();
        let runs_there = |runtime: &String| {
            name.strip_suffix(runtime.as_str())
                .is_some_and(|who| ["ours-", "connection-", "raw-"].contains(&who))
        };
        (self.cases.is_empty() || self.cases.contains(&case))
            && self.runtime.as_ref().is_none_or(runs_there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_and_a_runtime_are_selected() {
        let all = Selection::parse(&[]).unwrap();
        let some = Selection::parse(&["--runtime", "tokio", "--quick", "idle"]).unwrap();
        let contender = |name: &str| name.parse::<Contender>().unwrap();
        for (name, expected) in [
            ("ours-tokio", true),
            ("raw-tokio@16k", true),
            ("connection-tokio", true),
            ("ours-smol", false),
            ("original-node", false),
            ("ours-mock", false),
        ] {
            assert!(all.has(Case::Idle, contender(name)));
            assert_eq!(some.has(Case::Idle, contender(name)), expected, "{name}");
            assert!(!some.has(Case::PingPong, contender(name)));
        }
        assert!(some.quick && !all.quick);
    }

    #[test]
    fn unknown_arguments_are_refused() {
        for words in [&["--runtime"][..], &["--runtime", "glommio"], &["receive"], &["--fast"]] {
            assert!(Selection::parse(words).is_err(), "{words:?}");
        }
    }
}
