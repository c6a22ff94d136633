//! [`conformance_tests!`](crate::conformance_tests): all tests of a backend.

/// Defines one test for each part of the contract of a backend, to be used in a file in `tests/`.
///
/// - `connect` makes the [`Builder`](websocket_heartbeat::Builder) of a session from a URL.
/// - `dial` makes one attempt from a [`Request`](crate::Request) and a [`Dialer`](crate::Dialer).
/// - `timer` makes a [`Timer`](websocket_heartbeat::Timer).
/// - `block_on` runs a future on the current thread.
///
/// ```
/// # mod backend {
/// #     use websocket_heartbeat::{Builder, Established, FuturesTimer, TransportError};
/// #     use websocket_heartbeat_tungstenite::*;
/// #     #[derive(Clone, Copy, Default)]
/// #     pub struct Net;
/// #     impl Network for Net {
/// #         type Stream = async_net::TcpStream;
/// #         async fn resolve(&self, host: &str, port: u16) -> std::io::Result<Vec<std::net::SocketAddr>> {
/// #             async_net::resolve((host, port)).await
/// #         }
/// #         async fn open(&self, target: Target, _: &SocketOptions) -> std::io::Result<Self::Stream> {
/// #             async_net::TcpStream::connect(target.tcp()?).await
/// #         }
/// #     }
/// #     pub fn connect<R>(request: R) -> Result<Builder<NetworkTransport<Net, FuturesTimer>, FuturesTimer>, RequestError>
/// #     where R: TryInto<Request, Error: Into<RequestError>>
/// #     {
/// #         websocket_heartbeat_tungstenite::connect(Net, FuturesTimer::new(), request)
/// #     }
/// #     pub async fn dial(request: &Request, dialer: &Dialer) -> Result<Established<Socket<NativeStream<async_net::TcpStream>>>, TransportError> {
/// #         dialer.dial(request, &Net, &FuturesTimer::new()).await
/// #     }
/// # }
/// # use websocket_heartbeat::FuturesTimer as BackendTimer;
/// # use async_io::block_on;
/// websocket_heartbeat_tungstenite::conformance_tests! {
///     connect: backend::connect,
///     dial: backend::dial,
///     timer: BackendTimer::new,
///     block_on: block_on,
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
