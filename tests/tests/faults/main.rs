//! Faults of real networks, processes and proxies, each against a session in its own process and its
//! own network: the time until the session reports the loss, its recovery, and the fate of each
//! message.
//!
//! Each fault runs over one backend by default, and over the others with `--include-ignored`.
//! `FAULT_RUNS=20` in the environment repeats each. The results are in the table
//! `target/faults/table.md`.
#![cfg(target_os = "linux")]

mod bed;
mod detection;
mod ledger;
mod outcome;
mod path;
mod process;
mod proxies;
mod run;
mod session;
mod sockets;
mod table;
mod upload;

/// Makes a test for each backend of each function. Only that of the named backend is not ignored.
macro_rules! faults {
    ($($backend:ident: $module:ident::$fault:ident)+) => {
        $(mod $fault {
            faults! { @$backend crate::$module::$fault }
        })+
    };
    (@smol $fault:path) => {
        faults! { @[] smol Smol $fault }
        faults! { @[#[ignore = "by default this fault runs over smol"]] async_std AsyncStd $fault }
        faults! { @[#[ignore = "by default this fault runs over smol"]] tokio Tokio $fault }
    };
    (@async_std $fault:path) => {
        faults! { @[#[ignore = "by default this fault runs over async-std"]] smol Smol $fault }
        faults! { @[] async_std AsyncStd $fault }
        faults! { @[#[ignore = "by default this fault runs over async-std"]] tokio Tokio $fault }
    };
    (@tokio $fault:path) => {
        faults! { @[#[ignore = "by default this fault runs over tokio"]] smol Smol $fault }
        faults! { @[#[ignore = "by default this fault runs over tokio"]] async_std AsyncStd $fault }
        faults! { @[] tokio Tokio $fault }
    };
    (@[$($ignore:tt)*] $name:ident $backend:ident $fault:path) => {
        #[test]
        $($ignore)*
        fn $name() {
            use $fault as fault;
            crate::run::run(
                fault,
                <websocket_heartbeat_tests::$backend as websocket_heartbeat_tests::Backend>::NAME,
            );
        }
    };
}

faults! {
    smol: path::a_quiet_connection_that_is_cut_is_lost
    tokio: path::a_busy_connection_that_is_cut_is_lost
    async_std: path::a_quiet_connection_that_is_cut_to_the_server_is_lost
    smol: path::a_busy_connection_that_is_cut_to_the_client_is_lost
    tokio: path::a_reset_by_a_firewall_is_reported_at_once
    async_std: path::a_link_that_is_down_is_lost_and_comes_back
    smol: path::a_connection_that_a_nat_forgot_is_lost
    tokio: path::a_heartbeat_below_the_limit_of_a_nat_keeps_the_connection
    async_std: path::a_connection_with_30_percent_loss_is_kept
    smol: process::a_suspended_server_is_lost
    tokio: process::a_suspended_client_probes_once_and_dials_once
    async_std: process::a_killed_server_is_reported_at_once
    smol: sockets::a_destroyed_client_socket_is_reported_at_once
    tokio: sockets::a_destroyed_server_socket_is_reported_at_once
    async_std: upload::an_upload_over_a_slow_link_is_kept_until_the_link_is_cut
    smol: upload::an_upload_to_a_slow_reader_is_kept_until_it_stops
    tokio: proxies::a_heartbeat_keeps_a_connection_through_nginx
    async_std: proxies::a_heartbeat_keeps_a_connection_through_haproxy
    smol: proxies::a_heartbeat_keeps_a_connection_to_uwebsockets
    tokio: proxies::a_connection_through_caddy_is_replaced_at_its_age
}
