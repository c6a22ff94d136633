//! The machine is pure.

use std::{fs, hash::Hash, path::Path};

use crate::machine::{Action, Machine, Transition};

/// Words that are not allowed in the machine. Only whole words match, so that `context` in a
/// comment does not match. A `Box` is allowed, since it is a value like its content, but a `dyn` in
/// it is not allowed.
const FORBIDDEN: [&str; 31] = [
    "futures",
    "futures_core",
    "futures_sink",
    "Future",
    "Stream",
    "Sink",
    "Waker",
    "Context",
    "Poll",
    "Pin",
    "Instant",
    "SystemTime",
    "Timer",
    "rand",
    "Random",
    "Fn",
    "FnMut",
    "FnOnce",
    "dyn",
    "Arc",
    "Rc",
    "Mutex",
    "Cell",
    "RefCell",
    "Iterator",
    "IntoIterator",
    "Iter",
    "thread",
    "async",
    "await",
    "unsafe",
];

#[test]
#[cfg_attr(target_family = "wasm", ignore = "it reads the sources")]
fn the_machine_has_no_clock_waker_future_randomness_or_closure() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/machine");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        files += 1;
        let source = fs::read_to_string(&path).expect("a source file can be read");
        for (index, line) in source.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if let Some(word) = words.find(|word| FORBIDDEN.contains(word)) {
                panic!("{}:{}: `{word}` does not belong here", path.display(), index + 1);
            }
        }
    }
    assert!(files >= 6, "found {files} files only");
}

#[test]
fn the_machine_can_be_cloned_compared_and_hashed() {
    fn is_a_value<T: Clone + Eq + Hash + Send + Sync + Unpin + 'static>() {}
    is_a_value::<Machine>();
    is_a_value::<Action>();
    is_a_value::<Transition>();
}
