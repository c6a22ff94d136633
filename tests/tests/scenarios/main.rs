//! Scenarios that are written once and run over every backend against every server.
#![cfg(unix)]

mod closing;
mod handshake;
mod heartbeat;
mod loss;
mod messages;

use std::time::Duration;

use websocket_heartbeat::{Attempts, Builder, Constant, Heartbeat};
use websocket_heartbeat_tests::{
    Backend, Peer, Software, Supervised, over_every_backend, skip, title, with_time_limit,
};
use websocket_heartbeat_tungstenite::Request;

/// Longer than any test may take: a timeout that must not expire.
const NEVER: Duration = Duration::from_secs(3_600);

/// The delay before an attempt.
const DELAY: Duration = Duration::from_millis(50);

/// Makes a test of each scenario for each backend and each server.
macro_rules! scenarios {
    ($($list:tt)+) => {
        mod node_ws {
            use super::*;

            over_every_backend! { over_node_ws; $($list)+ }
        }
        mod python_websockets {
            use super::*;

            over_every_backend! { over_python_websockets; $($list)+ }
        }
    };
}

scenarios! {
    messages: text_binary_and_empty_messages_are_echoed sixteen_mib_travel_in_both_directions
        fragments_around_a_ping_are_joined a_message_in_the_write_of_the_101_is_received
        pings_are_answered_while_the_client_only_reads a_sent_message_is_written
        a_supervisor_is_a_sink_of_messages;
    handshake: header_fields_and_subprotocol_are_sent a_refusal_has_status_headers_and_retry_after
        a_permanent_refusal_ends_the_session a_hanging_upgrade_times_out;
    closing: close_codes_and_reasons_are_reported a_close_frame_in_the_write_of_the_101_is_reported
        a_restarting_server_gets_a_delay close_sends_a_close_frame abort_sends_no_close_frame
        the_close_timeout_ends_a_close_handshake;
    loss: a_session_survives_a_server_restart messages_queued_offline_arrive
        an_end_without_a_close_frame_is_a_loss a_reset_is_a_loss
        reconnect_now_replaces_the_connection;
    heartbeat: pings_keep_a_silent_connection a_silent_server_fails_a_message_heartbeat
        a_frozen_server_fails_a_ping_heartbeat a_suspended_server_resumes
        a_stalled_upload_is_reported a_driver_sends_heartbeats_while_nobody_reads;
}

fn over_node_ws<B: Backend, F: Future<Output = ()> + 'static>(name: &str, scenario: fn(Peer) -> F) {
    run::<B, F>(Software::NodeWs, name, scenario);
}

fn over_python_websockets<B: Backend, F: Future<Output = ()> + 'static>(
    name: &str,
    scenario: fn(Peer) -> F,
) {
    run::<B, F>(Software::PythonWebsockets, name, scenario);
}

fn run<B: Backend, F: Future<Output = ()> + 'static>(
    software: Software,
    name: &str,
    scenario: fn(Peer) -> F,
) {
    let name = format!("{} against {software}", title::<B>(name));
    match software.install() {
        Ok(()) => with_time_limit(&name, move || B::block_on(scenario(Peer::start(software)))),
        Err(reason) => skip(&name, &reason),
    }
}

fn request(peer: &Peer, behaviour: &str) -> Request {
    Request::new(&peer.url(behaviour)).expect("a URL")
}

/// A session that never stops, reconnects soon, and has no other deadline during a test.
fn patient<B: Backend>(request: Request) -> Builder<B::Transport, B::Timer> {
    B::connect(request)
        .heartbeat(Heartbeat::idle(NEVER).ping())
        .backoff(Constant::new(DELAY))
        .attempts(Attempts::Unlimited)
        .connect_timeout(NEVER)
        .minimum_gap(Duration::from_millis(1))
}

fn supervise<B: Backend>(peer: &Peer, behaviour: &str) -> Supervised<B> {
    patient::<B>(request(peer, behaviour)).build().expect("valid settings")
}
