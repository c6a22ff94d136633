//! The share of this worker in the batches of the fleet: [`Permits`].

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A server keeps at most 50 open batches of a stream. A part is left for other writers.
const FLEET: usize = 40;

/// The batches of one worker at the same time.
const WORKER: usize = 16;

/// Permits for batches, divided between the workers that are heard.
#[derive(Debug)]
pub(super) struct Permits {
    semaphore: Arc<Semaphore>,
    count: usize,
}

impl Default for Permits {
    fn default() -> Self {
        // Until others are heard, as few as one of many.
        Self { semaphore: Arc::new(Semaphore::new(1)), count: 1 }
    }
}

impl Permits {
    pub(super) fn semaphore(&self) -> Arc<Semaphore> {
        Arc::clone(&self.semaphore)
    }

    /// This many workers share the batches.
    pub(super) fn share(&mut self, workers: usize) {
        let wanted = (FLEET / workers.max(1)).clamp(1, WORKER);
        if wanted > self.count {
            self.semaphore.add_permits(wanted - self.count);
            self.count = wanted;
        } else {
            // Only those that nobody uses. The rest follows with the next beats.
            self.count -= self.semaphore.forget_permits(self.count - wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_never_has_more_batches_than_the_servers_accept() {
        for workers in 1..=40 {
            let mut permits = Permits::default();
            permits.share(workers);
            let available = permits.semaphore().available_permits();
            assert!(available * workers <= FLEET && (1..=WORKER).contains(&available));
        }
    }

    #[test]
    fn permits_in_use_are_given_up_later() {
        let mut permits = Permits::default();
        permits.share(1);
        let semaphore = permits.semaphore();
        let used = semaphore.try_acquire_many(10).unwrap();
        permits.share(10);
        assert_eq!(semaphore.available_permits(), 0);
        drop(used);
        permits.share(10);
        assert_eq!(semaphore.available_permits(), 4);
    }
}
