//! [`conformance_tests!`](crate::conformance_tests): all tests of a backend.

/// Defines one test for each part of the contract of a backend, to be used in a file in `tests/`.
///
/// - `connect` makes the [`Builder`](websocket_heartbeat::Builder) of a session from a URL.
/// - `dial` makes one attempt from a [`Request`](crate::Request) and a [`Dialer`](crate::Dialer).
/// - `timer` makes a [`Timer`](websocket_heartbeat::Timer).
/// - `block_on` runs a future on the current thread.
///
/// The tests of the smol backend, `tests/conformance.rs`, are:
///
/// ```ignore
/// use websocket_heartbeat_smol::{SmolTimer, connect, dial};
///
/// websocket_heartbeat_tungstenite::conformance_tests! {
///     connect: connect,
///     dial: dial,
///     timer: SmolTimer::new,
///     block_on: smol::block_on,
/// }
/// ```
#[macro_export]
macro_rules! conformance_tests {
    (
        connect: $connect:path,
        dial: $dial:path,
        timer: $timer:path,
        block_on: $block_on:path $(,)?
    ) => {
        #[test]
        fn connections_keep_the_contract() {
            $block_on($crate::conformance::contract(async |url: String| {
                $dial(&$crate::Request::new(&url)?, &$crate::Dialer::new()).await
            }));
        }

        #[test]
        fn refusals_have_distinct_errors() {
            $block_on($crate::conformance::refusals(async |url: String| {
                $dial(&$crate::Request::new(&url)?, &$crate::Dialer::new()).await
            }));
        }

        #[test]
        fn the_body_of_a_refusal_may_be_late() {
            $block_on($crate::conformance::late_bodies(async |url: String| {
                $dial(&$crate::Request::new(&url)?, &$crate::Dialer::new()).await
            }));
        }

        #[test]
        fn the_timer_keeps_the_contract() {
            $block_on(async { $crate::conformance::timer($timer()).await });
        }

        #[test]
        fn a_session_survives_its_server() {
            $block_on($crate::conformance::session(|url| $connect(url).unwrap()));
        }

        #[test]
        fn a_session_can_move_between_threads() {
            fn assert_send<T: Send>(_: T) {}
            $block_on(async {
                assert_send($connect("ws://example.org").unwrap().build().unwrap())
            });
        }

        #[test]
        fn a_url_that_cannot_work_is_refused_at_once() {
            $block_on(async {
                let refused = $connect("http://example.org").map(drop).unwrap_err();
                assert_eq!(refused, $crate::RequestError::Scheme);
                let request = $crate::Request::new("ws://example.org").unwrap();
                assert!($connect(request).is_ok());
            });
        }
    };
}
