//! The knowledge of an observer about the attempts: [`Attempts`].

use std::time::Duration;

use crate::{
    machine::{Dial, Loss},
    rule::{Broken, Rule},
    setting::{STEP, Setting, in_steps},
};

/// Counts, up to this number.
const MANY: u8 = 3;

/// The attempts so far. Times are in steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attempts {
    /// The time since the last one.
    last: Option<u8>,
    /// Its number.
    number: u8,
    /// The next attempt replaces a connection.
    pub(super) replaces: bool,
    /// The next verdict begins with fresh delays.
    fresh: bool,
    flaps: u8,
    had_connection: bool,
    /// The time without a connection.
    pub(super) down: u8,
}

impl Attempts {
    pub(super) const NONE: Self = Self {
        last: None,
        number: 0,
        replaces: false,
        fresh: true,
        flaps: 0,
        had_connection: false,
        down: 0,
    };

    pub(super) fn make_canonical(&mut self, setting: &Setting) {
        let pace = &setting.rules.pace;
        let unlimited = pace.outage_limit == Duration::MAX;
        let longest = if unlimited { 0 } else { in_steps(pace.outage_limit) + 1 };
        if let Some(last) = &mut self.last {
            *last = (*last).min(in_steps(pace.minimum_gap));
        }
        self.down = self.down.min(longest);
        if pace.flap_limit == u32::MAX {
            self.flaps = 0;
        }
        self.had_connection &= pace.last_initial_attempt.is_some();
    }

    /// A step of time passes.
    pub(super) fn tick(&mut self) {
        self.down += 1;
        if let Some(last) = &mut self.last {
            *last += 1;
        }
    }

    /// An attempt begins.
    pub(super) fn dialled(&mut self, dial: Dial, setting: &Setting, broken: &mut Broken) {
        let pace = &setting.rules.pace;
        let expected = match self.last {
            None => 0,
            Some(_) if self.replaces => 0,
            Some(_) => self.number + 1,
        };
        let number = dial.attempt.min(MANY.into()) as u8;
        broken.unless(number == expected.min(MANY), Rule::Stable);
        if let Some(last) = self.last {
            broken.unless(STEP * u32::from(last) >= pace.minimum_gap, Rule::Pace);
        }
        let initial = pace.last_initial_attempt.filter(|_| !self.had_connection);
        let most = initial.unwrap_or(pace.last_attempt);
        broken.unless(dial.attempt <= most, Rule::Pace);
        broken.unless(u32::from(self.flaps) <= pace.flap_limit, Rule::Pace);
        broken.unless(STEP * u32::from(self.down) <= pace.outage_limit, Rule::Pace);
        self.number = number;
        self.replaces = false;
        self.last = Some(0);
    }

    /// The machine asked for a verdict, with fresh delays or not.
    pub(super) fn verdict_asked(&mut self, fresh: bool, broken: &mut Broken) {
        broken.unless(fresh == self.fresh, Rule::Stable);
        self.fresh = false;
    }

    /// An attempt or a connection is lost. `opened`: with a connection, and whether it was stable.
    pub(super) fn lost(&mut self, opened: Option<bool>, loss: Loss, setting: &Setting) {
        let pace = &setting.rules.pace;
        let wanted = matches!(loss, Loss::Replaced | Loss::Paused | Loss::MaxAge);
        if opened.is_some() && !self.had_connection {
            self.had_connection = true;
            if pace.last_initial_attempt.is_some() {
                self.number = 0;
            }
        }
        match opened {
            Some(true) => {
                self.number = 0;
                self.fresh = true;
                self.flaps = 0;
            }
            Some(false) if !wanted => self.flaps = (self.flaps + 1).min(MANY),
            Some(false) | None => {}
        }
        if matches!(loss, Loss::Replaced | Loss::MaxAge) {
            self.number = 0;
            self.fresh = true;
            self.replaces = true;
        }
        if opened.is_some() {
            self.down = 0;
        }
    }
}
