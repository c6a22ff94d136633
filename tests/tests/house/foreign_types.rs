//! Rule: a public signature contains no type of another project, except those in [`ALLOWED`].
//!
//! The sources are read as text, so the test needs no unstable tool. It relies on the lint
//! `unreachable_pub`: each `pub` item is part of the public interface.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
};

use syn::{
    Attribute, Block, Expr, Fields, File, ImplItem, Item, ItemImpl, Path, Type, UseTree,
    Visibility, visit::Visit,
};

use crate::{
    files::rust_files,
    packages::{folder, name, published},
};

/// Every type and trait of another project in a public signature, with the reason.
const ALLOWED: &[(&str, &str)] = &[
    (
        "async_tungstenite::WebSocketStream",
        "the argument of the adapter, which has its own feature",
    ),
    ("axum::extract::ws::Message", "the argument of a conversion, with a feature of its own"),
    ("bytes::Bytes", "the payload of a message, which is shared without a copy"),
    ("futures_core::FusedFuture", "`next` fits into `select!`"),
    ("futures_core::FusedStream", "supervisors and inboxes are streams that end"),
    ("futures_core::Stream", "supervisors, inboxes and connections are streams"),
    ("futures_io::AsyncRead", "the byte stream that the user brings"),
    ("futures_io::AsyncWrite", "the byte stream that the user brings"),
    ("futures_rustls::rustls", "the version of rustls whose configuration is accepted"),
    ("futures_rustls::rustls::ClientConfig", "the user's own configuration of TLS"),
    ("futures_sink::Sink", "supervisors, handles and connections are sinks"),
    ("futures_timer::Delay", "the sleep of `FuturesTimer`, which has its own feature"),
    ("tokio::net::TcpStream", "the socket below the adapter, which has its own feature"),
    (
        "tokio_tungstenite::MaybeTlsStream",
        "the stream of `connect_async`, below the adapter, which has its own feature",
    ),
    (
        "tokio_tungstenite::WebSocketStream",
        "the argument of the adapter, which has its own feature",
    ),
    (
        "tokio_tungstenite::tungstenite::client::IntoClientRequest",
        "the argument of the transport, which has its own feature",
    ),
    (
        "tokio_tungstenite::tungstenite::handshake::client::Response",
        "the answer that comes with the stream of tokio-tungstenite",
    ),
    (
        "tokio_tungstenite::tungstenite::protocol::WebSocketConfig",
        "the settings of `connect_async`",
    ),
    ("tungstenite::Error", "the errors that the user of another crate over tungstenite has"),
    ("tokio::io::AsyncRead", "the byte stream that the user of the tokio backend brings"),
    ("tokio::io::AsyncWrite", "the byte stream that the user of the tokio backend brings"),
    ("http::HeaderMap", "the header fields of the user, with a feature of its own"),
    ("http::Request", "the request of the user, with a feature of its own"),
    ("http::Uri", "the URL of the user, with a feature of its own"),
    ("serde::Serialize", "events as records, with a feature of its own"),
    ("tungstenite::Message", "the argument of a conversion, with a feature of its own"),
    ("url::Url", "the URL of the user, with a feature of its own"),
];

/// The names that a package declares and imports.
#[derive(Default)]
struct Names {
    /// Types and traits that are `pub`.
    public: BTreeSet<String>,
    /// All types and traits.
    declared: BTreeSet<String>,
    /// Names of other projects that some file imports, with their full paths.
    foreign: HashMap<String, String>,
}

/// A source file.
struct Source {
    file: File,
    /// Each imported name with its full path.
    imports: HashMap<String, String>,
}

/// A package that is published as a library.
struct Library {
    name: String,
    /// The crates that it depends on.
    dependencies: BTreeSet<String>,
    sources: Vec<Source>,
    names: Names,
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// Adds the names that a `use` imports, with their full paths.
fn imports(tree: &UseTree, prefix: &str, found: &mut HashMap<String, String>) {
    let full = |name: &dyn ToString| match prefix {
        "" => name.to_string(),
        _ => format!("{prefix}::{}", name.to_string()),
    };
    match tree {
        UseTree::Path(path) => imports(&path.tree, &full(&path.ident), found),
        UseTree::Name(name) if name.ident == "self" => {
            let last = prefix.rsplit("::").next().unwrap();
            found.insert(last.to_owned(), prefix.to_owned());
        }
        UseTree::Name(name) => drop(found.insert(name.ident.to_string(), full(&name.ident))),
        UseTree::Rename(rename) => {
            found.insert(rename.rename.to_string(), full(&rename.ident));
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| imports(tree, prefix, found)),
        UseTree::Glob(_) => drop(found.insert(format!("{prefix}::*"), prefix.to_owned())),
    }
}

/// The items of a file and of the modules in it, without tests.
fn items(items: &[Item]) -> Vec<&Item> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Mod(module) if is_test(&module.attrs) => {}
            Item::Mod(module) => {
                found.extend(module.content.iter().flat_map(|(_, inner)| self::items(inner)));
            }
            Item::Impl(block) if is_test(&block.attrs) => {}
            Item::Use(import) if is_test(&import.attrs) => {}
            _ => found.push(item),
        }
    }
    found
}

impl Library {
    fn read(package: &serde_json::Value) -> Self {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let dependencies = dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| dependency["rename"].as_str().or_else(|| dependency["name"].as_str()))
            .map(|name| name.unwrap().replace('-', "_"))
            .collect();
        let mut library = Self {
            name: name(package).to_owned(),
            dependencies,
            sources: Vec::new(),
            names: Names::default(),
        };
        for path in rust_files(&folder(package).join("src")) {
            let is_test = |part: &str| part == "tests" || part.ends_with("_tests");
            let relative = path.strip_prefix(folder(package)).unwrap().with_extension("");
            if relative.iter().any(|part| is_test(&part.to_string_lossy())) {
                continue;
            }
            library.add(&fs::read_to_string(&path).unwrap());
        }
        library
    }

    /// Adds a source file.
    fn add(&mut self, text: &str) {
        let mut source = Source { imports: HashMap::new(), file: syn::parse_file(text).unwrap() };
        for item in items(&source.file.items) {
            if let Item::Use(import) = item {
                imports(&import.tree, "", &mut source.imports);
            }
            self.names.declare(item);
        }
        for (name, path) in &source.imports {
            if let Some(path) = self.foreign(path) {
                assert!(!name.ends_with('*'), "{} imports all of {path}", self.name);
                self.names.foreign.insert(name.clone(), path);
            }
        }
        self.sources.push(source);
    }

    /// The types of other projects in the public signatures of this library.
    fn foreign_types(&self, libraries: &[Self]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for source in &self.sources {
            let mut finder = Finder { library: self, libraries, source, found };
            items(&source.file.items).into_iter().for_each(|item| finder.item(item));
            found = finder.found;
        }
        found
    }

    /// The path, if it begins with the name of another project's crate.
    fn foreign(&self, path: &str) -> Option<String> {
        let first = path.split("::").next().unwrap();
        let own = first.starts_with("websocket_heartbeat");
        (!own && self.dependencies.contains(first)).then(|| path.to_owned())
    }
}

impl Names {
    fn declare(&mut self, item: &Item) {
        let (visibility, name) = match item {
            Item::Struct(item) => (&item.vis, &item.ident),
            Item::Enum(item) => (&item.vis, &item.ident),
            Item::Trait(item) => (&item.vis, &item.ident),
            Item::Type(item) => (&item.vis, &item.ident),
            _ => return,
        };
        self.declared.insert(name.to_string());
        if is_public(visibility) {
            self.public.insert(name.to_string());
        }
    }
}

/// Collects the types of other projects in public signatures.
struct Finder<'a> {
    library: &'a Library,
    /// All libraries, since one exports names of another.
    libraries: &'a [Library],
    source: &'a Source,
    found: BTreeSet<String>,
}

impl Finder<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Use(import) if is_public(&import.vis) => {
                let mut exported = HashMap::new();
                imports(&import.tree, "", &mut exported);
                let foreign = exported.values().filter_map(|path| self.library.foreign(path));
                self.found.extend(foreign);
            }
            Item::Struct(item) if is_public(&item.vis) => {
                self.visit_generics(&item.generics);
                self.public_fields(&item.fields);
            }
            Item::Enum(item) if is_public(&item.vis) => self.visit_item_enum(item),
            Item::Type(item) if is_public(&item.vis) => self.visit_item_type(item),
            Item::Trait(item) if is_public(&item.vis) => self.visit_item_trait(item),
            Item::Fn(item) if is_public(&item.vis) => self.visit_signature(&item.sig),
            Item::Const(item) if is_public(&item.vis) => self.visit_type(&item.ty),
            Item::Static(item) if is_public(&item.vis) => self.visit_type(&item.ty),
            Item::Impl(item) => self.implementation(item),
            _ => {}
        }
    }

    fn public_fields(&mut self, fields: &Fields) {
        for field in fields.iter().filter(|field| is_public(&field.vis)) {
            self.visit_type(&field.ty);
        }
    }

    fn implementation(&mut self, block: &ItemImpl) {
        let Some((path, _)) = &block.trait_ else {
            for item in &block.items {
                match item {
                    ImplItem::Fn(item) if is_public(&item.vis) => {
                        self.visit_generics(&block.generics);
                        self.visit_signature(&item.sig);
                    }
                    ImplItem::Const(item) if is_public(&item.vis) => self.visit_type(&item.ty),
                    _ => {}
                }
            }
            return;
        };
        let private_trait = self.is_private(path);
        let private_type = matches!(&*block.self_ty, Type::Path(ty) if self.is_private(&ty.path));
        if private_trait || private_type {
            return;
        }
        self.visit_generics(&block.generics);
        self.visit_path(path);
        self.visit_type(&block.self_ty);
        for item in &block.items {
            if let ImplItem::Type(item) = item {
                self.visit_type(&item.ty);
            }
        }
    }

    /// Whether the last name of a path is a name of this workspace that is not public.
    fn is_private(&self, path: &Path) -> bool {
        let name = path.segments.last().unwrap().ident.to_string();
        let names = &self.library.names;
        names.declared.contains(&name) && !names.public.contains(&name)
    }

    /// The full path, if it leads to another project.
    fn resolve(&self, path: &Path) -> Option<String> {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        let segments: Vec<_> = names.iter().map(String::as_str).collect();
        let full = match self.source.imports.get(segments[0]) {
            Some(import) => [&[import.as_str()], &segments[1..]].concat().join("::"),
            None => segments.join("::"),
        };
        if let Some(foreign) = self.library.foreign(&full) {
            return Some(foreign);
        }
        // One of our own paths may lead to a name that another file or library imports.
        let (start, name) = (full.split("::").next()?, full.rsplit("::").next()?);
        let owner = match start {
            "crate" | "self" | "super" => Some(self.library),
            _ => self.libraries.iter().find(|library| library.name.replace('-', "_") == start),
        }?;
        let names = &owner.names;
        if names.declared.contains(name) { None } else { names.foreign.get(name).cloned() }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_path(&mut self, path: &'ast Path) {
        self.found.extend(self.resolve(path));
        syn::visit::visit_path(self, path);
    }

    // These are not part of a signature.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_block(&mut self, _: &'ast Block) {}
    fn visit_expr(&mut self, _: &'ast Expr) {}
}

#[test]
fn public_signatures_contain_only_allowed_foreign_types() {
    let published = published();
    let is_library = |package: &&serde_json::Value| {
        let mut targets = package["targets"].as_array().unwrap().iter();
        targets.any(|target| target["kind"][0] == "lib")
    };
    let libraries: Vec<_> = published.iter().filter(is_library).map(Library::read).collect();
    assert_eq!(libraries.len(), 8);

    // Each path, with the packages that show it.
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    for library in &libraries {
        for path in library.foreign_types(&libraries) {
            found.entry(path).or_default().insert(&*library.name);
        }
    }
    let is_allowed = |path: &str| ALLOWED.iter().any(|(allowed, _)| *allowed == path);
    let new: Vec<_> = found.iter().filter(|(path, _)| !is_allowed(path)).collect();
    assert!(new.is_empty(), "types of other projects in public signatures: {new:#?}");
    let unused: Vec<_> = ALLOWED.iter().filter(|(path, _)| !found.contains_key(*path)).collect();
    assert!(unused.is_empty(), "allowed types that are in no public signature: {unused:#?}");
}

#[test]
fn foreign_types_are_found_in_public_signatures_only() {
    let dependencies = ["a", "b", "c", "d", "e", "f"].map(str::to_owned).into();
    let (name, sources, names) = ("websocket-heartbeat".to_owned(), Vec::new(), Names::default());
    let mut library = Library { name, dependencies, sources, names };
    library.add(
        "use a::{io::{self, Read}, Error as Failure};
         pub struct Own<R: Read> { pub field: Option<io::Write>, private: b::Hidden }
         struct Private;
         impl From<Failure> for Own<c::Input> { fn from(_: Failure) -> Self { d::hidden() } }
         impl From<d::Hidden> for Private { fn from(_: d::Hidden) -> Self { Self } }
         pub(crate) fn internal(_: d::Hidden) {}",
    );
    library.add(
        "use crate::Failure;
         pub use e::Exported;
         impl Own<()> { pub fn failure(&self) -> impl Iterator<Item = Failure> + f::Bound {} }
         #[cfg(test)]
         mod tests { pub fn test(_: d::Hidden) {} }",
    );
    let found = library.foreign_types(&[]);
    let expected =
        ["a::Error", "a::io::Read", "a::io::Write", "c::Input", "e::Exported", "f::Bound"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
