//! Runs cases of the Autobahn test suite: a session for each case, which sends back each message.
//!
//!     autobahn BACKEND ADDRESS CASES

#[cfg(unix)]
mod client {
    use std::env;

    use futures::{SinkExt, StreamExt, stream};
    use websocket_heartbeat::{Attempts, Event, Heartbeat};
    use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio};
    use websocket_heartbeat_tungstenite::Request;

    /// So many cases run at the same time, since some cases only wait.
    const CONCURRENCY: usize = 8;

    pub(crate) fn main() {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [backend, address, cases] = &arguments[..] else {
            panic!("autobahn BACKEND ADDRESS CASES")
        };
        let cases = cases.parse().expect("the number of cases");
        match &**backend {
            Smol::NAME => run_all::<Smol>(address, cases),
            AsyncStd::NAME => run_all::<AsyncStd>(address, cases),
            Tokio::NAME => run_all::<Tokio>(address, cases),
            other => panic!("there is no backend {other}"),
        }
    }

    fn run_all<B: Backend>(address: &str, cases: usize) {
        B::block_on(stream::iter(1..=cases).for_each_concurrent(CONCURRENCY, |case| {
            run::<B>(format!("ws://{address}/runCase?case={case}&agent={}", B::NAME))
        }));
    }

    /// One case. The server judges how the session behaves and how it ends.
    async fn run<B: Backend>(url: String) {
        // Without heartbeats, since the server expects exactly the frames of its case.
        let mut session = B::connect(Request::new(&url).expect("a URL"))
            .heartbeat(Heartbeat::off())
            .attempts(Attempts::Never)
            .build()
            .expect("valid settings");
        while let Some(event) = session.next().await {
            match event {
                // Fails after the end of the connection, which is the next event.
                Event::Message(message) => drop(session.send(message).await),
                Event::Lost(lost) => assert!(lost.opened, "{url}: {}", lost.cause),
                _ => {}
            }
        }
    }
}

fn main() {
    #[cfg(unix)]
    client::main();
}
