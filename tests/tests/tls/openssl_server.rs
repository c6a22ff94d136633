//! A server in Python, whose `ssl` is OpenSSL.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use websocket_heartbeat_tests::{Report, SkipReason};

use crate::{
    authority::file,
    server::{Opened, Server, Settings, Versions, missing},
};

pub(crate) fn start(settings: &Settings<'_>) -> Result<Server, SkipReason> {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/python_tls.py"));
    // They are removed after the server has read them.
    let files = [&settings.identity.chain, &settings.identity.key].map(|pem| file(pem));
    command.arg("--chain").arg(&files[0]).arg("--key").arg(&files[1]);
    command.arg("--alpn").arg(settings.alpn.join(","));
    command.arg("--version").arg(match settings.versions {
        Versions::All => "all",
        Versions::Only12 => "1.2",
        Versions::Only11 => "1.1",
    });
    let client_authority = settings.client_authority.map(file);
    if let Some(authority) = &client_authority {
        command.arg("--client-authority").arg(authority);
    }
    if settings.cuts {
        command.arg("--cut");
    }
    // The server ends when its input is closed, which is kept in the child.
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| missing("python3", &error))?;
    let output = BufReader::new(process.stdout.take().expect("a pipe"));
    let mut reports = output.lines().map_while(|line| Report::parse(&line.ok()?));
    let listening = reports.next().expect("Python's TLS server listens");
    let (opened, receiver) = mpsc::channel();
    thread::spawn(move || {
        for report in reports.filter(|report| report.kind() == "open") {
            let text = |field| report.text(field).to_owned();
            // Fails only after the test.
            let _ = opened.send(Opened {
                version: text("version"),
                alpn: text("alpn"),
                resumed: text("resumed") == "True",
                client: text("client"),
                name: text("name"),
            });
        }
    });
    let port = listening.number("port").try_into().expect("a port");
    Ok(Server { port, opened: receiver, process: Some(process) })
}
