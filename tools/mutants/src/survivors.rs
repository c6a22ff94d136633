//! The list of survivors that are known, each with its reason.
//!
//! ```text
//! crates/core/src/machine/beat.rs: replace > with >= in Beat::handle_deadline
//!   at: let late = late_by > wait;
//!   why: the reason
//! ```
//!
//! The line of the source is a part of the entry instead of its number, which changes often.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{area::Area, mutant::Mutant};

pub struct Survivors {
    entries: BTreeSet<String>,
}

impl Survivors {
    pub fn read(path: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let lines: Vec<_> = lines.collect();
        let mut entries = BTreeSet::new();
        for entry in lines.chunks(3) {
            let [change, at, why] = entry else {
                return Err(format!("an entry is not complete: {}", entry.join(" / ")));
            };
            let (Some(at), Some(why)) = (at.strip_prefix("  at: "), why.strip_prefix("  why: "))
            else {
                return Err(format!(
                    "an entry needs `  at: ` and `  why: `: {}",
                    entry.join(" / ")
                ));
            };
            if why.trim().is_empty() {
                return Err(format!("an entry has no reason: {change}"));
            }
            if !entries.insert(format!("{change}\n  at: {at}")) {
                return Err(format!("an entry occurs twice: {change}"));
            }
        }
        Ok(Self { entries })
    }

    pub fn contains(&self, mutant: &Mutant) -> bool {
        self.entries.contains(&mutant.key())
    }

    /// Entries of these areas that are none of these survivors.
    pub fn stale<'a>(
        &'a self,
        areas: &'a [Area],
        survivors: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(String::as_str).filter(|entry| {
            areas.iter().any(|area| area.contains(file_of(entry))) && !survivors.contains(*entry)
        })
    }
}

impl Mutant {
    /// Identifies it, even after changes of other lines.
    pub fn key(&self) -> String {
        format!("{}: {}\n  at: {}", self.file, self.change, self.line)
    }
}

/// The file of a mutant with this key.
pub fn file_of(key: &str) -> &str {
    key.split(':').next().unwrap_or_default()
}
