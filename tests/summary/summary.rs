//! Prints the skipped tests of this run, counted by reason.

fn main() {
    #[cfg(unix)]
    println!("{}", websocket_heartbeat_tests::summarize_skips());
}
