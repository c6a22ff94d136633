mod receipts;
mod waiting;

use std::{collections::VecDeque, fs, path::Path, time::Duration};

use crate::{
    config::{OutboxSettings, WhenFull},
    message::{Message, Outgoing},
    outbox::{Offered, Online, Outbox, SinkState, list::MOVES},
    sync::Garbage,
    time::Timestamp,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_secs(seconds))
}

fn queue(policy: OutboxSettings) -> Outbox {
    let mut queue = Outbox::new(policy);
    queue.set_online(Online::Yes(1), &mut Garbage::default());
    queue
}

fn offer(queue: &mut Outbox, text: &str) {
    let mut outgoing = Some(Outgoing::new(text));
    let offered = queue.offer(&mut outgoing, None, 0, &mut Garbage::default());
    assert_eq!(offered, Offered::Accepted);
}

fn written(queue: &mut Outbox, connection: u64) {
    queue.written(connection, &mut VecDeque::new(), &mut Garbage::default());
}

fn hand_over(queue: &mut Outbox) -> Vec<String> {
    let mut to = VecDeque::new();
    queue.hand_over(&mut to);
    to.iter().map(|message| message.as_text().unwrap().to_owned()).collect()
}

#[test]
fn what_comes_between_stamping_and_handing_over_waits_for_its_stamp() {
    let mut queue = queue(OutboxSettings::new().resend(1).max_age(Duration::from_secs(10)));
    offer(&mut queue, "a");
    queue.expire(at(0), &mut Garbage::default());
    // From another thread.
    offer(&mut queue, "b");
    assert_eq!(hand_over(&mut queue), ["a"]);
    written(&mut queue, 1);
    assert!(queue.has_queued());
    queue.expire(at(1), &mut Garbage::default());
    assert_eq!(hand_over(&mut queue), ["b"]);
    queue.lost(1, &mut Garbage::default());
    queue.expire(at(10), &mut Garbage::default());
    assert!(queue.has_queued(), "it is nine seconds old");
    queue.expire(at(11), &mut Garbage::default());
    assert!(!queue.has_queued());
}

#[test]
fn dropping_the_oldest_leaves_the_stamps_of_others_alone() {
    let policy = OutboxSettings::new().count(2).when_full(WhenFull::DropOldest);
    let mut queue = queue(policy.resend(1).max_age(Duration::from_secs(10)));
    offer(&mut queue, "a");
    queue.expire(at(0), &mut Garbage::default());
    assert_eq!(hand_over(&mut queue), ["a"]);
    offer(&mut queue, "b");
    offer(&mut queue, "c");
    queue.expire(at(5), &mut Garbage::default());
    queue.lost(1, &mut Garbage::default());
    queue.expire(at(10), &mut Garbage::default());
    assert_eq!(hand_over(&mut queue), ["c"], "a has expired, b made room");
}

#[test]
fn what_is_bound_to_a_connection_goes_with_it_wherever_it_stands() {
    let mut queue = queue(OutboxSettings::new().resend(1).max_age(Duration::from_secs(10)));
    let mut garbage = Garbage::default();
    let on = |queue: &mut Outbox, connection, texts: &[&str]| {
        let mut messages = texts.iter().map(|text| Message::text(*text)).collect();
        queue.queue_on(connection, &mut messages)
    };
    queue.set_replay("key", "replay".into(), &mut garbage).unwrap();
    offer(&mut queue, "a");
    queue.expire(at(0), &mut Garbage::default());
    // The numbers: replay 1, a 1, x 2, y 3, b 4, z 5, c 6, w 7.
    assert_eq!(on(&mut queue, 1, &["x", "y"]), Some(2));
    offer(&mut queue, "b");
    queue.expire(at(1), &mut Garbage::default());
    assert_eq!(on(&mut queue, 2, &["z"]), None, "another connection");
    assert_eq!(on(&mut queue, 1, &["z"]), Some(5));
    offer(&mut queue, "c");
    assert_eq!(on(&mut queue, 1, &["w"]), Some(7));
    assert_eq!((queue.first_unwritten(), queue.settled_through()), (2, 1));
    assert_eq!(queue.held().count, 8);

    assert_eq!(hand_over(&mut queue), ["replay", "a", "x", "y", "b"]);
    queue.lost(1, &mut garbage);
    queue.set_online(Online::No, &mut garbage);
    assert_eq!(queue.held().count, 3);
    assert_eq!((queue.first_unwritten(), queue.settled_through()), (8, 1));
    assert_eq!(on(&mut queue, 1, &["z"]), None, "no connection");

    queue.expire(at(5), &mut Garbage::default());
    queue.set_online(Online::Yes(2), &mut garbage);
    queue.expire(at(11), &mut garbage);
    assert_eq!(hand_over(&mut queue), ["replay", "c"], "a and b have expired");
    written(&mut queue, 2);
    assert!(queue.is_settled());
    assert_eq!(queue.settled_through(), 8);
    queue.close_gate();
    assert_eq!(on(&mut queue, 2, &["z"]), None, "closed");
}

#[test]
fn what_is_bound_to_a_connection_makes_no_room_for_others() {
    let mut queue = queue(OutboxSettings::new().count(3).when_full(WhenFull::DropOldest));
    queue.set_replay("key", "replay".into(), &mut Garbage::default()).unwrap();
    queue.queue_on(1, &mut vec![Message::text("x")]);
    for text in ["a", "b"] {
        offer(&mut queue, text);
    }
    queue.expire(at(0), &mut Garbage::default());
    assert_eq!(hand_over(&mut queue), ["replay", "x", "b"]);
    let promised = queue.promise(&mut SinkState::default());
    assert!(!promised.unwrap(), "nothing is left to be dropped");
}

#[test]
fn a_small_message_that_waits_for_a_connection_pins_no_buffer() {
    let buffer = crate::Bytes::from(vec![7; 16 * 1024]);
    let message = || Message::from(buffer.slice(100..228));
    let kept = |queue: &mut Outbox| {
        let mut outgoing = Some(Outgoing::new(message()));
        queue.offer(&mut outgoing, None, 0, &mut Garbage::default());
        let message = queue.list.last_mut().unwrap().message.clone().unwrap();
        message.as_bytes().as_ptr() == buffer[100..].as_ptr()
    };
    assert!(!kept(&mut Outbox::new(OutboxSettings::new())), "offline: a copy");
    assert!(kept(&mut queue(OutboxSettings::new())), "online: gone in a moment, so no copy");
}

/// So nothing that changes the outbox has to remember whom to call.
#[test]
fn those_who_wait_are_called_in_one_place() {
    // Receipts have a place of their own, and so have the status and the dial budget.
    let allowed = [
        "outbox/settle.rs",
        "config/dial_budget/mod.rs",
        "outbox/fates.rs",
        "sync/wait_line.rs",
        "shared/mod.rs",
    ];
    let of_layer = ["acks/window.rs", "acks/receipt.rs"];
    let calls = ["garbage.wake(", "line.call"];
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![sources.clone()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&sources).expect("it is in it").to_string_lossy();
            let name = name.replace('\\', "/");
            let source = fs::read_to_string(&path).expect("a source file can be read");
            let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            if name.contains("tests") || !calls.iter().any(|call| code.contains(call)) {
                continue;
            }
            assert!(allowed.iter().chain(&of_layer).any(|known| *known == name), "{name}");
            found += 1;
        }
    }
    assert!(found >= allowed.len(), "found {found} files only");
}

#[test]
fn expiring_costs_what_expires_however_many_messages_wait() {
    const MANY: usize = 20_000;
    let policy = OutboxSettings::new().count(2 * MANY).resend(1);
    let mut queue = queue(policy);
    let offer = |queue: &mut Outbox, age: usize| {
        let message = Outgoing::new("x").max_age(Duration::from_secs(age as u64));
        let offered = queue.offer(&mut Some(message), None, 0, &mut Garbage::default());
        assert_eq!(offered, Offered::Accepted);
    };
    // Each has an age of its own, in no order.
    (0..MANY).for_each(|index| offer(&mut queue, 1 + (index * 7_919) % MANY));
    queue.expire(at(0), &mut Garbage::default());
    let mut held = MANY;
    for seconds in 1..=MANY {
        assert_eq!(queue.expiry(), Some(at(seconds as u64)), "the next, and no other");
        queue.expire(at(seconds as u64), &mut Garbage::default());
        held -= 1;
        assert_eq!(queue.held().count, held);
        // What was removed does not pile up, and goes rarely.
        assert!(queue.list.entries() <= 2 * held + 32);
    }
    assert!(MOVES.get() <= 3 * MANY, "{} entries were passed over", MOVES.get());
}

#[test]
fn a_connection_that_takes_few_is_not_handed_many_again_and_again() {
    const MANY: usize = 3_000;
    for takes in [1, 3, 100] {
        let mut queue = queue(OutboxSettings::new().count(MANY));
        (0..MANY).for_each(|_| offer(&mut queue, "x"));
        queue.expire(at(0), &mut Garbage::default());
        let (mut moved, mut flushes) = (0, 0);
        while queue.has_queued() {
            let mut window = VecDeque::new();
            queue.hand_over(&mut window);
            moved += window.len();
            window.drain(..window.len().min(takes));
            queue.take_back(&mut window);
            written(&mut queue, 1);
            flushes += 1;
        }
        assert!(moved <= 3 * MANY, "{moved} were handed over where {takes} are taken");
        assert!(flushes <= 2 * MANY / takes + 20, "{flushes} flushes");
    }
}

#[test]
fn a_replay_that_is_set_again_while_it_is_queued_keeps_its_place() {
    let mut queue = queue(OutboxSettings::new());
    offer(&mut queue, "message");
    for (key, text) in [("a", "a"), ("b", "b"), ("c", "c"), ("b", "new"), ("d", "d")] {
        queue.set_replay(key, text.into(), &mut Garbage::default()).unwrap();
    }
    assert_eq!(queue.held().bytes, "messageanewcd".len());
    queue.expire(at(0), &mut Garbage::default());
    assert_eq!(hand_over(&mut queue), ["a", "new", "c", "d", "message"]);
}
