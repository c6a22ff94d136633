//! The modules of a crate and the imports between them, read from its sources.

mod names;
mod paths;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use self::names::Names;

/// The path of a module in its crate; empty for the root.
pub(crate) type Module = Vec<String>;

/// A module that is not only for tests.
pub(crate) struct Source {
    pub(crate) items: Vec<syn::Item>,
    names: Names,
}

/// All modules of a crate.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Module, Source>,
}

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

impl Crate {
    /// Reads the crate whose sources are in this folder.
    pub(crate) fn read(sources: &Path) -> Self {
        let root = ["lib.rs", "main.rs"].map(|name| sources.join(name));
        let root = root.into_iter().find(|file| file.exists()).expect("a crate has a root file");
        let mut modules = BTreeMap::new();
        read_file(&root, sources, Vec::new(), &mut modules);
        Self { modules }
    }

    /// The paths that each module names.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&Module, Vec<String>)> {
        let of = |(module, source): (_, &Source)| {
            paths::of(&source.items).into_iter().map(move |path| (module, path))
        };
        self.modules.iter().flat_map(of)
    }

    /// The pairs of a module and a module that it uses. Re-exports are resolved to the definition.
    pub(crate) fn arrows(&self) -> BTreeSet<(Module, Module)> {
        let mut arrows = BTreeSet::new();
        for (module, path) in self.paths() {
            if let Some(to) = self.definition(module, &path, 0)
                && to != *module
            {
                arrows.insert((module.clone(), to));
            }
        }
        arrows
    }

    /// The module that defines the item with this path, if it is in this crate.
    fn definition(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        // Imports in a cycle are refused by the compiler, so this test does not have to find them.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let mut at = from.clone();
        let mut rest = rest;
        match first.as_str() {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                at.pop();
                while rest.first().is_some_and(|next| next == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            _ => rest = path,
        }
        self.below(at, rest, depth)
    }

    fn below(&self, at: Module, path: &[String], depth: usize) -> Option<Module> {
        let Some((name, rest)) = path.split_first() else { return Some(at) };
        let mut child = at.clone();
        child.push(name.clone());
        if self.modules.contains_key(&child) {
            return self.below(child, rest, depth);
        }
        let names = &self.modules.get(&at)?.names;
        if names.defined.contains(name) {
            return Some(at);
        }
        let import = names.imports.get(name)?;
        let path: Vec<_> = import.iter().chain(rest).cloned().collect();
        self.definition(&at, &path, depth + 1)
    }
}

fn read_file(file: &Path, folder: &Path, module: Module, modules: &mut BTreeMap<Module, Source>) {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    read_items(folder, parsed.items, module, modules);
}

fn read_items(
    folder: &Path,
    items: Vec<syn::Item>,
    module: Module,
    modules: &mut BTreeMap<Module, Source>,
) {
    let mut own = Vec::new();
    for item in items {
        let syn::Item::Mod(child) = item else {
            own.push(item);
            continue;
        };
        if names::is_for_tests(&child.attrs) {
            continue;
        }
        let name = child.ident.to_string();
        let path: Module = module.iter().cloned().chain([name.clone()]).collect();
        let below = folder.join(&name);
        if let Some((_, items)) = child.content {
            read_items(&below, items, path, modules);
            continue;
        }
        let flat = folder.join(format!("{name}.rs"));
        assert!(
            !(flat.exists() && below.exists()),
            "{} stands beside a folder of its name: move it to {name}/mod.rs",
            flat.display()
        );
        let file = if flat.exists() { flat } else { below.join("mod.rs") };
        read_file(&file, &below, path, modules);
    }
    own.retain(|item| !names::is_for_tests(names::attributes(item)));
    let names = Names::of(&own);
    modules.insert(module, Source { items: own, names });
}
