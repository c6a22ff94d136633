//! The table of all outcomes of this process.

use std::{
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::outcome::Outcome;

static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const HEAD: &str = "\
| fault | backend | what the user saw | detection ms | bound ms | dials | written | unknown | dropped | \
received | unproven |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// Adds a row, and writes the table.
pub(crate) fn add(backend: &str, outcome: &Outcome) {
    let Outcome { fault, saw, detection, dials, messages } = outcome;
    let millis = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1_000.0);
    let (after, bound) = match detection {
        Some(detection) => (millis(detection.after), millis(detection.bound)),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let counts = [
        messages.written,
        messages.unknown,
        messages.dropped,
        messages.received,
        messages.unproven,
    ];
    let counts = counts.map(|count| count.to_string()).join(" | ");
    let row = format!("| {fault} | {backend} | {saw} | {after} | {bound} | {dials} | {counts} |\n");
    let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    rows.push(row);
    rows.sort();
    let folder = folder();
    fs::create_dir_all(&folder).expect("a folder in the target folder");
    fs::write(folder.join("table.md"), format!("{HEAD}{}", rows.concat())).expect("a file");
}

/// In cargo's target folder, in which this program was built.
fn folder() -> PathBuf {
    let program = env::current_exe().expect("the path of this program");
    program.ancestors().nth(3).expect("a target folder").join("faults")
}
