//! Runs one contender in one case.

use crate::{
    case::Case,
    contender::{Contender, Kind},
    original::Original,
    sample::Sample,
    subprocess::{self, ServerProcess},
};

/// Runs contenders.
#[derive(Debug)]
pub(crate) struct Runner {
    /// The original, or the reason why it cannot run on this machine.
    original: Result<Original, String>,
}

impl Runner {
    pub(crate) fn new() -> Self {
        Self { original: Original::install() }
    }

    /// The reason why a contender cannot be measured on this machine, or `None` if it can.
    pub(crate) fn absence(&self, contender: Contender) -> Option<String> {
        match contender.kind {
            Kind::Original => self.original.as_ref().err().cloned(),
            kind if kind.is_peer() && !cfg!(feature = "peers") => {
                Some("built without the feature `peers`".to_owned())
            }
            _ => None,
        }
    }

    /// One run of a contender in a case, with a new server.
    pub(crate) fn run(
        &self,
        contender: Contender,
        case: Case,
        count: u64,
    ) -> Result<Sample, String> {
        let server = ServerProcess::start().map_err(|error| format!("no server: {error}"))?;
        let mut command = match (&self.original, contender.kind) {
            (Ok(original), Kind::Original) => original.command(case, server.address, {
                // The figures are per unit, and it is slow.
                let few = matches!(case, Case::Idle | Case::PingPong);
                if few { count } else { count / 4 }
            }),
            _ => subprocess::client(contender, case, count, server.address)?,
        };
        let output = command.output().map_err(|error| format!("no client: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().last().unwrap_or("nothing").to_owned();
            return Err(format!("ended with {}, and said {said}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines()
            .last()
            .and_then(Sample::from_json)
            .ok_or_else(|| "the client printed no figures".to_owned())
    }
}
