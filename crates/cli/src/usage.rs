//! Wrong arguments in one sentence: the error and the remedy.

use std::{error::Error as _, ffi::OsString, fmt, io};

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

/// One sentence: the error and the remedy. It contains no URL and no header value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// The sentence for an error of clap. The texts of clap quote values, which may be secret.
/// `definition` is that of all commands.
pub(crate) fn explain(error: &Error, args: &[OsString], definition: &Command) -> UsageError {
    let name = |kind| text(error, kind).map(option_name);
    let command = args.first().and_then(|first| definition.find_subcommand(first));
    let help = match command {
        Some(command) => format!("wsbeat {} --help", command.get_name()),
        None => "wsbeat --help".to_owned(),
    };
    UsageError(match error.kind() {
        ErrorKind::UnknownArgument => match name(ContextKind::InvalidArg) {
            Some(option) if option.starts_with('-') => {
                match text(error, ContextKind::SuggestedArg) {
                    Some(near) => {
                        format!("the option {option} is unknown; did you mean {near}?")
                    }
                    None => match owner(&option, definition).filter(|_| command.is_none()) {
                        Some(owner) => format!(
                            "{option} is an option of wsbeat {owner}; write wsbeat {owner} \
                             {option}, or see wsbeat {owner} --help"
                        ),
                        None => format!("the option {option} is unknown; see {help}"),
                    },
                }
            }
            _ => format!("there are too many arguments; see {help}"),
        },
        ErrorKind::InvalidSubcommand => unknown_command(error, args),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no command is given; run wsbeat demo, wsbeat connect URL or wsbeat --help".to_owned()
        }
        ErrorKind::InvalidValue => {
            let option = name(ContextKind::InvalidArg).unwrap_or_default();
            let values = list(error, ContextKind::ValidValue);
            match (text(error, ContextKind::InvalidValue), values.is_empty()) {
                (None | Some(""), true) => format!("{option} needs a value; see {help}"),
                _ => {
                    let mut message = format!("{} must be {}", plain(&option), or(&values));
                    if let Some(near) = text(error, ContextKind::SuggestedValue) {
                        message += &format!("; did you mean {near}?");
                    }
                    message
                }
            }
        }
        ErrorKind::ValueValidation => {
            let option = plain(&name(ContextKind::InvalidArg).unwrap_or_default());
            let reason = error.source().map_or_else(String::new, ToString::to_string);
            format!("{option}: {reason}")
        }
        ErrorKind::TooManyValues => {
            let option = name(ContextKind::InvalidArg).unwrap_or_default();
            format!("{option} takes no value; write {option} alone")
        }
        ErrorKind::MissingRequiredArgument => {
            let missing = list(error, ContextKind::InvalidArg);
            match missing.first().map(String::as_str) {
                Some("<URL>") => {
                    "no URL is given; write one, for example ws://127.0.0.1:8080".to_owned()
                }
                // The options have no other requirements.
                Some(name) if name.starts_with('-') => {
                    format!("another option has no effect without {}; add it", plain(name))
                }
                // The only group.
                Some(name) if name.contains('|') => {
                    format!("--faulty has no effect without a fault; add one, see {help}")
                }
                Some(name) => format!("{} is missing; see {help}", plain(name)),
                None => format!("an argument is missing; see {help}"),
            }
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (name(ContextKind::InvalidArg), name(ContextKind::PriorArg));
            let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
            format!("{one} contradicts {other}; leave one out")
        }
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8; write it in UTF-8".to_owned(),
        _ => format!("the arguments are wrong; see {help}"),
    })
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        // Suggestions: the nearest is the last.
        ContextValue::Strings(texts) => texts.last().map(String::as_str),
        _ => None,
    }
}

fn list(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// `--name` of `--name <VALUE>`, of `-n, --name <VALUE>` and of `--name=value`.
fn option_name(shown: &str) -> String {
    let end = shown.find([' ', '=']).unwrap_or(shown.len());
    shown[..end].to_owned()
}

/// A name of the usage without its brackets, which mean that it is not literal.
fn plain(shown: &str) -> String {
    let ends = shown.trim_end_matches('.');
    ends.replace(['<', '>'], "").trim_matches(['[', ']']).to_owned()
}

/// The reason why a file cannot be used, without the number of the error.
pub(crate) fn file_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "wsbeat has no permission".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
        kind => kind.to_string(),
    }
}

/// The reason why a file cannot be written.
pub(crate) fn write_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
        _ => file_problem(error),
    }
}

/// `a`, `a or b`, `a, b or c`.
fn or(values: &[String]) -> String {
    match values {
        [] => "another value".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The command that has the option.
fn owner<'a>(option: &str, definition: &'a Command) -> Option<&'a str> {
    let has = |command: &&Command| command.get_arguments().any(|arg| is_named(arg, option));
    definition.get_subcommands().find(has).map(Command::get_name)
}

fn is_named(argument: &Arg, option: &str) -> bool {
    let long = argument.get_long().map(|name| format!("--{name}"));
    let short = argument.get_short().map(|name| format!("-{name}"));
    [long, short].into_iter().flatten().any(|name| name == option)
}

fn unknown_command(error: &Error, args: &[OsString]) -> String {
    if let Some(near) = text(error, ContextKind::SuggestedSubcommand) {
        return format!("the command is unknown; did you mean wsbeat {near}?");
    }
    let is_url = |arg: &OsString| arg.to_str().is_some_and(|arg| arg.contains("://"));
    match args.first().is_some_and(is_url) {
        true => "a URL needs a command before it; write wsbeat connect URL".to_owned(),
        false => "the command is unknown; see wsbeat --help".to_owned(),
    }
}
