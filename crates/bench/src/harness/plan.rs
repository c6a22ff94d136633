//! Which contenders are measured in which case, how long, and what each is compared with.

use super::{
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

/// The raw sockets, on each runtime.
pub(crate) const RAW: [Kind; 3] = [Kind::RawSmol, Kind::RawAsyncStd, Kind::RawTokio];

impl Group {
    fn new(case: Case, quick: bool) -> Self {
        let rounds = match case {
            _ if quick => 1,
            Case::Idle => 1,
            Case::Reconnect => 3,
            _ => 5,
        };
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
            Case::Reconnect => format!("reconnect, {} connections", self.count),
            case => case.name().to_owned(),
        }
    }

    /// Whether instructions per unit are counted too.
    pub(crate) fn counts_instructions(&self) -> bool {
        matches!(self.case, Case::HoseBinary | Case::SendFlush | Case::SendQueue)
    }
}

/// Everything, in the order of one round.
pub(crate) fn plan(quick: bool) -> Vec<Group> {
    let peers = || Kind::ALL.into_iter().filter(|kind| kind.is_peer());
    let original = [Kind::Original];
    let new = |case| Group::new(case, quick);
    let one_line = |case| new(case).with(RAW).with_kib(16, RAW);
    let mut plan = vec![
        one_line(Case::HoseBinary).with(peers()).with(original),
        one_line(Case::HoseText).with(peers()).with(original),
        one_line(Case::HoseX8),
        one_line(Case::HoseX1),
        one_line(Case::HoseSplit),
        one_line(Case::PingPong).with(peers()).with(original),
        one_line(Case::SendFlush).with(peers()).with(original),
        one_line(Case::SendQueue).with(peers()).with(original),
        if quick {
            new(Case::Idle).with([Kind::RawSmol, Kind::RawTokio]).with_kib(4, RAW)
        } else {
            let all = new(Case::Idle).with(RAW).with_kib(16, RAW).with_kib(4, RAW);
            all.with(peers()).with(original)
        },
        new(Case::Reconnect).with_kib(16, RAW),
    ];
    if !quick {
        let many = new(Case::Idle).of(10_000).with([Kind::RawSmol, Kind::RawTokio]);
        plan.insert(9, many.with_kib(4, RAW).with([Kind::EzSockets]));
    }
    plan
}

/// What a contender is compared with: raw async-tungstenite on the same runtime, with the same
/// read buffer where both have one that can be chosen.
pub(crate) fn reference(contender: Contender) -> Contender {
    match contender.kind {
        kind if RAW.contains(&kind) => Contender { kind: Kind::RawSmol, ..contender },
        Kind::Original => Contender::plain(Kind::RawSmol),
        _ => Contender::plain(Kind::RawTokio),
    }
}
