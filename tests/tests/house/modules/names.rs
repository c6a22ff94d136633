//! The names that a module defines and imports.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, UseTree};

#[derive(Default)]
pub(super) struct Names {
    pub(super) defined: BTreeSet<String>,
    pub(super) imports: BTreeMap<String, Vec<String>>,
}

impl Names {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items {
            match item {
                Item::Use(item) => names.import(&item.tree, &mut Vec::new()),
                _ => names.defined.extend(name(item)),
            }
        }
        names
    }

    fn import(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path);
                path.pop();
            }
            UseTree::Name(part) if part.ident == "self" => {
                let name = path.last().cloned().unwrap_or_default();
                self.imports.insert(name, path.clone());
            }
            UseTree::Name(part) => self.add(part.ident.to_string(), part.ident.to_string(), path),
            UseTree::Rename(part) => {
                self.add(part.rename.to_string(), part.ident.to_string(), path)
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, path));
            }
            // Only tests and preludes have them here.
            UseTree::Glob(_) => {}
        }
    }

    fn add(&mut self, local: String, name: String, path: &[String]) {
        let full = path.iter().cloned().chain([name]).collect();
        self.imports.insert(local, full);
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it is only compiled for tests.
pub(super) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        list.path.is_ident("cfg")
            && list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|w| w == "test")
    })
}
