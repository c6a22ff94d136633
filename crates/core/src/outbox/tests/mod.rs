mod receipts;
mod waiting;

use std::{collections::VecDeque, fs, path::Path, task::Waker, time::Duration};

use crate::{
    config::{OutboxSettings, WhenFull},
    message::{Message, Outgoing},
    outbox::{Admission, Online, Outbox, SinkSide, list::MOVES},
    sync::{Deferred, poll_registering},
    time::Timestamp,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_epoch(Duration::from_secs(seconds))
}

fn online_outbox(policy: OutboxSettings) -> Outbox {
    let mut outbox = Outbox::new(policy);
    outbox.set_online(Online::Yes(1), &mut Deferred::default());
    outbox
}

fn offer(outbox: &mut Outbox, text: &str) {
    let mut outgoing = Some(Outgoing::new(text));
    let admission = outbox.offer(&mut outgoing, None, 0, &mut Deferred::default());
    assert_eq!(admission, Admission::Accepted);
}

fn written(outbox: &mut Outbox, connection: u64) {
    outbox.written(connection, &mut VecDeque::new(), &mut Deferred::default());
}

fn hand_over(outbox: &mut Outbox) -> Vec<String> {
    let mut to = VecDeque::new();
    outbox.hand_over(&mut to);
    to.iter().map(|message| message.as_text().unwrap().to_owned()).collect()
}

#[test]
fn a_message_is_handed_over_only_after_it_is_stamped() {
    let mut outbox =
        online_outbox(OutboxSettings::new().resend(1).max_age(Duration::from_secs(10)));
    offer(&mut outbox, "a");
    outbox.expire(at(0), &mut Deferred::default());
    // A handle on another thread does this.
    offer(&mut outbox, "b");
    assert_eq!(hand_over(&mut outbox), ["a"]);
    written(&mut outbox, 1);
    assert!(outbox.has_queued());
    outbox.expire(at(1), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["b"]);
    outbox.lost(1, &mut Deferred::default());
    outbox.expire(at(10), &mut Deferred::default());
    assert!(outbox.has_queued(), "it is nine seconds old");
    outbox.expire(at(11), &mut Deferred::default());
    assert!(!outbox.has_queued());
}

#[test]
fn dropping_the_oldest_keeps_the_deadlines_of_others() {
    let policy = OutboxSettings::new().count(2).when_full(WhenFull::DropOldest);
    let mut outbox = online_outbox(policy.resend(1).max_age(Duration::from_secs(10)));
    offer(&mut outbox, "a");
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a"]);
    offer(&mut outbox, "b");
    offer(&mut outbox, "c");
    outbox.expire(at(5), &mut Deferred::default());
    outbox.lost(1, &mut Deferred::default());
    outbox.expire(at(10), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["c"], "a has expired, b made room");
}

#[test]
fn messages_for_one_connection_are_removed_with_it() {
    let mut outbox =
        online_outbox(OutboxSettings::new().resend(1).max_age(Duration::from_secs(10)));
    let mut deferred = Deferred::default();
    let on = |outbox: &mut Outbox, connection, texts: &[&str]| {
        let mut messages = texts.iter().map(|text| Message::text(*text)).collect();
        outbox.queue_on(connection, &mut messages)
    };
    outbox.set_replay("key", "replay".into(), &mut deferred).unwrap();
    offer(&mut outbox, "a");
    outbox.expire(at(0), &mut Deferred::default());
    // The next_number: replay 1, a 1, x 2, y 3, b 4, z 5, c 6, w 7.
    assert_eq!(on(&mut outbox, 1, &["x", "y"]), Some(2));
    offer(&mut outbox, "b");
    outbox.expire(at(1), &mut Deferred::default());
    assert_eq!(on(&mut outbox, 2, &["z"]), None, "another connection");
    assert_eq!(on(&mut outbox, 1, &["z"]), Some(5));
    offer(&mut outbox, "c");
    assert_eq!(on(&mut outbox, 1, &["w"]), Some(7));
    assert_eq!((outbox.first_unwritten(), outbox.settled_through()), (2, 1));
    assert_eq!(outbox.held().count, 8);

    assert_eq!(hand_over(&mut outbox), ["replay", "a", "x", "y", "b"]);
    outbox.lost(1, &mut deferred);
    outbox.set_online(Online::No, &mut deferred);
    assert_eq!(outbox.held().count, 3);
    assert_eq!((outbox.first_unwritten(), outbox.settled_through()), (8, 1));
    assert_eq!(on(&mut outbox, 1, &["z"]), None, "no connection");

    outbox.expire(at(5), &mut Deferred::default());
    outbox.set_online(Online::Yes(2), &mut deferred);
    outbox.expire(at(11), &mut deferred);
    assert_eq!(hand_over(&mut outbox), ["replay", "c"], "a and b have expired");
    written(&mut outbox, 2);
    assert!(outbox.is_settled());
    assert_eq!(outbox.settled_through(), 8);
    outbox.stop_accepting();
    assert_eq!(on(&mut outbox, 2, &["z"]), None, "closed");
}

#[test]
fn messages_for_one_connection_are_not_dropped_for_room() {
    let mut outbox = online_outbox(OutboxSettings::new().count(3).when_full(WhenFull::DropOldest));
    outbox.set_replay("key", "replay".into(), &mut Deferred::default()).unwrap();
    outbox.queue_on(1, &mut vec![Message::text("x")]);
    for text in ["a", "b"] {
        offer(&mut outbox, text);
    }
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["replay", "x", "b"]);
    assert!(!outbox.can_reserve(1, None), "no message may be dropped");
}

#[test]
fn a_flush_waits_for_a_message_that_is_or_was_parked() {
    let mut outbox = online_outbox(OutboxSettings::new().bytes(4));
    let mut sink = SinkSide::default();
    let is_flushed = |outbox: &mut Outbox, sink: &mut SinkSide| {
        let mut deferred = Deferred::default();
        outbox.settle(&mut deferred);
        let flushed = poll_registering(Waker::noop(), |caller| {
            outbox.poll_flush(sink, caller, &mut deferred)
        });
        flushed.is_ready()
    };
    offer(&mut outbox, "full");
    outbox.send(&mut sink, "next".into(), &mut Deferred::default()).unwrap();
    assert!(outbox.is_parked(sink.id));
    assert!(!is_flushed(&mut outbox, &mut sink));
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["full"]);
    written(&mut outbox, 1);
    assert!(!is_flushed(&mut outbox, &mut sink), "the next message is accepted only now");
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["next"]);
    assert!(!is_flushed(&mut outbox, &mut sink), "it is not written");
    written(&mut outbox, 1);
    assert!(is_flushed(&mut outbox, &mut sink));
}

#[test]
fn a_small_message_kept_while_offline_is_copied() {
    let buffer = crate::Bytes::from(vec![7; 16 * 1024]);
    let message = || Message::from(buffer.slice(100..228));
    let kept = |outbox: &mut Outbox| {
        let mut outgoing = Some(Outgoing::new(message()));
        outbox.offer(&mut outgoing, None, 0, &mut Deferred::default());
        let message = outbox.list.last_mut().unwrap().message.clone().unwrap();
        message.as_bytes().as_ptr() == buffer[100..].as_ptr()
    };
    assert!(!kept(&mut Outbox::new(OutboxSettings::new())), "offline: a copy");
    assert!(
        kept(&mut online_outbox(OutboxSettings::new())),
        "online: it is written soon, so no copy"
    );
}

#[test]
fn the_fates_of_a_full_outbox_are_all_reported() {
    let mut outbox = online_outbox(OutboxSettings::new().count(2).bytes(4));
    offer(&mut outbox, "ab");
    offer(&mut outbox, "cd");
    outbox.close(&mut Deferred::default());
    let unsent = outbox.take_unsent();
    assert_eq!((unsent.fates.len(), unsent.discarded), (2, 0));
}

#[test]
fn queued_messages_make_room_although_others_are_handed_over() {
    let policy = OutboxSettings::new().count(5).bytes(20).when_full(WhenFull::DropOldest);
    let mut outbox = online_outbox(policy);
    for text in ["ab", "cd", "ef"] {
        offer(&mut outbox, text);
    }
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["ab", "cd", "ef"]);
    offer(&mut outbox, "ghijklm");
    offer(&mut outbox, "nopqrst");
    let for_reserved = [0, 1, 2].map(|reserved| outbox.droppable_for(1, reserved));
    assert_eq!(for_reserved, [Some(1), Some(2), None], "two are queued");
    let for_bytes = [7, 14, 15].map(|bytes| outbox.droppable_for(bytes, 0));
    assert_eq!(for_bytes, [Some(1), Some(2), None], "fourteen bytes are queued");
}

/// So the methods that change the outbox need not know which tasks to wake.
#[test]
fn waiting_tasks_are_woken_in_one_place_only() {
    // Receipts, the status and the dial budget wake their own tasks.
    let allowed = [
        "outbox/settle.rs",
        "config/dial_budget/mod.rs",
        "outbox/fates.rs",
        "sync/wait_queue.rs",
        "shared/published.rs",
    ];
    let of_layers = ["acks/window.rs", "acks/receipt.rs", "calls/table.rs"];
    let calls = ["deferred.wake(", "waiters.wake", "flushes.wake", "watchers.wake", "waiting.wake"];
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
            let is_test = ["tests", "models"].iter().any(|tests| name.contains(tests));
            if is_test || !calls.iter().any(|call| code.contains(call)) {
                continue;
            }
            assert!(allowed.iter().chain(&of_layers).any(|known| *known == name), "{name}");
            found += 1;
        }
    }
    assert!(found >= allowed.len(), "found {found} files only");
}

#[test]
fn the_cost_of_expiry_does_not_grow_with_waiting_messages() {
    const MANY: usize = 20_000;
    let policy = OutboxSettings::new().count(2 * MANY).resend(1);
    let mut outbox = online_outbox(policy);
    let offer = |outbox: &mut Outbox, age: usize| {
        let message = Outgoing::new("x").max_age(Duration::from_secs(age as u64));
        let admission = outbox.offer(&mut Some(message), None, 0, &mut Deferred::default());
        assert_eq!(admission, Admission::Accepted);
    };
    // Each message has another maximum age, in no order.
    (0..MANY).for_each(|index| offer(&mut outbox, 1 + (index * 7_919) % MANY));
    outbox.expire(at(0), &mut Deferred::default());
    let mut held = MANY;
    for seconds in 1..=MANY {
        assert_eq!(outbox.expiry(), Some(at(seconds as u64)), "that of the next message");
        outbox.expire(at(seconds as u64), &mut Deferred::default());
        held -= 1;
        assert_eq!(outbox.held().count, held);
        // Empty entries do not accumulate, and removing them is rare.
        assert!(outbox.list.entries() <= 2 * held + 32);
    }
    assert!(MOVES.get() <= 3 * MANY, "{} entries were visited", MOVES.get());
}

/// A message that is handed over and taken back gets a deadline again.
#[test]
fn deadlines_that_are_out_of_date_do_not_accumulate() {
    const MANY: usize = 2_000;
    for waiting in [1, MANY] {
        MOVES.set(0);
        let policy = OutboxSettings::new().count(2 * MANY).max_age(Duration::from_secs(60));
        let mut outbox = online_outbox(policy);
        (0..waiting).for_each(|_| offer(&mut outbox, "x"));
        for _ in 0..MANY {
            offer(&mut outbox, "x");
            outbox.expire(at(0), &mut Deferred::default());
            assert!(outbox.list.deadlines() <= 2 * outbox.list.entries() + 32);
            let mut window = VecDeque::new();
            outbox.hand_over(&mut window);
            window.pop_front();
            outbox.take_back(&mut window);
            written(&mut outbox, 1);
        }
        assert!(MOVES.get() <= 4 * MANY, "{} entries were visited", MOVES.get());
    }
}

#[test]
fn a_slow_connection_is_not_handed_the_same_messages_often() {
    const MANY: usize = 3_000;
    for takes in [1, 3, 100] {
        let mut outbox = online_outbox(OutboxSettings::new().count(MANY));
        (0..MANY).for_each(|_| offer(&mut outbox, "x"));
        outbox.expire(at(0), &mut Deferred::default());
        let (mut moved, mut flushes) = (0, 0);
        while outbox.has_queued() {
            let mut window = VecDeque::new();
            outbox.hand_over(&mut window);
            moved += window.len();
            window.drain(..window.len().min(takes));
            outbox.take_back(&mut window);
            written(&mut outbox, 1);
            flushes += 1;
        }
        assert!(moved <= 3 * MANY, "{moved} handed over if {takes} are taken");
        assert!(flushes <= 2 * MANY / takes + 20, "{flushes} flushes");
    }
}

#[test]
fn a_queued_replay_that_is_replaced_keeps_its_place() {
    let mut outbox = online_outbox(OutboxSettings::new());
    offer(&mut outbox, "message");
    for (key, text) in [("a", "a"), ("b", "b"), ("c", "c"), ("b", "new"), ("d", "d")] {
        outbox.set_replay(key, text.into(), &mut Deferred::default()).unwrap();
    }
    assert_eq!(outbox.held().bytes, "messageanewcd".len());
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a", "new", "c", "d", "message"]);
}
