//! The measurement itself: everything in one go, interleaved by round, case and contender.

mod plan;
mod report;
mod selection;
mod targets;

use std::{fs, io::Write, time::Instant};

use self::plan::Group;
pub(crate) use self::selection::Selection;
use crate::{
    callgrind,
    contender::{Contender, Kind},
    run::{self, Roster},
    sample::{INSTRUCTIONS, Sample},
};

/// What one contender yielded in one group.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) contender: Contender,
    pub(crate) runs: Vec<Sample>,
    pub(crate) instructions: Option<f64>,
}

impl Row {
    /// The medians of all figures.
    pub(crate) fn median(&self) -> Sample {
        let median = Sample::median(&self.runs);
        match self.instructions {
            Some(count) => median.with(INSTRUCTIONS, count),
            None => median,
        }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) groups: Vec<(Group, Vec<Row>)>,
    /// What was not measured, and why.
    pub(crate) left_out: Vec<(String, String)>,
}

impl Results {
    fn leave_out(&mut self, what: String, why: String) {
        if !self.left_out.iter().any(|(name, _)| *name == what) {
            self.left_out.push((what, why));
        }
    }

    /// A contender in the group that has this title, if it ran there.
    pub(crate) fn row(&self, title: &str, contender: Contender) -> Option<&Row> {
        let (_, rows) = self.groups.iter().find(|(group, _)| group.title() == title)?;
        rows.iter().find(|row| row.contender == contender && !row.runs.is_empty())
    }

    /// The medians of that.
    pub(crate) fn find(&self, title: &str, contender: Contender) -> Option<Sample> {
        self.row(title, contender).map(Row::median)
    }
}

/// Measures, prints, and writes the files.
pub(crate) fn measure(selection: &Selection) -> Result<(), String> {
    let began = Instant::now();
    let quick = selection.quick;
    let mut results = collect(&Roster::new(), selection);
    count_instructions(&mut results, quick);
    let folder = run::folder().map_err(|error| error.to_string())?;
    let seconds = began.elapsed().as_secs();
    print!("{}", report::text(&results, seconds));
    let path = folder.join("table.json");
    fs::write(&path, report::json(&results, quick, seconds))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    println!("written: {}", path.display());
    Ok(())
}

fn collect(roster: &Roster, selection: &Selection) -> Results {
    let mut results = Results::default();
    for mut group in plan::plan(selection.quick) {
        group.contenders.retain(|&contender| selection.has(group.case, contender));
        if group.contenders.is_empty() {
            continue;
        }
        let mut rows = Vec::new();
        for &contender in &group.contenders {
            match roster.absence(contender) {
                Some(why) => results.leave_out(contender.to_string(), why),
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
                match roster.run(row.contender, group.case, group.count) {
                    Ok(sample) => row.runs.push(sample),
                    Err(why) => {
                        failures.push((format!("{} in {}", row.contender, group.title()), why));
                    }
                }
            }
        }
    }
    for (what, why) in failures {
        results.leave_out(what, why);
    }
    results
}

fn count_instructions(results: &mut Results, quick: bool) {
    const WHAT: &str = "instructions per message";
    if let Some(why) = callgrind::absence() {
        return results.leave_out(WHAT.to_owned(), why);
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
                Err(why) => failures.push((format!("instructions of {}", row.contender), why)),
            }
        }
    }
    for (what, why) in failures {
        results.leave_out(what, why);
    }
}

/// One line on standard error that the next one replaces.
fn progress(text: &str) {
    eprint!("\r\x1b[K{text}");
    // Nobody may be looking.
    let _ = std::io::stderr().flush();
}
