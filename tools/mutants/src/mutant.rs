//! [`Mutant`]: one change of the sources, as cargo-mutants lists it.

use std::{collections::HashMap, ops::Range, path::Path, process::Command};

use serde_json::Value;

use crate::area::Area;

pub struct Mutant {
    /// The path of its file from the root of the workspace.
    pub file: String,
    /// With the file, the line and the column.
    pub name: String,
    /// The name without position. It stays the same when other lines change.
    pub change: String,
    /// The text of the line with the change, and how many mutants before it have this name and line.
    pub line: String,
    pub kind: Kind,
    /// The bytes of the file that are replaced.
    pub range: Range<usize>,
    pub replacement: String,
    /// It is outside of functions, in the value of a constant.
    pub is_constant: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The function returns the replacement at once.
    Function,
    Operator,
    Arm,
    Guard,
    Field,
}

/// The mutants of these areas, in the order of cargo-mutants.
pub fn list(root: &Path, areas: &[Area]) -> Result<Vec<Mutant>, String> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["mutants", "--list", "--json", "-p", "websocket-heartbeat"]);
    // The canonical form of the machine is compiled for tests and the model checker only.
    command.args(["--exclude", "**/machine/canonical.rs", "--exclude", "**/tests/**"]);
    // The models are compiled for loom only.
    command.args(["--exclude", "**/models/**", "--exclude", "**/models.rs"]);
    for area in areas {
        command.args(["--file", &format!("{}/**", area.folder())]);
    }
    let output = command.output().map_err(|error| format!("cargo mutants: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo mutants: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let values: Vec<Value> =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the list: {error}"))?;
    let mut files = HashMap::<String, String>::new();
    let mut earlier = HashMap::<(String, String, String), usize>::new();
    let mut mutants = Vec::new();
    for value in &values {
        let file = text(&value["file"]);
        let source = match files.get(&file) {
            Some(source) => source,
            None => {
                let source = std::fs::read_to_string(root.join(&file))
                    .map_err(|error| format!("{file}: {error}"))?;
                files.entry(file.clone()).or_insert(source)
            }
        };
        let mut mutant = Mutant::read(value, file, source)?;
        let key = (mutant.file.clone(), mutant.change.clone(), mutant.line.clone());
        let before = earlier.entry(key).or_default();
        if *before > 0 {
            mutant.line += &format!(" ({})", *before + 1);
        }
        *before += 1;
        mutants.push(mutant);
    }
    Ok(mutants)
}

impl Mutant {
    fn read(value: &Value, file: String, source: &str) -> Result<Self, String> {
        let name = text(&value["name"]);
        let kind = match value["genre"].as_str() {
            Some("FnValue") => Kind::Function,
            Some("BinaryOperator" | "UnaryOperator") => Kind::Operator,
            Some("MatchArm") => Kind::Arm,
            Some("MatchArmGuard") => Kind::Guard,
            Some("StructField") => Kind::Field,
            other => return Err(format!("{name}: cargo-mutants has a new genre: {other:?}")),
        };
        let start = offset(source, &value["span"]["start"]);
        let range = start..offset(source, &value["span"]["end"]);
        let first = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = source[first..].lines().next().unwrap_or_default().trim().to_owned();
        let change = name.splitn(4, ':').nth(3).unwrap_or(&name).trim().to_owned();
        let replacement = text(&value["replacement"]);
        let is_constant = value["function"].is_null();
        Ok(Self { file, name, change, line, kind, range, replacement, is_constant })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The byte of a position. Lines and columns begin with 1, and columns count characters.
fn offset(source: &str, position: &Value) -> usize {
    let number = |name: &str| position[name].as_u64().unwrap_or(1) as usize - 1;
    let start: usize = source.split_inclusive('\n').take(number("line")).map(str::len).sum();
    let column = source[start..].char_indices().nth(number("column"));
    column.map_or(source.len(), |(at, _)| start + at)
}
