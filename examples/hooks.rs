//! The five callbacks of the original packages. They are called for every connection, and a panic
//! in one of them does not end the session.

use std::error::Error;

use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Preset, connect,
    hooks::{Ending, Hooks},
};

fn main() -> Result<(), Box<dyn Error>> {
    // The panic below is intended.
    std::panic::set_hook(Box::new(|_| {}));

    let server = Server::echo()?;
    let supervisor = connect(server.url())?.preset(Preset::Original).build()?;
    let task = supervisor.handle();

    let hooks = Hooks::new()
        .on_open(|open| {
            println!("onOpen: connection {}", open.connection);
            let hello = format!("hello over connection {}", open.connection);
            if let Err(error) = task.try_queue(hello) {
                println!("not sent: {error}");
            }
        })
        .on_message(|message| {
            let text = message.as_text().unwrap_or_default();
            println!("onMessage: {text}");
            if text.ends_with('1') {
                server.cut();
                panic!("a fault of the application");
            }
            task.close();
        })
        .on_close(|ending| match ending {
            Ending::Connection(lost) => println!("onClose: {}", lost.cause),
            Ending::Session(closed) => println!("onClose, the last: {}", closed.reason),
            _ => {}
        })
        .on_error(|lost| println!("onError: {}", lost.cause))
        .on_reconnect(|retry| {
            println!("onReconnect: attempt {} in {:?}", retry.attempt, retry.delay)
        })
        .on_panic(|panic| println!("  {panic}; the session goes on"));
    let outcome = smol::block_on(hooks.run(supervisor));
    println!("{} panic", outcome.panics);
    Ok(())
}
