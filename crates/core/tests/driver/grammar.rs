//! The grammar of events, however they are read and however long they are not.

use std::{cell::RefCell, rc::Rc};

use futures::{SinkExt, StreamExt, stream};
use proptest::prelude::*;
use websocket_heartbeat::{Event, Handle, Heartbeat, Inbox, hooks::Hooks};
use websocket_heartbeat_mock::{Grammar, Script};

use crate::stage::{Counter, Stage, millis, secs};

#[derive(Clone, Copy, Debug)]
enum Step {
    Run(u64),
    /// Reads so many events at most.
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
                script.send_after(millis(n * 1_500), n.to_string())
            });
            match ends {
                Some(after) => script.end_after(millis(after)),
                None => script,
            }
        }
    }
}

/// What was read so far.
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

    /// Whoever reads late gets less, but a word of the grammar, and the counts are right.
    #[test]
    fn what_an_inbox_gives_is_a_word_of_the_grammar(
        limit in 1..6_usize,
        drop_oldest in any::<bool>(),
        answers in proptest::collection::vec(answer(), 1..8),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let (mut stage, settings) = Stage::new(move |dial| {
            script(answers[dial as usize % answers.len()])
        });
        let settings = settings.heartbeat(Heartbeat::off()).max_age(secs(60));
        let inbox = Inbox::new(limit);
        let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
        let (driver, mut inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
        let handle = driver.handle();
        stage.runner.spawn(driver).detach();
        let counter = Counter::new();
        let mut read = Read::default();
        for step in steps {
            match step {
                Step::Run(time) => stage.runner.run_for(millis(time)),
                Step::Read(count) => {
                    for event in counter.drain_at_most(&mut inbox, count) {
                        read.take(&event);
                    }
                }
                other => command(&handle, other),
            }
        }
        handle.close();
        let rest = stage.runner.run_until(inbox.by_ref().collect::<Vec<_>>());
        rest.iter().for_each(|event| read.take(event));
        prop_assert!(read.grammar.has_ended());
        let counters = handle.status().counters;
        prop_assert_eq!(read.messages + read.lagged, counters.messages_in);
        let losses = counters.losses;
        let all = losses.connect + losses.connect_timeout + losses.heartbeat_timeout
            + losses.write_stalled + losses.closed_by_peer + losses.broken + losses.intentional;
        prop_assert_eq!(read.losses, all);
    }

    /// The same for who only sends, and reads the rest later.
    #[test]
    fn what_a_sink_meets_is_a_word_of_the_grammar(
        answers in proptest::collection::vec(answer(), 1..8),
        steps in proptest::collection::vec(step(), 1..60),
        into_driver in any::<bool>(),
    ) {
        let (mut stage, settings) = Stage::new(move |dial| {
            script(answers[dial as usize % answers.len()])
        });
        let settings = settings.heartbeat(Heartbeat::off());
        let mut session = settings.build().unwrap();
        let handle = session.handle();
        let counter = Counter::new();
        let mut read = Read::default();
        for step in steps {
            match step {
                Step::Run(time) => {
                    stage.runner.run_for(millis(time));
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
            let (driver, inbox) = session.into_driver(Inbox::new(2)).unwrap();
            stage.runner.spawn(driver).detach();
            stage.runner.run_until(inbox.collect())
        } else {
            stage.runner.run_until(session.collect())
        };
        rest.iter().for_each(|event| read.take(event));
        prop_assert!(read.grammar.has_ended());
    }
}

/// Connections that open and die, and attempts that fail, for an hour unread.
#[test]
fn between_two_calls_of_on_open_there_is_one_of_on_close_over_an_unread_inbox() {
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
            let (mut stage, settings) = Stage::new(script);
            let inbox = Inbox::new(1);
            let inbox = if drop_oldest { inbox.drop_oldest() } else { inbox };
            let (driver, inbox) = settings.build().unwrap().into_driver(inbox).unwrap();
            let handle = driver.handle();
            stage.runner.spawn(driver).detach();
            stage.runner.run_for(secs(3_600));
            handle.close();
            stage.runner.settle();
            let events = stage.runner.run_until(inbox.collect::<Vec<_>>());
            let mut grammar = Grammar::new();
            events.iter().for_each(|event| grammar.read(event));
            let calls = Rc::new(RefCell::new(Vec::new()));
            let (opens, closes) = (Rc::clone(&calls), Rc::clone(&calls));
            let hooks = Hooks::new()
                .on_open(move |open| opens.borrow_mut().push(("open", open.connection)))
                .on_close(move |end| {
                    let name = if end.is_final() { "end" } else { "close" };
                    closes.borrow_mut().push((name, 0));
                });
            stage.runner.run_until(hooks.run(stream::iter(events)));
            let calls = calls.borrow();
            for pair in calls.windows(2) {
                assert_ne!((pair[0].0, pair[1].0), ("open", "open"), "{calls:?}");
                assert_ne!((pair[0].0, pair[1].0), ("close", "close"), "{calls:?}");
            }
        }
    }
}
