//! `wsbeat connect`: one session between standard input and standard output.

mod close_frame;
mod closing;
mod ending;
mod exchange;
mod hooks;
mod input;
mod output;
mod signals;
mod subscribe;
#[cfg(feature = "tui")]
mod tui;
mod until;

use std::{panic, process::ExitCode};

use futures::executor::block_on;
use websocket_heartbeat_smol::SmolTimer;

use self::{
    close_frame::CloseFrameOptions,
    closing::Closer,
    exchange::Exchange,
    hooks::HookOptions,
    input::InputOptions,
    output::{OutputOptions, Parts, Report, Screen},
    subscribe::SubscribeOptions,
    until::UntilOptions,
};
use crate::{
    exit::{FAILURE, USAGE, fail, warn},
    server::Server,
    session::{Heartbeats, Session, SessionOptions},
    usage::UsageError,
};

/// Keep a WebSocket connection open
///
/// Each line of standard input is sent as a text message. Messages of the server are printed on
/// standard output, and events of the connection on standard error. After each loss, also a silent
/// one, wsbeat reconnects. The end of standard input does not end the session without
/// --close-on-eof.
///
/// In a file or a pipe, each text message is one line without changes; --in and --out set other
/// formats, also for binary messages. On a terminal, each message begins with "< ", its further rows
/// are indented, and control characters are shown as escapes (\u{1b}), so that a server cannot
/// control the terminal.
#[derive(clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    session: SessionOptions,
    #[command(flatten)]
    subscribe: SubscribeOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    output: OutputOptions,
    #[command(flatten)]
    until: UntilOptions,
    #[command(flatten)]
    close_frame: CloseFrameOptions,
    #[command(flatten)]
    hooks: HookOptions,
    #[command(flatten)]
    server: Server,
}

impl Args {
    /// Refuses options that contradict each other and options without effect.
    fn check_options(&self) -> Result<(), UsageError> {
        self.session.check()?;
        self.input.check()?;
        self.until.check()
    }

    /// All checks of [`run`].
    #[cfg(test)]
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        self.check_options()?;
        self.server.transport(SmolTimer::new()).map(drop)
    }
}

const AFTER_HELP: &str = include_str!("after_help.txt");

/// Runs a session to its end.
pub(crate) fn run(args: &Args, timer: SmolTimer) -> Result<ExitCode, UsageError> {
    args.check_options()?;
    let transport = args.server.transport(timer.clone())?;
    let notes = transport.notes().to_vec();
    notes.iter().for_each(|note| warn(note));
    let supervisor = match args.session.supervisor(transport, timer.clone()) {
        Ok(supervisor) => supervisor,
        Err(error) => return Ok(fail(USAGE, &error)),
    };
    args.subscribe.register(&supervisor.handle())?;
    #[cfg(feature = "tui")]
    if args.output.is_tui() {
        return Ok(tui::run(
            supervisor,
            args.server.name(),
            &notes,
            args.close_frame.frame(),
            timer,
        ));
    }
    let parts =
        Parts { editor: args.input.has_lines(), footer: args.output.shows_footer(), whole: false };
    let screen = Screen::new(supervisor.handle(), timer.clone(), parts);
    let report = Report::new(timer.clone(), &args.output, screen.clone())?;
    let heartbeats = match args.output.shows_probes() {
        true => Heartbeats::SentAndAnswered,
        false => Heartbeats::Answered,
    };
    let started = Session::start(supervisor, heartbeats).and_then(|(session, handle)| {
        let closer = Closer::new(handle.clone(), args.close_frame.frame());
        let requests = signals::watch(closer.clone(), timer.clone(), screen.clone())?;
        restore_at_panics(screen.clone());
        Exchange::new(args, timer, report, session, handle, closer, requests)
    });
    Ok(match started {
        Ok(exchange) => block_on(exchange.run()),
        Err(error) => fail(FAILURE, &format!("the session cannot start: {error}")),
    })
}

/// Restores the terminal before the message of a panic is printed.
fn restore_at_panics(screen: Screen) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        screen.restore();
        print(info);
    }));
}
