//! The variables of the environment that name proxies.

use std::{error::Error, ffi::OsString, fmt};

use super::{ExceptionError, Proxy, ProxyError, exceptions::Exceptions};

/// The variables of a proxy for `ws://`, in their order.
pub(super) const WS: [&str; 6] =
    ["ws_proxy", "WS_PROXY", "http_proxy", FROM_CLIENTS, "all_proxy", "ALL_PROXY"];

/// In a CGI program this variable is the field `Proxy` of a client's request (RFC 3875 section
/// 4.1.18), so it is not read there.
const FROM_CLIENTS: &str = "HTTP_PROXY";

/// This variable is set in every CGI program (RFC 3875 section 4.1.12).
const OF_CGI: &str = "REQUEST_METHOD";

/// The same for `wss://`.
pub(super) const WSS: [&str; 6] =
    ["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The proxy of the first variable that is set.
pub(super) fn proxy(
    variable: &impl Fn(&str) -> Option<OsString>,
    names: &[&'static str],
) -> Result<Option<Proxy>, VariableError> {
    let Some((name, value)) = first(variable, names)? else { return Ok(None) };
    let url = if value.contains("://") { value } else { format!("http://{value}") };
    let proxy = Proxy::new(&url);
    proxy.map(Some).map_err(|error| VariableError { name, problem: VariableProblem::Proxy(error) })
}

pub(super) fn exceptions(
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<Exceptions, VariableError> {
    let Some((name, value)) = first(variable, &EXCEPTIONS)? else {
        return Ok(Exceptions::default());
    };
    let list = value.parse();
    list.map_err(|error| VariableError { name, problem: VariableProblem::Exceptions(error) })
}

/// The first variable that is set and not empty, with its value.
fn first(
    variable: &impl Fn(&str) -> Option<OsString>,
    names: &[&'static str],
) -> Result<Option<(&'static str, String)>, VariableError> {
    let may_read = |name| name != FROM_CLIENTS || variable(OF_CGI).is_none();
    let set = |&name: &&'static str| {
        let value = variable(name).filter(|value| !value.is_empty() && may_read(name))?;
        Some((name, value))
    };
    let Some((name, value)) = names.iter().find_map(set) else { return Ok(None) };
    let value = value.into_string();
    let value = value.map_err(|_| VariableError { name, problem: VariableProblem::NotUnicode })?;
    Ok(Some((name, value)))
}

/// A variable of the environment has a value that is not valid. The error does not show the value of
/// a proxy, which can contain a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableError {
    name: &'static str,
    problem: VariableProblem,
}

/// The problem of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VariableProblem {
    /// Its value is not a proxy.
    Proxy(ProxyError),
    /// Its value is not a list of servers.
    Exceptions(ExceptionError),
    /// Its value is not Unicode.
    NotUnicode,
}

impl VariableError {
    /// The name of the variable.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The problem.
    pub fn problem(&self) -> &VariableProblem {
        &self.problem
    }
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {}: ", self.name)?;
        match &self.problem {
            VariableProblem::Proxy(error) => error.fmt(f),
            VariableProblem::Exceptions(error) => error.fmt(f),
            VariableProblem::NotUnicode => f.write_str("its value is not Unicode"),
        }
    }
}

impl Error for VariableError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            VariableProblem::Proxy(error) => Some(error),
            VariableProblem::Exceptions(error) => Some(error),
            VariableProblem::NotUnicode => None,
        }
    }
}
