//! The tables: all contenders are measured in one run, interleaved by round, case and contender.

mod plan;
mod report;
mod results;
mod runner;
mod selection;
mod targets;

use std::{fs, io::Write, time::Instant};

pub(crate) use self::selection::Selection;
use self::{
    results::{Results, Row},
    runner::Runner,
};
use crate::{callgrind, contender::Kind, process};

/// Measures, prints the tables and writes the JSON file.
pub(crate) fn measure(selection: &Selection) -> Result<(), String> {
    let began = Instant::now();
    let quick = selection.quick;
    let mut results = collect(&Runner::new(), selection);
    count_instructions(&mut results, quick);
    let folder = process::output_folder().map_err(|error| error.to_string())?;
    let seconds = began.elapsed().as_secs();
    print!("{}", report::text(&results, seconds));
    let path = folder.join("table.json");
    fs::write(&path, report::json(&results, quick, seconds))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("written: {}", path.display());
    Ok(())
}

fn collect(runner: &Runner, selection: &Selection) -> Results {
    let mut results = Results::default();
    for mut group in plan::plan(selection.quick) {
        group.contenders.retain(|&contender| selection.has(group.case, contender));
        if group.contenders.is_empty() {
            continue;
        }
        let mut rows = Vec::new();
        for &contender in &group.contenders {
            match runner.absence(contender) {
                Some(reason) => results.leave_out(contender.to_string(), reason),
                None => rows.push(Row { contender, runs: Vec::new(), instructions: None }),
            }
        }
        results.groups.push((group, rows));
    }
    let rounds = results.groups.iter().map(|(group, _)| group.rounds).max().unwrap_or(0);
    let mut failures = Vec::new();
    for round in 0..rounds {
        for (group, rows) in &mut results.groups {
            for row in rows {
                if round >= group.rounds_of(row.contender) {
                    continue;
                }
                progress(&format!("round {}, {}, {}", round + 1, group.title(), row.contender));
                match runner.run(row.contender, group.case, group.count) {
                    Ok(sample) => row.runs.push(sample),
                    Err(reason) => {
                        failures.push((format!("{} in {}", row.contender, group.title()), reason));
                    }
                }
            }
        }
    }
    for (what, reason) in failures {
        results.leave_out(what, reason);
    }
    results
}

fn count_instructions(results: &mut Results, quick: bool) {
    const WHAT: &str = "instructions per message";
    if let Some(reason) = callgrind::absence() {
        return results.leave_out(WHAT.to_owned(), reason);
    }
    if quick {
        return results.leave_out(WHAT.to_owned(), "not in a quick run".to_owned());
    }
    let mut failures = Vec::new();
    for (group, rows) in &mut results.groups {
        if !group.counts_instructions() {
            continue;
        }
        for row in rows {
            if row.contender.kind == Kind::Original || row.runs.is_empty() {
                continue;
            }
            progress(&format!("instructions, {}, {}", group.title(), row.contender));
            match callgrind::per_message(row.contender, group.case) {
                Ok(count) => row.instructions = Some(count),
                Err(reason) => {
                    failures.push((format!("instructions of {}", row.contender), reason))
                }
            }
        }
    }
    for (what, reason) in failures {
        results.leave_out(what, reason);
    }
}

/// Prints one line to standard error. The next one replaces it.
fn progress(text: &str) {
    eprint!("\r\x1b[K{text}");
    // Progress is not essential.
    let _ = std::io::stderr().flush();
}
