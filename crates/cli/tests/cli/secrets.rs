//! Secrets are not printed.

use crate::{
    program::Program,
    server::{NOBODY, Server},
};

#[test]
fn header_values_credentials_and_queries_are_not_printed() {
    let server = Server::echo();
    let refusing = Server::refusing("HTTP/1.1 401 No\r\nSet-Cookie: hush\r\n\r\n");
    for port in [server.port, refusing.port, 1] {
        let url = format!("ws://me:hush@127.0.0.1:{port}/hush?token=hush");
        for json in [&["--json"][..], &[]] {
            let more = ["-H", "Cookie: hush", "--repeat-limit", "0", "--duration", "300ms"];
            let mut program = Program::start(&[&["connect", &url], &more[..], json].concat());
            program.end();
            let all = [program.seen.concat(), program.seen_err.concat()].concat();
            assert!(!all.is_empty() && !all.contains("hush"), "{all}");
        }
    }
    for wrong in [
        &["connect", "hush://x"][..],
        &["connect", "ws://hush hush"],
        &["connect", NOBODY, "-H", "hush"],
        &["connect", NOBODY, "-H", "X-A: hush\nhush"],
        &["connect", NOBODY, "-H", "hush hush: x"],
        &["connect", NOBODY, "--subprotocol", "hush hush"],
        &["connect", NOBODY, "--subprotocol", "hush", "--subprotocol", "hush"],
        &["connect", NOBODY, "ws://hush"],
        &["connect", NOBODY, "--json=hush"],
        &["ws://hush"],
    ] {
        let mut program = Program::start(wrong);
        assert_eq!(program.end(), 2);
        let all = program.seen_err.concat();
        assert!(!all.is_empty() && !all.contains("hush"), "{all}");
    }
}
