//! Supervises one URL and prints each event as a line of JSON, with the time of the system's monotonic
//! clock, which is the same in all processes.
//!
//!     watch BACKEND URL IDLE_MS TIMEOUT_MS
//!
//! It obeys lines of standard input:
//!
//!     send COUNT BYTES     queues messages of this size, which begin with their number, from 1
//!     close                closes the session, and ends after all fates were reported

#[cfg(unix)]
mod watch {
    use std::{
        env,
        io::{self, BufRead},
        process,
        sync::mpsc::{self, Receiver, Sender},
        thread,
        time::Duration,
    };

    use futures::executor::block_on;
    use serde_json::{Value, json};
    use websocket_heartbeat::{Constant, Event, Fate, Handle, Heartbeat, LostCause, Receipt};
    use websocket_heartbeat_tests::{AsyncStd, Backend, Smol, Stalls, Tokio, monotonic};
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
        let stalls = Stalls::measure();
        let mut supervisor = B::connect(request)
            .heartbeat(heartbeat)
            .backoff(Constant::new(Duration::from_millis(100)))
            .connect_timeout(Duration::from_secs(1))
            .build()
            .expect("valid settings");
        let handle = supervisor.handle();
        let (sender, receipts) = mpsc::channel();
        let commands = supervisor.handle();
        thread::spawn(move || obey(&commands, &sender));
        let fates = thread::spawn(move || report_fates(&receipts));
        B::block_on(async {
            while let Some(event) = supervisor.next().await {
                let at = monotonic();
                let counters = handle.status().counters;
                let mut fields = describe(&event);
                fields["at_us"] = json!(at.as_micros() as u64);
                fields["stall_us"] = json!(stalls.longest().as_micros() as u64);
                fields["probes"] = json!(counters.probes_sent);
                println!("{fields}");
            }
        });
        fates.join().expect("all fates are reported");
        let counters = handle.status().counters;
        let fates = [counters.messages_out, counters.unknown, counters.dropped];
        let [written, unknown, dropped] = fates;
        let end = json!({
            "report": "end", "written": written, "unknown": unknown, "dropped": dropped,
        });
        println!("{end}");
    }

    fn describe(event: &Event) -> Value {
        match event {
            Event::Open(open) => json!({ "report": "open", "connection": open.connection }),
            Event::Message(_) => json!({ "report": "message" }),
            Event::Lost(lost) => json!({
                "report": "lost",
                "connection": lost.connection,
                "opened": lost.opened,
                "cause": lost.cause.name(),
                "words": lost.cause.to_string(),
                "silence_us": match lost.cause {
                    LostCause::HeartbeatTimeout(silence) => Some(silence.as_micros() as u64),
                    _ => None,
                },
                "unproven": lost.unproven,
            }),
            Event::Closed(closed) => json!({ "report": "closed", "reason": closed.reason.name() }),
            _ => json!({ "report": "other" }),
        }
    }

    /// Obeys standard input until the session is closed. If the input ends before, so does the process.
    fn obey(handle: &Handle, receipts: &Sender<Receipt>) {
        let mut number = 0_u64;
        for line in io::stdin().lock().lines() {
            let line = line.expect("a line");
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["send", count, bytes] => {
                    let bytes = bytes.parse().expect("a size");
                    for _ in 0..count.parse().expect("a count") {
                        number += 1;
                        let text = format!("{number} {:.<bytes$}", "");
                        let receipt = block_on(handle.queue_with_receipt(text));
                        receipts.send(receipt.expect("it is not closed")).expect("a reader");
                    }
                }
                ["close"] => return handle.close(),
                _ => panic!("unknown command {line:?}"),
            }
        }
        process::exit(0);
    }

    /// Reports the fates in the order in which the messages were queued.
    fn report_fates(receipts: &Receiver<Receipt>) {
        for (number, receipt) in (1_u64..).zip(receipts) {
            let fate = block_on(receipt);
            let connection = match fate {
                Fate::Written { connection } | Fate::Unknown { connection, .. } => connection,
                _ => 0,
            };
            let (fate, report) = (fate.name(), "fate");
            println!(
                "{}",
                json!({
                    "report": report, "number": number, "fate": fate, "connection": connection,
                })
            );
        }
    }
}

fn main() {
    #[cfg(unix)]
    watch::main();
}
