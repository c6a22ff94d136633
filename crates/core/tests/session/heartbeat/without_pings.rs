//! Transports without pings: nothing is sent that the user did not ask for, silence is reported,
//! and answers are learned.

use websocket_heartbeat::{
    Event, Heartbeat, InboxSettings, Message, Preset, ProofOfLife, Silent, Supervisor, Unanswered,
    hooks::{self, Hooks},
};
use websocket_heartbeat_mock::{Clock, Script, mock};

use crate::harness::{MockBuilder, Session, in_words, secs};

const HOUR: u64 = 3_600_000;

/// A session with the default preset over a transport without pings.
fn session(
    script: impl FnMut(u64) -> Script + Send + 'static,
    set: impl FnOnce(MockBuilder) -> MockBuilder,
) -> Session {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(script);
    let builder = Supervisor::builder(transport.without_pings(), clock.timer());
    let supervisor = set(builder).build().expect("the settings are valid");
    Session::over(&clock, remote, supervisor)
}

fn beats() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10)).message("beat")
}

/// The times and the lengths of the reported silences, in milliseconds.
fn silences(session: &Session) -> Vec<(u64, u128)> {
    let events = session.timed_events().into_iter();
    events
        .filter_map(|(at, event)| match event {
            Event::Silent(silent) => Some((at, silent.time.as_millis())),
            _ => None,
        })
        .collect()
}

/// The times of the reported unanswered heartbeats.
fn unanswered(session: &Session) -> Vec<u64> {
    let events = session.timed_events().into_iter();
    let times = events.filter(|(_, event)| matches!(event, Event::Unanswered(_)));
    times.map(|(at, _)| at).collect()
}

#[test]
fn by_default_nothing_is_sent_and_each_silence_is_reported_once() {
    let mut session = session(|_| Script::accept().send_after(secs(100), "news"), |b| b);
    session.run_to(HOUR);
    assert_eq!(silences(&session), [(60_000, 60_000), (160_000, 60_000)]);
    assert_eq!(session.dials(), [0], "the connection is kept");
    assert_eq!(session.peer().received(), [], "nothing is sent unasked");
}

#[test]
fn a_probe_without_means_reports_silence_after_the_recheck_timeout() {
    let mut session = session(|_| Script::accept(), |b| b);
    session.run_to(10_000);
    session.handle.probe_now();
    session.run_to(HOUR);
    assert_eq!(silences(&session), [(15_000, 15_000)]);
    assert_eq!((session.dials(), session.peer().received()), (vec![0], vec![]));
}

#[test]
fn without_a_heartbeat_only_a_probe_reports_silence() {
    let mut session = session(|_| Script::accept(), |b| b.heartbeat(Heartbeat::off()));
    session.run_to(HOUR);
    assert_eq!(silences(&session), []);
    session.handle.probe_now();
    session.run_to(2 * HOUR);
    assert_eq!(silences(&session), [(HOUR + 5_000, 3_605_000)]);
    assert_eq!(session.peer().received(), []);
}

#[test]
fn a_heartbeat_by_pings_watches_for_silence_of_its_interval() {
    let mut session =
        session(|_| Script::accept(), |b| b.heartbeat(Heartbeat::idle(secs(20)).ping()));
    session.run_to(HOUR);
    assert_eq!(silences(&session), [(20_000, 20_000)]);
    assert_eq!(session.peer().received(), []);
}

#[test]
fn a_server_that_answers_is_judged_after_three_answers() {
    let mut session = session(|_| Script::accept().echo(), |b| b.heartbeat(beats()));
    session.run_to(50_000);
    session.peer().half_open();
    session.run_to(69_999);
    assert_eq!(session.dials(), [0]);
    session.run_to(80_000);
    assert_eq!(session.times("lost 1 heartbeat_timeout"), [70_000]);
    assert_eq!(unanswered(&session), []);
}

#[test]
fn a_server_that_answers_nothing_keeps_a_connection_with_traffic() {
    let chatter = |_| Script::accept().chatter(secs(40), "news");
    let mut session = session(chatter, |b| b.heartbeat(beats()));
    session.run_to(HOUR);
    assert_eq!((session.dials(), unanswered(&session)), (vec![0], vec![25_000]));
}

#[test]
fn a_server_that_answers_nothing_and_sends_nothing_is_left_rarely() {
    let mut session = session(|_| Script::accept(), |b| b.heartbeat(beats()));
    session.run_to(HOUR);
    let lost = session.times("lost");
    assert_eq!(lost[0], 75_000);
    let gaps: Vec<_> = lost.windows(2).map(|pair| (pair[1] - pair[0]) / 60_000).collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16], "minutes");
    assert_eq!(unanswered(&session).len(), session.dials().len(), "once a connection");
}

#[test]
fn a_recognised_reply_teaches_at_once() {
    let heartbeat = beats().reply(|message| message.as_text() == Some("ok")).hide_replies();
    let script =
        |_| Script::accept().reply_with(|_| Some(Message::text("ok"))).half_open_after(secs(16));
    let mut session = session(script, |b| b.heartbeat(heartbeat));
    session.run_to(41_000);
    assert_eq!(session.times("lost"), [40_000]);
    assert_eq!((unanswered(&session), session.messages()), (vec![], vec![]));
}

#[test]
fn one_answer_teaches_nothing_if_no_function_recognises_replies() {
    let heartbeat = beats().proof_of_life(ProofOfLife::Data);
    let script = |_| Script::accept().echo().half_open_after(secs(16));
    let mut session = session(script, |b| b.heartbeat(heartbeat));
    session.run_to(41_000);
    assert_eq!((session.dials(), unanswered(&session)), (vec![0], vec![40_000]));
}

#[test]
fn other_messages_do_not_count_as_answers_where_only_replies_do() {
    let heartbeat =
        beats().proof_of_life(ProofOfLife::Reply).reply(|message| message.as_text() == Some("ok"));
    let chatter = |_| Script::accept().chatter(secs(1), "news");
    let mut session = session(chatter, |b| b.heartbeat(heartbeat));
    session.run_to(HOUR);
    assert_eq!((session.dials(), unanswered(&session)), (vec![0], vec![25_000]));
}

#[test]
fn the_original_preset_keeps_its_rule() {
    let mut session = session(|_| Script::accept(), |b| b.preset(Preset::Original));
    session.run_to(26_000);
    assert_eq!(session.times("lost"), [25_000]);
    assert_eq!(session.peer().received_messages(), [Message::text("heartbeat")]);
    assert_eq!((silences(&session), unanswered(&session)), (vec![], vec![]));
}

#[test]
fn with_pings_a_heartbeat_by_message_is_judged_at_once() {
    let mut session =
        Session::new(|_| Script::accept(), |b| b.preset(Preset::Resilient).heartbeat(beats()));
    session.run_to(26_000);
    assert_eq!((session.times("lost"), unanswered(&session)), (vec![25_000], vec![]));
}

#[test]
fn an_unread_inbox_keeps_the_last_silence_of_a_connection() {
    let clock = Clock::new();
    let (transport, remote) = mock(&clock);
    remote.script(|_| Script::accept());
    let supervisor = Supervisor::builder(transport.without_pings(), clock.timer()).build().unwrap();
    let inbox = InboxSettings::new(1).drop_oldest();
    let (driver, mut inbox) = supervisor.into_driver(inbox).unwrap();
    let mut runner = websocket_heartbeat_mock::Runner::new(&clock);
    runner.spawn(driver).detach();
    runner.run_for(secs(1));
    let peer = remote.last_peer().unwrap();
    for _ in 0..100 {
        runner.run_for(secs(100));
        peer.send("news");
    }
    runner.run_for(secs(1));
    let read = async move {
        let mut words = Vec::new();
        while words.last().is_none_or(|last| last != "message news") {
            words.push(in_words(&inbox.next().await.unwrap()));
        }
        words
    };
    let words = websocket_heartbeat_mock::run(&clock, read);
    assert!(words.len() <= 6, "{words:?}");
    assert_eq!(words.iter().filter(|words| words.starts_with("Silent")).count(), 1, "{words:?}");
}

#[test]
fn the_hooks_report_silence_and_unanswered_heartbeats() {
    #[derive(Default)]
    struct Reports(Vec<(&'static str, u64)>);
    impl Hooks for Reports {
        fn on_silent(&mut self, silent: &Silent) {
            self.0.push(("silent", silent.time.as_secs()));
        }

        fn on_unanswered(&mut self, unanswered: &Unanswered) {
            self.0.push(("unanswered", unanswered.time.as_secs()));
        }
    }
    for (heartbeat, expected) in [(None, ("silent", 60)), (Some(beats()), ("unanswered", 25))] {
        let clock = Clock::new();
        let (transport, remote) = mock(&clock);
        remote.script(|_| Script::accept().close_after(secs(61), 1000, ""));
        let mut builder = Supervisor::builder(transport.without_pings(), clock.timer())
            .attempts(websocket_heartbeat::Attempts::Never);
        if let Some(heartbeat) = heartbeat {
            builder = builder.heartbeat(heartbeat);
        }
        let supervisor = builder.build().unwrap();
        let mut reports = Reports::default();
        websocket_heartbeat_mock::run(&clock, hooks::run(supervisor, &mut reports));
        assert_eq!(reports.0, [expected]);
    }
}
