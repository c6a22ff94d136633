//! [`Tree`]: the copy of core in which the mutants are compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{mutant::Mutant, rewrite::rewrite};

pub struct Tree {
    workspace: PathBuf,
    copy: PathBuf,
    build: PathBuf,
}

/// What the mutants call, as the module `mutants` of core.
const SELECTION: &str = include_str!("selection.rs");
/// The crates that are copied: core, and the mock that its tests need.
const CRATES: [&str; 2] = ["crates/core", "crates/mock"];
const LIBRARY: &str = "crates/core/src/lib.rs";

impl Tree {
    pub fn new(workspace: &Path, folder: &Path, mutants: &[Mutant]) -> Result<Self, String> {
        let tree = Self {
            workspace: workspace.to_owned(),
            copy: folder.join("tree"),
            build: folder.join("build"),
        };
        // Each file is written once, since cargo compiles again what is newer.
        let mut written: BTreeSet<_> =
            mutants.iter().map(|mutant| workspace.join(&mutant.file)).collect();
        written.insert(workspace.join(LIBRARY));
        tree.copy_crates(&written).map_err(|error| format!("the copy of core: {error}"))?;
        Ok(tree)
    }

    /// Compiles test programs with these mutants, and returns them. Mutants that do not compile are
    /// added to `unviable`, and left out.
    pub fn compile(
        &self,
        programs: &[&str],
        mutants: &[Mutant],
        unviable: &mut BTreeSet<usize>,
    ) -> Result<Vec<PathBuf>, String> {
        loop {
            let places = self.write(mutants, unviable)?;
            let check = self.cargo(&["check", "--lib"], &places)?;
            let built = if check.broken.is_empty() {
                self.cargo(&[&["test", "--no-run"], programs].concat(), &places)?
            } else {
                check
            };
            if built.broken.is_empty() {
                return Ok(built.programs);
            }
            println!("{} mutants do not compile", built.broken.len());
            unviable.extend(built.broken);
        }
    }

    fn copy_crates(&self, written: &BTreeSet<PathBuf>) -> std::io::Result<()> {
        for name in CRATES {
            copy_folder(&self.workspace.join(name), &self.copy.join(name), written)?;
        }
        copy(&self.workspace.join("Cargo.lock"), &self.copy.join("Cargo.lock"))?;
        let mut manifest = String::new();
        for line in fs::read_to_string(self.workspace.join("Cargo.toml"))?.lines() {
            match line {
                _ if line.starts_with("members = ") => manifest += "members = [\"crates/*\"]",
                _ if line.starts_with("exclude = ") => {}
                // The tests take most of the time, so some optimisation is worth its time.
                "[profile.release]" => {
                    manifest +=
                        "[profile.dev]\nopt-level = 1\ndebug = false\nincremental = false\n";
                    break;
                }
                _ if line.starts_with("[profile.") || line.starts_with("opt-level = ") => {}
                _ => manifest += line,
            }
            manifest.push('\n');
        }
        write(&self.copy.join("Cargo.toml"), &manifest)?;
        // Without backends: core's tests do not need them.
        for name in CRATES {
            let path = self.copy.join(name).join("Cargo.toml");
            let manifest = fs::read_to_string(self.workspace.join(name).join("Cargo.toml"))?;
            let paragraphs = manifest.split("\n\n").map(|paragraph| {
                if name == "crates/mock" && paragraph.starts_with("[dev-dependencies]") {
                    return "";
                }
                if paragraph.contains("websocket-heartbeat-tokio") { "" } else { paragraph }
            });
            write(&path, &paragraphs.collect::<Vec<_>>().join("\n\n"))?;
        }
        let library = fs::read_to_string(self.workspace.join(LIBRARY))?;
        let library = format!("#![allow(warnings)]\n{library}\nmod mutants;\n");
        write(&self.copy.join(LIBRARY), &library)?;
        write(&self.copy.join(LIBRARY).with_file_name("mutants.rs"), SELECTION)
    }

    /// Writes the files with their mutants. Returns where each mutant is. The number of a mutant is its
    /// index plus one.
    fn write(&self, mutants: &[Mutant], unviable: &mut BTreeSet<usize>) -> Result<Places, String> {
        let mut files = BTreeMap::<&str, Vec<_>>::new();
        for (index, mutant) in mutants.iter().enumerate() {
            let here = files.entry(&mutant.file).or_default();
            if !unviable.contains(&index) {
                here.push((index + 1, mutant));
            }
        }
        let mut places = Places::new();
        for (file, mutants) in files {
            let error = |error: String| format!("{file}: {error}");
            let source = fs::read_to_string(self.workspace.join(file));
            let rewritten =
                rewrite(&source.map_err(|e| error(e.to_string()))?, &mutants).map_err(error)?;
            unviable.extend(rewritten.unviable.iter().map(|number| number - 1));
            write(&self.copy.join(file), &rewritten.text).map_err(|e| error(e.to_string()))?;
            places.insert(file.to_owned(), rewritten.places);
        }
        Ok(places)
    }

    fn cargo(&self, arguments: &[&str], places: &Places) -> Result<Built, String> {
        let output = Command::new("cargo")
            .current_dir(&self.copy)
            .args(arguments)
            .args(["-q", "-p", "websocket-heartbeat", "--all-features", "--message-format=json"])
            .arg("--target-dir")
            .arg(&self.build)
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let mut built = Built { programs: Vec::new(), broken: BTreeSet::new() };
        // Unit tests first. Cargo names the programs in any order.
        let mut programs = BTreeSet::new();
        let mut others = String::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(message) = serde_json::from_str::<Value>(line) else { continue };
            if let Some(program) = message["executable"].as_str() {
                let is_test = message["target"]["kind"][0] == "test";
                programs.insert((is_test, PathBuf::from(program)));
            }
            let diagnostic = &message["message"];
            if diagnostic["level"] != "error" {
                continue;
            }
            let before = built.broken.len();
            find(diagnostic, places, &mut built.broken);
            if built.broken.len() == before
                && !diagnostic["spans"].as_array().is_none_or(Vec::is_empty)
            {
                others += diagnostic["rendered"].as_str().unwrap_or_default();
            }
        }
        built.programs = programs.into_iter().map(|(_, program)| program).collect();
        if !output.status.success() && built.broken.is_empty() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the copy of core does not compile:\n{others}{errors}"));
        }
        Ok(built)
    }
}

/// The bytes of each mutant in each file.
type Places = BTreeMap<String, Vec<(Range<usize>, usize)>>;

struct Built {
    programs: Vec<PathBuf>,
    /// Mutants with errors.
    broken: BTreeSet<usize>,
}

/// Adds the mutants to which a message of the compiler points.
fn find(diagnostic: &Value, places: &Places, broken: &mut BTreeSet<usize>) {
    for span in diagnostic["spans"].as_array().into_iter().flatten() {
        let Some(places) = span["file_name"].as_str().and_then(|file| places.get(file)) else {
            continue;
        };
        let start = span["byte_start"].as_u64().unwrap_or_default() as usize;
        let end = span["byte_end"].as_u64().unwrap_or_default() as usize;
        let here = places.iter().filter(|(place, _)| place.start <= start && end <= place.end);
        broken.extend(here.map(|(_, number)| number - 1));
    }
    for child in diagnostic["children"].as_array().into_iter().flatten() {
        find(child, places, broken);
    }
}

/// Copies a folder except some of its files, and except manifests.
fn copy_folder(from: &Path, to: &Path, except: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&from, &to, except)?;
        } else if !except.contains(&from) && !from.ends_with("Cargo.toml") {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let content = fs::read(from)?;
    if fs::read(to).is_ok_and(|old| old == content) { Ok(()) } else { fs::write(to, content) }
}

/// Only if it changes, so that cargo does not compile again what is the same.
fn write(to: &Path, content: &str) -> std::io::Result<()> {
    if fs::read(to).is_ok_and(|old| old == content.as_bytes()) {
        Ok(())
    } else {
        fs::write(to, content)
    }
}
