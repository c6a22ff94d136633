//! The third-party servers, with their pinned versions.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{SkipReason, package::Package, target::target_folder};

/// The versions for which the tests are written.
const WS: &str = "8.23.0";
const WEBSOCKETS: &str = "17.4";

/// A third-party server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests name the servers that they need")]
pub enum Software {
    /// The npm package `ws`.
    NodeWs,
    /// The Python package `websockets`.
    PythonWebsockets,
}

impl Software {
    /// Installs the package in cargo's target folder, unless it is installed already.
    ///
    /// # Errors
    ///
    /// When the interpreter is missing or the package cannot be installed.
    pub fn install(self) -> Result<(), SkipReason> {
        static NODE_WS: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        static PYTHON_WEBSOCKETS: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        let once = match self {
            Self::NodeWs => &NODE_WS,
            Self::PythonWebsockets => &PYTHON_WEBSOCKETS,
        };
        once.get_or_init(|| self.package().install().map_err(SkipReason::Missing)).clone()
    }

    /// The interpreter, which finds the package by its environment.
    pub(crate) fn interpreter(self) -> Command {
        let (program, path, folder) = match self {
            Self::NodeWs => ("node", "NODE_PATH", self.folder().join("node_modules")),
            Self::PythonWebsockets => ("python3", "PYTHONPATH", self.folder()),
        };
        let mut command = Command::new(program);
        command.env(path, folder);
        command
    }

    /// The server script.
    pub(crate) fn script(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(match self {
            Self::NodeWs => "node_ws.js",
            Self::PythonWebsockets => "python_websockets.py",
        })
    }

    fn package(self) -> Package {
        let folder = self.folder();
        let mut version_query = self.interpreter();
        let (version, installer) = match self {
            Self::NodeWs => {
                version_query.args(["-p", "require('ws/package.json').version"]);
                let mut npm = Command::new("npm");
                npm.arg("install").arg("--prefix").arg(&folder);
                npm.args(["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]);
                npm.args(["--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000"]);
                npm.arg(format!("ws@{WS}"));
                (WS, npm)
            }
            Self::PythonWebsockets => {
                version_query.args(["-c", "import websockets; print(websockets.__version__)"]);
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"]);
                pip.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
                pip.args(["--retries=1", "--timeout=60", "--upgrade", "--target"]).arg(&folder);
                pip.arg(format!("websockets=={WEBSOCKETS}"));
                (WEBSOCKETS, pip)
            }
        };
        Package { version, folder, installer, version_query }
    }

    /// The folder into which the package is installed.
    fn folder(self) -> PathBuf {
        target_folder().join("peers").join(match self {
            Self::NodeWs => "node",
            Self::PythonWebsockets => "python",
        })
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NodeWs => "Node's ws",
            Self::PythonWebsockets => "Python's websockets",
        })
    }
}
