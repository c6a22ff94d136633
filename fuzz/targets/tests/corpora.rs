//! Each input that was worth keeping runs through its target again.

use std::{fs, path::Path};

use fuzz_targets::TARGETS;

#[test]
fn every_input_of_the_corpora_keeps_the_rules() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("corpus");
    let mut folders = 0;
    for entry in fs::read_dir(&corpora).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        let (_, target) = target.unwrap_or_else(|| panic!("{name} is the corpus of no target"));
        let mut files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 4, "{name} has {} inputs", files.len());
        for file in files {
            // Printed only if the input breaks a rule.
            println!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
        folders += 1;
    }
    assert_eq!(folders, TARGETS.len(), "each target has a corpus");
}
