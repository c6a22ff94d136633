//! [`Area`]: a part of core whose mutants are tested.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Machine,
    Outbox,
    Driver,
}

impl Area {
    pub const ALL: [Self; 3] = [Self::Machine, Self::Outbox, Self::Driver];

    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Outbox => "outbox",
            Self::Driver => "driver",
        }
    }

    pub fn folder(self) -> &'static str {
        match self {
            Self::Machine => "crates/core/src/machine",
            Self::Outbox => "crates/core/src/outbox",
            Self::Driver => "crates/core/src/supervisor",
        }
    }

    /// The test programs, as arguments of cargo. The machine has tests of its own for each decision.
    pub fn programs(areas: &[Self]) -> &'static [&'static str] {
        match areas {
            [Self::Machine] => &["--lib"],
            _ => &["--lib", "--test", "session", "--test", "spans", "--test", "whole"],
        }
    }

    pub fn contains(self, file: &str) -> bool {
        file.strip_prefix(self.folder()).is_some_and(|rest| rest.starts_with('/'))
    }
}
