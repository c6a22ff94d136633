//! The library that this project re-implements: websocket-heartbeat-js over `ws` on Node.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    case::Case,
    process::{self, is_installed},
};

const PACKAGES: [&str; 2] = ["ws@8.23.0", "websocket-heartbeat-js@1.1.3"];
const SCRIPT: &str = include_str!("client.js");

/// An installation in the target folder.
#[derive(Debug)]
pub(crate) struct Original {
    script: PathBuf,
}

impl Original {
    /// Installs it unless it is installed already. The error is the reason why that is not possible.
    pub(crate) fn install() -> Result<Self, String> {
        for tool in ["node", "npm"] {
            if !is_installed(tool) {
                return Err(format!("{tool} is not installed"));
            }
        }
        let folder = process::output_folder().map_err(|error| error.to_string())?.join("node");
        let script = folder.join("client.js");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        if !PACKAGES.iter().all(|package| has_package(&folder, package)) {
            let status = Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--prefix"])
                .arg(&folder)
                .args(PACKAGES)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !status.is_ok_and(|status| status.success()) {
                return Err(format!("npm could not install {}", PACKAGES.join(" and ")));
            }
        }
        fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
        Ok(Self { script })
    }

    /// The command of one run.
    pub(crate) fn command(&self, case: Case, address: SocketAddr, count: u64) -> Command {
        let route = case.route(count);
        let mut command = match process::cores().as_slice() {
            [first, _, ..] if is_installed("taskset") => {
                let mut command = Command::new("taskset");
                command.args(["-c", &first.to_string(), "node"]);
                command
            }
            _ => Command::new("node"),
        };
        command.arg(&self.script).arg(case.name()).arg(count.to_string());
        command.arg(format!("ws://{address}{route}"));
        command
    }
}

fn has_package(folder: &Path, package: &str) -> bool {
    let Some((name, version)) = package.split_once('@') else { return false };
    fs::read_to_string(folder.join("node_modules").join(name).join("package.json"))
        .is_ok_and(|text| text.contains(&format!("\"version\": \"{version}\"")))
}
