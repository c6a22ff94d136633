//! Scenarios of the backend for browsers. `tests/web/run.sh` builds them and runs each in a page of
//! its own. On other targets this crate is empty.
#![cfg(target_family = "wasm")]

mod page;
mod scenarios;
mod session;

use wasm_bindgen::prelude::wasm_bindgen;
use websocket_heartbeat_conformance::RULES;

use crate::{page::Server, scenarios::SCENARIOS};

/// The names of all scenarios.
#[wasm_bindgen]
pub fn names() -> Vec<String> {
    SCENARIOS.iter().map(|(name, _)| (*name).to_owned()).collect()
}

/// Runs the scenario with this name against the WebSocket server at this address.
///
/// # Errors
///
/// What went wrong.
#[wasm_bindgen]
pub async fn run(name: String, server: String) -> Result<(), String> {
    let scenario = SCENARIOS.iter().find(|(other, _)| *other == name);
    let (_, scenario) = scenario.ok_or("no scenario has this name")?;
    scenario(Server::new(server)).await
}

/// The names of the rules of transports.
#[wasm_bindgen]
pub fn rules() -> Vec<String> {
    RULES.iter().map(|rule| rule.name().to_owned()).collect()
}

/// Checks the rule with this name, with the server of the conformance suite at this address. Returns
/// the reason if the rule does not apply.
///
/// # Errors
///
/// How the rule is broken.
#[wasm_bindgen]
pub async fn check(rule: String, server: String) -> Result<Option<String>, String> {
    scenarios::conformance(&rule, &server).await
}

/// The first delays of three sessions, in nanoseconds.
///
/// # Errors
///
/// If a session reports no delay.
#[wasm_bindgen]
pub async fn delays(server: String) -> Result<Vec<f64>, String> {
    scenarios::delays(&Server::new(server)).await
}
