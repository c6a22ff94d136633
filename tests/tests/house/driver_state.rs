//! The state of core's driver: few flags, and an engine whose files call downward only.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use crate::modules::{Crate, Module, Source, workspace};

/// The files of the engine, beginning with the lowest. Each file calls only methods of the engine
/// that are defined in the same file or in a lower file.
const ENGINE: [&str; 9] =
    ["report", "ending", "write", "read", "actions", "commands", "deadlines", "park", "mod"];

/// Fields of the driver that are a `bool`, or an enum with no more information than a `bool`.
const FLAGS: usize = 5;

/// Enums with two variants that are not flags: both names describe a state.
const CHOICES: [&str; 1] = ["WhenFull"];

fn core() -> Crate {
    Crate::read(&workspace().join("crates/core/src"))
}

fn is_in(module: &Module, folder: &[&str]) -> bool {
    module.iter().zip(folder).filter(|(a, b)| a == b).count() == folder.len()
}

#[test]
fn the_engine_calls_downward_only() {
    let core = core();
    let folder = ["supervisor", "engine"];
    let mut methods: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for (module, source) in core.modules.iter().filter(|(module, _)| is_in(module, &folder)) {
        let file = module.get(folder.len()).map_or("mod", String::as_str);
        let floor = ENGINE.iter().position(|name| *name == file);
        let blocks = source.items.iter().filter_map(|item| match item {
            syn::Item::Impl(block) if is_engine(&block.self_ty) => Some(block),
            _ => None,
        });
        for block in blocks {
            let floor = floor.unwrap_or_else(|| panic!("{file}.rs has no layer"));
            for item in &block.items {
                let syn::ImplItem::Fn(method) = item else { continue };
                methods.insert(method.sig.ident.to_string(), floor);
                let mut found = Calls::default();
                found.visit_block(&method.block);
                calls.extend(found.names.into_iter().map(|name| (floor, name)));
            }
        }
    }
    let upward: Vec<_> = calls
        .iter()
        .filter_map(|(floor, name)| {
            let to = methods.get(name).filter(|to| *to > floor)?;
            Some(format!("{} calls `{name}` in {}", ENGINE[*floor], ENGINE[*to]))
        })
        .collect();
    assert!(upward.is_empty(), "{upward:#?}");
    assert!(methods.len() > 30 && calls.len() > 30, "{} and {}", methods.len(), calls.len());
}

#[test]
fn the_engine_has_at_most_sixteen_fields() {
    let core = core();
    let items = core.modules.values().flat_map(|source| &source.items);
    let engine = items.filter_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "Engine" => Some(item.fields.len()),
        _ => None,
    });
    let fields: Vec<usize> = engine.collect();
    assert!(matches!(fields[..], [count] if count <= 16), "{fields:?}");
}

/// Counts the fields of structs and of enum variants that stay from one poll to the next.
#[test]
fn the_driver_keeps_few_flags() {
    let core = core();
    let driver: Vec<_> =
        core.modules.iter().filter(|(module, _)| is_in(module, &["supervisor"])).collect();
    let mut flag_types: BTreeSet<String> = BTreeSet::from(["bool".to_owned()]);
    flag_types.extend(driver.iter().flat_map(|(_, source)| enums_of_two(source)));
    let mut flags: Vec<String> = Vec::new();
    for (module, source) in &driver {
        for (owner, field, kind) in fields(source) {
            if !ONE_CALL.contains(&&*owner) && flag_types.contains(&kind) {
                flags.push(format!("{}: {owner}.{field}: {kind}", module.join("::")));
            }
        }
    }
    assert!(flags.len() <= FLAGS, "{} flags: {flags:#?}", flags.len());
    assert!(!flags.is_empty(), "the test looks at nothing");
}

/// Types of the driver whose values exist only within one call.
const ONE_CALL: [&str; 2] = ["Answer", "Reading"];

#[test]
fn core_has_no_option_of_an_option_or_of_a_bool() {
    for (module, source) in core().modules {
        let mut found = Nested::default();
        source.items.iter().for_each(|item| found.visit_item(item));
        assert!(found.names.is_empty(), "{}: Option of {:?}", module.join("::"), found.names);
    }
}

fn is_engine(kind: &syn::Type) -> bool {
    last_name(kind).is_some_and(|name| name == "Engine")
}

fn last_name(kind: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = kind else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

/// The enums with two variants that have no fields.
fn enums_of_two(source: &Source) -> impl Iterator<Item = String> {
    source.items.iter().filter_map(|item| {
        let syn::Item::Enum(item) = item else { return None };
        let plain = item.variants.iter().all(|variant| variant.fields.is_empty());
        let name = item.ident.to_string();
        let is_flag = plain && item.variants.len() == 2 && !CHOICES.contains(&&*name);
        is_flag.then_some(name)
    })
}

/// The owner, name and type of each field, also of fields of enum variants.
fn fields(source: &Source) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut add = |owner: String, fields: &syn::Fields| {
        for (at, field) in fields.iter().enumerate() {
            let name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
            found.extend(types(&field.ty).map(|kind| (owner.clone(), name.clone(), kind)));
        }
    };
    for item in &source.items {
        match item {
            syn::Item::Struct(item) => add(item.ident.to_string(), &item.fields),
            syn::Item::Enum(item) => {
                item.variants.iter().for_each(|one| add(item.ident.to_string(), &one.fields));
            }
            _ => {}
        }
    }
    found
}

/// The names of all types in this type.
fn types(kind: &syn::Type) -> impl Iterator<Item = String> {
    #[derive(Default)]
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            self.0.push(segment.ident.to_string());
            visit::visit_path_segment(self, segment);
        }
        /// Arguments and results of a function are not kept.
        fn visit_parenthesized_generic_arguments(
            &mut self,
            _: &'ast syn::ParenthesizedGenericArguments,
        ) {
        }
    }
    let mut names = Names::default();
    names.visit_type(kind);
    names.0.into_iter()
}

/// The methods that are called on `self`, or on an engine.
#[derive(Default)]
struct Calls {
    names: Vec<String>,
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let syn::Expr::Path(receiver) = &*call.receiver
            && (receiver.path.is_ident("self") || receiver.path.is_ident("engine"))
        {
            self.names.push(call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let names: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let [owner, method] = &names[..]
            && (owner == "Self" || owner == "Engine")
        {
            self.names.push(method.clone());
        }
    }
}

/// Options of an option or of a bool, in a box or not.
#[derive(Default)]
struct Nested {
    names: Vec<String>,
}

impl<'ast> Visit<'ast> for Nested {
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        if segment.ident == "Option"
            && let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
            && let Some(syn::GenericArgument::Type(inner)) = arguments.args.first()
        {
            let inner = last_name(boxed(inner).unwrap_or(inner));
            self.names.extend(inner.filter(|name| name == "Option" || name == "bool"));
        }
        visit::visit_path_segment(self, segment);
    }
}

/// The type in a box.
fn boxed(kind: &syn::Type) -> Option<&syn::Type> {
    let syn::Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Box")?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}
