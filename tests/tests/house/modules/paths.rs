//! The paths that the items of a module name.

use syn::{Item, UseTree, visit::Visit};

/// All paths of the items, also those of imports.
pub(super) fn of(items: &[Item]) -> Vec<Vec<String>> {
    let mut paths = Paths::default();
    items.iter().for_each(|item| paths.visit_item(item));
    paths.found
}

#[derive(Default)]
struct Paths {
    found: Vec<Vec<String>>,
}

impl Paths {
    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path);
                path.pop();
            }
            UseTree::Name(part) if part.ident == "self" => self.found.push(path.clone()),
            UseTree::Name(part) => self.add(path, part.ident.to_string()),
            UseTree::Rename(part) => self.add(path, part.ident.to_string()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, path)),
            UseTree::Glob(_) => self.found.push(path.clone()),
        }
    }

    fn add(&mut self, path: &[String], name: String) {
        self.found.push(path.iter().cloned().chain([name]).collect());
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
