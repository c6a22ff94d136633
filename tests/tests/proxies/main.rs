//! Connections through proxies: third-party ones, and hostile ones.
#![cfg(unix)]

mod hostile;
mod programs;
mod server;

use websocket_heartbeat_tests::{over_every_backend, run_async};

over_every_backend! {
    run_async;
    programs: an_http_proxy_tunnels_with_and_without_tls an_http_proxy_checks_credentials
        an_http_proxy_reports_a_server_that_cannot_be_reached
        tls_to_the_server_runs_within_tls_to_the_proxy a_socks_proxy_tunnels_by_name_and_address
        a_socks_proxy_checks_credentials a_socks_proxy_reports_a_server_that_refuses
        an_exception_is_reached_without_a_proxy;
    hostile: an_answer_that_breaks_off_or_is_wrong_is_reported
        early_data_of_the_server_is_not_lost a_slow_proxy_ends_at_the_deadline
        a_proxy_that_cannot_be_reached_is_named
        a_drop_resets_the_connection_to_the_proxy each_redirect_has_its_own_choice_of_a_proxy
        a_unix_socket_is_reached_without_a_proxy;
}

/// The same against squid, which is slow to start.
#[test]
#[ignore = "runs in .ci/deep"]
fn squid_tunnels_and_checks_credentials() {
    use websocket_heartbeat_tests::Smol;

    run_async::<Smol, _>("squid", programs::squid_tunnels_and_checks_credentials::<Smol>);
}
