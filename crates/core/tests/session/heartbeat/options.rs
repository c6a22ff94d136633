//! The options of a heartbeat, and their effects on a server.

use websocket_heartbeat::{Event, Frame, Heartbeat, Message, ProofOfLife};
use websocket_heartbeat_mock::Script;

use crate::harness::{MockBuilder, Session, ms, secs};

fn with(heartbeat: Heartbeat) -> impl FnOnce(MockBuilder) -> MockBuilder {
    |builder| builder.heartbeat(heartbeat)
}

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

const PING: &str = "-> ping";

#[test]
fn pings_need_no_support_of_the_server() {
    let mut session = Session::new(|_| Script::accept(), with(pings()));
    session.run_to(3_600_000);
    assert_eq!(session.times("lost"), []);
    assert_eq!(session.remote.trace().times(PING).len(), 240);
    let counters = session.handle.status().counters;
    assert_eq!((counters.probes_sent, counters.probes_answered), (240, 240));
}

/// A proxy that forwards pings and drops messages.
#[test]
fn a_message_heartbeat_detects_swallowed_messages() {
    // The server of the mock answers all pings, and messages only by a script.
    let swallowing = |_| Script::accept().end_after(secs(100));
    let lost = |heartbeat: Heartbeat| {
        let mut session = Session::new(swallowing, with(heartbeat));
        session.run_to(1_000);
        session.handle.try_queue("swallowed").unwrap();
        session.run_to(120_000);
        let (at, event) =
            session.timed_events().into_iter().find(|(_, e)| matches!(e, Event::Lost(_))).unwrap();
        let Event::Lost(lost) = event else { unreachable!() };
        (at, lost.cause.name(), lost.unproven)
    };
    assert_eq!(lost(pings()), (100_000, "broken", 0));
    let asking = || Heartbeat::idle(secs(15)).timeout(secs(10)).message("ping");
    let asking = asking()
        .proof_of_life(ProofOfLife::Reply)
        .reply(|message| message.as_text() == Some("pong"));
    assert_eq!(lost(asking), (25_000, "heartbeat_timeout", 1));
}

#[test]
fn a_message_heartbeat_keeps_a_healthy_connection() {
    let asking = Heartbeat::idle(secs(15)).message("ping").proof_of_life(ProofOfLife::Reply);
    let asking = asking.reply(|message| message.as_text() == Some("pong"));
    let answering = |_| Script::accept().reply_with(|_| Some("pong".into()));
    let mut session = Session::new(answering, with(asking));
    session.run_to(600_000);
    assert_eq!(session.times("lost"), []);
}

#[test]
fn a_late_pong_is_not_measured_as_a_fast_one() {
    // Each pong comes after the next ping.
    let heartbeat = Heartbeat::idle(secs(2)).timeout(secs(2)).max_missed(5);
    let mut session = Session::new(|_| Script::accept().pong_after(ms(3_000)), with(heartbeat));
    session.run_to(60_000);
    assert_eq!(session.handle.status().round_trip.minimum, Some(secs(3)));

    let mut session = Session::new(|_| Script::accept().pong_after(ms(80)), with(pings()));
    session.run_to(60_000);
    let round_trip = session.handle.status().round_trip;
    assert_eq!(round_trip.last, Some(ms(80)));
    assert_eq!((round_trip.minimum, round_trip.smoothed), (Some(ms(80)), Some(ms(80))));
    session.peer().set_pong(Some(ms(40)));
    session.run_to(90_000);
    assert_eq!(session.handle.status().round_trip.minimum, Some(ms(40)));
}

#[test]
fn two_answers_at_the_same_time_count_as_one() {
    let asking = Heartbeat::idle(secs(15)).message("ping").proof_of_life(ProofOfLife::Reply);
    // Hidden, so both are read in one poll.
    let asking = asking.reply(|message| message.as_text() == Some("pong")).hide_replies();
    let mut session = Session::new(|_| Script::accept(), with(asking));
    session.run_to(15_040);
    for _ in 0..2 {
        session.peer().send("pong");
    }
    session.run_to(15_100);
    let status = session.handle.status();
    assert_eq!((status.round_trip.last, status.counters.probes_answered), (Some(ms(40)), 1));
}

#[test]
fn heartbeats_tolerate_some_misses() {
    let mut session =
        Session::new(|_| Script::accept().without_pongs(), with(pings().max_missed(2)));
    session.run_to(45_000);
    assert_eq!(session.remote.trace().times(PING), [15_000, 25_000, 35_000]);
    assert_eq!(session.times("lost"), [45_000]);
}

#[test]
fn an_adaptive_timeout_follows_the_round_trip() {
    // A server with a round trip of 80 ms: eight heartbeats shorten the timeout, then the server is
    // silent.
    let heartbeat = pings().adaptive(ms(500));
    let mut session = Session::new(|_| Script::accept().pong_after(ms(80)), with(heartbeat));
    session.run_to(400_000);
    session.peer().half_open();
    session.run_to(420_000);
    let probe = session.remote.trace().times(PING).into_iter().rfind(|at| *at < 420_000).unwrap();
    assert_eq!(session.times("lost"), [probe + 500], "the floor");

    // Before the first answer the full timeout holds.
    let mut session =
        Session::new(|_| Script::accept().without_pongs(), with(pings().adaptive(ms(500))));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
}

#[test]
fn proof_of_life_can_be_chosen() {
    // The server sends other messages every 4 s, no pongs, and one matching message at 20 s.
    let script = |_| {
        Script::accept().without_pongs().chatter(secs(4), "noise").send_after(secs(20), "alive")
    };
    let lost = |life| {
        let mut session = Session::new(script, with(pings().proof_of_life(life)));
        session.run_to(60_000);
        session.times("lost").first().copied()
    };
    assert_eq!(lost(ProofOfLife::AnyFrame), None);
    assert_eq!(lost(ProofOfLife::Data), None);
    assert_eq!(lost(ProofOfLife::Reply), Some(25_000));
    let alive = |message: &Message| message.as_text() == Some("alive");
    assert_eq!(lost(ProofOfLife::Matching(Box::new(alive))), Some(45_000));

    // Control frames are not data.
    let mut session =
        Session::new(|_| Script::accept(), with(pings().proof_of_life(ProofOfLife::Data)));
    session.run_to(25_000);
    assert_eq!(session.times("lost"), [25_000]);
    // The answer to the probe is a reply. Another pong is not.
    let mut session =
        Session::new(|_| Script::accept(), with(pings().proof_of_life(ProofOfLife::Reply)));
    session.run_to(600_000);
    assert_eq!(session.times("lost"), []);
    session.peer().set_pong(None);
    for second in 600..625 {
        session.run_to(second * 1_000);
        session.peer().pong("unasked");
    }
    session.run_to(626_000);
    assert_eq!(session.times("lost"), [625_000]);
}

#[test]
fn hidden_replies_are_proof_of_life() {
    let answer = |message: Message| (message.as_text() == Some("hb")).then(|| "hb-ok".into());
    let heartbeat = |hide: bool| {
        let heartbeat = Heartbeat::idle(secs(15))
            .message("hb")
            .proof_of_life(ProofOfLife::Reply)
            .reply(|message| message.as_text() == Some("hb-ok"));
        if hide { heartbeat.hide_replies() } else { heartbeat }
    };
    for hide in [false, true] {
        let script = move |_| Script::accept().reply_with(answer).send_after(secs(1), "data");
        let mut session = Session::new(script, with(heartbeat(hide)));
        session.run_to(61_000);
        assert_eq!(session.times("lost"), []);
        let expected = if hide { 1 } else { 5 };
        assert_eq!(session.messages().len(), expected, "hidden: {hide}");
        let bytes: usize = session.messages().iter().map(Message::len).sum();
        let counters = session.handle.status().counters;
        assert_eq!(
            (counters.messages_in, counters.bytes_in),
            (expected as u64, bytes as u64),
            "hidden messages do not count"
        );
        assert_eq!(session.handle.status().counters.probes_answered, 4);
    }
    // A message that is not a reply does not answer the probe.
    let mut session =
        Session::new(|_| Script::accept().chatter(secs(3), "data"), with(heartbeat(true)));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
    let reported = session.timed_events();
    let Some((_, Event::Lost(lost))) =
        reported.iter().find(|(_, event)| matches!(event, Event::Lost(_)))
    else {
        panic!("{reported:?}")
    };
    assert!(!lost.ever_answered);
}

#[test]
fn a_loss_reports_whether_a_heartbeat_was_ever_answered() {
    let mut session = Session::original(|_| Script::accept().echo().half_open_after(secs(20)));
    session.run_to(41_000);
    let reported = session.timed_events();
    let answered = reported.iter().find_map(|(_, event)| match event {
        Event::Lost(lost) => Some(lost.ever_answered),
        _ => None,
    });
    assert_eq!(answered, Some(true));
}

#[test]
fn a_fixed_period_is_kept_on_a_busy_connection() {
    let heartbeat = Heartbeat::every(secs(10)).timeout(secs(5)).ping();
    let mut session = Session::new(|_| Script::accept().chatter(ms(700), "data"), with(heartbeat));
    session.run_to(60_000);
    assert_eq!(
        session.remote.trace().times(PING),
        [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
    );
    assert_eq!(session.times("lost"), []);
}

#[test]
fn each_probe_is_made_from_its_number() {
    let heartbeat =
        Heartbeat::idle(secs(15)).message_with(|number| format!("beat {number}").into());
    let mut session = Session::new(
        |dial| match dial {
            1 => Script::accept().echo().end_after(secs(40)),
            _ => Script::accept().echo(),
        },
        with(heartbeat),
    );
    session.run_to(60_000);
    assert_eq!(
        session.messages(),
        ["beat 1", "beat 2", "beat 3"].map(Message::from),
        "counted over the session"
    );
}

#[test]
fn a_probe_on_request_has_a_shorter_deadline() {
    for (heartbeat, patience) in [
        (pings(), 5_000),
        (pings().recheck_timeout(ms(700)), 700),
        (pings().timeout(secs(3)), 3_000),
        (Heartbeat::off(), 5_000),
    ] {
        let mut session = Session::new(|_| Script::accept().without_pongs(), with(heartbeat));
        session.run_to(1_000);
        session.handle.probe_now();
        session.run_to(1_000 + patience);
        assert_eq!(session.remote.trace().times(PING), [1_000]);
        assert_eq!(session.times("lost"), [1_000 + patience]);
    }
}

#[test]
fn without_a_heartbeat_no_connection_is_judged() {
    let mut session = Session::new(|_| Script::accept().silent(), with(Heartbeat::off()));
    session.run_to(86_400_000);
    assert_eq!((session.times("lost"), session.peer().received_count()), (vec![], 0));
    assert_eq!(session.clock.next_instant(), None, "no timer is set");
}

#[test]
fn a_probe_overtakes_queued_but_not_handed_messages() {
    // A slow link, one handed message and many queued ones: the ping is the second frame.
    let mut session = Session::new(
        |_| Script::accept().write_rate(10_000, secs(1)),
        with(Heartbeat::idle(secs(2)).timeout(secs(20)).ping()),
    );
    session.run_to(1_000);
    for _ in 0..4 {
        session.handle.try_queue(vec![0; 65_536]).unwrap();
    }
    session.run_to(60_000);
    let written = session.peer().written();
    let kinds: Vec<_> =
        written.iter().map(|(_, frame)| matches!(frame, Frame::Ping(_))).take(3).collect();
    assert_eq!(kinds, [false, true, false]);
    assert_eq!(session.times("lost"), []);
}

#[test]
fn a_degraded_connection_is_visible_before_its_loss() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(18_000);
    let status = session.handle.status();
    assert_eq!(status.last_life.map(|at| at.since_epoch()), Some(ms(0)));
    assert_eq!(status.probe_since.map(|at| at.since_epoch()), Some(secs(15)));
}

#[test]
fn an_answer_before_the_flush_completes_counts() {
    // The ping is written and answered while a frame handed over behind it is not written yet. The
    // server then sends nothing. Tested with replies and with any frame as proof of life.
    for life in [ProofOfLife::AnyFrame, ProofOfLife::Reply] {
        let heartbeat = Heartbeat::idle(secs(2)).timeout(secs(20)).ping().proof_of_life(life);
        let mut session =
            Session::new(|_| Script::accept().write_rate(10_000, secs(1)), with(heartbeat));
        session.run_to(1_000);
        for _ in 0..4 {
            session.handle.try_queue(vec![0; 65_536]).unwrap();
        }
        session.run_to(300_000);
        assert_eq!(session.times("lost"), []);
        let status = session.handle.status();
        assert_eq!(status.counters.probes_answered, status.counters.probes_sent);
    }
}

#[test]
fn a_message_on_the_next_connection_does_not_answer_a_lost_probe() {
    let mut session = Session::new(
        |dial| match dial {
            1 => Script::accept().end_after(secs(16)),
            _ => Script::accept().greet("hello"),
        },
        |b| b.heartbeat(Heartbeat::idle(secs(15)).timeout(secs(10)).message("beat")),
    );
    session.run_to(20_000);
    assert_eq!(session.messages(), ["hello"]);
    let counters = session.handle.status().counters;
    assert_eq!((counters.probes_sent, counters.probes_answered), (1, 0));
}
