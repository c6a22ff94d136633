//! Functions of the user's that panic at random.

use std::{iter, sync::Arc};

use futures::FutureExt;
use websocket_heartbeat::{Heartbeat, Message, OutboxSettings, Phase, ProofOfLife, Verdict};
use websocket_heartbeat_mock::{Rng, Script};

use crate::session::{Session, ms, secs};

/// Panics once in so many calls.
fn at_random(seed: u64, once_in: u64) -> impl FnMut() + Send {
    let mut rng = Rng::new(seed);
    move || assert!(rng.below(once_in) > 0, "at random")
}

/// Whatever panics, nothing passes through `poll`; the session goes on, or has ended with the last
/// event; every message has its fate. The events obey the grammar, which `Session` checks.
#[test]
fn whatever_panics_the_session_goes_on_or_ends() {
    let mut ended = 0;
    for seed in 0..200_u64 {
        let [verdict, delay, beat, reply, life] = [3, 60, 60, 400, 400];
        let [mut verdict, mut beat, mut reply, mut life] = [
            at_random(seed, verdict),
            at_random(seed + 1, beat),
            at_random(seed + 2, reply),
            at_random(seed + 3, life),
        ];
        let matches = move |_: &Message| {
            life();
            true
        };
        let heartbeat = Heartbeat::idle(secs(5))
            .message_with(move |_| {
                beat();
                Message::text("beat")
            })
            .reply(move |message| {
                reply();
                message.as_text() == Some("beat")
            })
            .proof_of_life(ProofOfLife::Matching(Box::new(matches)));
        let seed_of_delays = Arc::new(std::sync::atomic::AtomicU64::new(seed));
        let script = move |dial: u64| match (dial + seed) % 5 {
            0 => Script::refuse_connection(),
            1 => Script::accept().end_after(secs(3)),
            2 => Script::hang(),
            3 => Script::accept().echo().end_after(secs(100)),
            _ => Script::accept().silent().chatter(ms(700), "tick").half_open_after(secs(50)),
        };
        let mut session = Session::new(script, |builder| {
            builder
                .heartbeat(heartbeat)
                .outbox(OutboxSettings::new())
                .verdict(move |_| {
                    verdict();
                    Verdict::Retry
                })
                .backoff(move || {
                    let next = seed_of_delays.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let mut panics = at_random(next, delay);
                    iter::repeat_with(move || {
                        panics();
                        secs(1)
                    })
                })
        });
        let mut receipts = Vec::new();
        for step in 1..100 {
            session.run_to(step * 5_000);
            let queued = session.handle.queue_with_receipt(step.to_string()).now_or_never();
            receipts.extend(queued.and_then(Result::ok));
        }
        ended += u32::from(session.handle.status().phase == Phase::Closed);
        session.handle.close();
        session.run_to(600_000);
        assert_eq!(session.handle.status().phase, Phase::Closed, "seed {seed}");
        let last = session.last().1;
        assert!(matches!(&*last, "closed user" | "closed panicked"), "seed {seed}: {last}");
        assert!(receipts.into_iter().all(|receipt| receipt.now_or_never().is_some()));
        assert_eq!(session.remote.live(), 0);
    }
    assert!((20..=195).contains(&ended), "{ended} ended by a panic");
}
