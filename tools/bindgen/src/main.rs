//! Writes the JavaScript around a WebAssembly module that was built with wasm-bindgen:
//!
//! ```text
//! bindgen web|nodejs|bundler OUT_FOLDER MODULE.wasm
//! ```

use std::{env, process::ExitCode};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, folder, module] = arguments.as_slice() else {
        eprintln!("usage: bindgen web|nodejs|bundler OUT_FOLDER MODULE.wasm");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    // Without the default path, `init()` of the result has no module to load.
    bindgen.input_path(module).omit_default_module_path(false);
    let chosen = match kind.as_str() {
        "web" => bindgen.web(true),
        "nodejs" => bindgen.nodejs(true),
        "bundler" => bindgen.bundler(true),
        other => {
            eprintln!("unknown kind: {other}");
            return ExitCode::from(2);
        }
    };
    match chosen.and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
