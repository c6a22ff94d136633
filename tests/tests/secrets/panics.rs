//! Panics of functions of the application.

use std::io::Write;

use websocket_heartbeat::{CloseReason, Event, Heartbeat};
use websocket_heartbeat_tests::{Backend, Smol, with_time_limit};
use websocket_heartbeat_tungstenite::Dialer;

use crate::{
    output::Output,
    planted::{OF_MESSAGES, OF_REQUEST, PAYLOAD},
    refusals::session,
    server::{self, frame, request},
};

/// The message of a panic is a text of the application, which is trusted, and is shown. The library
/// adds nothing of the session to it.
#[test]
fn the_message_of_a_panic_is_shown_without_the_message_of_the_server() {
    let (address, _) = server::start(|_, head, mut stream| {
        server::accept(head, &mut stream, "");
        let _ = stream.write_all(&frame(1, PAYLOAD.1.as_bytes()));
    });
    let output = with_time_limit("a panic", move || {
        let mut output = Output::new();
        let heartbeat = Heartbeat::original().reply(|message| {
            assert_eq!(message.as_text(), Some(PAYLOAD.1));
            panic!("no price\nin it\x1b[2J");
        });
        let builder = session::<Smol>(&Dialer::new(), &request("ws", address));
        let mut session = builder.heartbeat(heartbeat).build().expect("valid settings");
        let handle = session.handle();
        Smol::block_on(async {
            while let Some(event) = session.next().await {
                output.event(&event);
                if let Event::Closed(closed) = event {
                    let CloseReason::Panicked(panic) = closed.reason else { panic!("{closed:?}") };
                    output.both(panic);
                }
            }
        });
        output.status(&handle.status());
        output
    });
    let shown = output.shown();
    assert!(shown.contains(r"the reply function panicked: no price\nin it\u{1b}[2J"), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown}");
    output.assert_hidden(&[&OF_REQUEST[..], &OF_MESSAGES].concat());
}
