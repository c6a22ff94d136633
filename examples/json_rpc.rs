//! JSON-RPC 2.0: calls with results and errors, a batch, notifications from the server, and a server
//! that crashes during two calls. The idempotent call is sent again; the other fails with its fate.

use std::{
    collections::BTreeMap,
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

/// The methods of one call: a request, or a batch (JSON-RPC 2.0, section 6), which is also one message.
type Request = Vec<Method>;

struct Method {
    name: &'static str,
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

/// The result of each method of a call, by its index. A server may leave some of a batch out.
type Results = BTreeMap<usize, RpcResult>;
type Client = Caller<Request, Results>;

/// The whole protocol.
fn json_rpc() -> CallSettings<Request, Results> {
    CallSettings::new(
        |call, methods: &Request| {
            let members = methods.iter().enumerate().map(|(index, Method { name, params })| {
                let id = format!("{call}.{index}");
                json!({"jsonrpc": "2.0", "id": id, "method": name, "params": params})
            });
            let members: Vec<_> = members.collect();
            match members.as_slice() {
                [request] => request.to_string().into(),
                _ => Value::Array(members).to_string().into(),
            }
        },
        |message| {
            let members = match serde_json::from_slice(message.as_bytes()).ok()? {
                Value::Array(members) => members,
                response => vec![response],
            };
            let (mut calls, mut results) = (None, Results::new());
            for member in members {
                let (call, index, result) = response(member)?;
                if *calls.get_or_insert(call) != call {
                    return None;
                }
                results.insert(index, result);
            }
            Some(Answer::new(calls?, results))
        },
    )
}

/// The call and the index of a response, and its result. `None` for anything else.
fn response(mut member: Value) -> Option<(u64, usize, RpcResult)> {
    // Notifications have no id, and requests of the server have a method.
    let id = member["id"].as_str().filter(|_| member.get("method").is_none())?;
    let (call, index) = id.split_once('.')?;
    let (call, index) = (call.parse().ok()?, index.parse().ok()?);
    let result = match member.get_mut("error").map(Value::take) {
        Some(error) => Err(serde_json::from_value(error).ok()?),
        None => Ok(member["result"].take()),
    };
    Some((call, index, result))
}

async fn run(client: Client) -> Result<(), Box<dyn Error>> {
    let call = |name, params| client.call(vec![Method { name, params }]);
    println!("2 + 3 = {}", only(call("add", json!([2, 3])).await?)??);
    println!("subscribed: {}", only(call("subscribe", json!(["prices"])).await?)??);

    let (unknown, sum) = future::join(call("guess", json!([])), call("add", json!([20, 22]))).await;
    println!("the server refuses one call: {}", only(unknown?)?.err().ok_or("no such method")?);
    println!("20 + 22 = {}", only(sum?)??);

    let numbers = [json!([1, 2]), json!([3, 4]), json!([5, 6])];
    let batch = numbers.map(|params| Method { name: "add", params });
    let sums = client.call(batch.into()).await?;
    let sums: Vec<_> = sums.into_values().collect::<Result<_, _>>()?;
    println!("one message with three additions: {sums:?}");
    if sums != [3, 7, 11] {
        return Err("the results are in the order of the batch".into());
    }

    // The server crashes before it answers the second one.
    let read = call("add", json!([40, 2])).idempotent();
    let order = call("order", json!(["tea"]));
    let (order, read) = future::join(order, read).await;
    let lost = order.err().ok_or("the server crashed before it answered")?;
    println!("order {}: {lost}", lost.request[0].params);
    if lost.reason != CallFailure::Lost || lost.fate == RequestFate::NotSent {
        return Err("the order was sent, and its connection is lost".into());
    }
    println!("40 + 2 = {} on the next connection", only(read?)??);
    Ok(())
}

/// The result of a call with one method.
fn only(mut results: Results) -> Result<RpcResult, &'static str> {
    results.remove(&0).ok_or("the answer has no result")
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
        let answers = |request: &Value| {
            let answer = |key: &str, value: Value| json!({"jsonrpc": "2.0", "id": request["id"], key: value});
            let number = |index: usize| request["params"][index].as_i64().unwrap_or_default();
            match request["method"].as_str().unwrap_or_default() {
                // This answer comes late, after the crash.
                "add" if number(0) == 40 && !crashed.load(Ordering::Relaxed) => vec![],
                "add" => vec![answer("result", json!(number(0) + number(1)))],
                "subscribe" => vec![
                    answer("result", json!(true)),
                    json!({"jsonrpc": "2.0", "method": "price", "params": {"tea": 7}}),
                ],
                "order" => {
                    println!("the server crashes");
                    crashed.store(true, Ordering::Relaxed);
                    own.wait().cut();
                    vec![]
                }
                _ => vec![answer("error", json!({"code": -32601, "message": "no such method"}))],
            }
        };
        let messages = match serde_json::from_str(text).unwrap_or_default() {
            // The order of the responses to a batch is free.
            Value::Array(batch) => vec![batch.iter().rev().flat_map(answers).collect()],
            request => answers(&request),
        };
        messages.iter().map(Value::to_string).collect::<Vec<_>>()
    })?;
    server.set(started).map_err(|_| "a server starts once")?;
    Ok(server)
}
