//! Secrets, which stand in files or in the environment: [`Secret`], [`Source`].

use std::{env, fmt, fs::File, io, io::Read};

use serde_json::{Value, json};

use super::template;

/// A secret: where it stands. Its value is read when it is used, and is never a part of the
/// configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// The content of this file. A relative path begins at the working directory of the worker.
    File(String),
    /// The value of this variable of the environment.
    Env(String),
}

/// A text that may be secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// The text itself. `Debug` shows its length only, because a URL or a header can have a token.
    Plain(String),
    /// A text that is read when it is used.
    Secret(Secret),
}

/// The reason why a secret cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read.
    File {
        /// Its path.
        path: String,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The variable is not set.
    Unset(String),
    /// The value has nothing but a line break.
    Empty(Secret),
    /// The value is not UTF-8.
    Encoding(Secret),
    /// The file is larger than [`Secret::LARGEST`].
    TooLarge(Secret),
}

impl Secret {
    /// The largest secret, in bytes: 1 MiB. A larger file is not the file that was meant.
    pub const LARGEST: u64 = 1 << 20;

    /// Reads the value. One line break at its end is left out, since editors add it.
    ///
    /// # Errors
    ///
    /// If there is no value, or if it is not UTF-8. The error says which file or variable.
    pub fn read(&self) -> Result<String, SecretError> {
        let bytes = match self {
            Self::File(path) => {
                let failed =
                    |error: io::Error| SecretError::File { path: path.clone(), kind: error.kind() };
                let mut bytes = Vec::new();
                let file = File::open(path).map_err(failed)?;
                file.take(Self::LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
                bytes
            }
            Self::Env(name) => {
                // These names are no names of variables, and would panic.
                let valid = !name.is_empty() && !name.contains(['=', '\0']);
                let value = env::var_os(name).filter(|_| valid);
                value.ok_or_else(|| SecretError::Unset(name.clone()))?.into_encoded_bytes()
            }
        };
        if bytes.len() as u64 > Self::LARGEST {
            return Err(SecretError::TooLarge(self.clone()));
        }
        let mut text = String::from_utf8(bytes).map_err(|_| SecretError::Encoding(self.clone()))?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        if text.is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(text)
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::File(path) => json!({ "file": path }),
            Self::Env(name) => json!({ "env": name }),
        }
    }
}

impl Source {
    /// The text, which is read if it is a secret.
    ///
    /// # Errors
    ///
    /// Those of [`Secret::read`].
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Secret(secret) => secret.read(),
        }
    }

    /// The secret, if it is one.
    #[must_use]
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(secret) => Some(secret),
        }
    }

    /// The text, the path or the name of the variable.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Secret(Secret::File(text) | Secret::Env(text)) => text,
        }
    }

    /// The source of the subscription with this name: of the text, the path or the variable.
    pub(super) fn named(&self, name: &str) -> Self {
        let fill = |text: &String| template::fill_name(text, name);
        match self {
            Self::Plain(text) => Self::Plain(fill(text)),
            Self::Secret(Secret::File(path)) => Self::Secret(Secret::File(fill(path))),
            Self::Secret(Secret::Env(variable)) => Self::Secret(Secret::Env(fill(variable))),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Plain(text) => json!(text),
            Self::Secret(secret) => secret.to_value(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "Plain({} bytes)", text.len()),
            Self::Secret(secret) => write!(f, "{secret:?}"),
        }
    }
}

/// For example ``the file `/run/token` ``.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file `{}`", path.escape_debug()),
            Self::Env(name) => write!(f, "the variable `{}`", name.escape_debug()),
        }
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, kind } => {
                let path = path.escape_debug();
                write!(f, "the file `{path}` cannot be read ({kind})")
            }
            Self::Unset(name) => write!(f, "the variable `{}` is not set", name.escape_debug()),
            Self::Empty(secret) => write!(f, "{secret} is empty"),
            Self::Encoding(secret) => write!(f, "{secret} is not UTF-8"),
            Self::TooLarge(secret) => write!(f, "{secret} has more than 1 MiB"),
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Writes a file for this test. Returns its path.
    fn file(name: &str, content: &[u8]) -> String {
        let path = env::temp_dir().join(format!("wsbeat-secret-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn read(name: &str, content: &[u8]) -> Result<String, SecretError> {
        let path = file(name, content);
        let result = Secret::File(path.clone()).read();
        fs::remove_file(path).unwrap();
        result
    }

    #[test]
    fn one_line_break_at_the_end_is_left_out() {
        assert_eq!(read("a", b" token\n").unwrap(), " token");
        assert_eq!(read("b", b"token\r\n").unwrap(), "token");
        assert_eq!(read("c", b"token\n\n").unwrap(), "token\n");
        assert_eq!(read("d", b"token").unwrap(), "token");
    }

    #[test]
    fn the_error_names_the_file_or_the_variable_and_no_value() {
        let error = Secret::File("/nowhere/token".into()).read().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file `/nowhere/token` cannot be read (entity not found)"
        );
        let error = Secret::Env("WSBEAT_NO_SUCH_VARIABLE".into()).read().unwrap_err();
        assert_eq!(error.to_string(), "the variable `WSBEAT_NO_SUCH_VARIABLE` is not set");
        for name in ["", "A=B", "A\0B"] {
            assert_eq!(Secret::Env(name.into()).read(), Err(SecretError::Unset(name.into())));
        }
        assert!(matches!(read("e", b"\n"), Err(SecretError::Empty(_))));
        let error = read("f", b"s3cret\xff").unwrap_err();
        assert!(
            error.to_string().ends_with("is not UTF-8") && !format!("{error:?}").contains("s3")
        );
        let large = vec![b'x'; Secret::LARGEST as usize + 1];
        assert!(matches!(read("g", &large), Err(SecretError::TooLarge(_))));
    }

    #[test]
    fn a_variable_is_read() {
        // Cargo sets it for each test.
        let name = Secret::Env("CARGO_PKG_NAME".into());
        assert_eq!(name.read().unwrap(), "wsbeat-relay");
    }

    #[test]
    fn debug_shows_no_value() {
        let url = Source::Plain("wss://example.org/?token=abc".into());
        assert_eq!(format!("{url:?}"), "Plain(28 bytes)");
        let secret = Source::Secret(Secret::Env("TOKEN".into()));
        assert_eq!(format!("{secret:?}"), r#"Env("TOKEN")"#);
    }
}
