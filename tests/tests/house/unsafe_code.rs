//! Rule: only the files that CONTRIBUTING.md names may contain unsafe code.
//!
//! The lint `unsafe_code` is denied in the whole workspace, so a file with unsafe code has to
//! allow it.

use std::fs;

use crate::{
    files::rust_files,
    modules::workspace,
    packages::{folder, name, packages},
};

#[test]
fn contributing_names_every_file_that_allows_unsafe_code() {
    let contributing = fs::read_to_string(workspace().join("CONTRIBUTING.md")).unwrap();
    let rule = contributing.split("**Unsafe code**").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut named: Vec<_> =
        rule.split('`').filter(|word| word.ends_with(".rs")).map(str::to_owned).collect();
    named.sort();

    let lint = format!("({}_code", "unsafe");
    let allows = |text: &str| {
        text.contains(&format!("allow{lint}")) || text.contains(&format!("expect{lint}"))
    };
    let mut found = Vec::new();
    for place in ["crates", "examples", "tests"] {
        for path in rust_files(&workspace().join(place)) {
            if allows(&fs::read_to_string(&path).unwrap()) {
                found.push(path.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert_eq!(found, named);
}

#[test]
fn every_package_has_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = fs::read_to_string(folder(&package).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", name(&package));
    }
}
