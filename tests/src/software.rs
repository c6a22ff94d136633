//! The third-party servers, with their pinned versions.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{SkipReason, package::Package, target::target_folder};

/// The versions for which the tests are written.
const AUTOBAHN: &str = "25.10.1";
const WS: &str = "8.23.0";
const WEBSOCKETS: &str = "17.4";
const BUN: &str = "1.4.4";

/// The package with the binary of Bun, for processors without AVX2 also.
const BUN_NAME: &str = if cfg!(target_arch = "aarch64") {
    "@oven/bun-linux-aarch64"
} else {
    "@oven/bun-linux-x64-baseline"
};

/// A third-party server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests name the servers that they need")]
pub enum Software {
    /// The Python package `autobahntestsuite`: the fuzzing server of the Autobahn test suite.
    AutobahnSuite,
    /// The npm package `ws`.
    NodeWs,
    /// The Python package `websockets`.
    PythonWebsockets,
    /// Bun, whose server is uWebSockets.
    Bun,
}

impl Software {
    /// Installs the package in cargo's target folder, unless it is installed already.
    ///
    /// # Errors
    ///
    /// When the interpreter is missing or the package cannot be installed.
    pub fn install(self) -> Result<(), SkipReason> {
        static AUTOBAHN_SUITE: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        static NODE_WS: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        static PYTHON_WEBSOCKETS: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        static BUN: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        let once = match self {
            Self::AutobahnSuite => &AUTOBAHN_SUITE,
            Self::NodeWs => &NODE_WS,
            Self::PythonWebsockets => &PYTHON_WEBSOCKETS,
            Self::Bun => &BUN,
        };
        once.get_or_init(|| self.package().install().map_err(SkipReason::Missing)).clone()
    }

    /// The interpreter, which finds the package by its environment.
    pub(crate) fn interpreter(self) -> Command {
        let folder = self.folder();
        let (program, path, folder) = match self {
            // It is Python 2. One of its packages is found only in a folder for whole installations.
            Self::AutobahnSuite => ("python2.7", "PYTHONUSERBASE", folder),
            Self::NodeWs => ("node", "NODE_PATH", folder.join("node_modules")),
            Self::PythonWebsockets => ("python3", "PYTHONPATH", folder),
            Self::Bun => {
                return Command::new(folder.join("node_modules").join(BUN_NAME).join("bin/bun"));
            }
        };
        let mut command = Command::new(program);
        command.env(path, folder);
        if self == Self::AutobahnSuite {
            // Where pyenv manages several versions of Python, it starts `python2.7` only if this names it.
            command.env("PYENV_VERSION", "2.7.18");
        }
        command
    }

    /// The server script.
    pub(crate) fn script(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(match self {
            Self::AutobahnSuite => "autobahn_suite.py",
            Self::NodeWs => "node_ws.js",
            Self::PythonWebsockets => "python_websockets.py",
            Self::Bun => "bun.js",
        })
    }

    fn package(self) -> Package {
        let folder = self.folder();
        let mut query = self.interpreter();
        match self {
            Self::AutobahnSuite => {
                let version = "import autobahntestsuite; print(autobahntestsuite.version)";
                query.args(["-c", version]);
                let mut pip = self.interpreter();
                pip.args(["-m", "pip", "install", "--quiet", "--user", "--no-input"]);
                pip.args(["--disable-pip-version-check", "--no-warn-script-location"]);
                pip.args(["--retries=1", "--timeout=60", "--no-compile"]);
                pip.arg(format!("autobahntestsuite=={AUTOBAHN}"));
                // Two small modules are compiled. Without optimisation this takes half the time.
                pip.env("CFLAGS", "-O0 -g0");
                Package { version: AUTOBAHN, folder, installer: pip, version_query: query }
            }
            Self::NodeWs => {
                query.args(["-p", "require('ws/package.json').version"]);
                Package::npm("ws", WS, folder, query)
            }
            Self::PythonWebsockets => {
                query.args(["-c", "import websockets; print(websockets.__version__)"]);
                Package::pip("websockets", WEBSOCKETS, folder, query)
            }
            Self::Bun => {
                let mut query = Command::new("node");
                let file = folder.join("node_modules").join(BUN_NAME).join("package.json");
                query.arg("-p").arg(format!("require({file:?}).version"));
                Package::npm(BUN_NAME, BUN, folder, query)
            }
        }
    }

    /// The folder into which the package is installed.
    fn folder(self) -> PathBuf {
        target_folder().join("peers").join(match self {
            Self::AutobahnSuite => "python2",
            Self::NodeWs => "node",
            Self::PythonWebsockets => "python",
            Self::Bun => "bun",
        })
    }
}

impl fmt::Display for Software {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AutobahnSuite => "the Autobahn test suite",
            Self::NodeWs => "Node's ws",
            Self::PythonWebsockets => "Python's websockets",
            Self::Bun => "Bun",
        })
    }
}
