//! The results as Markdown tables and as JSON.

use std::{fmt::Write, fs};

use serde_json::{Value, json};

use super::{
    plan::{self, Group},
    results::{Results, Row},
    targets,
};
use crate::{
    case::Case,
    process,
    sample::{CPU, INSTRUCTIONS, P50, P99, PEAK, RATE, RESIDENT, SECONDS},
};

/// A column: the figure, its title and its divisor.
const COLUMNS: [(&str, &str, f64); 8] = [
    (CPU, "CPU ns", 1.0),
    (INSTRUCTIONS, "instr", 1.0),
    (RATE, "per s", 1.0),
    (P50, "p50 us", 1e3),
    (P99, "p99 us", 1e3),
    (RESIDENT, "resident B", 1.0),
    (SECONDS, "seconds", 1.0),
    (PEAK, "peak MiB", 1024.0 * 1024.0),
];

/// The tables as Markdown.
pub(crate) fn text(results: &Results, seconds: u64) -> String {
    let mut out = String::new();
    for (group, rows) in &results.groups {
        table(&mut out, results, group, rows);
    }
    let targets = targets::check(results);
    if !targets.is_empty() {
        out.push_str(
            "\n### targets\n\n| target | value | limit | |\n| --- | ---: | ---: | --- |\n",
        );
        for target in targets {
            let sign = if target.at_least { "at least" } else { "at most" };
            let verdict = if target.is_met() { "met" } else { "MISSED" };
            let (value, limit) = (grouped(target.value), grouped(target.limit));
            let _ = writeln!(out, "| {} | {value} | {sign} {limit} | {verdict} |", target.what);
        }
    }
    if !results.left_out.is_empty() {
        out.push_str("\nleft out:\n");
        for (what, reason) in &results.left_out {
            let _ = writeln!(out, "- {what}: {reason}");
        }
    }
    let _ = writeln!(out, "\n{}; took {seconds} s", machine());
    out
}

fn table(out: &mut String, results: &Results, group: &Group, rows: &[Row]) {
    let medians: Vec<_> = rows
        .iter()
        .filter(|row| !row.runs.is_empty())
        .map(|row| (row.contender, row.median()))
        .collect();
    let columns: Vec<_> = COLUMNS
        .into_iter()
        .filter(|(figure, ..)| medians.iter().any(|(_, median)| median.get(figure).is_some()))
        .collect();
    let _ = writeln!(
        out,
        "\n### {}: per {}, median of up to {} runs (ratio to raw)\n",
        group.title(),
        group.case.unit(),
        group.rounds
    );
    let _ = write!(out, "| {:<20} |", "client");
    for (_, title, _) in &columns {
        let _ = write!(out, " {title:>18} |");
    }
    let _ = writeln!(out, " {:<18} |", "raw is");
    let _ = writeln!(out, "| --- |{} --- |", " ---: |".repeat(columns.len()));
    for (contender, median) in &medians {
        let reference = plan::reference(group, *contender);
        let base = reference.as_ref().and_then(|(title, raw)| results.find(title, *raw));
        let _ = write!(out, "| {contender:<20} |");
        for (figure, _, divisor) in &columns {
            let cell = match (median.get(figure), base.as_ref().and_then(|base| base.get(figure))) {
                (Some(value), Some(base)) if base != 0.0 => {
                    format!("{} ({:.2})", grouped(value / divisor), value / base)
                }
                (Some(value), _) => grouped(value / divisor),
                (None, _) => "-".to_owned(),
            };
            let _ = write!(out, " {cell:>18} |");
        }
        let raw = match reference {
            None => "-".to_owned(),
            Some((title, raw)) if title == group.title() => raw.to_string(),
            Some((title, raw)) => format!("{raw}, {title}"),
        };
        let _ = writeln!(out, " {raw} |");
    }
}

/// A number with separated thousands, or with decimals if it is small.
fn grouped(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The results as JSON.
pub(crate) fn json(results: &Results, quick: bool, seconds: u64) -> String {
    let groups: Vec<Value> = results
        .groups
        .iter()
        .map(|(group, rows)| {
            let rows: Vec<Value> = rows
                .iter()
                .map(|row| {
                    let (raw_in, raw) = plan::reference(group, row.contender).unzip();
                    json!({
                        "client": row.contender.to_string(),
                        "raw": raw.map(|raw| raw.to_string()),
                        "raw_in": raw_in,
                        "median": row.median().to_json(),
                        "runs": row.runs.iter().map(|run| run.to_json()).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "case": group.case.name(),
                "unit": group.case.unit(),
                "connections": matches!(group.case, Case::Idle | Case::IdleAligned | Case::Reconnect | Case::Hour)
                    .then_some(group.count),
                "count": group.count,
                "rounds": group.rounds,
                "rows": rows,
            })
        })
        .collect();
    let left_out: Vec<Value> = results
        .left_out
        .iter()
        .map(|(what, reason)| json!({ "what": what, "why": reason }))
        .collect();
    let targets: Vec<Value> = targets::check(results)
        .iter()
        .map(|target| {
            json!({
                "what": target.what,
                "value": target.value,
                "limit": target.limit,
                "at_least": target.at_least,
                "met": target.is_met(),
            })
        })
        .collect();
    let document = json!({
        "machine": machine(),
        "quick": quick,
        "seconds": seconds,
        "groups": groups,
        "targets": targets,
        "left_out": left_out,
    });
    format!("{document:#}\n")
}

fn machine() -> String {
    let model = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {} cores, Linux {}", process::cores().len(), kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(grouped(114.26), "114.3");
        assert_eq!(grouped(8_725_009.0), "8,725,009");
        assert_eq!(grouped(1_000.0), "1,000");
    }
}
