//! The targets of this project, compared with the results.

use super::{
    plan::{MANY, OURS, RAW},
    results::Results,
};
use crate::{
    case::Case,
    contender::{Contender, Kind},
    sample::{CPU, INSTRUCTIONS, P50, PEAK, RATE, RESIDENT, SECONDS},
};

/// One target and its result.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) limit: f64,
    /// Whether the limit is a minimum; otherwise it is a maximum.
    pub(crate) at_least: bool,
}

impl Target {
    pub(crate) fn is_met(&self) -> bool {
        if self.at_least { self.value >= self.limit } else { self.value <= self.limit }
    }
}

/// All targets whose figures were measured.
pub(crate) fn check(results: &Results) -> Vec<Target> {
    let mut targets = Targets { results, found: Vec::new() };
    for (ours, raw) in OURS.into_iter().zip(RAW) {
        targets.of_runtime(ours, raw);
    }
    targets.of_peers();
    targets.of_virtual_time();
    targets.found
}

struct Targets<'a> {
    results: &'a Results,
    found: Vec<Target>,
}

impl Targets<'_> {
    fn figure(&self, title: &str, contender: Contender, figure: &str) -> Option<f64> {
        self.results.find(title, contender)?.get(figure)
    }

    fn push(&mut self, what: String, value: Option<f64>, limit: f64, at_least: bool) {
        if let Some(value) = value {
            self.found.push(Target { what, value, limit, at_least });
        }
    }

    /// A figure of one contender as a share of that of another.
    fn ratio(
        &self,
        (title, contender): (&str, Contender),
        (base_title, base): (&str, Contender),
        figure: &str,
    ) -> Option<f64> {
        let base = self.figure(base_title, base, figure)?;
        Some(self.figure(title, contender, figure)? / base)
    }

    fn of_runtime(&mut self, ours: Kind, raw: Kind) {
        let name = ours.name();
        let (ours, raw) = (Contender::plain(ours), Contender::kib(raw, 16));
        let cpu = [
            (Case::ReceiveBinary, Case::ReceiveBinary, 0.95),
            (Case::ReceiveText, Case::ReceiveText, 0.95),
            (Case::ReceiveSplit, Case::ReceiveBinary, 1.25),
            (Case::ReceiveDriver, Case::ReceiveBinary, 1.4),
            (Case::PingPong, Case::PingPong, 1.03),
            (Case::SendQueue, Case::SendFlush, 0.15),
            (Case::SendFeed, Case::SendFlush, 0.15),
        ];
        for (case, base, limit) in cpu {
            let ratio = self.ratio((case.name(), ours), (base.name(), raw), CPU);
            let what = format!("{name}: CPU in {case} over raw in {base}");
            self.push(what, ratio, limit, false);
        }
        let receipt = (Case::SendReceipt.name(), ours);
        let ratio = self.ratio(receipt, (Case::SendQueue.name(), ours), CPU);
        self.push(format!("{name}: CPU of a receipt over none"), ratio, 1.3, false);
        let receive = Case::ReceiveBinary.name();
        let over = self
            .figure(receive, ours, INSTRUCTIONS)
            .and_then(|instructions| Some(instructions - self.figure(receive, raw, INSTRUCTIONS)?));
        self.push(format!("{name}: instructions over raw in {receive}"), over, 130.0, false);
        self.latency(ours, raw);
        self.many(ours, raw);
    }

    /// The median latency must not exceed that of the slowest raw run.
    fn latency(&mut self, ours: Contender, raw: Contender) {
        let title = Case::PingPong.name();
        let Some(row) = self.results.row(title, raw) else { return };
        let slowest = row.runs.iter().filter_map(|run| run.get(P50)).fold(0.0, f64::max);
        let median = self.figure(title, ours, P50);
        let what = format!("{ours}: median round trip in us, against raw's slowest run");
        self.push(what, median.map(|nanos| nanos / 1e3), slowest / 1e3, false);
    }

    fn many(&mut self, ours: Contender, raw: Contender) {
        let groups = self.results.groups.iter().map(|(group, _)| (group.case, group.title()));
        for (case, title) in groups.collect::<Vec<_>>() {
            match case {
                Case::Idle => {
                    let small = Contender::kib(ours.kind, MANY);
                    let pairs =
                        [(small, Contender::kib(raw.kind, MANY), 6_500.0), (ours, raw, 20_000.0)];
                    for (ours, raw, limit) in pairs {
                        let bytes = self.figure(&title, ours, RESIDENT);
                        self.push(format!("{ours}: resident bytes, {title}"), bytes, limit, false);
                        let ratio = self.ratio((&title, ours), (&title, raw), CPU);
                        let what = format!("{ours}: CPU per heartbeat over raw, {title}");
                        self.push(what, ratio, 1.05, false);
                    }
                }
                Case::Reconnect => {
                    let ratio = self.ratio((&title, ours), (&title, raw), RATE);
                    self.push(format!("{ours}: rate over raw, {title}"), ratio, 0.9, true);
                }
                _ => {}
            }
        }
    }

    fn of_virtual_time(&mut self) {
        let hour = self.results.groups.iter().find(|(group, _)| group.case == Case::Hour);
        // The targets are for this number of supervisors.
        let Some(title) = hour.filter(|(group, _)| group.count == 100_000) else { return };
        let title = title.0.title();
        let mock = Contender::plain(Kind::OursMock);
        let seconds = self.figure(&title, mock, SECONDS);
        self.push(format!("{title}: seconds"), seconds, 60.0, false);
        let peak = self.figure(&title, mock, PEAK).map(|bytes| bytes / f64::from(1 << 20));
        self.push(format!("{title}: peak MiB"), peak, 2048.0, false);
    }

    fn of_peers(&mut self) {
        let receive = Case::ReceiveBinary.name();
        for (peer, limit) in [(Kind::EzSockets, 3.0), (Kind::Original, 6.0)] {
            let ours = (receive, Contender::plain(Kind::OursTokio));
            let ratio = self.ratio((receive, Contender::plain(peer)), ours, CPU);
            self.push(format!("{}: CPU in {receive} over ours", peer.name()), ratio, limit, true);
        }
    }
}
