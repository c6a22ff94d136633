//! Incoming messages.

mod inbox;
mod unread_messages;
