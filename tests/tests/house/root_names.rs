//! The names at core's root. Their number is limited, so that each new name is a decision.

use std::collections::BTreeSet;

use syn::{Item, UseTree, Visibility};

use crate::modules::workspace;

/// Futures, streams and iterators belong to `future`, parts for authors of transports to `backend`,
/// acknowledged delivery to `acks`,
/// requests with answers to `calls`, decoded messages to `typed`.
const NAMES: &str = "
    acks backend calls future hooks typed
    Attempt Attempts Backoff BoxTransport Builder Bytes CloseFrame CloseReason Closed ConfigError
    ConnectTimeout Connecting Connection Constant Counters Cutoff DialBudget Driver DropReason Endpoints
    ErrorKind Established Event Exponential Failure Fate Frame FuturesTimer Handle Headers Heartbeat
    HttpAnswer Inbox InboxSettings Losses Lost LostCause Message NotWritten Offline Open Outgoing
    OutboxSettings Phase Preset ProofOfLife QueueError Receipt Retry RoundTrip SessionClosed Silent
    Status Supervisor Text Timer Timestamp Transport TransportError Unanswered UserFunction
    UserPanic Verdict WhenFull
    WriteBlocked before_open transport_fn
";

const LIMIT: usize = 72;

#[test]
fn the_root_of_core_has_these_names_and_no_others() {
    let path = workspace().join("crates/core/src/lib.rs");
    let source = std::fs::read_to_string(path).expect("core has a root");
    let mut names = BTreeSet::new();
    for item in syn::parse_file(&source).expect("the root is Rust").items {
        match item {
            Item::Mod(module) if is_public(&module.vis) => {
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
