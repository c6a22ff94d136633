//! What holds in every session.

use std::{collections::BTreeMap, time::Duration};

use websocket_heartbeat::{DropReason, Event, Fate, Frame, Handle, LostCause, Timestamp};

use websocket_heartbeat_mock::Grammar;

use crate::{
    drive::now,
    plan::{DriverKind, End, Heart, LifeKind, Plan, Reader, Server},
    world::{Ended, SILENCE, Scene, TIMEOUT, number},
};

pub(crate) fn check(scene: &Scene, handle: &Handle, ended: Ended) {
    let events = scene.events.borrow();
    let plan = &*scene.plan;
    assert!(scene.remote.most_at_once() <= 1, "more than one connection at once");
    the_end(plan, &events);
    grammar_and_counts(plan, handle, &events);
    pacing(scene, &events, &ended);
    fates(scene, handle, &events);
    nobody_healthy_is_condemned(plan, &events);
    the_dead_are_noticed(scene, &events);
}

fn the_end(plan: &Plan, events: &[(Timestamp, Event)]) {
    let closed = events.iter().filter(|(_, event)| matches!(event, Event::Closed(_))).count();
    match (plan.end, closed) {
        (End::Drop, 0) => {}
        (_, 1) => assert!(matches!(events.last(), Some((_, Event::Closed(_)))), "after Closed"),
        (end, closed) => panic!("{closed} times Closed, and the end was {end:?}"),
    }
}

/// The events obey their grammar, and the counts in the status are those of the events.
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
    let lost = counters.losses;
    let all = lost.connect
        + lost.connect_timeout
        + lost.heartbeat_timeout
        + lost.write_stalled
        + lost.closed_by_peer
        + lost.broken
        + lost.intentional;
    assert_eq!((messages, losses), (counters.messages_in, all), "{counters:?}");
    assert!(opens <= counters.opens, "{counters:?}");
}

fn pacing(scene: &Scene, events: &[(Timestamp, Event)], ended: &Ended) {
    let plan = &*scene.plan;
    let dials = scene.remote.dials();
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
    let read_at_once = plan.reader == Reader::AtOnce && plan.driver != DriverKind::Sink;
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

/// When open connections were lost.
fn downs(events: &[(Timestamp, Event)]) -> Vec<Timestamp> {
    let lost = events.iter().filter_map(|(at, event)| match event {
        Event::Lost(lost) if lost.opened => Some(*at),
        _ => None,
    });
    lost.collect()
}

/// Every message accepted has exactly one fate.
fn fates(scene: &Scene, handle: &Handle, events: &[(Timestamp, Event)]) {
    let plan = &*scene.plan;
    let mut sent = scene.sent.borrow_mut();
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
            other => panic!("{other:?} among what was not written"),
        };
        if let Some(number) = message.and_then(number) {
            let twice = told.insert(number, fate);
            assert!(twice.is_none(), "message {number} has two fates: {fate:?}, {twice:?}");
        }
    }
    let mut written = vec![0_u32; sent.len()];
    for peer in scene.remote.peers() {
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

fn nobody_healthy_is_condemned(plan: &Plan, events: &[(Timestamp, Event)]) {
    let Server::Healthy(quirks) = plan.server else { return };
    // Who takes messages more slowly than they come, a few in each poll of the task, and takes
    // nothing but the answer for life, does not come to read the answer.
    let slow = matches!(plan.reader, Reader::Slow(_)) && quirks.chatter.is_some();
    if slow && quirks.cooperative.is_some() && plan.heartbeat == Heart::Ping(LifeKind::Reply) {
        return;
    }
    for (at, event) in events {
        if let Event::Lost(lost) = event {
            let wanted =
                matches!(lost.cause, LostCause::MaxAge | LostCause::Replaced | LostCause::Paused);
            assert!(wanted, "at {at} a healthy connection was lost: {}", lost.cause);
        }
    }
}

/// A connection that is silently cut is noticed in time, by whoever drives and reads.
fn the_dead_are_noticed(scene: &Scene, events: &[(Timestamp, Event)]) {
    let plan = &*scene.plan;
    let Server::Dying { after, quirks } = plan.server else { return };
    let disturbed = plan.commands || plan.suspends || plan.max_age.is_some();
    // The answers to heartbeats by message fill a small inbox that nobody reads.
    let fills = quirks.chatter.is_some()
        || (matches!(plan.driver, DriverKind::Inbox { .. }) && plan.heartbeat == Heart::Message);
    // What a task that only sends has in store is bounded.
    let stored = quirks.chatter.is_none_or(|period| period * 200 > after);
    let reads = match plan.driver {
        DriverKind::Sink => stored,
        _ => plan.reader == Reader::AtOnce || !fills,
    };
    let slow = matches!(plan.reader, Reader::Slow(_));
    let Some(first) = scene.remote.peers().into_iter().next() else { return };
    if disturbed || !reads || slow {
        return;
    }
    let slack = (plan.timers.lateness + plan.timers.granularity + Duration::from_millis(50)) * 8;
    // Silence, an answer awaited, and both once more where a deadline was seen late.
    let by = after + (SILENCE + TIMEOUT * 2) + slack + Duration::from_secs(3);
    let opened = scene.remote.dials()[0];
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
