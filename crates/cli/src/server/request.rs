//! The request of the upgrade.

use std::path::PathBuf;

use clap::Args;
use websocket_heartbeat_smol::{Request, RequestError};

use super::secrets::{Source, split};
use crate::usage::UsageError;

#[derive(Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestOptions {
    /// A header field, or @FILE; may be repeated
    ///
    /// {env:NAME} in the value stands for the environment variable NAME: a secret must not be an
    /// argument, which other users can see. Write -H 'Authorization: Bearer {env:TOKEN}'. -H @FILE is
    /// the same as --header-file FILE.
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'", value_parser = header)]
    headers: Vec<Header>,
    /// A subprotocol to offer; may be repeated
    #[arg(long = "subprotocol", value_name = "NAME")]
    subprotocols: Vec<String>,
}

/// The value of `-H`.
#[derive(Clone)]
enum Header {
    Field(String, String),
    File(PathBuf),
}

impl RequestOptions {
    /// The request with the fields that are the same in each attempt.
    pub(super) fn request(&self, url: &str) -> Result<Request, UsageError> {
        let mut request = Request::new(url).map_err(|error| explain(&error))?;
        for header in &self.headers {
            if let Header::Field(name, value) = header {
                let value = filled_in(value, |name| std::env::var_os(name))?;
                request = request.header(name, value).map_err(|error| explain(&error))?;
            }
        }
        for name in &self.subprotocols {
            request = request.subprotocol(name).map_err(|error| explain(&error))?;
        }
        Ok(request)
    }

    /// The files of `-H @FILE`.
    pub(super) fn files(&self) -> impl Iterator<Item = Source> {
        self.headers.iter().filter_map(|header| match header {
            Header::File(path) => Some(Source::File(path.clone())),
            Header::Field(..) => None,
        })
    }
}

fn header(field: &str) -> Result<Header, String> {
    if let Some(path) = field.strip_prefix('@') {
        return match path {
            "" => Err("there is no file after @; write -H @FILE".to_owned()),
            path => Ok(Header::File(path.into())),
        };
    }
    match split(field) {
        Some((name, value)) => Ok(Header::Field(name.to_owned(), value.to_owned())),
        None => Err("there is no colon; write -H 'Name: value'".to_owned()),
    }
}

/// The value with the contents of the variables of the environment that it names as `{env:NAME}`.
fn filled_in(
    value: &str,
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
) -> Result<String, UsageError> {
    let (mut filled, mut rest) = (String::new(), value);
    while let Some((before, after)) = rest.split_once("{env:") {
        let name = after.split_once('}').filter(|(name, _)| is_variable(name));
        filled += before;
        let Some((name, after)) = name else {
            // Ordinary text, which only begins in the same way.
            filled += "{env:";
            rest = after;
            continue;
        };
        let content = variable(name).ok_or_else(|| {
            UsageError(format!(
                "--header: the environment variable {name} is not set; set it in the environment of \
                 wsbeat"
            ))
        })?;
        filled += content.to_str().map(str::trim_end).ok_or_else(|| {
            UsageError(format!(
                "--header: the environment variable {name} is not valid UTF-8; correct its value"
            ))
        })?;
        rest = after;
    }
    Ok(filled + rest)
}

/// Whether this is a name in the portable form of POSIX.
fn is_variable(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(is_part) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn explain(error: &RequestError) -> UsageError {
    let remedy = match error {
        RequestError::Scheme => {
            return UsageError::new(
                "the URL does not begin with ws:// or wss://; write it as ws://host:port/path or \
                 wss://host/path",
            );
        }
        RequestError::Malformed | RequestError::Host => {
            "write it as ws://host:port/path or wss://host/path"
        }
        RequestError::HostCharacter | RequestError::HostLength => "correct the host",
        RequestError::Port => "correct the port",
        RequestError::Fragment | RequestError::HeaderReserved(_) => "leave it out",
        RequestError::HeaderValue(_) => "remove control characters from the value",
        RequestError::Subprotocol => "use letters, digits, and for example - or .",
        RequestError::SubprotocolTwice => "leave one out",
        RequestError::TlsMissing => {
            return UsageError::new(
                "wss:// needs TLS and this wsbeat is built without it; \
                 build it with the feature rustls",
            );
        }
        // The text before the colon may be a secret value.
        RequestError::HeaderName => {
            return UsageError::new(
                "--header: the name before the colon is missing or not valid; write -H 'Name: value'",
            );
        }
        _ => "see wsbeat connect --help",
    };
    UsageError(format!("{error}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(value: &str) -> Result<String, String> {
        let variable = |name: &str| match name {
            "TOKEN" => Some("hush\n".into()),
            "_E2" => Some("{env:TOKEN}".into()),
            _ => None,
        };
        filled_in(value, variable).map_err(|error| error.0)
    }

    #[test]
    fn variables_of_the_environment_are_filled_in() {
        for (value, wanted) in [
            ("plain", "plain"),
            ("Bearer {env:TOKEN}", "Bearer hush"),
            ("{env:TOKEN}.{env:_E2}.x", "hush.{env:TOKEN}.x"),
            // Ordinary values that only look alike.
            ("env:TOKEN", "env:TOKEN"),
            ("{env:}", "{env:}"),
            ("{env: TOKEN}", "{env: TOKEN}"),
            ("{env:2}{env:TOKEN", "{env:2}{env:TOKEN"),
            (r#"{"env":"TOKEN"}"#, r#"{"env":"TOKEN"}"#),
        ] {
            assert_eq!(filled(value).unwrap(), wanted);
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_an_error() {
        let error = "--header: the environment variable NONE is not set; set it in the environment of \
                     wsbeat";
        assert_eq!(filled("x {env:NONE}").unwrap_err(), error);
    }
}
