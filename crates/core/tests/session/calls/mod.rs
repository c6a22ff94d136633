//! Calls, against scripted servers.
//!
//! Request "x" with id 7 is the text "7 x". The server answers it with "answer 7 x".

mod answers;
mod ends;
mod fixture;
mod locks;
mod property;
mod reconnects;
