//! The scripted server: its answer to each dial, and the test's control over it.

mod chaos;
mod dial;
mod peer;
mod remote;
mod script;

pub use self::{chaos::Chaos, dial::Dial, peer::Peer, remote::Remote, script::Script};
