//! Tests the mutants of cargo-mutants in core.
//!
//! cargo-mutants lists the mutants. It would compile core and its tests again for each. Here all are
//! compiled at once (`rewrite.rs`), and an environment variable selects one (`selection.rs`). A run
//! without a mutant finds which tests reach which mutants, so a mutant meets only those (`suite.rs`).
//!
//! A mutant that no test finds must be in `survivors.txt` with a reason.

mod area;
mod measured;
mod mutant;
mod process;
mod rewrite;
mod suite;
mod survivors;
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    process::ExitCode,
    time::Instant,
};

use self::{
    area::Area,
    mutant::Mutant,
    suite::{Outcome, Part, Suite},
    survivors::{Survivors, file_of},
    tree::Tree,
};

struct Arguments {
    areas: Vec<Area>,
    /// The part of the mutants, and the number of parts.
    shard: (usize, usize),
    resume: bool,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments, String> {
    const USAGE: &str = "usage: run.sh [machine|outbox|driver]... [--shard K/N] [--resume]";
    let mut arguments = Arguments { areas: Vec::new(), shard: (0, 1), resume: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--resume" => arguments.resume = true,
            "--shard" => {
                let shard = words.next().ok_or(USAGE)?;
                let (part, parts) = shard.split_once('/').ok_or(USAGE)?;
                arguments.shard =
                    (part.parse().map_err(|_| USAGE)?, parts.parse().map_err(|_| USAGE)?);
                if arguments.shard.0 >= arguments.shard.1 {
                    return Err("the parts are numbered from 0 to N - 1".to_owned());
                }
            }
            name => {
                let area = Area::ALL.into_iter().find(|area| area.name() == name).ok_or(USAGE)?;
                arguments.areas.push(area);
            }
        }
    }
    if arguments.areas.is_empty() {
        arguments.areas = Area::ALL.to_vec();
    }
    Ok(arguments)
}

/// Returns whether each survivor has a reason, and each reason a survivor.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let start = Instant::now();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().map_err(|error| error.to_string())?;
    let survivors = Survivors::read(&workspace.join("tools/mutants/survivors.txt"))?;
    let folder = workspace.join("target/mutants");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;

    let mutants = mutant::list(&workspace, &arguments.areas)?;
    let tree = Tree::new(&workspace, &folder, &mutants)?;
    let path = folder.join("outcomes.txt");
    let mut outcomes = read(&path);
    if !arguments.resume {
        outcomes.retain(|key, _| !arguments.areas.iter().any(|area| area.contains(file_of(key))));
    }
    let lines: String = outcomes.iter().map(|(key, outcome)| line(key, *outcome)).collect();
    fs::write(&path, lines).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut file = OpenOptions::new().append(true).open(&path).map_err(|e| e.to_string())?;
    let mut note = |mutant: &Mutant, outcome: Outcome| {
        let line = line(&mutant.key(), outcome);
        file.write_all(line.as_bytes()).map_err(|error| error.to_string())
    };

    let left_out = mutants.iter().enumerate().filter(|(_, mutant)| {
        let known = outcomes.get(&mutant.key());
        mutant.is_constant || known.is_some_and(|outcome| *outcome == Outcome::Unviable)
    });
    let mut left_out: BTreeSet<_> = left_out.map(|(index, _)| index).collect();
    let programs = tree.compile(Area::programs(&arguments.areas), &mutants, &mut left_out)?;
    for mutant in left_out.iter().map(|index| &mutants[*index]) {
        let outcome = if mutant.is_constant { Outcome::Constant } else { Outcome::Unviable };
        if outcomes.insert(mutant.key(), outcome) != Some(outcome) {
            note(mutant, outcome)?;
        }
    }
    println!("{} mutants compiled after {} s", mutants.len(), start.elapsed().as_secs());
    let suite = Suite::measure(programs, &folder)?;
    println!("{} tests measured after {} s", suite.len(), start.elapsed().as_secs());

    // An outcome of an earlier run is final, except that the tests may find a survivor without a reason
    // now.
    let (shard, shards) = arguments.shard;
    let open = mutants.iter().enumerate().filter(|(index, mutant)| {
        let known = outcomes.get(&mutant.key());
        let is_open = |outcome: &Outcome| outcome.survives() && !survivors.contains(mutant);
        index % shards == shard && known.is_none_or(is_open)
    });
    let mut open: Vec<_> = open.map(|(index, mutant)| (mutant, index)).collect();
    open.sort_by_key(|(mutant, _)| Area::ALL.iter().position(|area| area.contains(&mutant.file)));
    for part in [Part::Fast, Part::Slow] {
        let mut left = Vec::new();
        suite.judge_all(&open, part, |(mutant, index), outcome| {
            if outcome == Outcome::Survived && part == Part::Fast {
                left.push((mutant, index));
                return Ok(());
            }
            outcomes.insert(mutant.key(), outcome);
            note(mutant, outcome)
        })?;
        println!("{} mutants left after {} s", left.len(), start.elapsed().as_secs());
        open = left;
    }

    let mut right = true;
    for area in &arguments.areas {
        let here = mutants.iter().filter(|mutant| area.contains(&mutant.file));
        let here: Vec<_> = here.filter_map(|mutant| outcomes.get(&mutant.key()).copied()).collect();
        let counts = Outcome::ALL.map(|kind| {
            format!("{} {}", here.iter().filter(|outcome| **outcome == kind).count(), kind.name())
        });
        println!("{}: {} mutants, {}", area.name(), here.len(), counts.join(", "));
    }
    let alive = mutants
        .iter()
        .filter(|mutant| outcomes.get(&mutant.key()).is_some_and(|outcome| outcome.survives()));
    let alive: Vec<_> = alive.collect();
    for mutant in alive.iter().filter(|mutant| !survivors.contains(mutant)) {
        println!(
            "no test finds it, and it has no reason in survivors.txt:\n{}\n  {}",
            mutant.key(),
            mutant.name
        );
        right = false;
    }
    let complete = mutants.iter().all(|mutant| outcomes.contains_key(&mutant.key()));
    let alive: BTreeSet<_> = alive.iter().map(|mutant| mutant.key()).collect();
    if complete {
        for entry in survivors.stale(&arguments.areas, &alive) {
            println!("it is in survivors.txt, and is no survivor:\n{entry}");
            right = false;
        }
    }
    println!("{} s", start.elapsed().as_secs());
    Ok(right)
}

fn line(key: &str, outcome: Outcome) -> String {
    format!("{}\t{}\n", outcome.name(), key.replace('\n', "\t"))
}

/// The outcomes of an earlier run. A later line about a mutant counts.
fn read(path: &Path) -> BTreeMap<String, Outcome> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let (name, key) = line.split_once('\t')?;
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)?;
        Some((key.replacen('\t', "\n", 1), outcome))
    });
    lines.collect()
}
