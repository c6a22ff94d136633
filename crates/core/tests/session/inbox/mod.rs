//! Messages on their way in.

mod inbox;
mod unread_messages;
