//! `wss://` against servers by rustls and by OpenSSL, with certificates that each test makes.
#![cfg(unix)]

mod authority;
mod every_backend;
mod openssl_server;
mod refusals;
mod rustls_server;
mod server;
mod settings;
mod system_roots;

use websocket_heartbeat_tests::{over_every_backend, run_blocking};

over_every_backend! {
    run_blocking;
    every_backend:
        a_private_authority_is_trusted_if_it_is_added
        a_certificate_of_an_unknown_authority_stops_the_session
        a_client_certificate_is_shown_to_a_server_that_demands_it
        a_missing_client_certificate_is_explained;
}
