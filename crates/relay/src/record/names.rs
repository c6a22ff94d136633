//! The names of streams, buckets and subjects of a fleet: [`Names`].

/// The names of a fleet. Its group is a part of each, so that several fleets share a server.
#[derive(Clone, Debug)]
pub struct Names {
    group: Box<str>,
}

/// A bucket of records that are found by their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// The subscriptions that are wanted, by their names.
    Wishes,
    /// The leases of blocks. Records are deleted at a certain age.
    Leases,
    /// From where a subscription is resumed.
    Checkpoints,
    /// The budgets of attempts.
    Dials,
}

impl Bucket {
    /// All buckets.
    pub const ALL: [Self; 4] = [Self::Wishes, Self::Leases, Self::Checkpoints, Self::Dials];
}

impl Names {
    /// The names of this group, which is a token of a subject.
    #[must_use]
    pub fn new(group: &str) -> Self {
        Self { group: group.into() }
    }

    /// The stream of data and records.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("WSB_{}", self.group)
    }

    /// The work queue of commands.
    #[must_use]
    pub fn commands(&self) -> String {
        format!("WSBC_{}", self.group)
    }

    /// The name of a bucket.
    #[must_use]
    pub fn bucket(&self, bucket: Bucket) -> String {
        let name = match bucket {
            Bucket::Wishes => "spec",
            Bucket::Leases => "lease",
            Bucket::Checkpoints => "ckpt",
            Bucket::Dials => "dial",
        };
        format!("wsb_{}_{name}", self.group)
    }

    /// The subjects of the stream of data and records.
    #[must_use]
    pub fn stream_subjects(&self) -> Vec<String> {
        ["in", "ev", "own", "fate"].map(|part| self.subject(part, "*")).into()
    }

    /// The messages of a subscription; `*` for those of all.
    #[must_use]
    pub fn data(&self, subscription: &str) -> String {
        self.subject("in", subscription)
    }

    /// The records of a subscription, without its owners.
    #[must_use]
    pub fn records(&self, subscription: &str) -> String {
        self.subject("ev", subscription)
    }

    /// The owners of a subscription. They have a subject of their own, since the last record on it
    /// fences the owners before.
    #[must_use]
    pub fn owners(&self, subscription: &str) -> String {
        self.subject("own", subscription)
    }

    /// The commands for the upstream of a subscription.
    #[must_use]
    pub fn command(&self, subscription: &str) -> String {
        self.subject("out", subscription)
    }

    /// The fates of these commands.
    #[must_use]
    pub fn fate(&self, subscription: &str) -> String {
        self.subject("fate", subscription)
    }

    /// Everything that is stored about a subscription.
    #[must_use]
    pub fn all(&self, subscription: &str) -> String {
        self.subject("*", subscription)
    }

    /// The beats of all workers. They are not stored.
    #[must_use]
    pub fn beats(&self) -> String {
        format!("wsb.{}.beat", self.group)
    }

    /// Requests to a worker.
    #[must_use]
    pub fn control(&self, worker: &str) -> String {
        self.subject("ctl", worker)
    }

    /// The beginning of the subjects on which clients of the fleet await answers.
    #[must_use]
    pub fn inboxes(&self) -> String {
        format!("_INBOX.wsb.{}", self.group)
    }

    fn subject(&self, part: &str, last: &str) -> String {
        format!("wsb.{}.{part}.{last}", self.group)
    }
}
