//! Cargo's target folder.

use std::{env, path::PathBuf};

/// The target folder in which this program was built.
pub(crate) fn target_folder() -> PathBuf {
    let program = env::current_exe().expect("the path of this program");
    // Cargo runs `<target>/<profile>/deps/<test>`.
    program.ancestors().nth(3).expect("a target folder").to_owned()
}
