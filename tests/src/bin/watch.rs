//! Supervises one URL and prints each event as a line of JSON, with the time of the system's monotonic
//! clock, which is the same in all processes.
//!
//!     watch BACKEND URL IDLE_MS TIMEOUT_MS

#[cfg(unix)]
mod watch {
    use std::{
        env,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
            mpsc::{self, RecvTimeoutError},
        },
        thread,
        time::{Duration, Instant},
    };

    use serde_json::{Value, json};
    use websocket_heartbeat::{Constant, Event, Heartbeat, LostCause};
    use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Tokio, monotonic};
    use websocket_heartbeat_tungstenite::Request;

    pub(crate) fn main() {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [backend, url, idle, timeout] = &arguments[..] else {
            panic!("watch BACKEND URL IDLE_MS TIMEOUT_MS")
        };
        let millis = |text: &str| Duration::from_millis(text.parse().expect("milliseconds"));
        let heartbeat = Heartbeat::idle(millis(idle)).timeout(millis(timeout)).ping();
        let request = Request::new(url).expect("a URL");
        match &**backend {
            Smol::NAME => watch::<Smol>(request, heartbeat),
            AsyncStd::NAME => watch::<AsyncStd>(request, heartbeat),
            Tokio::NAME => watch::<Tokio>(request, heartbeat),
            other => panic!("there is no backend {other}"),
        }
    }

    fn watch<B: Backend>(request: Request, heartbeat: Heartbeat) {
        let stall = measure_stalls();
        let mut supervisor = B::connect(request)
            .heartbeat(heartbeat)
            .backoff(Constant::new(Duration::from_millis(100)))
            .connect_timeout(Duration::from_secs(1))
            .build()
            .expect("valid settings");
        B::block_on(async {
            while let Some(event) = supervisor.next().await {
                let at = monotonic();
                let mut fields = describe(&event);
                fields["at_us"] = json!(at.as_micros() as u64);
                fields["stall_us"] = json!(stall.load(Ordering::Relaxed));
                println!("{fields}");
            }
        });
    }

    fn describe(event: &Event) -> Value {
        match event {
            Event::Open(open) => json!({ "report": "open", "connection": open.connection }),
            Event::Message(_) => json!({ "report": "message" }),
            Event::Lost(lost) => json!({
                "report": "lost",
                "connection": lost.connection,
                "cause": lost.cause.name(),
                "silence_us": match lost.cause {
                    LostCause::HeartbeatTimeout(silence) => Some(silence.as_micros() as u64),
                    _ => None,
                },
            }),
            _ => json!({ "report": "other" }),
        }
    }

    /// Measures the longest delay of a sleeping thread in this process. On a loaded machine each measured
    /// time may be longer by this delay.
    fn measure_stalls() -> Arc<AtomicU64> {
        const NAP: Duration = Duration::from_millis(2);
        let longest = Arc::new(AtomicU64::new(0));
        let (never, nap) = mpsc::channel::<()>();
        let seen = longest.clone();
        thread::spawn(move || {
            let _never = never;
            loop {
                let start = Instant::now();
                assert_eq!(nap.recv_timeout(NAP), Err(RecvTimeoutError::Timeout));
                let late = start.elapsed().saturating_sub(NAP);
                seen.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        longest
    }
}

fn main() {
    #[cfg(unix)]
    watch::main();
}
