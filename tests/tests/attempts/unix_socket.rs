//! Sessions over Unix domain sockets.

use std::{
    env, fs,
    os::unix::net::UnixListener,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use websocket_heartbeat::ErrorKind;
use websocket_heartbeat_tests::{Backend, expect};
use websocket_heartbeat_tungstenite::{Dialer, Request};

use crate::session;

/// A new folder, which is removed at the end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("heartbeat-{}-{count}", process::id()));
        fs::create_dir(&path).unwrap();
        Self { path }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) async fn a_session_over_a_unix_socket_survives_its_server<B: Backend>() {
    let folder = Folder::new();
    let path = folder.path.join("feed.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            #[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
            let check = |upgrade: &tungstenite::handshake::server::Request, response| {
                assert_eq!(upgrade.uri().path(), "/prices");
                assert_eq!(upgrade.headers()["host"], "example.org");
                Ok(response)
            };
            let (stream, _) = listener.accept().unwrap();
            let mut socket = tungstenite::accept_hdr(stream, check).unwrap();
            let message = socket.read().unwrap();
            socket.send(message).unwrap();
            // The end of the stream without a close frame, after the client has read the echo.
            assert_eq!(socket.read().unwrap().into_text().unwrap(), "read");
        }
    });
    let dialer = Dialer::new().unix_socket(&path);
    let request = Request::new("ws://example.org/prices").unwrap();
    let builder = session::<B, _>(move |_| {
        let (dialer, request) = (dialer.clone(), request.clone());
        async move { B::dial_by(&dialer, &request).await }
    });
    let mut supervisor = builder.build().unwrap();
    let handle = supervisor.handle();
    // More than one read of the socket.
    let large = "x".repeat(300_000);
    for _ in 0..2 {
        let open = expect::connected(&mut supervisor).await;
        assert_eq!((open.peer_address, open.local_address), (None, None));
        handle.try_queue(large.as_str()).unwrap();
        let echo = expect::message(&mut supervisor).await;
        assert_eq!(echo.as_text(), Some(large.as_str()));
        handle.try_queue("read").unwrap();
        let lost = expect::lost(&mut supervisor).await;
        assert!(lost.opened, "{lost:?}");
        expect::retry(&mut supervisor).await;
    }
    drop(supervisor);
    server.join().unwrap();
}

pub(crate) async fn a_unix_socket_without_a_server_is_refused<B: Backend>() {
    let folder = Folder::new();
    let path = folder.path.join("feed.sock");
    let request = Request::new("ws://example.org/").unwrap();
    let dialer = Dialer::new().unix_socket(&path);
    let missing = B::dial_by(&dialer, &request).await.map(drop).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Refused);
    assert!(missing.to_string().contains("feed.sock: "), "{missing}");
    // The file exists, and no program listens.
    drop(UnixListener::bind(&path).unwrap());
    let refused = B::dial_by(&dialer, &request).await.map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
}
