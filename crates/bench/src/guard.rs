//! The regression guard. It counts the instructions, allocations, clock reads and locked operations of
//! supervision per message. It measures no time.

use std::{env, fs, path::PathBuf, process::ExitCode};

use serde_json::{Value, json};

use crate::{
    callgrind::{self, Counts},
    replay::{self, Shape},
};

/// The maximum number of instructions per message above the committed figure. Unrelated edits
/// change the layout and inlining of the code, and with them the count by about this number.
const TOLERANCE: f64 = 30.0;
/// The other counts are exact. This tolerance is for counts per connection and per read.
const EXACT: f64 = 0.02;

/// The instructions of ours minus those of raw, and the other counts of ours, per message.
#[derive(Clone, Copy, Debug)]
struct Figures {
    over_raw: Counts,
    ours: Counts,
}

/// Counts, and compares with the committed figures. With `write` it replaces them.
pub(crate) fn guard(write: bool) -> Result<ExitCode, String> {
    if let Some(absent) = callgrind::absence().or_else(callgrind::disassembler_absence) {
        println!("guard: skipped, {absent}");
        // CI can install the tools.
        let in_ci = env::var_os("CI").is_some_and(|ci| ci != "false");
        return Ok(if in_ci { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if cfg!(debug_assertions) {
        println!("guard: skipped, it needs a release build: cargo run --release -p bench -- guard");
        return Ok(ExitCode::SUCCESS);
    }
    let mut code = ExitCode::SUCCESS;
    let mut committed = serde_json::Map::new();
    for text in [false, true] {
        let name = if text { "text" } else { "binary" };
        let raw = replay::counts(Shape::Raw, text)?;
        let connection = replay::counts(Shape::Connection, text)?;
        let ours = replay::counts(Shape::Ours, text)?;
        println!("\n{name}, per message of 128 bytes:");
        print(&[("raw", raw), ("our connection", connection), ("supervised", ours)]);
        let figures = Figures { over_raw: ours - raw, ours };
        if write {
            committed.insert(name.to_owned(), figures.to_json());
        } else if !figures.compare(&read(name)?) {
            code = ExitCode::FAILURE;
        }
    }
    if write {
        let text = format!("{:#}\n", Value::Object(committed));
        fs::write(file(), text).map_err(|error| error.to_string())?;
        println!("\nguard: written to {}", file().display());
    }
    Ok(code)
}

impl Figures {
    fn to_json(self) -> Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({
            "instructions_over_raw": round(self.over_raw.instructions),
            "allocations": round(self.ours.allocations),
            "locked_operations": round(self.ours.locked),
            "clock_reads": round(self.ours.clock_reads),
        })
    }

    /// Prints for each figure whether it is within its limit. Returns whether all are.
    fn compare(self, committed: &Value) -> bool {
        let figures = [
            ("instructions_over_raw", self.over_raw.instructions, TOLERANCE),
            ("allocations", self.ours.allocations, EXACT),
            ("locked_operations", self.ours.locked, EXACT),
            ("clock_reads", self.ours.clock_reads, EXACT),
        ];
        let mut fine = true;
        for (name, value, tolerance) in figures {
            let Some(before) = committed[name].as_f64() else {
                println!("{name}: no committed figure");
                fine = false;
                continue;
            };
            let within = value <= before + tolerance;
            let verdict = if within { "fine" } else { "TOO MUCH" };
            println!(
                "{name}: {value:.3}, committed {before:.3}, limit {tolerance} more: {verdict}"
            );
            fine &= within;
        }
        fine
    }
}

fn print(rows: &[(&str, Counts)]) {
    println!(
        "{:<16} {:>12} {:>12} {:>12} {:>12}",
        "", "instructions", "allocations", "locked", "clock reads"
    );
    for (name, counts) in rows {
        println!(
            "{name:<16} {:>12.1} {:>12.3} {:>12.3} {:>12.3}",
            counts.instructions, counts.allocations, counts.locked, counts.clock_reads
        );
    }
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/guard.json"))
}

fn read(name: &str) -> Result<Value, String> {
    let text = fs::read_to_string(file()).map_err(|error| format!("guard.json: {error}"))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| format!("guard.json: {error}"))?;
    Ok(value[name].clone())
}
