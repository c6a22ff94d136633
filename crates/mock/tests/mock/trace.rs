//! The trace prints, searches and compares.

use futures::SinkExt;
use websocket_heartbeat::{Frame, Message};
use websocket_heartbeat_mock::{Clock, Remote, Script, Step, run};

use crate::client::{at, ms, open, text};

fn remote() -> Remote {
    let clock = Clock::new();
    let (mut connection, peer, remote) = open(&clock, Script::accept().latency(ms(1)));
    run(&clock, async {
        connection.send(Frame::Ping("1".into())).await.unwrap();
        clock.advance(ms(15_000));
        connection.send(Frame::Ping("2".into())).await.unwrap();
        connection.send(text(&"long ".repeat(20))).await.unwrap();
        connection.send(Frame::Message(Message::binary(vec![0; 5]))).await.unwrap();
    });
    remote.trace().note("the test ends");
    peer.end();
    remote
}

#[test]
fn the_trace_prints_as_a_table() {
    let expected = "\
0:00:00.000000  #1 dial
0:00:00.000000  #1 open
0:00:00.000000  #1 -> ping
0:00:15.000000  #1 -> ping
0:00:15.000000  #1 -> text \"long long long long long long long long \".. (100 bytes)
0:00:15.000000  #1 -> binary (5 bytes)
0:00:15.000000  the test ends
0:00:15.000000  #1 dropped
";
    assert_eq!(remote().trace().to_string(), expected);
}

#[test]
fn the_trace_can_be_searched() {
    let remote = remote();
    let trace = remote.trace();
    assert_eq!(trace.times("-> ping"), [0, 15_000]);
    assert_eq!(trace.times("#1 -> ping"), [0, 15_000]);
    assert_eq!(trace.times("#2 -> ping"), [0; 0]);
    assert_eq!(trace.times("the test ends"), [15_000]);
    let entry = &trace.entries()[3];
    assert_eq!((entry.at, entry.connection), (at(15_000), Some(1)));
    assert_eq!(entry.step, Step::Sent(Frame::Ping("2".into())));
    trace.clear();
    trace.assert([]);
}

#[test]
#[should_panic(expected = "the trace differs from its line 3 on\n\
                           found:\n         0  #1 dial\n")]
fn a_different_trace_panics_with_both_tables() {
    remote().trace().assert([(0, "#1 dial"), (0, "#1 open"), (1, "#1 -> ping")]);
}
