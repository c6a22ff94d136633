//! Many supervisors through a virtual hour of heartbeats and outages, on the mock.

use std::{cell::Cell, ops::Range, rc::Rc, time::Duration};

use futures::StreamExt;
use websocket_heartbeat::{Event, Exponential, Preset, Supervisor, Timer, Timestamp};
use websocket_heartbeat_mock::{Clock, Runner, Script, mock};

use super::socket::Fallible;
use crate::{
    case::Case,
    process::{Meter, peak_bytes, resident_bytes},
    sample::{PEAK, RESIDENT, SECONDS, Sample},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// So many supervisors share a clock: one after the other they are woken in turn, and what they
/// touch should still be in a cache when it is their turn again. All groups live at the same time,
/// and the hour passes for them in so many turns.
const GROUP: u64 = 250;
const TURNS: u32 = 12;
/// The supervisors begin one after the other during this time, the interval of their heartbeats.
const SPREAD: Duration = Duration::from_secs(15);

/// Each supervisor's server: the line dies in silence after ten minutes, the next three attempts
/// are refused; then the server hangs up after twenty minutes, then closes after ten, and then it
/// stays. In between it answers pings.
fn server(dial: u64) -> Script {
    match dial {
        1 => Script::accept().half_open_after(MINUTE * 10),
        2..=4 => Script::refuse_connection(),
        5 => Script::accept().end_after(MINUTE * 20),
        6 => Script::accept().close_after(MINUTE * 10, 1012, "restart"),
        _ => Script::accept(),
    }
    .unrecorded()
}

/// What the supervisors told.
#[derive(Debug, Default)]
struct Told {
    opens: Cell<u64>,
    losses: Cell<u64>,
}

/// Some of the supervisors, with a clock of their own.
fn group(indices: Range<u64>, count: u64, told: &Rc<Told>) -> Fallible<Runner> {
    let clock = Clock::new();
    let mut runner = Runner::new(&clock);
    for index in indices {
        let (transport, remote) = mock(&clock);
        remote.script(server);
        let mut session = Supervisor::builder(transport, clock.timer())
            .preset(Preset::Resilient)
            .backoff(Exponential::new().seed(index))
            .build()?;
        let begin = Timestamp::from_epoch(SPREAD.mul_f64(index as f64 / count as f64));
        let begin = clock.timer().sleep_until(begin);
        let told = Rc::clone(told);
        let task = async move {
            begin.await;
            while let Some(event) = session.next().await {
                match event {
                    Event::Open(_) => told.opens.set(told.opens.get() + 1),
                    Event::Lost(lost) if lost.opened => told.losses.set(told.losses.get() + 1),
                    _ => {}
                }
            }
        };
        runner.spawn(task).detach();
    }
    Ok(runner)
}

pub(super) fn run(case: Case, count: u64) -> Fallible<Sample> {
    if case != Case::Hour {
        return Err("the mock is for virtual time".into());
    }
    let meter = Meter::start();
    let before = resident_bytes();
    let told = Rc::new(Told::default());
    let mut groups = (0..count)
        .step_by(GROUP as usize)
        .map(|first| group(first..count.min(first + GROUP), count, &told))
        .collect::<Fallible<Vec<_>>>()?;
    for _ in 0..TURNS {
        for runner in &mut groups {
            runner.run_for(HOUR / TURNS);
        }
    }
    let resident = resident_bytes().saturating_sub(before) as f64 / count as f64;
    let (opens, losses) = (told.opens.get(), told.losses.get());
    if (opens, losses) != (count * 4, count * 3) {
        return Err(format!("{opens} connections and {losses} losses of {count} clients").into());
    }
    let (_, wall) = meter.read();
    Ok(Sample::of(&meter, count)
        .with(RESIDENT, resident)
        .with(SECONDS, wall / 1e9)
        .with(PEAK, peak_bytes() as f64))
}
