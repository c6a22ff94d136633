//! The world of one session: clock, server, settings, what was sent and what was reported.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use websocket_heartbeat::{
    Attempts, Builder, Constant, DialBudget, Event, Handle, Heartbeat, Message, OutboxSettings,
    Preset, Receipt, Supervisor, Timestamp,
};
use websocket_heartbeat_mock::{
    Chaos, Clock, MockTimer, MockTransport, Remote, Rng, Runner, Script, mock,
};

use crate::{
    drive,
    plan::{Heart, Plan, Quirks, Server},
    verdicts,
    watch::Watchers,
};

/// The heartbeat of all these sessions: silence, and the time for an answer.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) type Session = Supervisor<MockTransport, MockTimer>;

/// What the tasks of a session share.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) plan: Rc<Plan>,
    pub(crate) clock: Clock,
    pub(crate) remote: Remote,
    pub(crate) events: Rc<RefCell<Vec<(Timestamp, Event)>>>,
    pub(crate) sent: Rc<RefCell<Vec<Sent>>>,
    pub(crate) watchers: Watchers,
    /// The end has begun: senders stop, and who reads late begins to read.
    pub(crate) over: Rc<Cell<bool>>,
}

/// A message that was accepted; its payload begins with its place in the list.
pub(crate) struct Sent {
    pub(crate) receipt: Option<Receipt>,
}

impl Scene {
    pub(crate) fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + use<> {
        use websocket_heartbeat::Timer;
        // A clock without quirks for those who act on the session.
        let until = self.clock.now().checked_add(duration).expect("a short time");
        let (clock, timer) = (self.clock.clone(), self.clock.timer());
        async move {
            while clock.now() < until {
                timer.sleep_until(until).await;
            }
        }
    }

    pub(crate) fn report(&self, event: Event) {
        self.events.borrow_mut().push((self.clock.now(), event));
    }

    /// A message that carries the number of the next one to be accepted. Nothing else must be
    /// accepted before it is, so it is made anew for each offer.
    pub(crate) fn message(&self, size: usize) -> Message {
        let number = self.sent.borrow().len();
        let mut words = format!("{number};");
        while words.len() < size {
            words.push('.');
        }
        Message::text(words)
    }

    pub(crate) fn accepted(&self, receipt: Option<Receipt>) {
        self.sent.borrow_mut().push(Sent { receipt });
    }

    pub(crate) fn rng(&self, salt: u64) -> Rng {
        Rng::new(self.plan.seed.wrapping_mul(31).wrapping_add(salt))
    }
}

/// The number that a message of [`Scene::message`] carries.
pub(crate) fn number(message: &Message) -> Option<usize> {
    message.as_text()?.split_once(';')?.0.parse().ok()
}

pub(crate) struct World {
    scene: Scene,
    runner: Runner,
    session: Session,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let clock = Clock::new();
        clock.set_timer_lateness(plan.timers.lateness);
        clock.set_timer_granularity(plan.timers.granularity);
        clock.set_timer_early(plan.timers.early);
        let (transport, remote) = mock(&clock);
        let server = plan.server;
        let mut chaos = Chaos::new(plan.seed);
        remote.script(move |dial| match server {
            Server::Healthy(quirks) => healthy(quirks),
            Server::Dying { after, quirks } if dial == 1 => healthy(quirks).half_open_after(after),
            Server::Dying { quirks, .. } => healthy(quirks),
            Server::Chaos => chaos.script(),
        });
        let session = settings(&plan, Supervisor::builder(transport, clock.timer()))
            .build()
            .expect("plans make sense");
        let runner = Runner::new(&clock);
        let scene = Scene {
            plan: Rc::new(plan),
            clock,
            remote,
            events: Rc::default(),
            sent: Rc::default(),
            watchers: Watchers::default(),
            over: Rc::default(),
        };
        Self { scene, runner, session }
    }

    /// Runs the session to its end, and checks it.
    pub(crate) fn run(self, print: bool) {
        let Self { scene, mut runner, session } = self;
        runner.set_poll_limit(200_000);
        let handle = session.handle();
        let driven = drive::start(&scene, &mut runner, session);
        for salt in 0..scene.plan.senders {
            runner.spawn(drive::sender(scene.clone(), handle.clone(), salt)).detach();
        }
        runner.spawn(drive::observer(scene.clone(), handle.clone())).detach();
        if scene.plan.commands {
            runner.spawn(drive::commander(scene.clone(), handle.clone())).detach();
        }
        let life = scene.plan.life;
        if scene.plan.suspends {
            let mut rng = scene.rng(99);
            let mut left = life;
            while !left.is_zero() {
                let part =
                    rng.duration(Duration::from_millis(1)..Duration::from_secs(100)).min(left);
                runner.run_for(part);
                left -= part;
                scene.clock.jump(rng.duration(Duration::ZERO..Duration::from_secs(3_600)));
            }
        } else {
            runner.run_for(life);
        }
        let end = driven.end(&scene, &mut runner, &handle);
        if print {
            for (at, event) in &*scene.events.borrow() {
                println!("{at} {event:?}");
            }
        }
        verdicts::check(&scene, &handle, end);
    }
}

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
    if quirks.without_progress {
        script = script.without_progress();
    }
    script
}

fn settings(
    plan: &Plan,
    builder: Builder<MockTransport, MockTimer>,
) -> Builder<MockTransport, MockTimer> {
    let heartbeat = Heartbeat::idle(SILENCE).timeout(TIMEOUT);
    let heartbeat = match plan.heartbeat {
        Heart::Ping(kind) => heartbeat.ping().proof_of_life(kind.life()),
        Heart::Message => heartbeat.message("heartbeat"),
    };
    let bounds = plan.outbox;
    let mut outbox = OutboxSettings::new()
        .count(bounds.count)
        .bytes(bounds.bytes)
        .when_full(bounds.when_full)
        .offline(bounds.offline)
        .resend(bounds.resend)
        .give_back(bounds.give_back);
    if let Some(age) = bounds.max_age {
        outbox = outbox.max_age(age);
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

/// How a session ended.
pub(crate) struct Ended {
    /// When the end was asked for.
    pub(crate) at: Timestamp,
}

pub(crate) fn status_bounds(scene: &Scene, handle: &Handle) {
    let status = handle.status();
    let bounds = scene.plan.outbox;
    assert!(status.queued_messages <= bounds.count, "the outbox holds {status:?}");
    assert!(status.queued_bytes <= bounds.bytes, "the outbox holds {status:?}");
}
