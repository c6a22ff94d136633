//! Malicious and broken servers, during the opening handshake and after it: the costs of each
//! server, and the event that reports its fault. `--nocapture` shows the figures. These tests
//! measure their process, so they run alone in it.
#![cfg(unix)]

mod figures;
mod frames;
mod handshake;
mod server;
mod tls;

use websocket_heartbeat_tests::{over_every_backend, run_alone};

over_every_backend! {
    run_alone;
    handshake: hostile_handshakes_are_bounded_and_reported;
    frames: hostile_frames_are_bounded_and_reported;
    tls: tls_errors_after_open_are_bounded_and_reported;
}
