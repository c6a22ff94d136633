//! Malicious and broken servers, during the opening handshake and after it: the costs of each, and the
//! event that reports it. `--nocapture` shows the figures. These tests measure their process and have
//! it to themselves.
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
