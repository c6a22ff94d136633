//! Virtual time and a scripted server for `websocket-heartbeat`.
#![forbid(unsafe_code)]

mod cancel;
mod chaos;
mod clock;
mod connection;
mod dial;
mod line;
mod peer;
mod remote;
mod rng;
mod runner;
mod script;
mod timer;
mod trace;
mod transport;
mod waiters;

pub use self::{
    cancel::{Cancellation, at_every_cancellation},
    chaos::Chaos,
    clock::{Clock, SleepCounts},
    connection::MockConnection,
    dial::Dial,
    line::wire_len,
    peer::Peer,
    remote::Remote,
    rng::Rng,
    runner::{Runner, Spawner, Task, run},
    script::Script,
    timer::{MockSleep, MockTimer},
    trace::{Entry, Step, Trace},
    transport::{MockConnect, MockTransport, mock},
};
