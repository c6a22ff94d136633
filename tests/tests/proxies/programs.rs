//! Third-party proxies: tinyproxy, also behind stunnel, microsocks and squid.

use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{Backend, ProxyProgram, localhost_pem, localhost_tls, skip, title};
use websocket_heartbeat_tungstenite::{
    Dialer,
    proxy::{Proxies, Proxy, ProxyProblem},
};

use crate::server::{echo_server, echoes, fails, problem, proxy_url, refusing_port};

/// The value, or the end of the test, which is skipped.
macro_rules! or_skip {
    ($started:expr, $test:expr) => {
        match $started {
            Ok(program) => program,
            Err(reason) => return skip(&title::<B>($test), &reason),
        }
    };
}

fn through(url: &str) -> Dialer {
    Dialer::new().proxy(Proxy::new(url).expect("the URL of a proxy"))
}

fn localhost(scheme: &str, port: u16) -> String {
    format!("{scheme}://localhost:{port}/")
}

pub(crate) async fn an_http_proxy_tunnels_with_and_without_tls<B: Backend>() {
    let proxy = or_skip!(ProxyProgram::tinyproxy(None), "tinyproxy");
    let dialer = through(&proxy_url("http", "", proxy.address()));
    echoes::<B>(&dialer, &localhost("ws", echo_server(None))).await;
    let (config, tls) = localhost_tls();
    echoes::<B>(&dialer.tls(tls), &localhost("wss", echo_server(Some(config)))).await;
}

pub(crate) async fn an_http_proxy_checks_credentials<B: Backend>() {
    let proxy =
        or_skip!(ProxyProgram::tinyproxy(Some(("me", "hush"))), "tinyproxy with a password");
    checks_credentials::<B>("http", &proxy).await;
}

/// A proxy for the user "me" with the password "hush".
async fn checks_credentials<B: Backend>(scheme: &str, proxy: &ProxyProgram) {
    let url = localhost("ws", echo_server(None));
    let dialer = |credentials| through(&proxy_url(scheme, credentials, proxy.address()));
    echoes::<B>(&dialer("me:h%75sh@"), &url).await;
    let error = fails::<B>(&dialer("me:wrong@"), &url).await;
    let (kind, refused) = problem(&error);
    assert_eq!(kind, ErrorKind::ProxyAuth);
    assert!(matches!(refused, ProxyProblem::CredentialsRefused), "{error}");
    let error = fails::<B>(&dialer(""), &url).await;
    let (kind, missing) = problem(&error);
    assert_eq!(kind, ErrorKind::ProxyAuth);
    assert!(matches!(missing, ProxyProblem::CredentialsMissing), "{error}");
}

pub(crate) async fn an_http_proxy_reports_a_server_that_cannot_be_reached<B: Backend>() {
    let proxy = or_skip!(ProxyProgram::tinyproxy(None), "tinyproxy and no server");
    let dialer = through(&proxy_url("http", "", proxy.address()));
    let error = fails::<B>(&dialer, &localhost("ws", refusing_port())).await;
    let (kind, refused) = problem(&error);
    assert_eq!(kind, ErrorKind::Proxy);
    assert!(matches!(refused, ProxyProblem::Refused { status: 500.., .. }), "{error}");
}

pub(crate) async fn tls_to_the_server_runs_within_tls_to_the_proxy<B: Backend>() {
    let inner = or_skip!(ProxyProgram::tinyproxy(None), "tinyproxy behind stunnel");
    let (pem, tls) = localhost_pem();
    let proxy = or_skip!(ProxyProgram::stunnel(inner.address(), &pem), "stunnel");
    let url = format!("https://localhost:{}", proxy.address().port());
    let dialer = through(&url).tls(tls.clone());
    echoes::<B>(&dialer, &localhost("ws", echo_server(None))).await;

    // One configuration is for both layers: the server has the certificate of the proxy.
    let (config, other) = localhost_tls();
    let port = echo_server(Some(config));
    let error = fails::<B>(&dialer, &localhost("wss", port)).await;
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
    let error = fails::<B>(&through(&url).tls(other), &localhost("wss", port)).await;
    let (kind, untrusted) = problem(&error);
    assert_eq!(kind, ErrorKind::Certificate);
    assert!(matches!(untrusted, ProxyProblem::Tls(_)), "{error}");
    let server = or_skip!(
        ProxyProgram::stunnel(([127, 0, 0, 1], echo_server(None)).into(), &pem),
        "stunnel for a server"
    );
    echoes::<B>(&dialer, &localhost("wss", server.address().port())).await;

    // Another name for the server is not one for the proxy.
    let (url, server) = (url.replace("localhost", "127.0.0.1"), server.address());
    let renamed = tls.server_name("localhost").expect("a name");
    let dialer = dialer.tls(renamed.clone());
    echoes::<B>(&dialer, &format!("wss://{server}/")).await;
    let error = fails::<B>(&through(&url).tls(renamed), &format!("wss://{server}/")).await;
    let (kind, wrong_name) = problem(&error);
    assert_eq!(kind, ErrorKind::Certificate);
    assert!(matches!(wrong_name, ProxyProblem::Tls(_)), "{error}");
}

pub(crate) async fn a_socks_proxy_tunnels_by_name_and_address<B: Backend>() {
    let proxy = or_skip!(ProxyProgram::microsocks(None), "microsocks");
    let (config, tls) = localhost_tls();
    for scheme in ["socks5", "socks5h"] {
        let dialer = through(&proxy_url(scheme, "", proxy.address())).tls(tls.clone());
        let port = echo_server(None);
        echoes::<B>(&dialer, &localhost("ws", port)).await;
        echoes::<B>(&dialer, &format!("ws://127.0.0.1:{port}/")).await;
        echoes::<B>(&dialer, &localhost("wss", echo_server(Some(config.clone())))).await;
    }
}

pub(crate) async fn a_socks_proxy_checks_credentials<B: Backend>() {
    let proxy =
        or_skip!(ProxyProgram::microsocks(Some(("me", "hush"))), "microsocks with a password");
    checks_credentials::<B>("socks5h", &proxy).await;
    checks_credentials::<B>("socks5", &proxy).await;
}

pub(crate) async fn a_socks_proxy_reports_a_server_that_refuses<B: Backend>() {
    let proxy = or_skip!(ProxyProgram::microsocks(None), "microsocks and no server");
    for scheme in ["socks5", "socks5h"] {
        let dialer = through(&proxy_url(scheme, "", proxy.address()));
        let error = fails::<B>(&dialer, &localhost("ws", refusing_port())).await;
        let (kind, refused) = problem(&error);
        assert_eq!(kind, ErrorKind::Proxy);
        assert!(matches!(refused, ProxyProblem::SocksReply(5)), "{error}");
    }
}

pub(crate) async fn an_exception_is_reached_without_a_proxy<B: Backend>() {
    let proxy = Proxy::new(&format!("http://127.0.0.1:{}", refusing_port())).expect("a URL");
    let url = localhost("ws", echo_server(None));
    let error = fails::<B>(&Dialer::new().proxy(proxy.clone()), &url).await;
    assert!(matches!(problem(&error), (ErrorKind::Refused, ProxyProblem::Connect(_))), "{error}");
    let proxies = Proxies::all(proxy).except("localhost").expect("a list");
    echoes::<B>(&Dialer::new().proxy(proxies), &url).await;
}

pub(crate) async fn squid_tunnels_and_checks_credentials<B: Backend>() {
    let proxy = or_skip!(ProxyProgram::squid(None), "squid");
    let dialer = through(&proxy_url("http", "", proxy.address()));
    echoes::<B>(&dialer, &localhost("ws", echo_server(None))).await;
    let (config, tls) = localhost_tls();
    echoes::<B>(&dialer.clone().tls(tls), &localhost("wss", echo_server(Some(config)))).await;
    let error = fails::<B>(&dialer, &localhost("ws", refusing_port())).await;
    assert!(matches!(problem(&error).1, ProxyProblem::Refused { status: 503, .. }), "{error}");
    let proxy = or_skip!(ProxyProgram::squid(Some(("me", "hush"))), "squid with a password");
    checks_credentials::<B>("http", &proxy).await;
}
