//! Workers and their sessions in virtual time.

mod bed;
mod commands;
mod exclusive;
mod judge;
mod outages;
mod owners;
mod random;
mod resume;
mod wishes;

use self::{
    bed::{Bed, ms, secs},
    judge::{Account, Item},
};
