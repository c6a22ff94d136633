//! The times at which the outbox has something to do.

use std::{task::Waker, time::Duration};

use super::{at, offer, online_outbox, wait};
use crate::{config::OutboxSettings, sync::Deferred};

#[test]
fn the_next_expiry_is_that_of_a_message_or_of_a_waiting_task() {
    let settings = OutboxSettings::new().count(1).max_age(Duration::from_secs(10));
    let mut outbox = online_outbox(settings);
    let mut deferred = Deferred::default();
    assert_eq!(outbox.expiry(), None);
    offer(&mut outbox, "a");
    let mut places = [None, None];
    for (place, seconds) in places.iter_mut().zip([5, 7]) {
        wait(&mut outbox, place, Waker::noop());
        outbox.limit_wait(place.unwrap(), Duration::from_secs(seconds));
    }
    outbox.expire(at(0), &mut deferred);
    assert_eq!(outbox.expiry(), Some(at(5)));
    let [mut first, mut second] = places;
    outbox.leave(&mut places[0], &mut deferred);
    assert_eq!(outbox.rest_of_limit(first.take()), None, "it has left");
    assert_eq!(outbox.expiry(), Some(at(7)));
    outbox.expire(at(7), &mut deferred);
    assert_eq!(outbox.rest_of_limit(second), Some(Duration::ZERO));
    assert_eq!(outbox.expiry(), Some(at(10)));
    assert!(outbox.has_limits());
    outbox.leave(&mut second, &mut deferred);
    assert!(!outbox.has_limits());
    outbox.expire(at(10), &mut deferred);
    assert_eq!(outbox.held().count, 0);
    outbox.take_unsent();
    (0..5).for_each(|_| outbox.shrink_if_idle());
    assert!(outbox.rare.is_none(), "limits that are over keep no memory");
}
