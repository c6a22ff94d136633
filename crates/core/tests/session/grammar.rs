//! The grammar of events holds for all readers, including late readers.

use futures::{SinkExt, StreamExt, stream};
use proptest::prelude::*;
use websocket_heartbeat::{
    Event, Handle, Heartbeat, InboxSettings, Open,
    hooks::{self, Ending, Hooks},
};
use websocket_heartbeat_mock::{Grammar, Script};

use crate::harness::{Fixture, WakeCounter, ms, secs};

#[derive(Clone, Copy, Debug)]
enum Step {
    Run(u64),
    /// Reads at most this many events.
    Read(usize),
    Reconnect,
    Pause,
    Resume,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Refuse,
    Hang,
    Accept { messages: u64, ends: Option<u64> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20_000_u64).prop_map(Step::Run),
        1 => (0..300_000_u64).prop_map(Step::Run),
        3 => (0..12_usize).prop_map(Step::Read),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(Answer::Refuse),
        1 => Just(Answer::Hang),
        4 => (0..4_u64, proptest::option::weighted(0.9, 0..9_000_u64))
            .prop_map(|(messages, ends)| Answer::Accept { messages, ends }),
    ]
}

fn script(answer: Answer) -> Script {
    match answer {
        Answer::Refuse => Script::refuse_connection(),
        Answer::Hang => Script::hang(),
        Answer::Accept { messages, ends } => {
            let script = (0..messages).fold(Script::accept(), |script, n| {
                script.send_after(ms(n * 1_500), n.to_string())
            });
            match ends {
                Some(after) => script.end_after(ms(after)),
                None => script,
            }
        }
    }
}

/// The events that were read so far.
#[derive(Default)]
struct Read {
    grammar: Grammar,
    messages: u64,
    lagged: u64,
    losses: u64,
}

impl Read {
    #[track_caller]
    fn take(&mut self, event: &Event) {
        self.grammar.read(event);
        match event {
            Event::Message(_) => self.messages += 1,
            Event::Lagged(count) => self.lagged += count,
            Event::Lost(lost) => self.losses += 1 + lost.skipped_cycles,
            _ => {}
        }
    }
}

fn command(handle: &Handle, step: Step) {
    match step {
        Step::Reconnect => handle.reconnect_now(),
        Step::Pause => handle.pause(),
        Step::Resume => handle.resume(),
        Step::Run(_) | Step::Read(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// A late reader gets fewer events. They obey the grammar, and the counts are correct.
    #[test]
    fn events_of_an_inbox_obey_the_grammar(
        limit in 1..6_usize,
        drop_oldest in any::<bool>(),
        answers in proptest::collection::vec(answer(), 1..8),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let (mut fixture, builder) = Fixture::new(move |dial| {
            script(answers[dial as usize % answers.len()])
        });
        let builder = builder.heartbeat(Heartbeat::off()).max_age(secs(60));
        let inbox = InboxSettings::new(limit);
        let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
        let (driver, mut inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
        let handle = driver.handle();
        fixture.runner.spawn(driver).detach();
        let counter = WakeCounter::new();
        let mut read = Read::default();
        for step in steps {
            match step {
                Step::Run(time) => fixture.runner.run_for(ms(time)),
                Step::Read(count) => {
                    for event in counter.drain_at_most(&mut inbox, count) {
                        read.take(&event);
                    }
                }
                other => command(&handle, other),
            }
        }
        handle.close();
        let rest = fixture.runner.run_until(inbox.by_ref().collect::<Vec<_>>());
        rest.iter().for_each(|event| read.take(event));
        prop_assert!(read.grammar.has_ended());
        let counters = handle.status().counters;
        prop_assert_eq!(read.messages + read.lagged, counters.messages_in);
        let all: u64 = counters.losses.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(read.losses, all);
    }

    /// A task that only sends, and reads the events later, also gets events that obey the grammar.
    #[test]
    fn events_met_by_a_sink_obey_the_grammar(
        answers in proptest::collection::vec(answer(), 1..8),
        steps in proptest::collection::vec(step(), 1..60),
        into_driver in any::<bool>(),
    ) {
        let (mut fixture, builder) = Fixture::new(move |dial| {
            script(answers[dial as usize % answers.len()])
        });
        let builder = builder.heartbeat(Heartbeat::off());
        let mut session = builder.build().unwrap();
        let handle = session.handle();
        let counter = WakeCounter::new();
        let mut read = Read::default();
        for step in steps {
            match step {
                Step::Run(time) => {
                    fixture.runner.run_for(ms(time));
                    let _pending = counter.poll(|cx| session.poll_flush_unpin(cx));
                }
                Step::Read(count) => {
                    for event in counter.drain_at_most(&mut session, count) {
                        read.take(&event);
                    }
                }
                other => command(&handle, other),
            }
        }
        handle.close();
        let rest: Vec<_> = if into_driver {
            let (driver, inbox) = session.into_driver(2).unwrap();
            fixture.runner.spawn(driver).detach();
            fixture.runner.run_until(inbox.collect())
        } else {
            fixture.runner.run_until(session.collect())
        };
        rest.iter().for_each(|event| read.take(event));
        prop_assert!(read.grammar.has_ended());
    }
}

/// The names of calls that begin and end a connection.
struct Calls(Vec<&'static str>);

impl Hooks for Calls {
    fn on_open(&mut self, _: &Open) {
        self.0.push("open");
    }

    fn on_close(&mut self, ending: Ending<'_>) {
        self.0.push(match ending {
            Ending::Connection(_) => "close",
            _ => "end",
        });
    }
}

/// Connections that open and end, and attempts that fail, for an hour unread.
#[test]
fn on_open_and_on_close_alternate_over_an_unread_inbox() {
    let scripts: [fn(u64) -> Script; 3] = [
        |dial| match dial {
            1 | 2 => Script::accept().end_after(secs(1)),
            3..=10 => Script::refuse_connection(),
            _ => Script::accept(),
        },
        |dial| match dial % 3 {
            0 => Script::refuse_connection(),
            _ => Script::accept().end_after(secs(1)),
        },
        |_| Script::accept().greet("hello").end_after(secs(1)),
    ];
    for script in scripts {
        for drop_oldest in [false, true] {
            let (mut fixture, builder) = Fixture::new(script);
            let inbox = InboxSettings::new(1);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (driver, inbox) = builder.build().unwrap().into_driver(inbox).unwrap();
            let handle = driver.handle();
            fixture.runner.spawn(driver).detach();
            fixture.runner.run_for(secs(3_600));
            handle.close();
            fixture.runner.settle();
            let events = fixture.runner.run_until(inbox.collect::<Vec<_>>());
            let mut grammar = Grammar::new();
            events.iter().for_each(|event| grammar.read(event));
            let mut calls = Calls(Vec::new());
            fixture.runner.run_until(hooks::run(stream::iter(events), &mut calls));
            let calls = calls.0;
            for pair in calls.windows(2) {
                assert_ne!((pair[0], pair[1]), ("open", "open"), "{calls:?}");
                assert_ne!((pair[0], pair[1]), ("close", "close"), "{calls:?}");
            }
        }
    }
}
