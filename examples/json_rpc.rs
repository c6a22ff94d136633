//! JSON-RPC 2.0: calls with results and errors, notifications from the server, and a server that
//! crashes during two calls. The idempotent call is sent again; the other fails with its fate.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future;
use serde::Deserialize;
use serde_json::{Value, json};
use websocket_heartbeat_examples::Server;
use websocket_heartbeat_smol::{
    Event, Message, SmolTimer,
    calls::{Answer, CallEvent, CallFailure, CallSettings, Caller, Calls, RequestFate},
    connect,
};

struct Request {
    method: &'static str,
    params: Value,
}

/// An error of the server (JSON-RPC 2.0, section 5.1).
#[derive(Debug, Deserialize)]
struct RpcError {
    code: i64,
    message: String,
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl Error for RpcError {}

type RpcResult = Result<Value, RpcError>;
type Client = Caller<Request, RpcResult>;

/// The whole protocol.
fn json_rpc() -> CallSettings<Request, RpcResult> {
    CallSettings::new(
        |id, Request { method, params }: &Request| {
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
                .to_string()
                .into()
        },
        |message| {
            let mut answer: Value = serde_json::from_slice(message.as_bytes()).ok()?;
            // Notifications have no id, and requests of the server have a method.
            let id = answer["id"].as_u64().filter(|_| answer.get("method").is_none())?;
            let result = match answer.get_mut("error").map(Value::take) {
                Some(error) => Err(serde_json::from_value(error).ok()?),
                None => Ok(answer["result"].take()),
            };
            Some(Answer::new(id, result))
        },
    )
}

async fn run(client: Client) -> Result<(), Box<dyn Error>> {
    let call = |method, params| client.call(Request { method, params });
    println!("2 + 3 = {}", call("add", json!([2, 3])).await??);
    println!("subscribed: {}", call("subscribe", json!(["prices"])).await??);

    let (unknown, sum) = future::join(call("guess", json!([])), call("add", json!([20, 22]))).await;
    println!("the server refuses one call: {}", unknown?.err().ok_or("it has no such method")?);
    println!("20 + 22 = {}", sum?.map_err(|error| error.to_string())?);

    // The server crashes before it answers the second one.
    let read = call("add", json!([40, 2])).idempotent();
    let order = call("order", json!(["tea"]));
    let (order, read) = future::join(order, read).await;
    let lost = order.err().ok_or("the server crashed before it answered")?;
    println!("order {}: {lost}", lost.request.params);
    if lost.reason != CallFailure::Lost || lost.fate == RequestFate::NotSent {
        return Err("the order was sent, and its connection is lost".into());
    }
    println!("40 + 2 = {} on the next connection", read??);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = server()?;
    let supervisor = connect(server.wait().url())?.build()?;
    let handle = supervisor.handle();
    let mut session = Calls::new(supervisor, handle.clone(), SmolTimer::new(), json_rpc())?;
    let client = session.caller();

    let work = async move {
        let done = run(client).await;
        handle.close();
        done
    };
    let events = async move {
        let (mut connections, mut notifications) = (0, 0);
        while let Some(event) = session.next().await {
            match event {
                CallEvent::Event(Event::Open(open)) => {
                    println!("open, connection {}", open.connection);
                    connections += 1;
                }
                CallEvent::Event(Event::Message(message)) => {
                    notify(&message)?;
                    notifications += 1;
                }
                CallEvent::Event(Event::Lost(lost)) => println!("lost: {}", lost.cause),
                CallEvent::Unclaimed(answer) => println!("call {} is over", answer.id),
                _ => {}
            }
        }
        Ok::<_, Box<dyn Error>>((connections, notifications))
    };
    let (done, counts) = smol::block_on(future::join(work, events));
    done?;
    let (connections, notifications) = counts?;
    if connections != 2 || notifications == 0 {
        return Err(format!("{connections} connections, {notifications} notifications").into());
    }
    Ok(())
}

fn notify(message: &Message) -> Result<(), serde_json::Error> {
    let notification: Value = serde_json::from_slice(message.as_bytes())?;
    println!("notification {}: {}", notification["method"], notification["params"]);
    Ok(())
}

/// A server of JSON-RPC that crashes once, at the method "order".
fn server() -> Result<Arc<OnceLock<Server>>, Box<dyn Error>> {
    let server = Arc::new(OnceLock::<Server>::new());
    let (own, crashed) = (Arc::clone(&server), Arc::new(AtomicBool::new(false)));
    let started = Server::start(move |text| {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let answer = |key: &str, value: Value| {
            json!({"jsonrpc": "2.0", "id": request["id"], key: value}).to_string()
        };
        let number = |index: usize| request["params"][index].as_i64().unwrap_or_default();
        match request["method"].as_str().unwrap_or_default() {
            // This answer comes late, after the crash.
            "add" if number(0) == 40 && !crashed.load(Ordering::Relaxed) => vec![],
            "add" => vec![answer("result", json!(number(0) + number(1)))],
            "subscribe" => vec![
                answer("result", json!(true)),
                json!({"jsonrpc": "2.0", "method": "price", "params": {"tea": 7}}).to_string(),
            ],
            "order" => {
                println!("the server crashes");
                crashed.store(true, Ordering::Relaxed);
                own.wait().cut();
                vec![]
            }
            _ => vec![answer("error", json!({"code": -32601, "message": "no such method"}))],
        }
    })?;
    server.set(started).map_err(|_| "a server starts once")?;
    Ok(server)
}
