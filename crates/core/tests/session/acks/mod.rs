//! Acknowledged delivery, against scripted servers.
//!
//! Message 7 is the text "7". The server acknowledges it with "ack 7". With "upto 7" it also
//! acknowledges all messages before it.

mod delivery;
mod failure;
mod fixture;
mod locks;
mod property;
mod window;
