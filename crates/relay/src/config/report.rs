//! The explanation of a file for people: [`check`].

use std::fmt;

use super::{Config, Found, Mistake, Secret, SecretError, Warning, read};

/// All that is to be said about a file.
#[derive(Clone, Debug)]
pub struct Report {
    /// The configuration, if the file has no mistakes.
    pub config: Option<Config>,
    /// The mistakes, in the order of their places.
    pub mistakes: Vec<Mistake>,
    /// The warnings, in the order of their places.
    pub warnings: Vec<Found<Warning>>,
}

/// Explains a file. For each secret and each other file that the worker would read, `read` is called;
/// an error becomes a warning, since the file can be for another machine. A program gives
/// `|secret| secret.read().map(drop)`.
#[must_use]
pub fn check(
    text: &str,
    mut read_secret: impl FnMut(&Secret) -> Result<(), SecretError>,
) -> Report {
    let (config, collected) = read(text);
    let mut warnings = collected.warnings;
    for Found { place, key, what } in collected.secrets {
        if let Err(error) = read_secret(&what) {
            warnings.push(Found { place, key, what: Warning::Unreadable(error) });
        }
    }
    warnings.sort_by_key(|warning| warning.place);
    Report { config, mistakes: collected.mistakes, warnings }
}

impl Report {
    /// One line for each mistake and each warning, as compilers write it:
    /// `FILE:LINE:COLUMN: KEY what is wrong, and what to do`.
    #[must_use]
    pub fn lines<'r>(&'r self, file: &'r str) -> impl fmt::Display + 'r {
        Lines { report: self, file }
    }
}

struct Lines<'r> {
    report: &'r Report,
    file: &'r str,
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, file } = self;
        for mistake in &report.mistakes {
            writeln!(f, "{file}:{mistake}")?;
        }
        for Found { place, key, what } in &report.warnings {
            write!(f, "{file}:")?;
            if let Some(place) = place {
                write!(f, "{place}: ")?;
            }
            writeln!(f, "warning: {key} {what}")?;
        }
        Ok(())
    }
}
