//! The plan: the contenders of each case, the number of their runs, and the contender to which each
//! is compared.

use crate::{
    case::Case,
    contender::{Contender, Kind},
};

/// One table: the contenders in one case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) case: Case,
    pub(crate) count: u64,
    pub(crate) rounds: usize,
    pub(crate) contenders: Vec<Contender>,
}

/// Ours, our connection alone, and the raw sockets, on each runtime.
pub(crate) const OURS: [Kind; 3] = [Kind::OursSmol, Kind::OursAsyncStd, Kind::OursTokio];
const CONNECTION: [Kind; 3] =
    [Kind::ConnectionSmol, Kind::ConnectionAsyncStd, Kind::ConnectionTokio];
pub(crate) const RAW: [Kind; 3] = [Kind::RawSmol, Kind::RawAsyncStd, Kind::RawTokio];

/// The read buffer of `Tuning::low_memory()`, in KiB.
pub(crate) const MANY: usize = 2;

/// The read buffer of a raw socket by default.
const RAW_BUFFER: usize = 128 * 1024;

impl Group {
    fn new(case: Case, quick: bool) -> Self {
        let rounds = if quick { 1 } else { 3 };
        Self { case, count: case.count(quick), rounds, contenders: Vec::new() }
    }

    fn with(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.contenders.extend(kinds.into_iter().map(Contender::plain));
        self
    }

    fn with_kib(mut self, kib: usize, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.contenders.extend(kinds.into_iter().map(|kind| Contender::kib(kind, kib)));
        self
    }

    fn of(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    pub(crate) fn title(&self) -> String {
        match self.case {
            Case::Idle => format!("idle, {} connections", self.count),
            Case::IdleAligned => format!("idle with aligned beats, {} connections", self.count),
            Case::Reconnect => format!("reconnect, {} connections", self.count),
            Case::Hour => format!("a virtual hour, {} supervisors", self.count),
            case => case.name().to_owned(),
        }
    }

    /// The number of runs of a contender. The cases of many connections take long. In these cases,
    /// only the contenders whose difference matters run more than once.
    pub(crate) fn rounds_of(&self, contender: Contender) -> usize {
        let close = OURS.contains(&contender.kind)
            || (RAW.contains(&contender.kind) && contender.buffer.is_some());
        match self.case {
            Case::Idle if !close || self.count > 5_000 => 1,
            Case::Idle | Case::IdleAligned => self.rounds.min(2),
            Case::Hour => 1,
            _ => self.rounds,
        }
    }

    /// Whether instructions per unit are also counted.
    pub(crate) fn counts_instructions(&self) -> bool {
        matches!(
            self.case,
            Case::ReceiveBinary
                | Case::ReceiveText
                | Case::ReceiveDriver
                | Case::SendFlush
                | Case::SendQueue
                | Case::SendReceipt
        )
    }
}

/// All groups, in the order of one round.
pub(crate) fn plan(quick: bool) -> Vec<Group> {
    let peers = || Kind::ALL.into_iter().filter(|kind| kind.is_peer());
    let original = [Kind::Original];
    let new = |case| Group::new(case, quick);
    // By default our read buffer has 16 KiB, and that of raw has 128 KiB.
    let alike = |case| new(case).with(OURS).with_kib(16, RAW).with(RAW);
    let receive = |case| alike(case).with_kib(128, OURS);
    let idle = if quick {
        let few = [Kind::OursSmol, Kind::OursTokio, Kind::RawSmol, Kind::RawTokio];
        let ours = [Kind::OursSmol, Kind::OursTokio];
        new(Case::Idle).with_kib(MANY, few).with(ours).with_kib(16, [Kind::RawSmol, Kind::RawTokio])
    } else {
        let all =
            new(Case::Idle).with(OURS).with_kib(16, RAW).with_kib(MANY, OURS).with_kib(MANY, RAW);
        all.with(RAW).with(peers()).with(original)
    };
    let aligned = new(Case::IdleAligned);
    let aligned = if quick {
        aligned.with_kib(MANY, [Kind::OursSmol, Kind::OursTokio])
    } else {
        aligned.with_kib(MANY, OURS)
    };
    let mut plan = vec![
        receive(Case::ReceiveBinary).with(CONNECTION).with(peers()).with(original),
        receive(Case::ReceiveText).with(CONNECTION).with(peers()).with(original),
        alike(Case::ReceiveX8),
        alike(Case::ReceiveX1),
        alike(Case::ReceiveSplit),
        new(Case::ReceiveDriver).with(OURS),
        alike(Case::ReceiveKeep),
        alike(Case::PingPong).with(CONNECTION).with(peers()).with(original),
        alike(Case::SendFlush).with(CONNECTION).with(peers()).with(original),
        alike(Case::SendQueue).with(CONNECTION).with(peers()).with(original),
        alike(Case::SendFeed),
        new(Case::SendReceipt).with(OURS),
        idle,
        aligned,
        new(Case::Reconnect).with(OURS).with_kib(16, RAW),
        new(Case::Hour).with([Kind::OursMock]),
    ];
    if !quick {
        let many = [Kind::OursSmol, Kind::OursTokio, Kind::RawSmol, Kind::RawTokio];
        let more = new(Case::Idle).of(10_000).with_kib(MANY, many).with([Kind::OursSmol]);
        let more = more.with_kib(16, [Kind::RawSmol]);
        let more = more.with([Kind::RawSmol, Kind::RawTokio, Kind::EzSockets]);
        plan.insert(plan.len() - 2, more);
    }
    plan
}

/// The group title and the contender with which a contender is compared: raw async-tungstenite on the
/// same runtime with the same read buffer, in the simplest variant of the case (without split and
/// driver, with a flush for each message). In virtual time there is no raw contender.
pub(crate) fn reference(group: &Group, contender: Contender) -> Option<(String, Contender)> {
    let title = match group.case {
        Case::ReceiveSplit | Case::ReceiveDriver => Case::ReceiveBinary.name().to_owned(),
        Case::SendQueue | Case::SendFeed | Case::SendReceipt => Case::SendFlush.name().to_owned(),
        Case::IdleAligned => Group { case: Case::Idle, ..group.clone() }.title(),
        _ => group.title(),
    };
    let raw = match contender.kind {
        Kind::OursSmol | Kind::ConnectionSmol => Kind::RawSmol,
        Kind::OursAsyncStd | Kind::ConnectionAsyncStd => Kind::RawAsyncStd,
        Kind::OursTokio | Kind::ConnectionTokio => Kind::RawTokio,
        Kind::RawSmol | Kind::RawAsyncStd | Kind::RawTokio | Kind::Original => {
            return Some((title, Contender { kind: Kind::RawSmol, ..contender }));
        }
        Kind::OursMock => return None,
        _ => return Some((title, Contender::plain(Kind::RawTokio))),
    };
    let reference = match contender.buffer {
        None => Contender::kib(raw, 16),
        Some(RAW_BUFFER) => Contender::plain(raw),
        Some(_) => Contender { kind: raw, ..contender },
    };
    Some((title, reference))
}

#[cfg(test)]
mod tests {
    use websocket_heartbeat_tungstenite::Tuning;

    use super::*;

    #[test]
    fn the_small_buffer_is_that_of_low_memory_tuning() {
        assert_eq!(Tuning::new().read_buffer(MANY * 1024), Tuning::low_memory());
    }

    #[test]
    fn each_reference_is_measured() {
        for quick in [false, true] {
            let plan = plan(quick);
            for group in &plan {
                for &contender in &group.contenders {
                    let Some((title, raw)) = reference(group, contender) else { continue };
                    let other = plan.iter().find(|other| other.title() == title);
                    assert!(
                        other.is_some_and(|other| other.contenders.contains(&raw)),
                        "{contender} in {} against {raw} in {title}",
                        group.title()
                    );
                }
            }
        }
    }
}
