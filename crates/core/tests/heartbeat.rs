//! The heartbeat's options, each by what a server sees of it.

mod session;

use session::{MockBuilder, Session, ms, secs};
use websocket_heartbeat::{Event, Frame, Heartbeat, Message, ProofOfLife};
use websocket_heartbeat_mock::Script;

fn with(heartbeat: Heartbeat) -> impl FnOnce(MockBuilder) -> MockBuilder {
    |builder| builder.heartbeat(heartbeat)
}

fn pings() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).ping()
}

const PING: &str = "-> ping";

#[test]
fn pings_are_answered_by_a_server_that_knows_nothing_of_heartbeats() {
    let mut session = Session::new(|_| Script::accept(), with(pings()));
    session.run_to(3_600_000);
    assert_eq!(session.times("lost"), []);
    assert_eq!(session.remote.trace().times(PING).len(), 240);
    let counters = session.handle.status().counters;
    assert_eq!((counters.probes_sent, counters.probes_answered), (240, 240));
}

/// A proxy that relays pings and swallows messages.
#[test]
fn swallowed_messages_are_seen_by_a_heartbeat_that_the_application_answers() {
    // The mock's server answers pings by itself, and messages only where it is told to.
    let swallowing = |_| Script::accept().end_after(secs(100));
    let lost = |heartbeat: Heartbeat| {
        let mut session = Session::new(swallowing, with(heartbeat));
        session.run_to(1_000);
        session.handle.try_queue("swallowed").unwrap();
        session.run_to(120_000);
        let (at, event) =
            session.told().into_iter().find(|(_, e)| matches!(e, Event::Lost(_))).unwrap();
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
fn a_heartbeat_that_the_application_answers_keeps_a_healthy_connection() {
    let asking = Heartbeat::idle(secs(15)).message("ping").proof_of_life(ProofOfLife::Reply);
    let asking = asking.reply(|message| message.as_text() == Some("pong"));
    let answering = |_| Script::accept().reply_with(|_| Some("pong".into()));
    let mut session = Session::new(answering, with(asking));
    session.run_to(600_000);
    assert_eq!(session.times("lost"), []);
}

#[test]
fn round_trips_are_measured_and_a_late_pong_is_not_taken_for_a_fast_one() {
    // Each pong is later than the next ping.
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
fn misses_are_tolerated() {
    let mut session =
        Session::new(|_| Script::accept().without_pongs(), with(pings().max_missed(2)));
    session.run_to(45_000);
    assert_eq!(session.remote.trace().times(PING), [15_000, 25_000, 35_000]);
    assert_eq!(session.times("lost"), [45_000]);
}

#[test]
fn the_timeout_follows_the_round_trip_between_its_floor_and_itself() {
    // A server 80 ms away: eight beats make the patience small, then it falls silent.
    let heartbeat = pings().adaptive(ms(500));
    let mut session = Session::new(|_| Script::accept().pong_after(ms(80)), with(heartbeat));
    session.run_to(400_000);
    session.peer().half_open();
    session.run_to(420_000);
    let probe = session.remote.trace().times(PING).into_iter().rfind(|at| *at < 420_000).unwrap();
    assert_eq!(session.times("lost"), [probe + 500], "the floor");

    // Before the first answer the whole timeout holds.
    let mut session =
        Session::new(|_| Script::accept().without_pongs(), with(pings().adaptive(ms(500))));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
}

#[test]
fn what_counts_as_life_is_chosen() {
    // Messages of no meaning every 4 s, no pongs, and one word that matters every 20 s.
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

    // Control frames are no data.
    let mut session =
        Session::new(|_| Script::accept(), with(pings().proof_of_life(ProofOfLife::Data)));
    session.run_to(25_000);
    assert_eq!(session.times("lost"), [25_000]);
    // The answer to the probe is a reply, another pong is not.
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
fn replies_are_recognised_and_hidden_and_prove_life_all_the_same() {
    let answer = |message: Message| (message.as_text() == Some("hb")).then(|| "hb-ok".into());
    let heartbeat = |hide: bool| {
        let heartbeat = Heartbeat::idle(secs(15))
            .message("hb")
            .proof_of_life(ProofOfLife::Reply)
            .reply(|message| message.as_text() == Some("hb-ok"));
        if hide { heartbeat.hide_replies() } else { heartbeat }
    };
    for hide in [false, true] {
        let script = move |_| Script::accept().reply_with(answer).send_after(secs(1), "news");
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
            "what is hidden does not count"
        );
        assert_eq!(session.handle.status().counters.probes_answered, 4);
    }
    // A message that is no reply does not answer.
    let mut session =
        Session::new(|_| Script::accept().chatter(secs(3), "news"), with(heartbeat(true)));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
    let told = session.told();
    let Some((_, Event::Lost(lost))) =
        told.iter().find(|(_, event)| matches!(event, Event::Lost(_)))
    else {
        panic!("{told:?}")
    };
    assert!(!lost.ever_answered);
}

#[test]
fn a_loss_says_whether_any_heartbeat_was_ever_answered() {
    let mut session = Session::original(|_| Script::accept().echo().half_open_after(secs(20)));
    session.run_to(41_000);
    let told = session.told();
    let answered = told.iter().find_map(|(_, event)| match event {
        Event::Lost(lost) => Some(lost.ever_answered),
        _ => None,
    });
    assert_eq!(answered, Some(true));
}

#[test]
fn a_fixed_period_is_kept_on_a_busy_line() {
    let heartbeat = Heartbeat::every(secs(10)).timeout(secs(5)).ping();
    let mut session = Session::new(|_| Script::accept().chatter(ms(700), "news"), with(heartbeat));
    session.run_to(60_000);
    assert_eq!(
        session.remote.trace().times(PING),
        [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
    );
    assert_eq!(session.times("lost"), []);
}

#[test]
fn probes_are_made_anew_from_their_number() {
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
fn a_hint_has_a_shorter_deadline_of_its_own() {
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
fn without_a_heartbeat_nothing_is_sent_and_nothing_is_judged() {
    let mut session = Session::new(|_| Script::accept().silent(), with(Heartbeat::off()));
    session.run_to(86_400_000);
    assert_eq!((session.times("lost"), session.peer().received_count()), (vec![], 0));
    assert_eq!(session.clock.next_instant(), None, "no timer is set");
}

#[test]
fn the_probe_overtakes_the_queue_but_not_what_is_handed_over() {
    // A slow line, one message on its way, many queued: the ping comes second.
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
fn a_degraded_line_can_be_seen_before_it_is_lost() {
    let mut session = Session::original(|_| Script::accept().silent());
    session.run_to(18_000);
    let status = session.handle.status();
    assert_eq!(status.last_life.map(|at| at.since_epoch()), Some(ms(0)));
    assert_eq!(status.probe_since.map(|at| at.since_epoch()), Some(secs(15)));
}

#[test]
fn an_answer_that_comes_before_our_flush_is_complete_is_an_answer() {
    // The ping is out and answered while what was handed over behind it is still on its way; then
    // the server has nothing to say. With a reply asked for, and with any frame.
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
