//! `wsbeat report`: a page about one or more records of sessions.

mod axis;
mod chart;
mod escape;
mod page;
mod reader;
mod summary;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::reader::Record;
use crate::{
    exit::{FAILURE, USAGE, fail},
    usage::{file_problem, write_problem},
};

/// Make a page about records of sessions
///
/// A record is the output of wsbeat connect --json, or a file of --record. The page is one HTML file
/// that needs no network. It shows connections, outages, attempts, round trips and causes on a common
/// time axis, and the messages that were not sent or not proven. It shows no content of messages.
///
///   wsbeat connect wss://example.org/feed --json >feed.jsonl
///   wsbeat report feed.jsonl -o feed.html
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The records; - is standard input
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// The file of the page [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Reads the records and writes the page.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.output.is_none() && io::stdout().is_terminal() {
        return fail(USAGE, &"the page would be written to the terminal; add -o FILE");
    }
    let records: Result<Vec<Record>, String> = args.records.iter().map(|path| read(path)).collect();
    let page = match records {
        Ok(records) => page::html(&records),
        Err(message) => return fail(FAILURE, &message),
    };
    let written = match &args.output {
        Some(path) => std::fs::write(path, page),
        None => io::stdout().write_all(page.as_bytes()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // The reader closed the pipe, so it does not need the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(
            FAILURE,
            &format!(
                "the page cannot be written ({}); name a file that you can write",
                write_problem(&error)
            ),
        ),
    }
}

fn read(path: &Path) -> Result<Record, String> {
    let (name, input): (String, Box<dyn BufRead>) = if path == Path::new("-") {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        (name, Box::new(BufReader::new(file)))
    };
    let record = reader::read(name.clone(), input).map_err(|error| unreadable(&name, &error))?;
    if record.sessions.is_empty() {
        return Err(format!(
            "{name} has no events of wsbeat; make a record with wsbeat connect URL --json"
        ));
    }
    Ok(record)
}

fn unreadable(name: &str, error: &io::Error) -> String {
    format!("the record {name} cannot be read ({}); check the path", file_problem(error))
}

#[cfg(test)]
mod tests;
