//! The transport and the timer of the mock keep the contract, in virtual time, and a transport or
//! timer with a fault does not.

mod fault;
mod faults;
mod faulty;
mod faulty_timer;
mod server;

use std::time::Duration;

use websocket_heartbeat::{Timer, Transport};
use websocket_heartbeat_conformance::{Ability, Suite};
use websocket_heartbeat_mock::{Clock, Runner, Script};

use self::server::{MESSAGE_LIMIT, Server};

/// The URL of the server.
const URL: &str = "mock:";

fn suite<F, T, K>(transport: F, timer: K) -> Suite<F, K>
where
    F: Fn(&str) -> T,
    T: Transport,
    K: Timer,
{
    Suite::new(transport, timer)
        .message_limit(MESSAGE_LIMIT)
        .without(Ability::EndStream, "there is no stream of bytes below a mock")
        .without(Ability::ReadAnswers, "a script has the result of an answer, not its bytes")
}

fn keep_the_contract(name: &str, accept: fn() -> Script) {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let server = Server::new(&runner, accept);
    let suite = suite(|url| server.transport(url), clock.timer());
    runner.run_until(suite.run(URL)).assert_kept(name);
}

#[test]
fn the_transport_and_the_timer_keep_the_contract() {
    keep_the_contract("websocket-heartbeat-mock", Script::accept);
}

#[test]
fn a_hesitant_transport_keeps_the_contract() {
    let script = || Script::accept().hesitant().latency(Duration::from_millis(3));
    keep_the_contract("a hesitant websocket-heartbeat-mock", script);
}
