//! The size of the backends, as ARCHITECTURE.md limits it.

use std::{fs, path::Path};

/// The limit on the lines of code of one backend over the shared crate.
const LIMIT: usize = 200;
/// The limit for the backend of browsers, which has its own connection.
const WEB_LIMIT: usize = 500;

/// The lines of a file that are neither blank, nor comments, nor unit tests.
fn code_lines(source: &str) -> usize {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

#[test]
fn a_backend_has_fewer_lines_of_code_than_the_limit() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let native = ["smol", "tokio", "async-std"].map(|backend| (backend, LIMIT));
    for (backend, limit) in native.into_iter().chain([("web", WEB_LIMIT)]) {
        let source =
            fs::read_dir(crates.join(backend).join("src")).expect("the source of a backend");
        let files = source.map(|file| file.expect("a file").path());
        let lines: usize =
            files.map(|file| code_lines(&fs::read_to_string(file).expect("a source file"))).sum();
        assert!((1..limit).contains(&lines), "{backend} has {lines} lines of code");
    }
    let architecture = fs::read_to_string(crates.join("../ARCHITECTURE.md")).expect("the rule");
    for rule in [format!("under {LIMIT} lines of code"), format!("under {WEB_LIMIT}")] {
        assert!(architecture.contains(&rule), "the rule says {rule}");
    }
}
