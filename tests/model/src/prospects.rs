//! Rules about all that may follow a state: the state is tried with some inputs.

use std::time::Duration;

use crate::{
    driver::{Link, Writes},
    machine::{Action, Decision, Loss, Machine, Means, NOW, Transition},
    rule::Rule,
    session::World,
    setting::{STEP, Setting, steps},
    status::Phase,
    time::Timestamp,
};

/// Returns whether the rule holds for all that may follow.
pub(crate) fn hold(rule: Rule, world: &World, setting: &Setting) -> bool {
    // In these states the driver first completes its work.
    if world.driver.unfetched.is_some() || world.driver.owes_decision || !world.broken.is_empty() {
        return true;
    }
    match rule {
        Rule::Clock => early(world),
        Rule::Busy => busy(world),
        Rule::Stalled => stalled(world, setting),
        Rule::Waits => waits(world, setting),
        Rule::Death => death(world, setting),
        Rule::Will => close(world, setting) && abort(world),
        Rule::Old => old(world),
        Rule::Late => late(world),
        Rule::Backward => backward(world),
        Rule::Never => never(world),
        _ => true,
    }
}

fn later(time: Duration) -> Timestamp {
    NOW.checked_add(time).unwrap_or(NOW)
}

/// A deadline that is not due changes nothing, even one instant before it.
fn early(world: &World) -> bool {
    let instant = Duration::from_nanos(1);
    let before = match world.machine.poll_deadline() {
        Some(at) if at <= NOW => return true,
        Some(at) => Timestamp::from_epoch(at.since_epoch() - instant),
        None => later(steps(100)),
    };
    let mut expected = world.machine.clone();
    expected.make_canonical(before);
    let mut machine = world.machine.clone();
    machine.handle_deadline(before);
    machine.make_canonical(before);
    machine == expected
}

/// A deadline that is due is not due any more after a few calls.
fn busy(world: &World) -> bool {
    let mut machine = world.machine.clone();
    for _ in 0..6 {
        if machine.poll_deadline().is_none_or(|at| at > NOW) {
            return true;
        }
        machine.handle_deadline(NOW);
        drain(&mut machine, NOW, |_, _| {});
    }
    false
}

/// An output of the machine.
#[derive(Clone, Copy)]
enum Output {
    Did(Action),
    Told(Transition),
}

/// Fetches the outputs. Decisions are to try again at once.
fn drain(machine: &mut Machine, now: Timestamp, mut see: impl FnMut(&mut Machine, Output)) {
    for _ in 0..32 {
        if let Some(action) = machine.poll_action() {
            see(machine, Output::Did(action));
            if matches!(action, Action::AskVerdict { .. } | Action::Replace) {
                machine.handle_decision(now, Decision::Retry(Duration::ZERO));
            }
        } else if let Some(transition) = machine.poll_event() {
            see(machine, Output::Told(transition));
        } else {
            return;
        }
    }
}

/// In each state that waits for the peer, the network or time, there is a deadline.
fn waits(world: &World, setting: &Setting) -> bool {
    let (machine, driver) = (&world.machine, &world.driver);
    let deadline = machine.poll_deadline();
    let within = |time: Duration| deadline.is_some_and(|at| at <= later(time));
    let full = machine.intake().is_full();
    let probes = setting.rules.heartbeat.is_some() && setting.means != Means::Nothing;
    let waits = match machine.phase() {
        Phase::Idle | Phase::Paused => true,
        Phase::Closed => deadline.is_none(),
        Phase::Connecting => within(steps(2)),
        Phase::Waiting => driver.is_held || within(steps(2)),
        // A planned end waits while nothing is read.
        Phase::Closing => within(setting.rules.close_timeout) || full && machine.is_retiring(),
        Phase::Open if probes && !(full && driver.probe) => within(steps(3)),
        Phase::Open => true,
    };
    let drains = !driver.draining || within(setting.rules.close_timeout);
    waits && drains
}

/// If nothing is heard from now on, the connection is lost or its silence is reported in a bounded
/// time. `messages`: the server is not known to answer.
fn death(world: &World, setting: &Setting) -> bool {
    let mut machine = world.machine.clone();
    let full = machine.intake().is_full();
    if machine.phase() != Phase::Open || full {
        return true;
    }
    let probes = setting.rules.heartbeat.is_some();
    match setting.means {
        Means::Nothing if world.watch.silence_is_reported() => return true,
        Means::Nothing => {}
        _ if !probes => return true,
        Means::Messages | Means::Pings => {}
    }
    let writes = world.driver.writes != Writes::Blocked;
    let number = machine.connection();
    let (mut now, mut over) = (NOW, false);
    if world.driver.probe && writes {
        machine.handle_probe_written(now, number, None);
    }
    // A silence of three steps, the time of an answer, and a recheck, each noticed late once.
    let end = later(steps(9 + 2 * setting.rules.heartbeat.map_or(0, |rule| rule.max_missed)));
    while !over {
        let Some(at) = machine.poll_deadline() else { return false };
        now = now.max(at);
        if now > end {
            return false;
        }
        if writes {
            // It proves no life.
            machine.handle_frame(now, number, false);
        }
        machine.handle_deadline(now);
        drain(&mut machine, now, |machine, output| match output {
            Output::Did(Action::Probe) if writes => {
                machine.handle_probe_written(now, number, None);
            }
            Output::Told(
                Transition::Lost { .. } | Transition::Silent { .. } | Transition::Unanswered { .. },
            ) => over = true,
            _ => {}
        });
        // Such a server need not answer, and its silence was reported before.
        over |= setting.means == Means::Messages
            && machine.probe_since().is_none()
            && machine.poll_deadline().is_some();
    }
    true
}

/// A write without progress ends the connection after its time, even if the peer proves life.
fn stalled(world: &World, setting: &Setting) -> bool {
    let mut machine = world.machine.clone();
    let applies = machine.phase() == Phase::Open
        && !machine.intake().is_full()
        && world.driver.writes == Writes::Blocked
        && setting.rules.write_timeout != Duration::MAX;
    if !applies {
        return true;
    }
    let (mut now, mut lost) = (NOW, false);
    // Each of the three deadlines may be noticed late once.
    let end = later(setting.rules.write_timeout + 3 * setting.rules.recheck);
    while !lost {
        now = now.checked_add(STEP).unwrap_or(now);
        let number = machine.connection();
        machine.handle_frame(now, number, true);
        machine.handle_deadline(now);
        drain(&mut machine, now, |_, output| {
            lost |= matches!(output, Output::Told(Transition::Lost { .. }));
        });
        if now > end {
            return false;
        }
    }
    true
}

/// After `close`, the session ends within the close timeout, once, without an attempt and a probe.
fn close(world: &World, setting: &Setting) -> bool {
    ends(world, Machine::handle_close, setting.rules.close_timeout)
}

/// After `abort`, the session has ended.
fn abort(world: &World) -> bool {
    ends(world, Machine::handle_abort, Duration::ZERO)
}

fn ends(world: &World, command: fn(&mut Machine, Timestamp), within: Duration) -> bool {
    let mut machine = world.machine.clone();
    let (mut now, mut right) = (NOW, true);
    let mut closed = u32::from(machine.is_closed());
    let end = if world.watch.is_ending() { later(steps(100)) } else { later(within) };
    command(&mut machine, now);
    let hints = [
        Machine::handle_reconnect_now,
        Machine::handle_probe_now,
        Machine::handle_resume,
        Machine::handle_pause,
        Machine::handle_start,
    ];
    for hint in hints {
        hint(&mut machine, now);
    }
    for _ in 0..8 {
        drain(&mut machine, now, |_, output| match output {
            Output::Did(
                Action::Dial(_) | Action::Probe | Action::AskVerdict { .. } | Action::Replace,
            )
            | Output::Told(Transition::Connecting { .. } | Transition::Retry { .. }) => {
                right = false;
            }
            Output::Told(Transition::Closed(_)) => closed += 1,
            _ => {}
        });
        match machine.poll_deadline() {
            None => return right && closed == 1 && machine.is_closed(),
            Some(at) if at > end => return false,
            Some(at) => now = now.max(at),
        }
        machine.handle_deadline(now);
    }
    false
}

/// Inputs of other connections change nothing, and without a connection neither do those of the
/// last one.
fn old(world: &World) -> bool {
    let inputs: [fn(&mut Machine, u64); 12] = [
        |machine, number| machine.handle_connected(NOW, number, Means::Pings, Some(STEP)),
        |machine, number| machine.handle_ended(NOW, number),
        |machine, number| machine.handle_given_up(NOW, number),
        |machine, number| machine.handle_peer_closed(NOW, number),
        |machine, number| machine.handle_frame(NOW, number, true),
        |machine, number| machine.handle_probe_written(NOW, number, None),
        |machine, number| machine.handle_write_blocked(NOW, number),
        |machine, number| machine.handle_write_progress(NOW, number),
        |machine, number| machine.handle_acknowledged(NOW, number, true),
        |machine, number| machine.handle_flushed(NOW, number),
        |machine, number| machine.handle_written(NOW, number, true),
        |machine, number| {
            machine.handle_handed(number);
            machine.handle_reply(number);
            machine.handle_caught_up(NOW, number);
        },
    ];
    let machine = &world.machine;
    let number = machine.connection();
    let mut others = vec![number + 1, u64::MAX];
    if number > 0 {
        others.push(number - 1);
        if world.driver.link == Link::None {
            others.push(number);
        }
    }
    others.iter().all(|other| {
        inputs.iter().all(|input| {
            let mut after = machine.clone();
            input(&mut after, *other);
            after == *machine
        })
    })
}

/// The computer was suspended: a connection that was not in doubt is not lost at the first look, and
/// there is at most one probe.
fn late(world: &World) -> bool {
    let mut machine = world.machine.clone();
    let in_doubt = machine.poll_deadline().is_some_and(|at| at <= NOW);
    if machine.phase() != Phase::Open || world.watch.is_put_off() || in_doubt {
        return true;
    }
    let now = later(steps(1_000));
    let (mut lost, mut probes) = (false, 0);
    for _ in 0..3 {
        machine.handle_deadline(now);
        drain(&mut machine, now, |_, output| match output {
            Output::Did(Action::Probe) => probes += 1,
            Output::Told(Transition::Lost {
                loss: Loss::HeartbeatTimeout(_) | Loss::WriteStalled(_),
                ..
            }) => lost = true,
            _ => {}
        });
    }
    !lost && probes <= 1
}

/// An input with an earlier time than the last has the same effect as with the last time.
fn backward(world: &World) -> bool {
    let inputs: [fn(&mut Machine, Timestamp, u64); 12] = [
        |machine, now, _| machine.handle_deadline(now),
        |machine, now, number| machine.handle_frame(now, number, true),
        |machine, now, number| machine.handle_probe_written(now, number, None),
        |machine, now, number| machine.handle_write_blocked(now, number),
        |machine, now, number| machine.handle_write_progress(now, number),
        |machine, now, number| machine.handle_ended(now, number),
        |machine, now, number| machine.handle_peer_closed(now, number),
        |machine, now, number| machine.handle_connected(now, number, Means::Pings, Some(STEP)),
        |machine, now, _| machine.handle_probe_now(now),
        |machine, now, _| machine.handle_reconnect_now(now),
        |machine, now, _| machine.handle_resume(now),
        |machine, now, _| machine.handle_close(now),
    ];
    let (machine, number) = (&world.machine, world.machine.connection());
    let earlier = Timestamp::from_epoch(NOW.since_epoch() - 2 * STEP);
    inputs.iter().all(|input| {
        let (mut at_last, mut before) = (machine.clone(), machine.clone());
        input(&mut at_last, NOW, number);
        input(&mut before, earlier, number);
        at_last == before
    })
}

/// At the end of time no deadline overflows, and none is due at once.
fn never(world: &World) -> bool {
    let end = Timestamp::from_epoch(Duration::MAX);
    let inputs: [fn(&mut Machine, Timestamp, u64); 6] = [
        |machine, now, number| machine.handle_frame(now, number, true),
        |machine, now, number| machine.handle_probe_written(now, number, None),
        |machine, now, number| machine.handle_connected(now, number, Means::Pings, Some(STEP)),
        |machine, now, _| machine.handle_probe_now(now),
        |machine, now, _| machine.handle_resume(now),
        |machine, now, _| machine.handle_close(now),
    ];
    let number = world.machine.connection();
    inputs.iter().all(|input| {
        let mut machine = world.machine.clone();
        input(&mut machine, end, number);
        for _ in 0..6 {
            drain(&mut machine, end, |_, _| {});
            if machine.poll_deadline().is_none_or(|at| at > end) {
                return true;
            }
            machine.handle_deadline(end);
        }
        false
    })
}
