//! Invalid settings are refused by name, and huge settings do not overflow.

use std::time::Duration;

use websocket_heartbeat::{
    Attempts, CloseFrame, ConfigError, ConnectTimeout, Constant, DialBudget, Endpoints,
    Exponential, Heartbeat, OutboxSettings, Preset, Supervisor, Verdict,
    acks::{Ack, AckSettings, Acknowledged},
};
use websocket_heartbeat_mock::{Clock, MockTransport, Script, mock};

use crate::harness::{MockBuilder, Session, secs};

const ZERO: Duration = Duration::ZERO;
const MAX: Duration = Duration::MAX;

fn builder() -> MockBuilder {
    let clock = Clock::new();
    let (transport, _) = mock(&clock);
    Supervisor::builder(transport, clock.timer())
}

fn idle() -> Heartbeat {
    Heartbeat::idle(secs(15)).timeout(secs(10))
}

/// The value as the error prints it, the name of the setting, and the call that sets it.
type Row = (&'static str, &'static str, fn(MockBuilder) -> MockBuilder);

/// A row for acknowledged delivery.
type AcksRow = (&'static str, &'static str, fn(AckSettings<u64>) -> AckSettings<u64>);

const NONSENSE: &[Row] = &[
    ("heartbeat interval", "0ns", |b| b.heartbeat(Heartbeat::idle(ZERO))),
    ("heartbeat interval", "0ns", |b| b.heartbeat(Heartbeat::every(ZERO).ping())),
    ("heartbeat timeout", "0ns", |b| b.heartbeat(idle().timeout(ZERO))),
    ("heartbeat recheck timeout", "0ns", |b| b.heartbeat(idle().recheck_timeout(ZERO))),
    ("heartbeat recheck timeout", "0ns", |b| b.heartbeat(Heartbeat::off().recheck_timeout(ZERO))),
    ("adaptive heartbeat floor", "0ns", |b| b.heartbeat(idle().adaptive(ZERO))),
    ("adaptive heartbeat floor", "11s", |b| b.heartbeat(idle().adaptive(secs(11)))),
    ("adaptive heartbeat floor", "11s", |b| b.heartbeat(idle().adaptive(secs(11)).ping())),
    ("connect timeout", "0ns", |b| b.connect_timeout(ZERO)),
    ("connect timeout", "0ns", |b| b.connect_timeout(ConnectTimeout::growing(ZERO, secs(1)))),
    ("connect timeout cap", "1s", |b| b.connect_timeout(ConnectTimeout::growing(secs(2), secs(1)))),
    ("connect timeout cap", "0ns", |b| b.connect_timeout(ConnectTimeout::growing(secs(2), ZERO))),
    ("close timeout", "0ns", |b| b.close_timeout(ZERO)),
    ("write timeout", "0ns", |b| b.write_timeout(ZERO)),
    ("minimum gap", "0ns", |b| b.minimum_gap(ZERO)),
    ("minimum gap", "3601s", |b| b.minimum_gap(secs(3_601))),
    ("flap limit", "3", |b| b.stable_after(ZERO).flap_limit(3)),
    ("hiding of heartbeat replies", "true", |b| b.heartbeat(idle().hide_replies())),
    ("outage limit", "0ns", |b| b.outage_limit(ZERO)),
    ("maximum connection age", "0ns", |b| b.max_age(ZERO)),
    ("backoff base", "0ns", |b| b.backoff(Exponential::new().base(ZERO))),
    ("backoff cap", "1s", |b| b.backoff(Exponential::new().base(secs(2)).cap(secs(1)))),
    ("backoff factor", "NaN", |b| b.backoff(Exponential::new().factor(f64::NAN))),
    ("backoff factor", "inf", |b| b.backoff(Exponential::new().factor(f64::INFINITY))),
    ("backoff factor", "-inf", |b| b.backoff(Exponential::new().factor(f64::NEG_INFINITY))),
    ("backoff factor", "0.99", |b| b.backoff(Exponential::new().factor(0.99))),
    ("backoff factor", "-2.0", |b| b.backoff(Exponential::new().factor(-2.0))),
    ("backoff jitter", "NaN", |b| b.backoff(Exponential::new().jitter(f64::NAN))),
    ("backoff jitter", "inf", |b| b.backoff(Exponential::new().jitter(f64::INFINITY))),
    ("backoff jitter", "1.01", |b| b.backoff(Exponential::new().jitter(1.01))),
    ("backoff jitter", "-0.01", |b| b.backoff(Exponential::new().jitter(-0.01))),
    ("outbox count", "0", |b| b.outbox(OutboxSettings::new().count(0))),
    ("outbox bytes", "0", |b| b.outbox(OutboxSettings::new().bytes(0))),
    ("number of unproven messages to keep", "0", |b| {
        b.outbox(OutboxSettings::new().keep_unproven(0, 1))
    }),
    ("bytes of unproven messages to keep", "0", |b| {
        b.outbox(OutboxSettings::new().keep_unproven(1, 0))
    }),
    ("outbox maximum age", "0ns", |b| b.outbox(OutboxSettings::new().max_age(ZERO))),
];

/// Settings that have no effect together with another setting.
const WITHOUT_EFFECT: &[Row] = &[
    ("heartbeat timeout", "10s", |b| b.heartbeat(Heartbeat::off().timeout(secs(10)))),
    ("heartbeat probe", "ping", |b| b.heartbeat(Heartbeat::off().ping())),
    ("heartbeat probe", "message", |b| b.heartbeat(Heartbeat::off().message("secret"))),
    ("missed heartbeats", "2", |b| b.heartbeat(Heartbeat::off().max_missed(2))),
    ("heartbeat alignment", "1s", |b| b.heartbeat(Heartbeat::off().align(secs(1)))),
    ("heartbeat reply", "a function", |b| b.heartbeat(Heartbeat::off().reply(|_| true))),
    ("adaptive heartbeat floor", "1s", |b| b.heartbeat(Heartbeat::off().adaptive(secs(1)))),
    ("hiding of heartbeat replies", "true", |b| b.heartbeat(Heartbeat::off().hide_replies())),
    ("backoff seed", "1", |b| b.backoff(Exponential::new().jitter(0.0).seed(1))),
    ("outbox give_back", "false", |b| b.outbox(OutboxSettings::new().resend(1).give_back(false))),
    ("flap limit", "3", |b| b.preset(Preset::Original).flap_limit(3)),
    ("flap limit", "3", |b| b.flap_limit(3).stable_after(ZERO)),
];

#[track_caller]
fn assert_refused<T>(result: Result<T, ConfigError>, setting: &str, value: &str) {
    let Err(error) = result else { panic!("{setting} of {value} is accepted") };
    assert_eq!((error.setting(), &*error.value().to_string()), (setting, value));
    assert!(error.rule().starts_with("must "), "{}", error.rule());
    assert_eq!(error.to_string(), format!("{setting} is {value}, but it {}", error.rule()));
}

#[test]
fn an_invalid_setting_is_refused_with_value_and_rule() {
    for preset in [Preset::Original, Preset::Resilient] {
        for (setting, value, set) in NONSENSE {
            assert_refused(set(builder().preset(preset)).build(), setting, value);
        }
    }
}

#[test]
fn a_setting_without_effect_is_refused_with_value_and_rule() {
    for (setting, value, set) in WITHOUT_EFFECT {
        assert_refused(set(builder()).build(), setting, value);
    }
}

#[test]
fn a_setting_stays_when_a_preset_follows() {
    for preset in [Preset::Original, Preset::Resilient] {
        for (setting, value, set) in NONSENSE {
            assert_refused(set(builder()).preset(preset).build(), setting, value);
        }
    }
}

#[test]
fn the_last_of_two_calls_of_one_setter_counts() {
    let twice = Exponential::new().jitter(2.0);
    assert!(builder().backoff(twice).backoff(Constant::new(secs(1))).build().is_ok());
}

#[test]
fn invalid_settings_outside_the_builder_are_refused() {
    let driver = builder().build().unwrap().into_driver(0);
    assert_refused(driver.map(|_| ()), "inbox messages", "0");
    assert_refused(DialBudget::new(0, secs(1)), "dial budget", "0");
    assert_refused(DialBudget::new(1, ZERO), "dial budget window", "0ns");
    assert_refused(Endpoints::new(Vec::<MockTransport>::new()), "endpoints", "0");

    let handle = builder().build().unwrap().handle();
    assert_refused(handle.close_with(CloseFrame::new(1006, "")), "close code", "1006");
    let long = CloseFrame::new(1000, "x".repeat(124));
    assert_refused(handle.close_with(long), "close reason", "124");

    let acks: [AcksRow; 3] = [
        ("ack window", "0", |config| config.window(0)),
        ("ack bytes", "0", |config| config.bytes(0)),
        ("ack timeout", "0ns", |config| config.timeout(ZERO)),
    ];
    for (setting, value, set) in acks {
        let config = set(AckSettings::new(|_| None::<Ack<u64>>));
        let supervisor = builder().build().unwrap();
        let handle = supervisor.handle();
        let clock = Clock::new();
        assert_refused(
            Acknowledged::new(supervisor, handle, clock.timer(), config).map(|_| ()),
            setting,
            value,
        );
    }
}

#[test]
fn a_meaningful_zero_is_accepted() {
    let builder = builder().stable_after(ZERO);
    let builder = builder.backoff(Constant::new(ZERO)).attempts(Attempts::at_most(0));
    assert!(builder.build().is_ok());
}

const HUGE: &[fn(MockBuilder) -> MockBuilder] = &[
    |b| b,
    |b| b.heartbeat(Heartbeat::idle(MAX).timeout(MAX).recheck_timeout(MAX).adaptive(MAX).ping()),
    |b| b.heartbeat(Heartbeat::every(MAX).timeout(MAX).max_missed(u32::MAX)),
    |b| b.heartbeat(idle().timeout(MAX).adaptive(secs(1))),
    |b| b.heartbeat(Heartbeat::every(secs(1)).timeout(MAX).max_missed(u32::MAX).ping()),
    |b| b.connect_timeout(MAX),
    |b| b.connect_timeout(ConnectTimeout::growing(secs(1), MAX)),
    |b| b.close_timeout(MAX),
    |b| b.stable_after(MAX).attempts(Attempts::at_most(u32::MAX)).flap_limit(u32::MAX),
    |b| b.minimum_gap(secs(3_600)),
    |b| b.outage_limit(MAX),
    |b| b.max_age(MAX),
    |b| b.backoff(Constant::new(MAX)),
    |b| b.backoff(Exponential::new().base(MAX).cap(MAX).factor(f64::MAX).first(MAX)),
    |b| b.backoff(Exponential::new().cap(MAX).factor(f64::MAX).jitter(0.0)),
    |b| b.verdict(|_| Verdict::RetryAfter(MAX)),
    |b| b.dial_budget(DialBudget::new(1, MAX).unwrap()),
    |b| {
        b.outbox(
            OutboxSettings::new().count(usize::MAX).bytes(usize::MAX).max_age(MAX).resend(u32::MAX),
        )
    },
];

/// Every state and command, with settings whose sums overflow.
fn live(set: &dyn Fn(MockBuilder) -> MockBuilder) {
    let mut session = Session::new(
        |dial| match dial % 6 {
            0 => Script::refuse_http(503, [("retry-after", "18446744073709551615")]),
            1 => Script::refuse_connection(),
            2 => Script::flap(secs(1)),
            3 => Script::hang(),
            4 => Script::accept().half_open_after(secs(1)),
            _ => Script::accept().echo().pong_after(secs(1)),
        },
        |builder| set(builder.preset(Preset::Resilient)),
    );
    let handle = session.handle.clone();
    // The commands are given at time zero, and after the clock has run.
    for _ in 0..24 {
        let _ = handle.try_queue("hello");
        handle.probe_now();
        session.run_to(session.now() + 3_000);
        handle.pause();
        session.run_to(session.now() + 1_000);
        handle.resume();
        session.run_to(session.now() + 3_600_000);
        handle.reconnect_now();
        session.run_to(session.now() + 30_000);
    }
    let status = handle.status();
    let _ = (status.silent_for(), status.probe_out_for());
    handle.close();
    session.run_to(session.now() + 60_000);
    handle.abort();
    session.run_to(session.now() + 60_000);
    assert_eq!((session.times("closed").len(), session.remote.live()), (1, 0));
}

#[test]
fn huge_settings_do_not_overflow() {
    for set in HUGE {
        live(set);
    }
    live(&|builder| HUGE.iter().fold(builder, |builder, set| set(builder)));
}
