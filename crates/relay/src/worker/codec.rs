//! Leases and beats as JSON. Each has the number of its format, so that two neighbouring versions of the
//! program run side by side: unknown fields are ignored.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    fleet::{Beat, Key, Record, Worker},
    record::SCHEMA,
};

#[derive(Serialize, Deserialize)]
struct Lease {
    schema: u32,
    worker: String,
    incarnation: String,
    ready: bool,
    #[serde(default)]
    rested: bool,
}

#[derive(Serialize, Deserialize)]
struct Pulse {
    schema: u32,
    worker: String,
    incarnation: String,
    weight: u32,
    #[serde(default)]
    drains: bool,
}

fn worker(name: String, incarnation: &str) -> Option<Worker> {
    Some(Worker { name, incarnation: u64::from_str_radix(incarnation, 16).ok()? })
}

fn digits(worker: &Worker) -> String {
    format!("{:016x}", worker.incarnation)
}

pub(super) fn lease(record: &Record) -> Bytes {
    let Record { owner, ready, rested } = record;
    let lease = Lease {
        schema: SCHEMA,
        worker: owner.name.clone(),
        incarnation: digits(owner),
        ready: *ready,
        rested: *rested,
    };
    serde_json::to_vec(&lease).expect("a lease has no maps").into()
}

/// The record of a lease.
#[must_use]
pub fn lease_from(bytes: &[u8]) -> Option<Record> {
    let lease: Lease = serde_json::from_slice(bytes).ok()?;
    let owner = worker(lease.worker, &lease.incarnation)?;
    Some(Record { owner, ready: lease.ready, rested: lease.rested })
}

pub(super) fn beat(beat: &Beat) -> Bytes {
    let pulse = Pulse {
        schema: SCHEMA,
        worker: beat.worker.name.clone(),
        incarnation: digits(&beat.worker),
        weight: beat.weight,
        drains: beat.drains,
    };
    serde_json::to_vec(&pulse).expect("a beat has no maps").into()
}

/// A beat of a worker.
#[must_use]
pub fn beat_from(bytes: &[u8]) -> Option<Beat> {
    let pulse: Pulse = serde_json::from_slice(bytes).ok()?;
    let worker = worker(pulse.worker, &pulse.incarnation)?;
    Some(Beat { worker, weight: pulse.weight, drains: pulse.drains })
}

/// The name of a lease in its bucket.
#[must_use]
pub fn lease_key(key: Key) -> String {
    format!("{}.{}", key.block, key.slot)
}

pub(super) fn key_from(name: &str) -> Option<Key> {
    let (block, slot) = name.split_once('.')?;
    Some(Key { block: block.parse().ok()?, slot: slot.parse().ok()? })
}
