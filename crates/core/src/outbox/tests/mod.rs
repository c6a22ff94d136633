mod limits;
mod list;
mod receipts;
mod waiting;

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use crate::{
    config::{OutboxSettings, WhenFull},
    message::{Message, Outgoing},
    outbox::{Admission, Online, Outbox, SinkSide, Wants},
    sync::{Deferred, WakeCounter, poll_registering},
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
    assert!(outbox.is_settled());
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
    assert!(!outbox.can_reserve(0, None), "all bytes are used");
    outbox.send(&mut sink, "next".into(), &mut Deferred::default()).unwrap();
    assert!(outbox.is_parked(sink.id));
    assert!(!outbox.can_reserve(0, None), "all bytes are used");
    assert!(!is_flushed(&mut outbox, &mut sink));
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["full"]);
    assert!(!outbox.is_settled());
    written(&mut outbox, 1);
    assert!(!outbox.is_settled(), "the next message is parked");
    assert!(!is_flushed(&mut outbox, &mut sink), "the next message is accepted only now");
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["next"]);
    assert!(!is_flushed(&mut outbox, &mut sink), "it is not written");
    written(&mut outbox, 1);
    assert!(is_flushed(&mut outbox, &mut sink));
    assert!(outbox.is_settled());
}

fn wait(outbox: &mut Outbox, place: &mut Option<u64>, waker: &Waker) {
    let mut deferred = Deferred::default();
    let wants = Wants::Room { bytes: 1 };
    let waits: Poll<()> =
        poll_registering(waker, |caller| outbox.wait(place, wants, caller, &mut deferred));
    assert!(waits.is_pending());
}

#[test]
fn a_new_message_does_not_overtake_a_task_that_waits() {
    let mut outbox = online_outbox(OutboxSettings::new().count(1));
    offer(&mut outbox, "a");
    let mut place = None;
    wait(&mut outbox, &mut place, Waker::noop());
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a"]);
    written(&mut outbox, 1);
    let mut try_at = |place| {
        let mut outgoing = Some(Outgoing::new("b"));
        outbox.offer(&mut outgoing, place, 0, &mut Deferred::default())
    };
    assert_eq!(try_at(None), Admission::Wait);
    assert_eq!(try_at(place), Admission::Accepted);
}

/// So `into_driver` does not wake the task that polled the supervisor.
#[test]
fn the_task_of_a_sink_that_was_forgotten_is_not_woken() {
    let mut outbox = online_outbox(OutboxSettings::new().count(1));
    let wakes: [Arc<WakeCounter>; 2] = Default::default();
    let mut sinks: [SinkSide; 2] = Default::default();
    offer(&mut outbox, "full");
    for (sink, wakes) in sinks.iter_mut().zip(&wakes) {
        let mut deferred = Deferred::default();
        let waker = wakes.waker();
        let ready =
            poll_registering(&waker, |caller| outbox.poll_ready(sink, caller, &mut deferred));
        assert!(ready.is_pending());
    }
    outbox.forget_tasks(&sinks[0], &mut Deferred::default());
    outbox.expire(at(0), &mut Deferred::default());
    hand_over(&mut outbox);
    written(&mut outbox, 1);
    outbox.settle(&mut Deferred::default());
    let counts = || wakes.each_ref().map(|wakes| wakes.count());
    assert_eq!(counts(), [0, 1]);
    outbox.forget_tasks(&sinks[1], &mut Deferred::default());
    outbox.settle(&mut Deferred::default());
    assert_eq!(counts(), [0, 1]);
}

#[test]
fn a_message_is_sent_again_with_its_payload() {
    let mut outbox = online_outbox(OutboxSettings::new().resend(1));
    offer(&mut outbox, "a");
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a"]);
    outbox.lost(1, &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a"]);
}

#[test]
fn only_messages_of_senders_are_kept_until_they_are_proven() {
    let mut outbox = online_outbox(OutboxSettings::new().give_back(false).keep_unproven(10, 100));
    offer(&mut outbox, "a");
    outbox.queue_on(1, &mut vec!["of a layer".into()]);
    outbox.expire(at(0), &mut Deferred::default());
    assert_eq!(hand_over(&mut outbox), ["a", "of a layer"]);
    written(&mut outbox, 1);
    let unsent = outbox.take_unsent();
    assert_eq!((unsent.unproven, unsent.unproven_discarded), (vec!["a".into()], 0));
}

#[test]
fn after_one_slow_flush_the_window_is_soon_full_again() {
    const MANY: usize = 3_000;
    let mut outbox = online_outbox(OutboxSettings::new().count(MANY));
    (0..MANY).for_each(|_| offer(&mut outbox, "x"));
    outbox.expire(at(0), &mut Deferred::default());
    let mut window = VecDeque::new();
    outbox.hand_over(&mut window);
    window.pop_front();
    outbox.take_back(&mut window);
    written(&mut outbox, 1);
    let mut flushes = 0;
    while outbox.has_queued() {
        hand_over(&mut outbox);
        written(&mut outbox, 1);
        flushes += 1;
    }
    assert!(flushes <= 20, "{flushes} flushes");
}

#[test]
fn an_outbox_without_replays_keeps_no_memory_for_them() {
    let mut outbox = Outbox::new(OutboxSettings::new());
    outbox.set_replay("key", "replay".into(), &mut Deferred::default()).unwrap();
    (0..5).for_each(|_| outbox.shrink_if_idle());
    assert!(outbox.rare.is_some());
    assert_eq!(outbox.remove_replay("key"), Some("replay".into()));
    outbox.shrink_if_idle();
    assert!(outbox.rare.is_none());
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
        "config/dial_budget/grants.rs",
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
