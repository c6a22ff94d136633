//! The judge: compares what the stream holds of a subscription with what the upstream sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use wsbeat_relay::demo::upstream::{Connection, Upstream};

use super::{
    account::{Account, Entry, Gap, Record, What},
    plan::Plan,
    time::since,
};

/// What the upstream knows of a feed.
pub(crate) struct Truth<'a> {
    /// When a number was made, in nanoseconds since 1970.
    pub(crate) made: &'a dyn Fn(u64) -> Option<u64>,
    /// All connections of the feed.
    pub(crate) connections: &'a [Connection],
}

/// The account of one subscription. Numbers are those of the upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The lowest and the highest number in the stream.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// How many numbers are stored, each counted once.
    pub(crate) stored: u64,
    /// Not stored, and in no gap.
    pub(crate) missing: Vec<u64>,
    /// Not stored, and in a gap.
    pub(crate) excused: u64,
    /// Not stored, although a connection got the number that stayed open for the grace after it. In
    /// a gap or not: an owner that lived has lost it.
    pub(crate) dropped: Vec<u64>,
    /// Stored more than once.
    pub(crate) doubles: Vec<u64>,
    /// A number and the higher one before which it should have been seen first.
    pub(crate) inversions: Vec<Inversion>,
    /// Places in the stream of data of an epoch after the owner record of a later epoch.
    pub(crate) stale: Vec<u64>,
    pub(crate) gaps: Vec<Gap>,
    /// Messages that owners gave up, by their own records.
    pub(crate) lagged: u64,
}

/// A number that was seen first after a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inversion {
    pub(crate) number: u64,
    pub(crate) after: u64,
    /// Both came over one connection.
    pub(crate) in_one_connection: bool,
}

impl Verdict {
    /// What a worker did wrong, with the first of each.
    pub(crate) fn faults(&self) -> String {
        let first = |numbers: &[u64]| numbers[..numbers.len().min(20)].to_vec();
        format!(
            "{} to {}, missing {:?}, doubles {:?}, stale {:?}, gaps {:?}",
            self.first,
            self.last,
            first(&self.missing),
            first(&self.doubles),
            first(&self.stale),
            self.gaps,
        )
    }

    pub(crate) fn longest_gap(&self) -> Duration {
        self.gaps.iter().map(|gap| since(gap.from, gap.to)).max().unwrap_or_default()
    }
}

/// `grace`: how long after its receipt a message may wait for its acknowledgement.
pub(crate) fn judge(entries: &[Entry], truth: &Truth<'_>, grace: Duration) -> Verdict {
    let mut verdict = Verdict { first: u64::MAX, ..Verdict::default() };
    let mut seen = BTreeMap::<u64, u64>::new();
    // The number, epoch and connection of the highest number.
    let mut highest: Option<(u64, u64, u64)> = None;
    let mut slots = BTreeMap::<u64, u8>::new();
    let mut newest = BTreeMap::<u8, u64>::new();
    // The place in the stream of each number that was seen first.
    let mut places = Vec::new();
    for entry in entries {
        match &entry.what {
            What::Data { number, connection, .. } => {
                let (number, connection) = (*number, *connection);
                let slot = slots.get(&entry.epoch).copied().unwrap_or(0);
                if newest.get(&slot).is_some_and(|epoch| *epoch > entry.epoch) {
                    verdict.stale.push(entry.sequence);
                }
                let count = seen.entry(number).or_default();
                *count += 1;
                if *count > 1 {
                    verdict.doubles.push(number);
                    continue;
                }
                places.push((entry.sequence, number));
                match highest {
                    Some((after, epoch, other)) if after > number => {
                        let in_one_connection = (epoch, other) == (entry.epoch, connection);
                        let inversion = Inversion { number, after, in_one_connection };
                        verdict.inversions.push(inversion);
                    }
                    _ => highest = Some((number, entry.epoch, connection)),
                }
            }
            What::Record(record) => match &**record {
                Record::Owner { slot, .. } => {
                    slots.insert(entry.epoch, *slot);
                    let newest = newest.entry(*slot).or_default();
                    *newest = entry.epoch.max(*newest);
                }
                Record::Gap(gap) => verdict.gaps.push(*gap),
                Record::Lagged { count } => verdict.lagged += count,
                _ => {}
            },
            What::Other => {}
        }
    }
    let (Some(first), Some(last)) = (seen.keys().next(), seen.keys().next_back()) else {
        return Verdict { first: 0, ..verdict };
    };
    (verdict.first, verdict.last, verdict.stored) = (*first, *last, seen.len() as u64);
    let gaps: Vec<_> =
        verdict.gaps.iter().map(|gap| (*gap, number_before(&places, gap.after))).collect();
    let absent = (verdict.first..=verdict.last).filter(|number| !seen.contains_key(number));
    for number in absent {
        let made = (truth.made)(number);
        let is_excused = made.is_some_and(|made| {
            gaps.iter().any(|(gap, before)| covers(gap, *before, number, made))
        });
        if is_excused {
            verdict.excused += 1;
        } else {
            verdict.missing.push(number);
        }
        let received = made.is_some_and(|made| {
            truth.connections.iter().any(|connection| {
                let kept = connection.closed.is_none_or(|closed| since(made, closed) > grace);
                connection.opened < made && kept
            })
        });
        if received {
            verdict.dropped.push(number);
        }
    }
    verdict
}

/// The judge of all subscriptions of the plan.
pub(crate) fn judge_all(
    account: &Account,
    upstream: &Upstream,
    plan: &Plan,
    grace: Duration,
) -> BTreeMap<String, Verdict> {
    let mut verdicts = BTreeMap::new();
    for name in plan.names() {
        let entries = account.subscriptions.get(name).map(Vec::as_slice).unwrap_or_default();
        let feed = plan.feed(name).expect("a name of the plan");
        let connections = upstream.report(&feed).connections;
        let made = |number| upstream.made(&feed, number);
        let truth = Truth { made: &made, connections: &connections };
        let verdict = judge(entries, &truth, grace);
        assert!(verdict.stored > 0, "nothing is stored of {name}");
        verdicts.insert(name.clone(), verdict);
    }
    verdicts
}

/// The sum of the verdicts of all subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) stored: u64,
    pub(crate) missing: u64,
    pub(crate) excused: u64,
    pub(crate) dropped: u64,
    pub(crate) doubles: u64,
    pub(crate) inversions: u64,
    pub(crate) inversions_in_one_connection: u64,
    pub(crate) stale: u64,
    pub(crate) gaps: u64,
    pub(crate) longest_gap: Duration,
}

pub(crate) fn total(verdicts: &BTreeMap<String, Verdict>) -> Total {
    let mut total = Total::default();
    for verdict in verdicts.values() {
        total.stored += verdict.stored;
        total.missing += verdict.missing.len() as u64;
        total.excused += verdict.excused;
        total.dropped += verdict.dropped.len() as u64;
        total.doubles += verdict.doubles.len() as u64;
        total.inversions += verdict.inversions.len() as u64;
        total.inversions_in_one_connection +=
            verdict.inversions.iter().filter(|inversion| inversion.in_one_connection).count()
                as u64;
        total.stale += verdict.stale.len() as u64;
        total.gaps += verdict.gaps.len() as u64;
        total.longest_gap = total.longest_gap.max(verdict.longest_gap());
    }
    total
}

/// A worker that was killed or stopped, in nanoseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    pub(crate) worker: String,
    pub(crate) at: u64,
}

/// For each subscription of the lost worker, the time until the first data of a later owner was received.
/// `None` if there was none.
pub(crate) fn takeovers(account: &Account, loss: &Loss) -> BTreeMap<String, Option<Duration>> {
    let owners = account.owners_at(loss.at);
    let lost = owners.iter().filter(|(_, owner)| owner.worker == loss.worker);
    let names: BTreeSet<_> = lost.map(|((name, _), owner)| (name, owner.epoch)).collect();
    let takeover = |(name, epoch): (&String, u64)| {
        let first = account.subscriptions[name].iter().find_map(|entry| match entry.what {
            What::Data { received, .. } if entry.epoch > epoch && received > loss.at => {
                Some(since(loss.at, received))
            }
            _ => None,
        });
        (name.clone(), first)
    };
    names.into_iter().map(takeover).collect()
}

/// The number of the last message at this place in the stream or before.
fn number_before(places: &[(u64, u64)], sequence: u64) -> Option<u64> {
    let index = places.partition_point(|(place, _)| *place <= sequence);
    Some(places[index.checked_sub(1)?].1)
}

/// Times in records may be cut to milliseconds.
const PRECISION: u64 = 1_000_000;

/// A gap begins after the last stored message before it, or at its own beginning. The upstream made
/// later messages once the new connection was open, so these must have arrived.
fn covers(gap: &Gap, before: Option<u64>, number: u64, made: u64) -> bool {
    let is_later = before.is_none_or(|before| number > before) || made + PRECISION >= gap.from;
    is_later && made <= gap.to + PRECISION
}
