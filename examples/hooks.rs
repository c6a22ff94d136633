//! The five callbacks of the original packages. They are called for every connection, and a panic
//! in one of them does not end the session.

use std::error::Error;

use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Handle, Lost, Message, Open, Preset, Retry, connect,
    hooks::{self, Ending, Hooks, Panic},
};

struct App {
    handle: Handle,
    server: Server,
}

impl Hooks for App {
    fn on_open(&mut self, open: &Open) {
        println!("onOpen: connection {}", open.connection);
        let hello = format!("hello over connection {}", open.connection);
        if let Err(error) = self.handle.try_queue(hello) {
            println!("not sent: {error}");
        }
    }

    fn on_message(&mut self, message: Message) {
        let text = message.as_text().unwrap_or_default();
        println!("onMessage: {text}");
        if text.ends_with('1') {
            self.server.cut();
            panic!("a fault of the application");
        }
        self.handle.close();
    }

    fn on_close(&mut self, ending: Ending<'_>) {
        match ending {
            Ending::Connection(lost) => println!("onClose: {}", lost.cause),
            Ending::Session(closed) => println!("onClose, the last: {}", closed.reason),
            _ => {}
        }
    }

    fn on_error(&mut self, lost: &Lost) {
        println!("onError: {}", lost.cause);
    }

    fn on_reconnect(&mut self, retry: &Retry) {
        println!("onReconnect: attempt {} in {:?}", retry.attempt, retry.delay);
    }

    fn on_panic(&mut self, panic: Panic) {
        println!("  {panic}; the session continues");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // The panic above is intended.
    std::panic::set_hook(Box::new(|_| {}));

    let server = Server::echo()?;
    let supervisor = connect(server.url())?.preset(Preset::Original).build()?;
    let app = App { handle: supervisor.handle(), server };
    let outcome = smol::block_on(hooks::run(supervisor, app));
    println!("{} panic", outcome.panics);
    Ok(())
}
