//! The receipts of a session, as far as the outbox needs them: [`Receipts`].

use std::sync::Arc;

use super::{Fates, Outbox, list::List, receipt::Receipt};
use crate::{event::Fate, sync::Deferred};

/// The fates of messages with a receipt. The outbox calls these methods under its lock.
///
/// It is an optional part, see ARCHITECTURE: only [`Outbox::receipt`] and
/// [`Outbox::queue_on_with_receipts`] make one.
pub(super) trait Receipts: Send {
    /// Returns a receipt for the message with this number, the largest until now.
    fn add(&mut self, number: u64) -> Receipt;

    /// Stores the fate of a message.
    fn resolve(&self, number: u64, fate: Fate, deferred: &mut Deferred<'_>);

    /// The messages that were handed over are written on this connection. Resolves the receipts of
    /// those that were accepted before the last loss.
    fn resolve_earlier(&self, list: &List, connection: u64, deferred: &mut Deferred<'_>);

    /// All messages with a smaller number have their fate: those that were accepted after the last
    /// loss were written on this connection, except those with another fate.
    fn written(&mut self, number: u64, connection: u64, deferred: &mut Deferred<'_>);

    /// The connection is lost. The next message will have this number.
    fn lost(&mut self, next: u64);

    /// All messages with a smaller number have their fate.
    fn settled(&mut self, number: u64);

    #[cfg(test)]
    fn all(&self) -> &AllFates;
}

#[derive(Default)]
pub(super) struct AllFates {
    /// The fates of messages that are accepted now.
    pub(super) current: Option<Arc<Fates>>,
    /// Fates of messages that were accepted before the last loss and have no fate yet, in order.
    /// Each has the number of the message after its last one.
    pub(super) earlier: Vec<(u64, Arc<Fates>)>,
}

impl Receipts for AllFates {
    fn add(&mut self, number: u64) -> Receipt {
        let fates = self.current.get_or_insert_with(|| Arc::new(Fates::new(number)));
        Receipt::new(Arc::clone(fates), number)
    }

    fn resolve(&self, number: u64, fate: Fate, deferred: &mut Deferred<'_>) {
        let mut earlier = self.earlier.iter();
        let of_earlier = earlier.find(|(end, _)| number < *end).map(|(_, fates)| fates);
        match of_earlier.or(self.current.as_ref()) {
            Some(fates) => fates.set_exception(number, fate, deferred),
            None => debug_assert!(false, "every receipt has a place for its fate"),
        }
    }

    fn resolve_earlier(&self, list: &List, connection: u64, deferred: &mut Deferred<'_>) {
        let Some((end, _)) = self.earlier.last() else { return };
        for entry in list.iter_handed() {
            if entry.receipt && entry.number < *end {
                self.resolve(entry.number, Fate::Written { connection }, deferred);
            }
        }
    }

    fn written(&mut self, number: u64, connection: u64, deferred: &mut Deferred<'_>) {
        if let Some(fates) = &self.current {
            fates.written(number, connection, deferred);
        }
        self.settled(number);
    }

    fn lost(&mut self, next: u64) {
        // Later messages can be written on another connection, so they get other `Fates`.
        if let Some(fates) = self.current.take_if(|fates| fates.has_connection()) {
            self.earlier.push((next, fates));
        }
    }

    fn settled(&mut self, number: u64) {
        self.earlier.retain(|(end, _)| number < *end);
    }

    #[cfg(test)]
    fn all(&self) -> &AllFates {
        self
    }
}

impl Outbox {
    /// Returns a receipt for the message that was accepted last.
    pub(crate) fn receipt(&mut self) -> Receipt {
        let entry = self.list.last_mut().expect("the accepted message is in the outbox");
        entry.receipt = true;
        let number = entry.number;
        self.receipts.get_or_insert_with(|| Box::<AllFates>::default()).add(number)
    }

    /// Forgets the fates of earlier messages that are all resolved.
    pub(super) fn forget_settled_receipts(&mut self) {
        if self.receipts.is_some() {
            let settled = self.resolved_through();
            self.receipts.iter_mut().for_each(|receipts| receipts.settled(settled));
        }
    }
}
