//! The names at core's root. Their number is limited, so that each new name is a decision.

use std::collections::BTreeSet;

use syn::{Attribute, Item, UseTree, Visibility};

use crate::modules::workspace;

/// Futures, streams and iterators belong to `future`, parts for authors of transports to `backend`,
/// acknowledged delivery to `acks`, requests with answers to `calls`, decoded messages to `typed`, parts of the status to `status`.
const NAMES: &str = "
    acks backend calls future hooks status typed
    Attempt Attempts Backoff BoxTransport Builder Bytes CloseFrame CloseReason Closed ConfigError
    ConnectTimeout Connecting Connection Constant Cutoff DialBudget Driver DropReason Endpoints
    ErrorKind Established Event Exponential Failure Fate Frame FuturesTimer Handle Headers Heartbeat
    HttpAnswer Inbox InboxSettings Lost LostCause Message NotWritten Offline Open OutboxSettings
    Outgoing Phase Preset ProofOfLife QueueError Receipt Retry SessionClosed Silent Status
    Supervisor Text Timer Timestamp Transport TransportError Unanswered UserFunction UserPanic
    Verdict WhenFull WriteBlocked before_open transport_fn
";

const LIMIT: usize = 73;

#[test]
fn the_root_of_core_has_these_names_and_no_others() {
    let path = workspace().join("crates/core/src/lib.rs");
    let source = std::fs::read_to_string(path).expect("core has a root");
    let mut names = BTreeSet::new();
    for item in syn::parse_file(&source).expect("the root is Rust").items {
        match item {
            Item::Mod(module) if is_public(&module.vis) && !is_documentation(&module.attrs) => {
                names.insert(module.ident.to_string());
            }
            Item::Use(exported) if is_public(&exported.vis) => collect(&exported.tree, &mut names),
            _ => {}
        }
    }
    let expected: BTreeSet<String> = NAMES.split_whitespace().map(str::to_owned).collect();
    let added: Vec<_> = names.difference(&expected).collect();
    let removed: Vec<_> = expected.difference(&names).collect();
    assert!(added.is_empty() && removed.is_empty(), "added {added:?}, removed {removed:?}");
    assert!(names.len() <= LIMIT, "{} names, the limit is {LIMIT}", names.len());
}

/// Whether an item exists only for the documentation, as the manual does.
fn is_documentation(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list().map(|list| list.tokens.to_string());
        attribute.path().is_ident("cfg") && condition.is_ok_and(|text| text.contains("doctest"))
    })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn collect(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => collect(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, names)),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        UseTree::Rename(rename) => {
            names.insert(rename.rename.to_string());
        }
        UseTree::Glob(_) => panic!("the root names everything that it exports"),
    }
}
