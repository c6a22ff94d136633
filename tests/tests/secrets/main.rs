//! Secrets are not printed. Each test plants secrets in a session, checks that they are in use, and
//! searches everything that a program can print: `Debug` and `Display` of all values, `tracing`,
//! `metrics`, JSON, and panics. The servers repeat the secrets wherever they can. `SECURITY.md`
//! names the texts that are shown, which the tests check too.
#![cfg(unix)]

mod echo;
mod layers;
mod output;
mod panics;
mod planted;
mod proxies;
mod refusals;
mod server;
mod session;
mod telemetry;
mod tls;

use websocket_heartbeat_tests::{over_every_backend, run_async};

over_every_backend! {
    run_async;
    refusals: a_server_that_repeats_secrets_in_refusals_reveals_none
        secrets_stay_hidden_after_a_redirect;
    session: messages_and_close_reasons_are_not_printed;
    layers: calls_and_acknowledgements_print_no_messages;
    proxies: an_http_proxy_that_repeats_secrets_reveals_none
        a_socks_proxy_reveals_no_password;
    tls: keys_of_clients_are_not_printed;
}
