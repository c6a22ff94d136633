//! Many supervisors through a virtual hour of heartbeats and outages, on the mock.

use std::{cell::Cell, ops::Range, rc::Rc, time::Duration};

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
/// How many supervisors share a clock. They are woken one after the other, and their memory should
/// still be in a cache when they are woken again.
const GROUP: u64 = 250;
/// All groups exist at the same time, and the hour passes for each group in this number of parts.
const TURNS: u32 = 12;
/// The supervisors start one after the other during this time, which is their heartbeat interval.
const SPREAD: Duration = Duration::from_secs(15);

/// The server of a supervisor. The first connection dies silently after ten minutes, the next three
/// attempts are refused. The fifth connection ends without a close frame after twenty minutes, the
/// sixth is closed after ten minutes, and the seventh stays open. The server answers pings.
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

/// The events of all supervisors, counted.
#[derive(Debug, Default)]
struct EventCounts {
    opens: Cell<u64>,
    losses: Cell<u64>,
}

/// Some of the supervisors, which share a clock.
fn group(indices: Range<u64>, count: u64, counts: &Rc<EventCounts>) -> Fallible<Runner> {
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
        let counts = Rc::clone(counts);
        let task = async move {
            begin.await;
            while let Some(event) = session.next().await {
                match event {
                    Event::Open(_) => counts.opens.set(counts.opens.get() + 1),
                    Event::Lost(lost) if lost.opened => counts.losses.set(counts.losses.get() + 1),
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
        return Err("the mock only runs the case hour".into());
    }
    let meter = Meter::start();
    let before = resident_bytes();
    let counts = Rc::new(EventCounts::default());
    let mut groups = (0..count)
        .step_by(GROUP as usize)
        .map(|first| group(first..count.min(first + GROUP), count, &counts))
        .collect::<Fallible<Vec<_>>>()?;
    for _ in 0..TURNS {
        for runner in &mut groups {
            runner.run_for(HOUR / TURNS);
        }
    }
    let resident = resident_bytes().saturating_sub(before) as f64 / count as f64;
    let (opens, losses) = (counts.opens.get(), counts.losses.get());
    if (opens, losses) != (count * 4, count * 3) {
        return Err(format!("{opens} connections and {losses} losses of {count} clients").into());
    }
    let (_, wall) = meter.read();
    Ok(Sample::of(&meter, count)
        .with(RESIDENT, resident)
        .with(SECONDS, wall / 1e9)
        .with(PEAK, peak_bytes() as f64))
}
