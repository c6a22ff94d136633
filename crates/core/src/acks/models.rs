//! Models of the window that senders and the layer share, see [`models`](crate::models).

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use loom::{future::block_on, thread};

use super::{error::AckQueueError, receipt::AckFailure, sender::AckSender, window::Window};
use crate::models::{Trace, explore};

/// A window for so many messages, and its sending side.
fn window(count: usize) -> (Arc<Window<u8>>, AckSender<u8>) {
    let window = Arc::new(Window::new(count, 100));
    let sender = AckSender::new(&window);
    (window, sender)
}

/// The server has acknowledged all messages that the layer has.
fn acknowledge(window: &Window<u8>) {
    window.resolve(window.take_incoming(), None);
}

/// Ends the layer as `Delivery::end` does.
fn end(window: &Window<u8>) {
    let incoming = window.close();
    window.resolve(incoming, Some(AckFailure::SessionEnded));
}

/// Fails if `Window::notify` calls the waker before it sets the flag, or if `Window::take_incoming`
/// clears the flag after it has taken the messages.
#[test]
fn the_layer_sees_every_accepted_message() {
    explore(2, || {
        let (window, sender) = window(2);
        let senders = [1, 2].map(|id| {
            let sender = sender.clone();
            thread::spawn(move || drop(sender.try_queue(id, "a").unwrap()))
        });
        let mut seen = 0;
        block_on(poll_fn(|cx: &mut Context<'_>| {
            window.set_layer(cx.waker());
            while window.has_incoming() {
                seen += window.take_incoming().len();
            }
            if seen == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// Fails if `Window::resolve` makes no room, or if `State::wake_senders` does not wake the first sender.
#[test]
fn a_sender_gets_the_place_of_an_acknowledged_message() {
    explore(2, || {
        let (window, sender) = window(1);
        let receipt = sender.try_queue(1, "a").unwrap();
        let layer = thread::spawn(move || acknowledge(&window));
        drop(block_on(sender.queue(2, "b")).unwrap());
        // Receipts are resolved before the lock is taken again, but maybe after room was made.
        block_on(receipt).unwrap();
        layer.join().unwrap();
    });
}

/// Fails if the drop of an `AckQueuing` does not leave the queue.
#[test]
fn a_dropped_sender_passes_its_turn_on() {
    explore(2, || {
        let trace = Trace::default();
        let (window, sender) = window(1);
        drop(sender.try_queue(1, "a").unwrap());
        let mut first = sender.queue(2, trace.message());
        assert!(trace.poll(&mut first).is_pending());
        let layer = thread::spawn({
            let window = Arc::clone(&window);
            move || acknowledge(&window)
        });
        let second = thread::spawn({
            let sender = sender.clone();
            move || drop(block_on(sender.queue(3, "c")).unwrap())
        });
        drop(first);
        layer.join().unwrap();
        second.join().unwrap();
        trace.assert_none();
        drop(window);
    });
}

/// A message is refused, or its receipt has the reason. Fails if `Window::close` does not return the
/// messages that the layer has not taken yet.
#[test]
fn a_message_has_one_outcome_while_the_session_ends() {
    explore(2, || {
        let (window, sender) = window(1);
        let layer = thread::spawn({
            let window = Arc::clone(&window);
            move || end(&window)
        });
        match block_on(sender.queue(1, "a")) {
            Ok(receipt) => {
                let given_up = block_on(receipt).unwrap_err();
                assert_eq!((given_up.reason, given_up.sends), (AckFailure::SessionEnded, 0));
            }
            Err(refused) => assert!(matches!(refused, AckQueueError::Closed(_)), "{refused:?}"),
        }
        layer.join().unwrap();
        assert_eq!(sender.unacknowledged(), 0);
    });
}
