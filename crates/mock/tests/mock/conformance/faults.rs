//! Each rule finds a fault.

use std::{collections::BTreeSet, rc::Rc};

use websocket_heartbeat_conformance::{Outcome, RULES, Rule};
use websocket_heartbeat_mock::{Clock, Runner, Script};

use super::{
    URL,
    fault::Fault,
    faulty::FaultyTransport,
    faulty_timer::{Ahead, FaultyTimer},
    server::Server,
    suite,
};

/// Each fault, with the rules that find it.
const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::SkipsEmptyMessages, &["messages are read complete and unchanged"]),
    (Fault::SplitsMessages, &["fragments are joined"]),
    (Fault::ReportsPingsLate, &["a ping between two fragments is reported before the message"]),
    (Fault::StopsAtPings, &["a ping is answered while the connection is read"]),
    (Fault::HidesPings, &["a ping is reported"]),
    (Fault::HidesPongs, &["a pong is reported"]),
    (Fault::DropsTheFirstFrame, &["frames that arrive with the answer are kept"]),
    (Fault::HidesErrors, &["a violation of the protocol ends reading with an error"]),
    (
        Fault::HasOtherErrors,
        &[
            "a violation of the protocol has a kind of its own",
            "a reset is reported",
            "a port without a program refuses",
        ],
    ),
    (Fault::ReportsForbiddenCodes, &["a forbidden close code is not reported as a close frame"]),
    (Fault::ReportsAfterTheEnd, &["nothing is read after an error or the end"]),
    (Fault::ChangesMessages, &["messages are sent unchanged and in their order"]),
    (Fault::DropsPings, &["pings and pongs are sent without a message"]),
    (Fault::AnswersPings, &["a session replaces a connection that is silent"]),
    (Fault::CutsLargeMessages, &["a large message is sent and read"]),
    (Fault::AcceptsEverything, &["a sender waits for a peer that does not read"]),
    (
        Fault::EndsReadingWithWriting,
        &[
            "a failed write does not end reading",
            "a message that is too large does not end reading",
        ],
    ),
    (Fault::WritesAfterAFailure, &["nothing is written after a failed write"]),
    (Fault::NeverWrites, &["data of a closed connection is delivered after a drop"]),
    (
        Fault::HidesCloseFrames,
        &[
            "the close frame of the peer is reported",
            "a session replaces a connection that the server closes",
        ],
    ),
    (Fault::InventsCloseCodes, &["a close frame without a code is reported without one"]),
    (Fault::StopsAtCloseFrames, &["the close frame of the peer is answered"]),
    (Fault::EndsAtCloseFrames, &["the end of the peer is awaited after its close frame"]),
    (
        Fault::HidesTheEnd,
        &["an end without a close frame is reported", "a session replaces a connection that ends"],
    ),
    (
        Fault::DropsCloseFrames,
        &[
            "a close frame of ours begins the close handshake",
            "a session that closes ends with the close handshake",
        ],
    ),
    (Fault::SendsAfterTheClose, &["a message after a close frame of ours is refused"]),
    (Fault::RefusesASecondClose, &["a second close frame of ours is accepted and not sent"]),
    (
        Fault::DiscardsAfterTheClose,
        &["messages are read until the peer answers a close frame of ours"],
    ),
    (Fault::PollsForLong, &["a poll ends while the peer sends without a pause"]),
    (Fault::ForgetsToWake, &["a poll that is pending although there is more wakes its task"]),
    (Fault::KeepsTheFirstReader, &["the waker of the last read is woken"]),
    (Fault::KeepsTheFirstWriter, &["the waker of the last write is woken"]),
    (Fault::ForgetsNumbers, &["the numbers of bytes are known always or never"]),
    (Fault::DecreasesNumbers, &["the numbers of bytes never decrease"]),
    (Fault::CountsNothing, &["the numbers of bytes include a message"]),
    (Fault::AcknowledgesNothing, &["bytes that have arrived are not unacknowledged"]),
    (Fault::EndsWhenItShrinks, &["releasing memory changes nothing else"]),
    (Fault::FlushesWhenDropped, &["a drop ends the connection at once"]),
    (Fault::BlocksWhenDropped, &["a drop does not block"]),
    (Fault::WritesAfterTheDrop, &["undelivered data is not delivered after a drop"]),
    (Fault::ConnectsOnce, &["each attempt of a transport makes a connection"]),
    (Fault::ConnectsUnpolled, &["an attempt begins when it is polled"]),
    (Fault::KeepsAttempts, &["an attempt that is dropped is abandoned"]),
    (
        Fault::AcceptsRefusals,
        &[
            "an attempt that the server does not accept fails",
            "a session tries again after a failed attempt",
        ],
    ),
    (
        Fault::ForgetsAnswers,
        &[
            "the status, fields and body of a refusal are kept",
            "the wait that a refusal demands is kept",
        ],
    ),
    (Fault::SleepsLong, &["a sleep until a past time ends at once"]),
    (Fault::EndsSleepsAtOnce, &["a sleep ends when the clock reaches its deadline"]),
    (Fault::GoesBackward, &["the clock does not go backward"]),
    (Fault::EndsTheLastSleep, &["a sleep until the last time does not end"]),
    (Fault::KeepsTheFirstSleeper, &["a sleep wakes the task that polled it last"]),
    (Fault::IsNotRandom, &["random numbers differ"]),
];

/// Checks a rule with a fault, in a world of its own.
fn outcome(fault: Fault, rule: Rule) -> Outcome {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    let server = Server::new(&runner, Script::accept);
    let (ahead, spawner) = (Ahead::default(), runner.spawner());
    let transport = |url: &str| FaultyTransport::new(&server, &spawner, url, fault, &ahead);
    let timer = FaultyTimer { timer: clock.timer(), fault, ahead: Rc::clone(&ahead) };
    runner.run_until(suite(transport, timer).check(URL, rule))
}

#[test]
fn each_rule_finds_a_fault() {
    let mut missed = Vec::new();
    for (fault, rules) in FAULTS {
        for rule in *rules {
            let rule = Rule::find(rule).unwrap_or_else(|| panic!("no rule {rule:?}"));
            match outcome(*fault, rule) {
                Outcome::Broken(_) => {}
                other => missed.push(format!("{fault:?} is {other:?} by {:?}", rule.name())),
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn each_rule_is_kept_without_a_fault_and_has_one_that_breaks_it() {
    let broken: BTreeSet<&str> = FAULTS.iter().flat_map(|(_, rules)| *rules).copied().collect();
    for rule in RULES {
        match outcome(Fault::None, *rule) {
            Outcome::Kept => assert!(broken.contains(rule.name()), "no fault for {rule:?}"),
            Outcome::Skipped(_) => {}
            other => panic!("{rule:?} is {other:?}"),
        }
    }
}
