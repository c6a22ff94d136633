//! The workers that were heard: [`Members`].

use std::{collections::BTreeMap, time::Duration};

use super::{
    Settings,
    worker::{Beat, Member, Worker},
};

/// The workers of the fleet as this one hears them, with itself.
#[derive(Clone, Debug)]
pub(super) struct Members {
    me: Beat,
    others: BTreeMap<Worker, Member>,
    started: Duration,
    /// When a beat of this worker came back.
    echoed: Duration,
    listened: bool,
}

impl Members {
    pub(super) fn new(me: Beat, now: Duration) -> Self {
        Self { me, others: BTreeMap::new(), started: now, echoed: now, listened: false }
    }

    pub(super) fn me(&self) -> &Beat {
        &self.me
    }

    pub(super) fn drain(&mut self) {
        self.me.drains = true;
    }

    /// A beat was received. Returns whether it changes who should own what.
    pub(super) fn hear(&mut self, beat: Beat, now: Duration, times: &Settings) -> bool {
        if beat.worker == self.me.worker {
            if self.is_deaf(now, times) {
                // The others were not heard either.
                let before = self.echoed;
                let heard = self
                    .others
                    .values_mut()
                    .filter(|member| before.saturating_sub(member.heard) <= times.suspicion);
                heard.for_each(|member| member.heard = now);
            }
            self.echoed = now;
            return false;
        }
        if beat.worker.name == self.me.worker.name && self.listened {
            // A second process with this name, which ends.
            return false;
        }
        let Some(member) = self.others.get_mut(&beat.worker) else {
            let worker = beat.worker.clone();
            self.others.insert(worker, Member { beat, heard: now, appeared: now });
            return true;
        };
        let appears = !is_heard(member, now, times);
        if appears {
            member.appeared = now;
        }
        member.heard = now;
        // Beats can arrive in another order. No process ends its drain.
        let drains = beat.drains || member.beat.drains;
        let beat = Beat { drains, ..beat };
        let changes = appears || member.beat != beat;
        member.beat = beat;
        changes
    }

    /// A write of this worker became known.
    pub(super) fn saw_write(&mut self, worker: &Worker, now: Duration) {
        if let Some(member) = self.others.get_mut(worker) {
            member.heard = now;
        }
    }

    /// Whether the beats of this worker itself do not arrive: then the silence of others says nothing.
    pub(super) fn is_deaf(&self, now: Duration, times: &Settings) -> bool {
        now.saturating_sub(self.echoed) > times.suspicion - times.beat
    }

    /// Whether this worker has listened long enough to know all others. An earlier process with its
    /// name has to be silent for that time.
    pub(super) fn listen(&mut self, now: Duration, times: &Settings) -> bool {
        let of_name = self.others.iter().filter(|(worker, _)| worker.name == self.me.worker.name);
        let heard = of_name.map(|(_, member)| member.heard).max();
        let begin = heard.unwrap_or_default().max(self.started);
        self.listened |= now.saturating_sub(begin) >= times.suspicion;
        self.listened
    }

    pub(super) fn heard(&self, worker: &Worker) -> Option<Duration> {
        self.others.get(worker).map(|member| member.heard)
    }

    pub(super) fn alive(&self, now: Duration, times: &Settings) -> usize {
        1 + self.others.values().filter(|member| is_heard(member, now, times)).count()
    }

    pub(super) fn is_alive(&self, worker: &Worker, now: Duration, times: &Settings) -> bool {
        *worker == self.me.worker
            || self.others.get(worker).is_some_and(|member| is_heard(member, now, times))
    }

    pub(super) fn drains(&self, worker: &Worker) -> bool {
        let beat = self.others.get(worker).map(|member| &member.beat);
        let me = (*worker == self.me.worker).then_some(&self.me);
        me.or(beat).is_some_and(|beat| beat.drains)
    }

    /// Another process has the name of this worker, and goes on.
    pub(super) fn double(&self, now: Duration, times: &Settings) -> Option<&Worker> {
        let mut doubles = self.others.iter().filter(|(worker, member)| {
            worker.name == self.me.worker.name
                && member.heard.saturating_sub(self.started) > times.suspicion
                && is_heard(member, now, times)
        });
        doubles.next().map(|(worker, _)| worker)
    }

    /// No worker has appeared for some time.
    pub(super) fn is_settled(&self, now: Duration, times: &Settings) -> bool {
        let appeared = self.others.values().map(|member| member.appeared).max();
        let last = appeared.map_or(self.started, |appeared| appeared.max(self.started));
        now.saturating_sub(last) >= times.settling
    }

    /// Another worker can take over.
    pub(super) fn has_successor(&self, now: Duration, times: &Settings) -> bool {
        self.others.values().any(|member| !member.beat.drains && is_heard(member, now, times))
    }

    /// The workers that should own a block, the most preferred first.
    pub(super) fn wanted(
        &self,
        block: u32,
        count: u8,
        now: Duration,
        times: &Settings,
    ) -> Vec<&Worker> {
        let others = self.others.values().filter(|member| is_heard(member, now, times));
        let beats = others.map(|member| &member.beat).chain([&self.me]);
        let mut scores: Vec<_> = beats
            .filter(|beat| !beat.drains)
            .map(|beat| (beat.score(block), &beat.worker))
            .collect();
        scores.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
        scores.truncate(count.into());
        scores.into_iter().map(|(_, worker)| worker).collect()
    }

    /// The next time at which somebody becomes suspect.
    pub(super) fn deadline(&self, now: Duration, times: &Settings) -> Option<Duration> {
        let after = times.suspicion + Duration::from_nanos(1);
        self.others.values().map(|member| member.heard + after).filter(|at| *at > now).min()
    }
}

fn is_heard(member: &Member, now: Duration, times: &Settings) -> bool {
    now.saturating_sub(member.heard) <= times.suspicion
}
