//! The functions of JavaScript that the core calls. All but the first three only note the call.
#![allow(unsafe_code, reason = "the declaration of foreign functions, which take only numbers")]

#[link(wasm_import_module = "js")]
unsafe extern "C" {
    /// Milliseconds since any epoch.
    pub(crate) safe fn now() -> f64;
    /// A random number in `0.0..1.0`, another one in each page load.
    pub(crate) safe fn random() -> f64;
    /// One byte of the text that says why the options are refused.
    pub(crate) safe fn spell(byte: u32);
    /// Begin an attempt.
    pub(crate) safe fn dial(session: u32, connection: u32, attempt: u32);
    /// Send this entry; [`HEARTBEAT`](crate::entry::HEARTBEAT) is a heartbeat.
    pub(crate) safe fn write(session: u32, connection: u32, entry: u32);
    /// Call `written` when everything before has been passed to the socket.
    pub(crate) safe fn flush(session: u32, connection: u32);
    /// Send a close frame.
    pub(crate) safe fn close(session: u32, connection: u32, code: u32);
    /// Give up the attempt or the connection. Its later events are ignored.
    pub(crate) safe fn abandon(session: u32, connection: u32);
    /// Call `alarm` after this time, instead of the time that was set before.
    pub(crate) safe fn set_alarm(session: u32, delay: f64);
    /// An event for the application, see [`report`](crate::report).
    pub(crate) safe fn report(session: u32, event: u32, a: f64, b: f64, c: f64, d: f64);
}
