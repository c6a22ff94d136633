//! The order of the calls does not matter, and this includes the call of `preset`.

use super::*;
use crate::{
    config::{
        Constant, Random,
        dial_budget::{DialPlace, Place},
    },
    event::LostCause,
    machine::{Decision, Rules},
    message::Frame,
    time::Timestamp,
};

type Settable = Builder<(), ()>;
type Setter = fn(Settable) -> Settable;

/// Each setter, with a value that neither preset has. The flap limit needs `stable_after`.
const SETTERS: [Setter; 14] = [
    |b| b.heartbeat(Heartbeat::every(secs(21)).message("beat")),
    |b| b.backoff(Constant::new(secs(3))),
    |b| b.verdict(|_| Verdict::RetryAfter(secs(100))),
    |b| b.outbox(OutboxSettings::new().count(5).resend(2)),
    |b| b.attempts(Attempts::at_most(7)),
    |b| b.stable_after(secs(8)),
    |b| b.connect_timeout(secs(9)),
    |b| b.close_timeout(secs(10)),
    |b| b.write_timeout(secs(11)),
    |b| b.minimum_gap(secs(12)),
    |b| b.stable_after(secs(8)).flap_limit(13),
    |b| b.outage_limit(secs(14)),
    |b| b.max_age(secs(15)),
    |b| b.dial_budget(used_up(secs(16))),
];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A budget that allows no attempt for one window.
fn used_up(window: Duration) -> DialBudget {
    let budget = DialBudget::new(1, window).unwrap();
    let mut place = Place::new(budget.clone());
    place.ask(Timestamp::EPOCH, std::task::Waker::noop());
    place.use_up();
    budget
}

/// The values that a session takes from its settings.
#[derive(Debug, PartialEq)]
struct Seen {
    rules: Rules,
    outbox: OutboxSettings,
    probe: String,
    has_max_age: bool,
    wait_for_budget: Decision,
    wait_of_verdict: u64,
    /// `None`: drawn at random.
    delay: Option<u64>,
}

fn seen(builder: Settable) -> Seen {
    let mut resolved = Resolved::new(builder.settings, 0).expect("the values are valid");
    resolved.probes.can_ping = true;
    resolved.probes.ask();
    let probe = match resolved.probes.make() {
        Some(Frame::Message(message)) => message.as_text().unwrap_or_default().to_owned(),
        frame => format!("{frame:?}"),
    };
    let wait_for_budget = resolved.redial.replace(Timestamp::EPOCH);
    let failure = Failure::new(true, 0, &LostCause::Replaced);
    // After the wait for the budget, which is the shortest delay of a decision.
    let later = Timestamp::from_epoch(secs(1_000));
    let (Decision::Retry(wait), _) = resolved.redial.judge(&failure, true, later) else {
        panic!("no attempt follows");
    };
    Seen {
        rules: resolved.rules,
        outbox: resolved.outbox,
        probe,
        has_max_age: resolved.redial.open().is_some(),
        wait_for_budget,
        wait_of_verdict: wait.as_secs() / 100,
        delay: Some(wait.as_secs() % 100).filter(|secs| *secs > 1),
    }
}

fn builder() -> Settable {
    Builder::new((), ())
}

#[test]
fn the_order_of_setters_and_preset_does_not_matter() {
    let mut random = Random::from_seed(1);
    let mut below = |limit: usize| (random.unit() * limit as f64) as usize;
    for preset in [Preset::Original, Preset::Resilient] {
        for _ in 0..500 {
            let chosen = below(1 << SETTERS.len());
            let ordered: Vec<Setter> =
                (0..SETTERS.len()).filter(|n| chosen >> n & 1 == 1).map(|n| SETTERS[n]).collect();
            let mut shuffled = ordered.clone();
            for last in (1..shuffled.len()).rev() {
                shuffled.swap(last, below(last + 1));
            }
            let (before, after) = shuffled.split_at(below(shuffled.len() + 1));
            let apply = |builder, setters: &[Setter]| {
                setters.iter().fold(builder, |builder, set| set(builder))
            };
            let mixed = apply(apply(builder(), before).preset(preset), after);
            let plain = apply(builder().preset(preset), &ordered);
            assert_eq!(seen(mixed), seen(plain), "{preset:?} and setters {chosen:#b}");
        }
    }
}

#[test]
fn each_setter_has_an_effect_with_each_preset() {
    for preset in [Preset::Original, Preset::Resilient] {
        for (number, set) in SETTERS.iter().enumerate() {
            let plain = || builder().preset(preset);
            assert_ne!(seen(set(plain())), seen(plain()), "setter {number} with {preset:?}");
        }
        let stable = || builder().preset(preset).stable_after(secs(8));
        assert_ne!(seen(stable().flap_limit(13)), seen(stable()));
    }
}

#[test]
fn the_later_of_two_calls_counts() {
    let twice = builder().close_timeout(secs(0)).close_timeout(secs(1));
    assert_eq!(seen(twice), seen(builder().close_timeout(secs(1))));
    let presets = builder().preset(Preset::Original).preset(Preset::Resilient);
    assert_eq!(seen(presets), seen(builder()));
}

#[test]
fn the_default_preset_is_resilient_and_sends_pings() {
    let seen = seen(builder());
    assert_eq!((seen.probe.as_str(), seen.delay), ("Some(Ping(8 bytes))", None));
    let original = self::seen(builder().preset(Preset::Original));
    assert_eq!((original.probe.as_str(), original.delay), ("heartbeat", Some(2)));
}
