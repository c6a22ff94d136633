//! Prints the public items of a crate, one a line, from the JSON output of rustdoc:
//!
//! ```text
//! public_api CRATE.json
//! ```
//!
//! Implementations of automatic traits and of traits for all types are left out, and so is the
//! manual, which exists only in the documentation.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let Some(json) = env::args_os().nth(1) else {
        eprintln!("usage: public_api CRATE.json");
        return ExitCode::from(2);
    };
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build();
    let api = match api {
        Ok(api) => api,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for item in api.items() {
        let line = item.to_string();
        if !line.starts_with("pub mod websocket_heartbeat::manual") {
            println!("{line}");
        }
    }
    ExitCode::SUCCESS
}
