//! The ids of a table that are in use: [`Ids`].

use std::collections::BTreeMap;

/// Ids from 1 to a largest one, of which some are in use.
///
/// They are stored as runs of consecutive ids, so that the next free id is found without a search
/// through all that are in use. Usually there are few runs, because ids are given in order.
#[derive(Debug)]
pub(super) struct Ids {
    max: u64,
    /// The id that was given last.
    last: u64,
    /// The first and the last id of each run. There is a free id between two runs.
    runs: BTreeMap<u64, u64>,
}

impl Ids {
    pub(super) fn new(max: u64) -> Self {
        Self { max, last: 0, runs: BTreeMap::new() }
    }

    /// Gives the next free id after the last one, and begins again at 1 after the largest. Returns
    /// `None` if all are in use.
    pub(super) fn give(&mut self) -> Option<u64> {
        let id = self.free_from(self.last % self.max + 1).or_else(|| self.free_from(1))?;
        self.last = id;
        let after = id.checked_add(1).and_then(|next| self.runs.remove(&next));
        let end = after.unwrap_or(id);
        match self.runs.range_mut(..id).next_back() {
            Some((_, before)) if *before + 1 == id => *before = end,
            _ => drop(self.runs.insert(id, end)),
        }
        Some(id)
    }

    /// The first free id from this one on.
    fn free_from(&self, id: u64) -> Option<u64> {
        let run = self.runs.range(..=id).next_back();
        let free = match run {
            Some((_, end)) if *end >= id => end.checked_add(1)?,
            _ => id,
        };
        (free <= self.max).then_some(free)
    }

    /// The id is not in use any more.
    pub(super) fn free(&mut self, id: u64) {
        let run = self.runs.range_mut(..=id).next_back().filter(|(_, end)| **end >= id);
        let (&start, end) = run.expect("the id is in use");
        let after = (id < *end).then_some(*end);
        if start < id {
            *end = id - 1;
        } else {
            self.runs.remove(&start);
        }
        self.runs.extend(after.map(|end| (id + 1, end)));
    }

    #[cfg(test)]
    pub(super) fn is_unused(&self) -> bool {
        self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The next free id, found by a search.
    fn next(used: &BTreeSet<u64>, last: u64, max: u64) -> Option<u64> {
        (last + 1..=max).chain(1..=max).find(|id| !used.contains(id))
    }

    proptest! {
        #[test]
        fn ids_are_those_of_a_search_through_all(
            max in 1..12_u64,
            steps in prop::collection::vec((any::<bool>(), 0..12_usize), 0..200),
        ) {
            let (mut ids, mut used, mut last) = (Ids::new(max), BTreeSet::new(), 0);
            for (give, which) in steps {
                if give {
                    let expected = next(&used, last, max);
                    prop_assert_eq!(ids.give(), expected);
                    last = expected.unwrap_or(last);
                    used.extend(expected);
                } else if let Some(&id) = used.iter().nth(which) {
                    used.remove(&id);
                    ids.free(id);
                }
                let runs = used.iter().filter(|id| !used.contains(&(*id + 1))).count();
                prop_assert_eq!(ids.runs.len(), runs, "adjacent ids are one run");
            }
            used.into_iter().for_each(|id| ids.free(id));
            prop_assert!(ids.is_unused());
        }
    }

    /// A search for each would need some three thousand million steps.
    #[test]
    fn the_last_free_id_of_many_is_found_without_a_search() {
        let max = u64::from(u16::MAX);
        let mut ids = Ids::new(max);
        while ids.give().is_some() {}
        for step in 0..100_000 {
            let id = step * 7_919 % max + 1;
            ids.free(id);
            assert_eq!(ids.give(), Some(id));
        }
    }

    #[test]
    fn the_largest_numbers_are_ids() {
        let mut ids = Ids::new(u64::MAX);
        ids.last = u64::MAX - 1;
        assert_eq!([ids.give(), ids.give(), ids.give()], [Some(u64::MAX), Some(1), Some(2)]);
        ids.free(u64::MAX);
        ids.last = u64::MAX - 1;
        assert_eq!(ids.give(), Some(u64::MAX));
    }
}
