//! What a server has proved to have read: `Lost::unproven` and `Lost::unconfirmed`.

use websocket_heartbeat::{Event, Heartbeat, Life};
use websocket_heartbeat_mock::Script;

use crate::stage::{Stage, secs};

/// Writes 5 messages, hears `script`'s server for 30 s, writes 3 and loses the connection; gives
/// what was unproven and unconfirmed then.
fn counts(heartbeat: Heartbeat, script: fn() -> Script) -> (u64, u64) {
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
        Event::Lost(lost) => Some((lost.unproven, lost.unconfirmed)),
        _ => None,
    });
    lost.unwrap()
}

#[test]
fn an_answered_ping_confirms_what_was_written_before_it_and_nothing_else() {
    let ping = || Heartbeat::idle(secs(10)).ping();
    assert_eq!(counts(ping(), || Script::accept().silent().pong_after(secs(1))), (3, 3));
    assert_eq!(counts(ping(), || Script::accept().without_pongs().chatter(secs(4), "x")), (3, 8));
    assert_eq!(counts(Heartbeat::off(), || Script::accept().echo()), (0, 8), "echoes prove little");
}

#[test]
fn an_answer_by_message_confirms_only_if_it_is_known_for_one() {
    let message = || Heartbeat::idle(secs(10)).message("beat");
    let echo = || Script::accept().reply_with(|message| (message.len() == 4).then_some(message));
    assert_eq!(counts(message(), echo), (3, 8), "any message may be the answer");
    let known = message().life(Life::Reply).reply(|message| message.as_text() == Some("beat"));
    assert_eq!(counts(known, echo), (3, 3));
}

#[test]
fn the_reply_to_our_close_confirms_everything_and_the_lack_of_one_nothing() {
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
        assert_eq!(closed.unconfirmed, expected);
    }
}
