//! Secrets that are not arguments: header fields and passwords from files and commands. They are read
//! again at each attempt, so that a token can be renewed while the session runs.

mod command;
mod error;

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use blocking::unblock;
use clap::Args;
use data_encoding::BASE64;
use websocket_heartbeat_smol::Request;

pub(super) use self::error::SecretError;
use self::error::{LARGEST, Problem};
use crate::{usage::UsageError, values};

#[derive(Args)]
#[command(next_help_heading = "Secrets")]
pub(super) struct SecretOptions {
    /// A file of header fields, one on each line; may be repeated
    ///
    /// Each line is NAME: VALUE. Empty lines and lines that begin with # are skipped. The file is read
    /// again at each attempt, so that a token can be renewed.
    #[arg(long = "header-file", value_name = "FILE")]
    header_files: Vec<PathBuf>,
    /// A shell command that prints header fields; may be repeated
    ///
    /// Its output is as in --header-file. It runs again at each attempt, and is killed if it takes nearly
    /// all the time of the attempt.
    #[arg(long = "header-cmd", value_name = "COMMAND", value_parser = values::command)]
    header_commands: Vec<String>,
    /// A file with user:password for Basic authentication
    ///
    /// It replaces user and password in the URL, and is read again at each attempt.
    #[arg(long, value_name = "FILE")]
    basic_auth_file: Option<PathBuf>,
}

/// Where header fields are read from at each attempt.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Command(String),
    BasicAuth(PathBuf),
}

impl SecretOptions {
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        let files = self.header_files.iter().cloned().map(Source::File);
        let commands = self.header_commands.iter().cloned().map(Source::Command);
        files.chain(commands).chain(self.basic_auth_file.clone().map(Source::BasicAuth))
    }
}

/// Refuses files that cannot be read again.
pub(super) fn check(sources: &[Source]) -> Result<(), UsageError> {
    for source in sources {
        if let Source::File(path) | Source::BasicAuth(path) = source {
            check_file(path)?;
        }
    }
    Ok(())
}

/// Refuses a file that cannot be read again. A file that does not exist may be made later.
pub(super) fn check_file(path: &Path) -> Result<(), UsageError> {
    match path.metadata() {
        Ok(data) if data.is_file() => Ok(()),
        Err(_) if path == Path::new("-") => Err(UsageError::new(
            "- is not a file, since standard input has the messages; write a file",
        )),
        Err(_) => Ok(()),
        Ok(_) => Err(UsageError(format!(
            "{} is not a regular file, and wsbeat reads it again at each attempt; write the path of \
             a file, or use --header-cmd",
            path.display()
        ))),
    }
}

/// The request with the fields of all sources. A command has this time.
pub(super) async fn add(
    mut request: Request,
    sources: &[Source],
    time: Option<Duration>,
) -> Result<Request, SecretError> {
    for source in sources {
        let failed = |problem| SecretError { place: place(source), problem };
        request = match source {
            Source::File(path) => {
                let text = read(path.clone()).await.map_err(failed)?;
                fields(request, &text).map_err(failed)?
            }
            Source::Command(command) => {
                let output = command::output(command, time).await.map_err(failed)?;
                let text = String::from_utf8(output).map_err(|_| failed(Problem::NotUtf8))?;
                fields(request, &text).map_err(failed)?
            }
            Source::BasicAuth(path) => {
                let text = read(path.clone()).await.map_err(failed)?;
                let (user, password) = credentials(&text).map_err(failed)?;
                let value =
                    format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()));
                let added = request.header("Authorization", value);
                added.map_err(|error| failed(Problem::Field(1, error)))?
            }
        };
    }
    Ok(request)
}

/// User and password from a file.
pub(super) async fn credentials_of(path: &Path) -> Result<(String, String), SecretError> {
    let read = read(path.to_owned()).await;
    read.and_then(|text| credentials(&text))
        .map_err(|problem| SecretError { place: format!("the file {}", path.display()), problem })
}

fn place(source: &Source) -> String {
    match source {
        Source::File(path) | Source::BasicAuth(path) => format!("the file {}", path.display()),
        Source::Command(_) => "the command of --header-cmd".to_owned(),
    }
}

/// The first line of a file, as `user:password`.
fn credentials(text: &str) -> Result<(String, String), Problem> {
    let line = text.lines().next().unwrap_or_default();
    let (user, password) = line.split_once(':').ok_or(Problem::NoPassword)?;
    Ok((user.to_owned(), password.to_owned()))
}

/// The request with the fields of a text.
fn fields(mut request: Request, text: &str) -> Result<Request, Problem> {
    let lines = (1..).zip(text.lines());
    let mut any = false;
    for (number, line) in lines.filter(|(_, line)| !is_skipped(line)) {
        let (name, value) = split(line).ok_or(Problem::NoColon(number))?;
        request = request.header(name, value).map_err(|error| Problem::Field(number, error))?;
        any = true;
    }
    // An attempt without the expected fields could lock an account, or connect as somebody else.
    if any { Ok(request) } else { Err(Problem::Empty) }
}

/// The name and the value of a header field.
pub(super) fn split(field: &str) -> Option<(&str, &str)> {
    field.split_once(':').map(|(name, value)| (name.trim(), value.trim()))
}

fn is_skipped(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

async fn read(path: PathBuf) -> Result<String, Problem> {
    let bytes = unblock(move || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.await.map_err(|error: io::Error| Problem::Read(error.kind()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| Problem::NotUtf8)
}
