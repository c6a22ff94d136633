//! Where receipts meet the fates of their messages: [`Seats`].

use std::{mem, task::Waker};

use slab::Slab;

use super::{News, Queue};
use crate::Fate;

/// The number of one receipt's seat, from when its message is accepted until the receipt has the
/// fate or is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat(u32);

/// The seats of all receipts.
#[derive(Default)]
pub(super) struct Seats {
    slab: Slab<State>,
}

enum State {
    /// There is no fate yet.
    Open,
    /// Nor, and this is called when there is.
    Awaited(Waker),
    /// The fate waits for its receipt.
    Told(Fate),
    /// The receipt is gone; the seat is still the message's.
    Left,
}

impl Seats {
    pub(super) fn take(&mut self) -> Seat {
        // Of 64 bytes each.
        Seat(u32::try_from(self.slab.insert(State::Open)).expect("memory ends before"))
    }

    /// Tells the fate of the message with that seat.
    pub(super) fn tell(&mut self, seat: Seat, fate: Fate, news: &mut News) {
        let state = &mut self.slab[seat.0 as usize];
        match mem::replace(state, State::Told(fate)) {
            State::Open => {}
            State::Awaited(waker) => news.wake(waker),
            State::Left => {
                if let State::Told(fate) = self.slab.remove(seat.0 as usize) {
                    news.drop_fate(fate);
                }
            }
            State::Told(_) => debug_assert!(false, "a message has one fate"),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }
}

/// The receipts' side.
impl Queue {
    /// The fate of the message with that seat, if there is one, and the seat is free; else the
    /// waker is called when there is.
    pub(crate) fn poll_fate(&mut self, seat: Seat, waker: &Waker, news: &mut News) -> Option<Fate> {
        let slab = &mut self.seats.as_mut()?.slab;
        let state = &mut slab[seat.0 as usize];
        match state {
            State::Told(_) => {
                let State::Told(fate) = slab.remove(seat.0 as usize) else { return None };
                return Some(fate);
            }
            State::Awaited(known) if known.will_wake(waker) => {}
            State::Awaited(known) => news.drop_waker(mem::replace(known, waker.clone())),
            State::Open | State::Left => *state = State::Awaited(waker.clone()),
        }
        None
    }

    /// The receipt is gone.
    pub(crate) fn leave_seat(&mut self, seat: Seat, news: &mut News) {
        let Some(seats) = &mut self.seats else { return };
        match mem::replace(&mut seats.slab[seat.0 as usize], State::Left) {
            State::Open => {}
            State::Awaited(waker) => news.drop_waker(waker),
            State::Told(fate) => {
                seats.slab.remove(seat.0 as usize);
                news.drop_fate(fate);
            }
            State::Left => debug_assert!(false, "a receipt is dropped once"),
        }
    }
}
