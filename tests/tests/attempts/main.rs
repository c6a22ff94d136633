//! Connection attempts over real sockets: attempts that hang, credentials for each
//! attempt, addresses that race, redirects, Unix sockets.
#![cfg(unix)]

mod hang;
mod phase;
mod provider;
mod race;
mod redirects;
mod unix_socket;

use std::time::Duration;

use futures::FutureExt;
use websocket_heartbeat::{
    Attempt, Builder, Constant, Established, Preset, Supervisor, Transport, TransportError,
    transport_fn,
};
use websocket_heartbeat_tests::{Backend, over_every_backend, run_async};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3_600);

/// The delay before an attempt.
const DELAY: Duration = Duration::from_millis(1);

over_every_backend! {
    run_async;
    hang: the_connect_timeout_ends_an_attempt_in_each_phase
        close_and_abort_end_an_attempt_in_each_phase each_attempt_resolves_its_address_again;
    provider: each_attempt_sends_its_own_token
        a_token_provider_may_hang_fail_panic_and_be_slow;
    race: a_silent_address_costs_the_delay a_session_reports_the_addresses_of_its_socket;
    redirects: a_redirect_is_a_refusal_by_default redirects_are_followed_with_all_fields
        a_refusal_after_a_redirect_is_reported
        another_origin_gets_no_credentials a_loop_of_redirects_ends_at_the_limit
        a_redirect_from_wss_to_ws_is_not_followed a_dropped_attempt_ends_also_after_a_redirect
        an_address_that_redirects_has_worked;
    unix_socket: a_session_over_a_unix_socket_survives_its_server
        a_unix_socket_without_a_server_is_refused;
}

/// The connection that a backend makes.
type Connection<B> = <<B as Backend>::Transport as Transport>::Connection;

/// A session whose attempts are made by a function.
fn session<B, F>(
    mut connect: impl FnMut(Attempt) -> F + 'static,
) -> Builder<impl Transport<Connection = Connection<B>>, B::Timer>
where
    B: Backend,
    F: Future<Output = Result<Established<Connection<B>>, TransportError>> + 'static,
{
    let transport = transport_fn(move |attempt| connect(attempt).boxed_local());
    Supervisor::builder(transport, B::timer())
        .preset(Preset::Resilient)
        .backoff(Constant::new(DELAY))
        .minimum_gap(Duration::from_millis(1))
        .connect_timeout(NEVER)
}
