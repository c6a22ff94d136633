//! A component of leptos with a session: its messages, its state, and a field to send.

use std::time::Duration;

use leptos::{ev::SubmitEvent, html::Input, prelude::*, task::spawn_local};
use websocket_heartbeat_web::{ConfigError, Event, Handle, Heartbeat, Lifecycle, connect};

/// A server that sends every message back, see examples/README.md.
const URL: &str = "ws://127.0.0.1:8080/echo";

fn main() {
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let (state, set_state) = signal("idle".to_owned());
    let (messages, set_messages) = signal(Vec::<String>::new());
    let field = NodeRef::<Input>::new();

    let handle = session(move |event| match event {
        Event::Message(message) => {
            let text = message.as_text().unwrap_or("binary").to_owned();
            set_messages.update(|messages| messages.push(text));
        }
        Event::Open(_) => set_state.set("open".to_owned()),
        Event::Retry(retry) => {
            set_state.set(format!("{}; again in {:?}", retry.cause, retry.delay))
        }
        Event::Closed(closed) => set_state.set(closed.reason.to_string()),
        _ => {}
    });
    // A handle is `Send` and `Sync`, so it can be stored in a signal or given as context.
    let handle = StoredValue::new(handle.expect("the settings are valid"));
    // The session outlives the component without this.
    on_cleanup(move || handle.with_value(Handle::close));

    let send = move |event: SubmitEvent| {
        event.prevent_default();
        let text = field.get().map(|field| field.value()).unwrap_or_default();
        if let Err(error) = handle.with_value(|handle| handle.try_queue(text)) {
            set_state.set(error.to_string());
        }
    };
    view! {
        <p>{state}</p>
        <form on:submit=send>
            <input node_ref=field value="hello" />
            <button>"Send"</button>
        </form>
        <ul>{move || messages.get().into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
    }
}

/// Starts a session in a task of its own, which calls a function for each event.
fn session(mut react: impl FnMut(Event) + 'static) -> Result<Handle, ConfigError> {
    let heartbeat = Heartbeat::idle(Duration::from_secs(20)).message("ping");
    let mut supervisor = connect(URL).heartbeat(heartbeat).build()?;
    let handle = supervisor.handle();
    let lifecycle = Lifecycle::watch(handle.clone());
    spawn_local(async move {
        while let Some(event) = supervisor.next().await {
            react(event);
        }
        drop(lifecycle);
    });
    Ok(handle)
}
