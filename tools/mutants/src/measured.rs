//! The times and the reach of tests, kept for the next run with the same programs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::suite::Test;

const FILE: &str = "measured.txt";

/// The tests of these programs, if they were measured before.
pub fn read(folder: &Path, programs: &[PathBuf]) -> Option<Vec<Test>> {
    let text = fs::read_to_string(folder.join(FILE)).ok()?;
    let rest = text.strip_prefix(&version(programs).ok()?)?;
    rest.lines().map(parse).collect()
}

/// Keeps these tests.
pub fn write(folder: &Path, programs: &[PathBuf], tests: &[Test]) -> Result<(), String> {
    let mut text = version(programs)?;
    for Test { program, name, time, reaches } in tests {
        let reaches: Vec<_> = reaches.iter().map(usize::to_string).collect();
        text += &format!("{program} {name} {} {}\n", time.as_millis(), reaches.join(","));
    }
    fs::write(folder.join(FILE), text).map_err(|error| format!("{FILE}: {error}"))
}

fn parse(line: &str) -> Option<Test> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    Some(Test {
        program: word()?.parse().ok()?,
        name: word()?.to_owned(),
        time: Duration::from_millis(word()?.parse().ok()?),
        reaches: word()?.split(',').filter_map(|number| number.parse().ok()).collect(),
    })
}

/// One line for each program: its path, and when it was compiled.
fn version(programs: &[PathBuf]) -> Result<String, String> {
    let mut lines = String::new();
    for path in programs {
        let written = fs::metadata(path).and_then(|found| found.modified());
        let written = written.map_err(|error| format!("{}: {error}", path.display()))?;
        lines += &format!("{} {written:?}\n", path.display());
    }
    Ok(lines)
}
