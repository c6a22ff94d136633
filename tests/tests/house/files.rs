//! The Rust files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All Rust files in a folder and in the folders below it, sorted. Without what cargo has built: the relay
/// has its own target folder.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                found.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
