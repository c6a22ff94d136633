//! `wsbeat report`: a page about one or more records of sessions.

mod axis;
mod chart;
mod escape;
mod page;
mod reader;
mod summary;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::reader::Record;
use crate::{
    exit::{FAILURE, USAGE, fail, print},
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
    if let Err(message) = check(args) {
        return fail(USAGE, &message);
    }
    let records: Result<Vec<Record>, String> = args.records.iter().map(|path| read(path)).collect();
    let page = match records {
        Ok(records) => page::html(&records),
        Err(message) => return fail(FAILURE, &message),
    };
    let Some(path) = &args.output else { return print(page.as_bytes()) };
    match std::fs::write(path, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(
            FAILURE,
            &format!(
                "the page cannot be written ({}); name a file that you can write",
                write_problem(&error)
            ),
        ),
    }
}

/// Refuses a page that would replace its record, and a second reading of standard input.
fn check(args: &Args) -> Result<(), &'static str> {
    let is_input = |path: &&PathBuf| path.as_path() == Path::new("-");
    if args.records.iter().filter(is_input).count() > 1 {
        return Err("standard input (-) can be only one of the records; leave the others out");
    }
    // A file that does not exist has no canonical path.
    let page = args.output.as_ref().and_then(|path| path.canonicalize().ok());
    let is_page = |path: &PathBuf| page.is_some() && path.canonicalize().ok() == page;
    if args.records.iter().any(is_page) {
        return Err("the page would replace the record; name another file with -o");
    }
    Ok(())
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
