//! What a server has proved to have read: `Lost::unproven`.

use websocket_heartbeat::{Event, Heartbeat, ProofOfLife};
use websocket_heartbeat_mock::Script;

use crate::stage::{Stage, secs};

/// Writes 5 messages, hears `script`'s server for 30 s, writes 3 and loses the connection; gives
/// what was unproven then.
fn unproven(heartbeat: Heartbeat, script: fn() -> Script) -> u64 {
    let (mut stage, settings) = Stage::new(move |_| script());
    let session = settings.heartbeat(heartbeat).build().unwrap();
    let handle = session.handle();
    let log = stage.read(session);
    stage.runner.settle();
    for text in ["a", "b", "c", "d", "e"] {
        handle.try_queue(text).unwrap();
    }
    stage.runner.run_for(secs(30));
    for text in ["f", "g", "h"] {
        handle.try_queue(text).unwrap();
    }
    stage.runner.settle();
    stage.remote.last_peer().unwrap().end();
    stage.runner.settle();
    let lost = log.events().into_iter().find_map(|event| match event {
        Event::Lost(lost) => Some(lost.unproven),
        _ => None,
    });
    lost.unwrap()
}

#[test]
fn an_answered_ping_proves_what_was_written_before_it_and_nothing_else_does() {
    let ping = || Heartbeat::idle(secs(10)).ping();
    assert_eq!(unproven(ping(), || Script::accept().silent().pong_after(secs(1))), 3);
    assert_eq!(unproven(ping(), || Script::accept().without_pongs().chatter(secs(4), "x")), 8);
    assert_eq!(unproven(Heartbeat::off(), || Script::accept().echo()), 8, "echoes prove little");
}

#[test]
fn an_answer_by_message_proves_nothing_since_it_may_be_a_late_one() {
    let heartbeat = Heartbeat::idle(secs(10)).message("beat").proof_of_life(ProofOfLife::Reply);
    let heartbeat = heartbeat.reply(|message| message.as_text() == Some("beat"));
    assert_eq!(unproven(heartbeat, || Script::accept().echo()), 8);
}

#[test]
fn the_reply_to_our_close_proves_everything_and_the_lack_of_one_nothing() {
    for (reply, expected) in [(true, 0), (false, 5)] {
        let (mut stage, settings) =
            Stage::new(
                move |_| if reply { Script::accept() } else { Script::accept().ignore_close() },
            );
        let session = settings.build().unwrap();
        let handle = session.handle();
        let log = stage.read(session);
        stage.runner.settle();
        for text in ["a", "b", "c", "d", "e"] {
            handle.try_queue(text).unwrap();
        }
        handle.close();
        stage.runner.run_for(secs(10));
        let events = log.events();
        let Some(Event::Closed(closed)) = events.last() else { panic!("{events:?}") };
        assert_eq!(closed.unproven, expected);
    }
}
