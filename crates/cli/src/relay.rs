//! `wsbeat relay`: starts the program `wsbeat-relay`, which is a package of its own.

use std::{env::consts::EXE_SUFFIX, ffi::OsString, io, path::PathBuf, process::Command};

use crate::exit::{FAILURE, MISSING, fail};

/// Share subscriptions between machines, by the program wsbeat-relay
///
/// Workers on several machines share WebSocket subscriptions through NATS JetStream: each
/// subscription has an owner, another worker takes over when it dies, and every gap is recorded.
///
/// All arguments go to the program wsbeat-relay: wsbeat relay --help lists its commands, and wsbeat
/// relay demo shows them. wsbeat looks for the program in its own folder, then on PATH. To install it:
///
///   cargo install wsbeat-relay
///
/// The exit code is that of wsbeat-relay, or 127 if there is no such program.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, disable_help_flag = true)]
pub(crate) struct Args {
    /// The arguments of wsbeat-relay
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Starts the program, and returns its exit code. On Unix, the program takes the place of this one, so it
/// gets the signals of a supervisor.
pub(crate) fn run(args: &Args) -> std::process::ExitCode {
    let mut command = Command::new(program());
    command.args(&args.args);
    match replace(command) {
        Ok(code) => code.into(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = "the program wsbeat-relay is neither beside wsbeat nor on PATH; install it \
                        with cargo install wsbeat-relay";
            fail(MISSING, &text)
        }
        Err(error) => fail(FAILURE, &format_args!("wsbeat-relay cannot be started: {error}")),
    }
}

/// The program beside this one, else its name, which is looked up on PATH.
fn program() -> PathBuf {
    let name = format!("wsbeat-relay{EXE_SUFFIX}");
    let beside = std::env::current_exe().map(|own| own.with_file_name(&name));
    beside.ok().filter(|path| path.is_file()).unwrap_or_else(|| name.into())
}

#[cfg(unix)]
fn replace(mut command: Command) -> io::Result<u8> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> io::Result<u8> {
    let code = command.status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILURE))
}
