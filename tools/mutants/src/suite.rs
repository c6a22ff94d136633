//! [`Suite`]: the tests, with the mutants that each reaches.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::{
    measured,
    mutant::Mutant,
    process::{End, run},
};

pub struct Suite {
    programs: Vec<PathBuf>,
    tests: Vec<Test>,
    /// For each mutant, the tests that reach it: the quick unit tests first, then other quick tests,
    /// then the others, the fastest first.
    reaching: BTreeMap<usize, Vec<usize>>,
}

pub struct Test {
    /// The index of its program.
    pub program: usize,
    pub name: String,
    /// On the processor.
    pub time: Duration,
    /// The numbers of the mutants that it reaches.
    pub reaches: Vec<usize>,
}

/// The tests that reach a mutant, in two parts. All mutants meet the fast ones first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Fast,
    Slow,
}

/// The fast tests of a mutant take this time together.
const FAST: Duration = Duration::from_secs(2);

/// Of tests that take at most this time, unit tests come first, since they find most.
const QUICK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Caught,
    /// The tests did not end. This counts as caught.
    Timeout,
    Unviable,
    /// It is in a constant, which cannot depend on the environment. It is not tested.
    Constant,
    Survived,
    /// It survived, and no test calls it.
    Unreached,
}

impl Suite {
    /// Runs each test alone, without a mutant. All must pass. If the programs are those of the last
    /// run, its results are used.
    pub fn measure(programs: Vec<PathBuf>, folder: &Path) -> Result<Self, String> {
        let mut suite = Self { programs, tests: Vec::new(), reaching: BTreeMap::new() };
        suite.tests = match measured::read(folder, &suite.programs) {
            Some(tests) => tests,
            None => {
                let tests = suite.measure_all(&folder.join("reached"))?;
                measured::write(folder, &suite.programs, &tests)?;
                tests
            }
        };
        for (index, test) in suite.tests.iter().enumerate() {
            for number in &test.reaches {
                suite.reaching.entry(number - 1).or_default().push(index);
            }
        }
        for tests in suite.reaching.values_mut() {
            tests.sort_by_key(|test| {
                let Test { program, time, .. } = suite.tests[*test];
                (time > QUICK, if time > QUICK { 0 } else { program }, time)
            });
        }
        Ok(suite)
    }

    fn measure_all(&self, log: &Path) -> Result<Vec<Test>, String> {
        let mut tests = Vec::new();
        for program in 0..self.programs.len() {
            for name in self.names(program)? {
                let _ = fs::remove_file(log);
                let mut command = self.command(program, &[&name], Duration::from_secs(600));
                let (end, time) = run(command.env("MUTANTS_REACHED", log))?;
                if end != End::Success {
                    return Err(format!("{name} fails without a mutant"));
                }
                let reached = fs::read_to_string(log).unwrap_or_default();
                let reaches = reached.lines().filter_map(|line| line.parse().ok()).collect();
                // A test takes some time also if none was counted.
                let time = time.max(Duration::from_millis(5));
                tests.push(Test { program, name, time, reaches });
            }
        }
        Ok(tests)
    }

    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Runs the fast tests, or the others, of each of these mutants, on every processor.
    pub fn judge_all<'a>(
        &self,
        mutants: &[(&'a Mutant, usize)],
        part: Part,
        mut found: impl FnMut((&'a Mutant, usize), Outcome) -> Result<(), String>,
    ) -> Result<(), String> {
        let next = AtomicUsize::new(0);
        let (results, judged) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                let (results, next) = (results.clone(), &next);
                scope.spawn(move || {
                    while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = self.judge(mutant.1, part);
                        // The receiver ends at the first error.
                        if results.send((*mutant, outcome)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(results);
            judged.into_iter().try_for_each(|(mutant, outcome)| found(mutant, outcome?))
        })
    }

    /// Runs the fast tests that reach a mutant, or the others, until one fails.
    fn judge(&self, mutant: usize, part: Part) -> Result<Outcome, String> {
        let Some(tests) = self.reaching.get(&mutant) else { return Ok(Outcome::Unreached) };
        let (fast, slow) = tests.split_at(self.fit(tests, FAST));
        let mut rest = if part == Part::Fast { fast } else { slow };
        // Most mutants are caught by the first tests.
        let mut budget = FAST / 32;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(self.fit(rest, budget).max(1));
            (rest, budget) = (later, budget * 4);
            match self.judge_by(mutant, batch)? {
                Outcome::Survived => {}
                outcome => return Ok(outcome),
            }
        }
        Ok(Outcome::Survived)
    }

    /// How many of these tests take this time together.
    fn fit(&self, tests: &[usize], time: Duration) -> usize {
        let mut total = Duration::ZERO;
        let fits = tests.iter().take_while(|test| {
            total += self.tests[**test].time;
            total <= time
        });
        fits.count()
    }

    fn judge_by(&self, mutant: usize, batch: &[usize]) -> Result<Outcome, String> {
        for program in 0..self.programs.len() {
            let tests = batch.iter().map(|test| &self.tests[*test]);
            let tests: Vec<_> = tests.filter(|test| test.program == program).collect();
            if tests.is_empty() {
                continue;
            }
            let names: Vec<_> = tests.iter().map(|test| test.name.as_str()).collect();
            let time = tests.iter().map(|test| test.time).sum();
            let mut command = self.command(program, &names, time);
            match run(command.env("MUTANT", (mutant + 1).to_string()))?.0 {
                End::Success => {}
                End::Failure => return Ok(Outcome::Caught),
                End::Stuck => return Ok(Outcome::Timeout),
            }
        }
        Ok(Outcome::Survived)
    }

    /// A run of some tests, with a limit on its time on the processor.
    fn command(&self, program: usize, names: &[&str], usual: Duration) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -c 0; ulimit -t \"$1\"; shift; exec \"$@\"", "sh"])
            .arg((6 + 4 * usual.as_secs()).to_string())
            .arg(&self.programs[program])
            .args(["--exact", "--test-threads=1"])
            .args(names)
            // Of the random sessions, some are enough.
            .env("WHOLE_SEEDS", "0..200")
            // A failure need not be made smaller.
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn names(&self, program: usize) -> Result<Vec<String>, String> {
        let list = |more: &[&str]| {
            let output = Command::new(&self.programs[program])
                .args(["--list", "--format", "terse"])
                .args(more)
                .output()
                .map_err(|error| format!("{}: {error}", self.programs[program].display()))?;
            let lines = String::from_utf8_lossy(&output.stdout).into_owned();
            let names = lines.lines().filter_map(|line| line.strip_suffix(": test"));
            Ok::<_, String>(names.map(str::to_owned).collect::<Vec<_>>())
        };
        let ignored = list(&["--ignored"])?;
        let mut names = list(&[])?;
        names.retain(|name| !ignored.contains(name));
        Ok(names)
    }
}

impl Outcome {
    pub const ALL: [Self; 6] = [
        Self::Caught,
        Self::Timeout,
        Self::Unviable,
        Self::Constant,
        Self::Survived,
        Self::Unreached,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Timeout => "timeout",
            Self::Unviable => "unviable",
            Self::Constant => "constant",
            Self::Survived => "survived",
            Self::Unreached => "unreached",
        }
    }

    pub fn survives(self) -> bool {
        matches!(self, Self::Survived | Self::Unreached)
    }
}
