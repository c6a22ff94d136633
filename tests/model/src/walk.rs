//! A check of the model itself: on random walks, the canonical machine gives the same outputs as a
//! machine that is never made canonical.

use crate::{
    input::{self, Input},
    machine::{Action, End, Loss, Machine, NOW, Transition},
    session::World,
    setting::{STEP, Scope, Setting},
    time::Timestamp,
};

const WALKS: u64 = 300;
const INPUTS: u32 = 300;

/// An output without numbers of connections, counts beyond a limit, and times that are reported.
#[derive(Debug, PartialEq)]
enum Output {
    Abandon(Loss),
    Dial {
        number: u32,
    },
    Did(Action),
    Told(&'static str),
    Closed(End),
    /// The next deadline: in the past, after this time, or never.
    Deadline(Option<std::time::Duration>),
}

/// Walks at random. Returns the first difference.
pub(crate) fn check(setting: &Setting) -> Result<(), String> {
    // The outputs are compared after each input.
    let scope = Scope { pairs: false, ..setting.scope };
    let setting = Setting { scope, ..setting.clone() };
    (0..WALKS).try_for_each(|seed| walk(&setting, seed))
}

fn walk(setting: &Setting, seed: u64) -> Result<(), String> {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut world = World::new(setting);
    let (mut raw, mut now) = (Machine::new(setting.rules), Timestamp::EPOCH);
    let mut path = Vec::new();
    for _ in 0..INPUTS {
        let mut inputs = Vec::new();
        input::possible(&world, setting, &mut inputs);
        // Commands that end the session are rare.
        inputs.retain(|input| random.below(64) == 0 || !ends(*input));
        if inputs.is_empty() {
            return Ok(());
        }
        let input = inputs[random.below(inputs.len() as u64) as usize];
        path.push(input);
        if input == Input::Tick {
            now = now.checked_add(STEP).unwrap_or(now);
        }
        let mut canonical = world.machine.clone();
        if input == Input::Tick {
            canonical.make_canonical(NOW.checked_add(STEP).unwrap_or(NOW));
        }
        let drains = matches!(input, Input::PeerClosed { flushed: false });
        let expected = outputs(&mut raw, input, now, drains, setting);
        let found = outputs(&mut canonical, input, NOW, drains, setting);
        if expected != found {
            return Err(format!("expected {expected:?}, found {found:?}, after {path:#?}"));
        }
        world = world.after(input, setting);
    }
    Ok(())
}

fn ends(input: Input) -> bool {
    use crate::machine::Decision;
    matches!(
        input,
        Input::Close
            | Input::Abort
            | Input::Panicked
            | Input::Decide(Decision::Stop | Decision::NoDelayLeft | Decision::Panicked)
    )
}

/// Gives a machine an input, and fetches its outputs.
fn outputs(
    machine: &mut Machine,
    input: Input,
    now: Timestamp,
    drains: bool,
    setting: &Setting,
) -> Vec<Output> {
    let mut outputs = Vec::new();
    input.apply(machine, now, setting);
    while let Some(action) = machine.poll_action() {
        if action == Action::Drain && !drains {
            machine.handle_drained();
        }
        outputs.push(match action {
            Action::Abandon(loss) => Output::Abandon(without_time(loss)),
            Action::Dial(dial) => Output::Dial { number: dial.attempt.min(3) },
            Action::AskVerdict { fresh, opened, attempt } => {
                Output::Did(Action::AskVerdict { fresh, opened, attempt: attempt.min(2) })
            }
            other => Output::Did(other),
        });
    }
    while let Some(transition) = machine.poll_event() {
        outputs.push(match transition {
            Transition::WriteBlocked { heard: true, .. } => Output::Told("blocked, heard"),
            Transition::WriteBlocked { heard: false, .. } => Output::Told("blocked"),
            Transition::Silent { .. } => Output::Told("silent"),
            Transition::Unanswered { .. } => Output::Told("unanswered"),
            Transition::Lost { .. } => Output::Told("lost"),
            Transition::Retry { .. } => Output::Told("retry"),
            Transition::Connecting { .. } => Output::Told("connecting"),
            Transition::Open { .. } => Output::Told("open"),
            Transition::Closed(end) => Output::Closed(end),
        });
    }
    let deadline = machine.poll_deadline();
    outputs.push(Output::Deadline(deadline.map(|at| at.saturating_since(now))));
    outputs
}

fn without_time(loss: Loss) -> Loss {
    use std::time::Duration;
    match loss {
        Loss::HeartbeatTimeout(_) => Loss::HeartbeatTimeout(Duration::ZERO),
        Loss::WriteStalled(_) => Loss::WriteStalled(Duration::ZERO),
        Loss::ConnectTimeout(_) => Loss::ConnectTimeout(Duration::ZERO),
        other => other,
    }
}

/// Pseudo-random numbers by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
