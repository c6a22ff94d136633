//! The order of modules: no import cycles in any crate, and strict layers in core.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::modules::{Crate, Module, workspace};

/// Core's modules. Each row may import only from later rows, and the modules of one row do not
/// import each other.
const LAYERS: [&[&str]; 18] = [
    &["hooks", "supervisor", "acks", "calls", "typed", "backend", "future", "manual", "record"],
    &["handle"],
    &["shared"],
    &["outbox"],
    &["machine"],
    &["config"],
    &["transport"],
    &["status"],
    &["event"],
    &["message"],
    &["error"],
    &["http"],
    &["headers"],
    &["text"],
    &["time"],
    &["sync", "next"],
    &["panics"],
    &["printable"],
];

#[test]
fn no_crate_has_a_cycle_of_modules() {
    let mut circles = Vec::new();
    let mut crates = 0;
    for entry in fs::read_dir(workspace().join("crates")).expect("the crates are there") {
        let folder = entry.expect("the folder can be read").path();
        crates += 1;
        let arrows = Crate::read(&folder.join("src")).arrows();
        circles.extend(circle_among_siblings(&arrows).map(|circle| (folder.clone(), circle)));
    }
    assert!(circles.is_empty(), "{circles:#?}");
    assert!(crates >= 8, "found {crates} crates only");
}

#[test]
fn core_is_strictly_layered() {
    let core = Crate::read(&workspace().join("crates/core/src"));
    let floor: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(floor, names)| names.iter().map(move |name| (*name, floor)))
        .collect();
    let rooms: BTreeSet<&str> =
        core.modules.keys().filter_map(|module| module.first()).map(String::as_str).collect();
    assert_eq!(rooms, floor.keys().copied().collect(), "each module has a layer");
    for (module, path) in core.paths() {
        let named = path.first().is_none_or(|first| first != "crate") || rooms.contains(&*path[1]);
        assert!(named, "{} imports {} through lib.rs", module.join("::"), path.join("::"));
    }
    for (from, to) in core.arrows() {
        let (Some(upper), Some(lower)) = (from.first(), to.first()) else {
            assert!(from.is_empty() || to.is_empty());
            assert!(from.is_empty(), "{from:?} imports from lib.rs");
            continue;
        };
        if upper != lower {
            let above = floor[upper.as_str()] < floor[lower.as_str()];
            assert!(above, "{} imports from {}", from.join("::"), to.join("::"));
        }
    }
}

/// A cycle among modules of one folder, if there is one. Parent and child may import each other.
fn circle_among_siblings(arrows: &BTreeSet<(Module, Module)>) -> Option<Vec<String>> {
    let mut graphs: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (from, to) in arrows {
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
            let graph = graphs.entry(from[..shared].to_vec()).or_default();
            graph.entry(a.clone()).or_default().insert(b.clone());
        }
    }
    graphs.into_iter().find_map(|(folder, mut graph)| {
        // A module that imports no remaining module is in no cycle.
        loop {
            let left: BTreeSet<String> = graph.keys().cloned().collect();
            let before = graph.len();
            graph.values_mut().for_each(|to| to.retain(|name| left.contains(name)));
            graph.retain(|_, to| !to.is_empty());
            if graph.len() == before {
                break;
            }
        }
        let arrows = graph.into_iter().map(|(from, to)| format!("{folder:?}: {from} -> {to:?}"));
        let circle: Vec<_> = arrows.collect();
        (!circle.is_empty()).then_some(circle)
    })
}
