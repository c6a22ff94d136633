//! [`conformance_tests!`](crate::conformance_tests): the test of a native backend.

/// Defines the test of a native transport and its timer, to be used in a file in `tests/`.
///
/// - `transport` makes a [`Transport`](websocket_heartbeat::Transport) from a URL, as `&str`.
/// - `timer` makes a [`Timer`](websocket_heartbeat::Timer).
/// - `block_on` runs a future on the current thread.
///
/// ```
/// use websocket_heartbeat_smol::{Request, SmolTimer, SmolTransport};
///
/// websocket_heartbeat_conformance::conformance_tests! {
///     transport: |url: &str| SmolTransport::new(Request::new(url).unwrap()),
///     timer: SmolTimer::new,
///     block_on: smol::block_on,
/// }
/// ```
#[macro_export]
macro_rules! conformance_tests {
    (
        transport: $transport:expr,
        timer: $timer:path,
        block_on: $block_on:path $(,)?
    ) => {
        #[test]
        fn the_transport_and_the_timer_keep_the_contract() {
            let server = $crate::Server::start().unwrap();
            $block_on(async {
                let suite = $crate::Suite::new($transport, $timer());
                suite.run(&server.url()).await.assert_kept(env!("CARGO_PKG_NAME"));
            });
        }
    };
}
