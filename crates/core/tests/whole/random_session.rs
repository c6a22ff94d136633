//! [`RandomSession`]: one session by a plan, over a mock server.

use std::{rc::Rc, time::Duration};

use websocket_heartbeat::{
    Attempts, Builder, Constant, DialBudget, Heartbeat, OutboxSettings, Preset, Supervisor,
};
use websocket_heartbeat_mock::{Chaos, Clock, MockTimer, MockTransport, Runner, Script, mock};

use crate::{
    Lived, drive,
    plan::{HeartbeatKind, Plan, Quirks, Server},
    rules,
    session_state::{Session, SessionState},
    watch::Watchers,
};

/// One session by a plan, over a mock server.
pub(crate) struct RandomSession {
    state: SessionState,
    runner: Runner,
    session: Session,
}

impl RandomSession {
    pub(crate) fn new(plan: Plan) -> Self {
        let clock = Clock::new();
        clock.set_timer_lateness(plan.timers.lateness);
        clock.set_timer_granularity(plan.timers.granularity);
        clock.set_timer_early(plan.timers.early);
        let (transport, remote) = mock(&clock);
        let transport = if plan.pings { transport } else { transport.without_pings() };
        let server = plan.server;
        let mut chaos = Chaos::new(plan.seed).longest(Duration::from_secs(60) * plan.stretch);
        let (outage, limit, now) = (plan.outage, plan.silence_limit, clock.clone());
        remote.script(move |dial| {
            let hours = now.now().since_epoch().as_secs() % OUTAGES.as_secs();
            if Duration::from_secs(hours) < outage && dial > 1 {
                return Script::refuse_connection();
            }
            let script = match server {
                Server::Healthy(quirks) => healthy(quirks),
                Server::Dying { after, quirks } if dial == 1 => {
                    healthy(quirks).half_open_after(after)
                }
                Server::Dying { quirks, .. } => healthy(quirks),
                Server::Chaos => chaos.script(),
            };
            limit.into_iter().fold(script, Script::silence_limit)
        });
        let session = settings(&plan, Supervisor::builder(transport, clock.timer()))
            .build()
            .expect("plans are valid");
        let runner = Runner::new(&clock);
        let state = SessionState {
            plan: Rc::new(plan),
            clock,
            remote,
            events: Rc::default(),
            sent: Rc::default(),
            watchers: Watchers::default(),
            over: Rc::default(),
        };
        Self { state, runner, session }
    }

    /// Runs the session to its end, and checks it. Returns how long it lasted.
    pub(crate) fn run(self, print: bool) -> Lived {
        let Self { state, mut runner, session } = self;
        runner.set_poll_limit(200_000);
        let handle = session.handle();
        let driven = drive::start(&state, &mut runner, session);
        for salt in 0..state.plan.senders {
            runner.spawn(drive::sender(state.clone(), handle.clone(), salt)).detach();
        }
        runner.spawn(drive::observer(state.clone(), handle.clone())).detach();
        if state.plan.commands {
            runner.spawn(drive::commander(state.clone(), handle.clone())).detach();
        }
        let life = state.plan.life;
        let stretch = state.plan.stretch;
        let mut asleep = Duration::ZERO;
        if state.plan.suspends {
            let mut rng = state.rng(99);
            let mut left = life;
            while !left.is_zero() {
                let part =
                    rng.duration(Duration::from_millis(1)..Duration::from_secs(100)) * stretch;
                let part = part.min(left);
                runner.run_for(part);
                left -= part;
                // Up to an hour, or half a week.
                let night = rng.duration(Duration::ZERO..Duration::from_secs(3_600));
                let night = if stretch > 1 { night * 84 } else { night };
                if state.closed_at().is_none() {
                    asleep += night;
                }
                state.clock.jump(night);
            }
        } else {
            runner.run_for(life);
        }
        let end = driven.end(&state, &mut runner, &handle);
        if print {
            for (at, event) in &*state.events.borrow() {
                println!("{at} {event:?}");
            }
        }
        let ended = state.closed_at().unwrap_or(end.at);
        rules::check(&state, &handle, end);
        let driven = ended.since_epoch().saturating_sub(asleep);
        Lived { sessions: 1, driven, asleep }
    }
}

/// The time between the beginnings of two outages.
const OUTAGES: Duration = Duration::from_secs(8 * 3_600);

fn healthy(quirks: Quirks) -> Script {
    let mut script = Script::accept()
        .latency(quirks.latency)
        .reply_with(|message| (message.as_text() == Some("heartbeat")).then(|| "answer".into()));
    if quirks.hesitant {
        script = script.hesitant();
    }
    if let Some(frames) = quirks.cooperative {
        script = script.cooperative(frames);
    }
    if let Some(period) = quirks.chatter {
        script = script.chatter(period, "chatter");
    }
    if quirks.without_bytes_written {
        script = script.without_bytes_written();
    }
    script
}

fn settings(
    plan: &Plan,
    builder: Builder<MockTransport, MockTimer>,
) -> Builder<MockTransport, MockTimer> {
    let heartbeat = Heartbeat::idle(plan.silence).timeout(plan.timeout);
    let heartbeat = match plan.heartbeat {
        HeartbeatKind::Ping(kind) => heartbeat.ping().proof_of_life(kind.life()),
        HeartbeatKind::Message => heartbeat.message("heartbeat"),
    };
    let bounds = plan.outbox;
    let mut outbox = OutboxSettings::new()
        .count(bounds.count)
        .bytes(bounds.bytes)
        .when_full(bounds.when_full)
        .offline(bounds.offline)
        .resend(bounds.resend)
        // Messages that are sent again are kept, so that this setting has no meaning for them.
        .give_back(bounds.give_back || bounds.resend > 0);
    if let Some(age) = bounds.max_age {
        outbox = outbox.max_age(age);
    }
    // Drawn from the seed itself, so that all other choices of a seed stay as they are.
    if plan.seed.is_multiple_of(3) {
        outbox = outbox.keep_unproven(bounds.count, bounds.bytes);
    }
    let mut builder = builder
        .preset(Preset::Resilient)
        .heartbeat(heartbeat)
        .outbox(outbox)
        .backoff(Constant::new(plan.backoff))
        .minimum_gap(plan.minimum_gap)
        .close_timeout(plan.close_timeout);
    if let Some(limit) = plan.outage_limit {
        builder = builder.outage_limit(limit);
    }
    if let Some(count) = plan.attempts {
        builder = builder.attempts(Attempts::at_most(count));
    }
    if let Some((count, window)) = plan.budget {
        builder = builder.dial_budget(DialBudget::new(count, window).expect("above zero"));
    }
    if let Some(age) = plan.max_age {
        builder = builder.max_age(age);
    }
    builder
}
