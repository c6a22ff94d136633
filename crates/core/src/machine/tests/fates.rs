//! The arithmetic behind fates.

use crate::machine::{Cursors, Load};

#[test]
fn invariant_13_every_message_accepted_ends_in_exactly_one_fate() {
    // Each message is in one place, whatever happens to it, and in none after its fate.
    let mut cursors = Cursors::default();
    for bytes in [1, 2, 3, 4] {
        cursors.accept(bytes);
    }
    cursors.hand(1);
    cursors.hand(2);
    cursors.drop_queued(4);
    cursors.settle(1);
    cursors.requeue(2);
    assert_eq!(cursors.queued(), Load { count: 2, bytes: 5 });
    assert_eq!(cursors.handed(), Load::default());
    assert_eq!(cursors.held(), cursors.queued());
    cursors.hand(2);
    cursors.hand(3);
    assert_eq!(cursors.held(), Load { count: 2, bytes: 5 });
    cursors.settle(2);
    cursors.settle(3);
    assert_eq!(cursors, Cursors::default());
}
