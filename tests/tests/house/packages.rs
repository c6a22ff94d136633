//! Rules about the manifests: published crates are complete, and chosen dependencies are used.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{files::rust_files, modules::workspace};

/// A place that uses a dependency.
struct Place {
    dependency: &'static str,
    /// The package that declares the dependency.
    package: &'static str,
    /// Code that names the place. It is in the same file as `usage`.
    item: &'static str,
    /// Code that uses the dependency.
    usage: &'static str,
}

const fn place(
    dependency: &'static str,
    package: &'static str,
    item: &'static str,
    usage: &'static str,
) -> Place {
    Place { dependency, package, item, usage }
}

/// The dependencies that must stay in use, each with its places.
const PLACES: &[Place] = &[
    // The object-safe transport.
    place("async-trait", "websocket-heartbeat", "trait DynTransport", "#[async_trait]"),
    // The futures that hold a future of the user.
    place("pin-project", "websocket-heartbeat", "struct Opening", "#[pin_project]"),
    // The default timer of core.
    place("futures-timer", "websocket-heartbeat", "for FuturesTimer", "futures_timer::Delay"),
    // Combinators over streams and sinks, in programs and in tests.
    place("futures", "wsbeat", "struct Session", "use futures::"),
    place("futures", "websocket-heartbeat-examples", "fn main", "use futures::"),
    place("futures", "websocket-heartbeat-tests", "#[test]", "use futures::"),
    // The adapter for a `WebSocketStream` of the user.
    place(
        "async-tungstenite",
        "websocket-heartbeat-tungstenite",
        "type AsyncTungstenite",
        "use async_tungstenite::",
    ),
    // The backends, and the programs that show them.
    place("async-std", "websocket-heartbeat-async-std", "AsyncStd", "use async_std::"),
    place("async-std", "websocket-heartbeat-examples", "fn main", "async_std::"),
    place("smol", "websocket-heartbeat-smol", "conformance_tests!", "smol::block_on"),
    place("smol", "websocket-heartbeat-examples", "fn main", "smol::block_on"),
];

/// The dependencies that `PLACES` must contain.
const KEPT: [&str; 7] = [
    "async-std",
    "async-trait",
    "async-tungstenite",
    "futures",
    "futures-timer",
    "pin-project",
    "smol",
];

/// The packages of the workspace.
pub(crate) fn packages() -> Vec<Value> {
    packages_in(&workspace())
}

fn packages_in(workspace: &Path) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"]);
    let output = command.current_dir(workspace).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("{other}"),
    }
}

/// Those that are published.
pub(crate) fn published() -> Vec<Value> {
    packages().into_iter().filter(|package| package["publish"] == Value::Null).collect()
}

/// Those that are published, of all workspaces: the relay has one of its own.
fn published_of_all() -> Vec<Value> {
    let relay = packages_in(&workspace().join("crates/relay"));
    published().into_iter().chain(relay).collect()
}

pub(crate) fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

pub(crate) fn folder(package: &Value) -> PathBuf {
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

#[test]
fn chosen_dependencies_are_used_at_their_places() {
    let packages = packages();
    for Place { dependency, package, item, usage } in PLACES {
        let owner = packages.iter().find(|owner| name(owner) == *package).unwrap();
        let declared = owner["dependencies"].as_array().unwrap();
        assert!(
            declared.iter().any(|declared| declared["name"] == *dependency),
            "{package} does not declare {dependency}"
        );
        let files = rust_files(&folder(owner));
        let mut texts = files.iter().map(|path| fs::read_to_string(path).unwrap());
        let used = texts.any(|text| text.contains(item) && text.contains(usage));
        assert!(used, "{dependency}: no file of {package} contains {item:?} and {usage:?}");
    }
    for dependency in KEPT {
        assert!(PLACES.iter().any(|place| place.dependency == dependency), "{dependency}");
    }
}

#[test]
fn the_default_features_of_core_have_the_timer_and_cutoffs() {
    let packages = packages();
    let core = packages.iter().find(|package| name(package) == "websocket-heartbeat").unwrap();
    assert_eq!(core["features"]["default"], serde_json::json!(["cutoff", "futures-timer"]));
}

#[test]
fn published_packages_have_complete_metadata() {
    for package in published_of_all() {
        let name = name(&package);
        assert_eq!(package["license"], "MIT OR Apache-2.0", "{name}");
        let description = package["description"].as_str().unwrap_or_default();
        assert!((30..200).contains(&description.len()), "{name}: {description:?}");
        let readme = folder(&package).join(package["readme"].as_str().unwrap_or_default());
        assert!(readme.is_file(), "{name} has no readme");
        for (field, length) in [("keywords", 20), ("categories", usize::MAX)] {
            let words = package[field].as_array().unwrap();
            let valid = words.iter().all(|word| word.as_str().unwrap().len() <= length);
            assert!((1..=5).contains(&words.len()) && valid, "{name}: {field} {words:?}");
        }
        let manifest = fs::read_to_string(folder(&package).join("Cargo.toml")).unwrap();
        let includes = manifest.lines().any(|line| line.starts_with("include"));
        assert!(includes, "{name} does not list the files of its package");
    }
}

/// Either all published crates have the address of the repository, or none has it.
#[test]
fn published_packages_agree_about_the_repository() {
    let published = published_of_all();
    for package in &published {
        assert_eq!(package["repository"], published[0]["repository"], "{}", name(package));
    }
}

#[test]
fn published_packages_contain_the_texts_of_the_licences() {
    for package in published_of_all() {
        for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let text = |folder: PathBuf| fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert_eq!(text(folder(&package)), text(workspace()), "{} {file}", name(&package));
        }
    }
}

/// Packages depend on published crates by version. A dev-dependency without a version is left out
/// of the package, so no file of a package may use it.
#[test]
fn published_packages_depend_on_versions() {
    for package in published_of_all() {
        for dependency in package["dependencies"].as_array().unwrap() {
            let any = dependency["req"] == "*";
            assert!(!any || dependency["kind"] == "dev", "{}: {dependency}", name(&package));
        }
    }
}

/// A registry shows a readme without the repository, so relative links do not work there.
#[test]
fn readmes_of_packages_have_no_relative_links() {
    for package in published_of_all() {
        let readme = folder(&package).join(package["readme"].as_str().unwrap());
        let text = fs::read_to_string(readme).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(link.starts_with("https://"), "{}: {link}", name(&package));
        }
    }
}

/// `.ci/features` checks each feature alone that the sources of its crate name. The others only set
/// features of other crates.
#[test]
fn the_feature_loop_lists_every_feature() {
    let script = fs::read_to_string(workspace().join(".ci/features")).unwrap();
    for package in published() {
        let mut line = vec![name(&package)];
        let features = named_features(&package);
        line.extend(features.iter().map(String::as_str));
        let line = line.join(" ");
        assert!(script.lines().any(|other| other == line), ".ci/features has no line {line:?}");
    }
}

/// In a test run of the whole workspace, each library has the features that the package of the tests
/// enables. The command line has its own by default.
#[test]
fn the_tests_of_the_workspace_are_with_every_feature() {
    let packages = packages();
    let tests = packages.iter().find(|package| name(package) == "websocket-heartbeat-tests");
    let dependencies = tests.unwrap()["dependencies"].as_array().unwrap();
    for package in published().iter().filter(|package| name(package) != "wsbeat") {
        let named = dependencies.iter().filter(|other| other["name"] == package["name"]);
        let enabled: Vec<_> =
            named.flat_map(|other| other["features"].as_array().unwrap()).collect();
        for feature in named_features(package) {
            let is_enabled = enabled.iter().any(|other| **other == *feature);
            assert!(is_enabled, "tests/Cargo.toml does not enable {feature} of {}", name(package));
        }
    }
}

/// The features that the sources of a package name.
fn named_features(package: &Value) -> Vec<String> {
    let files = rust_files(&folder(package).join("src"));
    let sources: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let features = package["features"].as_object().unwrap();
    let is_named = |feature: &&String| sources.contains(&format!("feature = \"{feature}\""));
    features.keys().filter(is_named).cloned().collect()
}

#[test]
fn the_readme_of_the_examples_lists_every_program() {
    let folder = workspace().join("examples");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let program = path.file_stem().unwrap().to_str().unwrap();
            assert!(readme.contains(&format!("| `{program}` |")), "{program}");
        }
    }
}
