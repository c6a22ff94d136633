//! The core of the npm package: a supervisor whose transport and timer are JavaScript.
//!
//! Only numbers cross the border. A payload stays in JavaScript, and a number stands for it here. So
//! the module needs no bindings, no text decoder and no memory that both sides read, and it can be
//! turned into plain JavaScript. `npm/src/runtime.js` is the other side.
//!
//! - JavaScript calls the functions of `exports.rs`. Each ends with a poll of its session.
//! - During the poll the core calls those of `imports.rs`. JavaScript only notes these calls, and
//!   carries them out after the export returned. So no code is ever entered twice.
//! - Events of a connection carry its number. Those of an earlier connection are ignored.
//! - Times are milliseconds.
#![cfg(target_family = "wasm")]

mod connection;
mod entry;
mod exports;
mod imports;
mod options;
mod report;
mod session;
mod timer;
mod transport;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
