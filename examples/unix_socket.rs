//! A session over a Unix socket, with a server that restarts: it removes its socket and makes a new
//! one.

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    println!("skipped: this system has no Unix sockets");
}

#[cfg(unix)]
mod unix {
    use std::{
        env, error::Error, fs, os::unix::net::UnixListener, path::Path, process, thread,
        time::Duration,
    };

    use tungstenite::Message;
    use websocket_heartbeat_smol::{Event, Request, SmolTimer, SmolTransport, Supervisor};

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        // The path of a socket has at most some 100 bytes.
        let folder = env::temp_dir().join(format!("websocket-heartbeat-{}", process::id()));
        fs::create_dir(&folder)?;
        let echoed = run(&folder.join("server.socket"));
        fs::remove_dir_all(&folder)?;
        match echoed? {
            2 => Ok(()),
            echoed => Err(format!("{echoed} echoes").into()),
        }
    }

    fn run(path: &Path) -> Result<u32, Box<dyn Error>> {
        let server = path.to_owned();
        thread::spawn(move || serve(&server).unwrap_or_else(|error| panic!("{error}")));

        // The URL gives the `Host` and the path of the request. No name is resolved.
        let request = Request::new("ws://localhost/chat")?;
        let transport = SmolTransport::new(request).unix_socket(path);
        let mut session = Supervisor::builder(transport, SmolTimer::new())
            // Without a server, the program ends.
            .outage_limit(Duration::from_secs(20))
            .build()?;
        let handle = session.handle();
        smol::block_on(async {
            let mut echoed = 0;
            while let Some(event) = session.next().await {
                match event {
                    Event::Open(open) => {
                        println!("open, connection {}", open.connection);
                        handle.try_queue("hello")?;
                    }
                    Event::Message(message) => {
                        println!("echoed: {}", message.as_text().unwrap_or_default());
                        echoed += 1;
                        match echoed {
                            1 => handle.try_queue("restart")?,
                            _ => handle.close(),
                        }
                    }
                    // Also while there is no socket at the path, before and between its servers.
                    Event::Lost(lost) => println!("lost: {}", lost.cause),
                    Event::Closed(closed) => println!("{}", closed.reason),
                    _ => {}
                }
            }
            Ok(echoed)
        })
    }

    /// A server for one client at a time. It restarts on request.
    fn serve(path: &Path) -> Result<(), Box<dyn Error>> {
        loop {
            let (stream, _) = UnixListener::bind(path)?.accept()?;
            let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
            // An error is the end of the connection.
            while let Ok(message) = socket.read() {
                match message {
                    Message::Text(text) if text == "restart" => break,
                    Message::Text(text) => socket.send(Message::Text(text))?,
                    _ => {}
                }
            }
            // Closing a listener leaves its socket in the file system.
            fs::remove_file(path)?;
        }
    }
}
