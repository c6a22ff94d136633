//! The rules that hold in every session.

use std::{collections::BTreeMap, time::Duration};

use websocket_heartbeat::{DropReason, Event, Fate, Frame, Handle, LostCause, Message, Timestamp};
use websocket_heartbeat_mock::Grammar;

use crate::{
    drive::now,
    plan::{DriverKind, End, HeartbeatKind, LifeKind, Plan, Reader, Server},
    session_state::{Ended, SessionState, number},
};

pub(crate) fn check(state: &SessionState, handle: &Handle, ended: Ended) {
    let events = state.events.borrow();
    let plan = &*state.plan;
    assert!(state.remote.most_at_once() <= 1, "more than one connection at once");
    closed_comes_last(plan, &events);
    grammar_and_counts(plan, handle, &events);
    pacing(state, &events, &ended);
    fates(state, handle, &events);
    order(state);
    unproven_messages(plan, &events);
    healthy_connections_are_kept(plan, &events);
    dead_connections_are_detected(state, &events);
}

fn closed_comes_last(plan: &Plan, events: &[(Timestamp, Event)]) {
    let closed = events.iter().filter(|(_, event)| matches!(event, Event::Closed(_))).count();
    match (plan.end, closed) {
        (End::Drop, 0) => {}
        (_, 1) => assert!(matches!(events.last(), Some((_, Event::Closed(_)))), "after Closed"),
        (end, closed) => panic!("{closed} times Closed, and the end was {end:?}"),
    }
}

/// The events obey their grammar, and agree with the counts in the status.
fn grammar_and_counts(plan: &Plan, handle: &Handle, events: &[(Timestamp, Event)]) {
    let mut grammar = Grammar::default();
    let (mut messages, mut losses, mut opens) = (0, 0, 0);
    for (_, event) in events {
        grammar.read(event);
        match event {
            Event::Message(_) => messages += 1,
            Event::Lagged(count) => messages += count,
            Event::Lost(lost) => losses += 1 + lost.skipped_cycles,
            Event::Open(_) => opens += 1,
            _ => {}
        }
    }
    if plan.end == End::Drop {
        return;
    }
    assert!(grammar.has_ended(), "the events end too early");
    let counters = handle.status().counters;
    let all: u64 = counters.losses.iter().map(|(_, count)| count).sum();
    assert_eq!((messages, losses), (counters.messages_in, all), "{counters:?}");
    assert!(opens <= counters.opens, "{counters:?}");
}

fn pacing(state: &SessionState, events: &[(Timestamp, Event)], ended: &Ended) {
    let plan = &*state.plan;
    let dials = state.remote.dials();
    for pair in dials.windows(2) {
        let gap = pair[1].saturating_since(pair[0]);
        assert!(gap >= plan.minimum_gap, "{gap:?} between two attempts");
    }
    if let Some((count, window)) = plan.budget {
        for burst in dials.windows(count as usize + 1) {
            let time = burst[count as usize].saturating_since(burst[0]);
            assert!(time >= window, "{} attempts within {time:?}", count + 1);
        }
    }
    if plan.attempts == Some(0) {
        assert!(dials.len() <= 1, "{} attempts where none may follow", dials.len());
    }
    let by_sink = matches!(plan.driver, DriverKind::Sink | DriverKind::Split);
    if !(by_sink && plan.end == End::Close) {
        let late = dials.iter().filter(|at| **at > ended.at).count();
        assert_eq!(late, 0, "attempts after the end");
    }
    let read_at_once = plan.reader == Reader::AtOnce
        && !matches!(plan.driver, DriverKind::Sink | DriverKind::Waits);
    if let Some(limit) = plan.outage_limit
        && !plan.commands
        && read_at_once
    {
        let downs = downs(events);
        for dial in dials {
            let down = downs.iter().rev().find(|down| **down <= dial);
            let down = down.copied().unwrap_or(Timestamp::EPOCH);
            assert!(
                dial.saturating_since(down) <= limit,
                "an attempt at {dial}, after an outage since {down} of at most {limit:?}"
            );
        }
    }
}

/// The times of losses of open connections.
fn downs(events: &[(Timestamp, Event)]) -> Vec<Timestamp> {
    let lost = events.iter().filter_map(|(at, event)| match event {
        Event::Lost(lost) if lost.opened => Some(*at),
        _ => None,
    });
    lost.collect()
}

/// Every accepted message has exactly one fate.
fn fates(state: &SessionState, handle: &Handle, events: &[(Timestamp, Event)]) {
    let plan = &*state.plan;
    let mut sent = state.sent.borrow_mut();
    let unsent = events.iter().flat_map(|(_, event)| match event {
        Event::Lost(lost) => &lost.unsent[..],
        Event::Closed(closed) => &closed.unsent[..],
        _ => &[],
    });
    let discarded: u64 = events
        .iter()
        .map(|(_, event)| match event {
            Event::Lost(lost) => lost.discarded,
            Event::Closed(closed) => closed.discarded,
            _ => 0,
        })
        .sum();
    let mut told: BTreeMap<usize, &Fate> = BTreeMap::new();
    for fate in unsent {
        let message = match fate {
            Fate::Unknown { message, .. } => message.as_ref(),
            Fate::Dropped { message, .. } => Some(message),
            other => panic!("{other:?} among unwritten messages"),
        };
        if let Some(number) = message.and_then(number) {
            let twice = told.insert(number, fate);
            assert!(twice.is_none(), "message {number} has two fates: {fate:?}, {twice:?}");
        }
    }
    let mut written = vec![0_u32; sent.len()];
    for peer in state.remote.peers() {
        for (_, frame) in peer.written() {
            if let Frame::Message(message) = frame
                && let Some(number) = number(&message)
            {
                written[number] += 1;
            }
        }
    }
    for (number, sent) in sent.iter_mut().enumerate() {
        let times = written[number];
        assert!(times <= 1 + plan.outbox.resend, "message {number} was written {times} times");
        match told.get(&number) {
            Some(Fate::Dropped { reason: DropReason::ResendLimit, .. }) => {}
            Some(Fate::Dropped { reason, .. }) => {
                assert_eq!(times, 0, "message {number} was dropped, {reason:?}, and written");
            }
            _ => {}
        }
        if let Some(receipt) = sent.receipt.take() {
            assert!(now(receipt).is_some(), "the receipt of message {number} has no fate");
        }
    }
    let counters = handle.status().counters;
    let told = counters.messages_out + counters.dropped + counters.unknown;
    assert_eq!(
        told,
        sent.len() as u64,
        "{} accepted; {discarded} discarded, {counters:?}",
        sent.len()
    );
    assert_eq!(handle.status().queued_messages, 0);
    assert_eq!(handle.status().queued_bytes, 0);
}

/// Messages are written in the order in which they were accepted. If the outbox lacks bytes, those of
/// other sinks can come before the message that a sink stores.
fn order(state: &SessionState) {
    let bounds = state.plan.outbox;
    if bounds.resend > 0 || bounds.bytes < 1 << 20 {
        return;
    }
    let mut last = None;
    for peer in state.remote.peers() {
        for (at, frame) in peer.written() {
            if let Frame::Message(message) = frame
                && let Some(number) = number(&message)
            {
                assert!(last < Some(number), "message {number} at {at} after {last:?}");
                last = Some(number);
            }
        }
    }
}

/// Unproven messages are within their bound. With those beyond it, they are as many as are counted
/// as unproven, without the replays.
fn unproven_messages(plan: &Plan, events: &[(Timestamp, Event)]) {
    for (at, event) in events {
        let (messages, discarded, unproven) = match event {
            Event::Lost(lost) => (&lost.unproven_messages, lost.unproven_discarded, lost.unproven),
            Event::Closed(closed) => {
                (&closed.unproven_messages, closed.unproven_discarded, closed.unproven)
            }
            _ => continue,
        };
        let count = messages.len();
        let bytes: usize = messages.iter().map(Message::len).sum();
        assert!(count <= plan.outbox.count, "{count} unproven messages at {at}");
        assert!(count <= 1 || bytes <= plan.outbox.bytes, "{bytes} unproven bytes at {at}");
        assert!(count as u64 + discarded <= unproven, "{count} + {discarded} > {unproven} at {at}");
    }
}

fn healthy_connections_are_kept(plan: &Plan, events: &[(Timestamp, Event)]) {
    let Server::Healthy(quirks) = plan.server else { return };
    // A slow reader that reads a few messages per poll of its task, and accepts only the answer as
    // proof of life, does not reach the answer in time.
    let slow = matches!(plan.reader, Reader::Slow(_)) && quirks.chatter.is_some();
    if slow
        && quirks.cooperative.is_some()
        && plan.heartbeat == HeartbeatKind::Ping(LifeKind::Reply)
    {
        return;
    }
    // Heartbeats keep the connection below the limit of a proxy, unless nothing drives the session.
    let is_driven = plan.reader == Reader::AtOnce && plan.pings && !plan.commands && !plan.suspends;
    for (at, event) in events {
        if let Event::Lost(lost) = event {
            let refused = !plan.outage.is_zero() && !lost.opened;
            let limited = plan.silence_limit.is_some() && !is_driven;
            let wanted = refused
                || limited
                || matches!(
                    lost.cause,
                    LostCause::MaxAge | LostCause::Replaced | LostCause::Paused
                );
            assert!(wanted, "at {at} a healthy connection was lost: {}", lost.cause);
        }
    }
}

/// A connection that is cut silently is detected in time, with every driver and reader.
fn dead_connections_are_detected(state: &SessionState, events: &[(Timestamp, Event)]) {
    let plan = &*state.plan;
    let Server::Dying { after, quirks } = plan.server else { return };
    let disturbed = plan.commands || plan.suspends || plan.max_age.is_some();
    // Answers to message heartbeats fill a small inbox that is not read.
    let fills = quirks.chatter.is_some()
        || (matches!(plan.driver, DriverKind::Inbox { .. })
            && plan.heartbeat == HeartbeatKind::Message);
    // The store of a task that only sends is bounded.
    let answers = (plan.heartbeat == HeartbeatKind::Message).then_some(plan.silence);
    let stored = quirks.chatter.into_iter().chain(answers).all(|period| period * 200 > after);
    let reads = match plan.driver {
        DriverKind::Sink | DriverKind::Waits => stored,
        // Until the reader begins, the task that sends drives the session.
        DriverKind::Split if plan.reader == Reader::Late => stored,
        _ => plan.reader == Reader::AtOnce || !fills,
    };
    let slow = matches!(plan.reader, Reader::Slow(_));
    let Some(first) = state.remote.peers().into_iter().next() else { return };
    // Without pings, a dead connection may only be reported.
    if disturbed || !reads || slow || !plan.pings {
        return;
    }
    let slack = (plan.timers.lateness + plan.timers.granularity + Duration::from_millis(50)) * 8;
    // The silence and the timeout of an answer, and both again after a late deadline.
    let by = after + (plan.silence + plan.timeout * 2) + slack + Duration::from_secs(3);
    let opened = state.remote.dials()[0];
    let by = opened.checked_add(by + quirks.latency * 2).expect("a short time");
    let end = Timestamp::from_epoch(plan.life);
    if by < end {
        let dropped = first.dropped_at();
        assert!(
            dropped.is_some_and(|at| at <= by),
            "cut {after:?} after its beginning at {opened}, dropped {dropped:?}, not by {by}; {} events",
            events.len()
        );
    }
}
