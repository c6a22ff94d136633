//! Scenarios written once and run over every backend, against every server.
#![cfg(unix)]

mod closing;
mod handshake;
mod heartbeat;
mod loss;
mod messages;

use std::time::Duration;

use websocket_heartbeat::{Attempts, Builder, Constant, Heartbeat};
use websocket_heartbeat_tests::{Backend, Peer, Software, Supervised, guarded, skip};
use websocket_heartbeat_tungstenite::Request;

/// Longer than any test may take: for what must not happen in it.
const NEVER: Duration = Duration::from_secs(3_600);

/// The delay before an attempt.
const DELAY: Duration = Duration::from_millis(50);

macro_rules! scenarios {
    ($($module:ident: $($scenario:ident)*;)*) => {
        scenarios! { @over smol: Smol [$($($module $scenario)*)*] }
        scenarios! { @over async_std: AsyncStd [$($($module $scenario)*)*] }
        scenarios! { @over tokio: Tokio [$($($module $scenario)*)*] }
    };
    (@over $name:ident: $backend:ident $list:tt) => {
        mod $name {
            scenarios! { @against node_ws: $backend NodeWs $list }
            scenarios! { @against python_websockets: $backend PythonWebsockets $list }
        }
    };
    (@against $name:ident: $backend:ident $software:ident [$($module:ident $scenario:ident)*]) => {
        mod $name {
            $(
                #[test]
                fn $scenario() {
                    crate::run::<websocket_heartbeat_tests::$backend, _>(
                        websocket_heartbeat_tests::Software::$software,
                        stringify!($scenario),
                        crate::$module::$scenario::<websocket_heartbeat_tests::$backend>,
                    );
                }
            )*
        }
    };
}

scenarios! {
    messages: text_binary_and_empty sixteen_mib_both_ways fragments_with_a_ping_between
        first_frame_together_with_the_101 pings_are_answered_while_only_reading
        a_message_sent_is_written a_sink_of_messages;
    handshake: headers_and_subprotocol a_refusal_tells_status_headers_and_wait
        a_refusal_for_ever_stops a_hanging_upgrade_times_out;
    closing: close_codes_and_reasons_are_told a_close_frame_together_with_the_101
        a_server_that_restarts_is_given_time closing_tells_the_server aborting_does_not
        closing_does_not_wait_for_ever;
    loss: a_server_restart what_is_sent_offline_arrives dropped_without_a_close_frame reset
        replaced_on_request;
    heartbeat: pings_keep_a_silent_line a_silent_server_by_message a_frozen_server_by_ping
        a_suspended_server_and_its_return
        a_stuck_upload a_driver_beats_while_nobody_reads;
}

fn run<B: Backend, F: Future<Output = ()> + 'static>(
    software: Software,
    name: &str,
    scenario: fn(Peer) -> F,
) {
    let name = format!("{name} over {} against {software}", B::NAME);
    match software.install() {
        Ok(()) => guarded(&name, move || B::block_on(scenario(Peer::start(software)))),
        Err(reason) => skip(&name, reason),
    }
}

fn request(peer: &Peer, behaviour: &str) -> Request {
    Request::new(&peer.url(behaviour)).expect("a URL")
}

/// A session that never gives up, tries again soon, and lets a test wait.
fn patient<B: Backend>(request: Request) -> Builder<B::Transport, B::Timer> {
    B::connect(request)
        .heartbeat(Heartbeat::idle(NEVER).ping())
        .backoff(Constant::new(DELAY))
        .attempts(Attempts::Unlimited)
        .connect_timeout(NEVER)
        .minimum_gap(Duration::from_millis(1))
}

fn supervise<B: Backend>(peer: &Peer, behaviour: &str) -> Supervised<B> {
    patient::<B>(request(peer, behaviour)).build().expect("settings that make sense")
}
