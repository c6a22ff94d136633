//! Incoming messages.

mod driver_and_inbox;
mod unread_messages;
