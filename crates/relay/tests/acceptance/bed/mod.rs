//! The test bed: nats-servers, workers, the account of a stream, and its judge.

pub(crate) mod account;
pub(crate) mod cluster;
pub(crate) mod figures;
pub(crate) mod fleet;
pub(crate) mod judge;
pub(crate) mod limits;
pub(crate) mod namespace;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod site;
pub(crate) mod skip;
pub(crate) mod software;
pub(crate) mod time;
