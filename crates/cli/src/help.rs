//! The texts of `--help`.

use websocket_heartbeat_smol::Preset;

use crate::args::Topic;

pub(crate) const VERSION: &str = concat!("wsbeat ", env!("CARGO_PKG_VERSION"));

pub(crate) fn text(topic: Topic) -> String {
    match topic {
        Topic::All => ALL.to_owned(),
        Topic::Demo => DEMO.to_owned(),
        Topic::Connect => CONNECT.replace("{default preset}", name(Preset::default())),
    }
}

fn name(preset: Preset) -> &'static str {
    match preset {
        Preset::Resilient => "resilient",
        _ => "original",
    }
}

const ALL: &str = "\
wsbeat: a WebSocket connection that never silently dies

  wsbeat connect URL    keep a connection to URL open; see wsbeat connect --help
  wsbeat demo           show how a client survives a server that goes silent, stops and restarts

  -h, --help            show this text
  -V, --version         show the version
";

const DEMO: &str = "\
wsbeat demo: a demonstration of about 15 seconds

It needs no network. A server on the loopback interface of this machine goes silent while its TCP
connection stays open, then stops, refuses connections, and restarts. A client detects each failure
and recovers. All events are shown as they happen. The exit code is 0 if every step succeeded,
else 1.
";

const CONNECT: &str = "\
wsbeat connect URL: keep a WebSocket connection open

Each line of standard input is sent as a text message. Messages of the server are printed on
standard output, and events of the connection on standard error. After each loss, also a silent one,
wsbeat reconnects. The end of standard input does not end the session without --close-on-eof.

In a file or a pipe, each message is one line without changes. On a terminal, control characters are
shown as escapes (\\u{1b}, \\n), so that a server cannot control the terminal.

  wsbeat connect ws://127.0.0.1:8080/feed --heartbeat ping
  wsbeat connect wss://example.org/feed --preset resilient -H 'Authorization: Bearer ...' --json

Values in parentheses are defaults. Some depend on --preset.

Preset
  --preset NAME           original: like the npm package websocket-heartbeat-js; resilient:
                          recommended, survives faults of servers and networks ({default preset})

Heartbeat
  --ping-timeout TIME     a heartbeat is sent after this time of silence from the server (15s)
  --pong-timeout TIME     the connection is lost if a heartbeat has no answer after this time (10s)
  --heartbeat KIND        ping: a ping frame, which every server answers by itself; message: a text
                          message, which the server must answer with any message; off: none, so
                          that a silent loss is not detected (original: message; resilient: ping)
  --ping-msg TEXT         the text of message heartbeats; implies --heartbeat message (heartbeat)

Reconnecting
  --reconnect-timeout TIME  a constant delay before each attempt (original: 2s)
  --backoff MIN..MAX        random delays below a limit that doubles from MIN to MAX
                            (resilient: 1s..30s)
  --repeat-limit N          the maximum number of attempts after a loss; 0: never reconnect. The
                            count starts again when a connection opens (original) or has been open
                            for 5s (resilient) (no limit)
  --connect-timeout TIME    the maximum time of an attempt (original: 10s; resilient: 10s, doubling
                            to 60s)
  --stop-on STATUS,..       the session ends if the server refuses the upgrade with one of these
                            HTTP statuses, or with one of the statuses of the preset (original:
                            none; resilient: 410, and 401 twice in a row)
  --max-dials-per-minute N  the maximum number of attempts in 60s (no limit; attempts are always at
                            least 100ms apart)

Request
  -H, --header 'Name: value'  a header field; may be repeated
  --subprotocol NAME          a subprotocol to offer; may be repeated

Sending
  --keep-offline COUNT    the maximum number of lines that are kept while there is no connection;
                          at the maximum, wsbeat stops reading standard input; 0: lines without a
                          connection are reported as unsent (original: 0; resilient: 1024)
  --outbox-bytes BYTES    the maximum size of all unsent lines, and of one line (67108864)
  --max-age TIME          a line that is older is dropped (no limit)
  --resend N              a line that was being sent when the connection was lost is sent again, at
                          most N times; the server may receive it more than once (0)

Session
  --json                  print all events as JSON on standard output, see below
  --duration TIME         close after this time (never)
  --close-on-eof          close after all of standard input is sent
  -h, --help              show this text

TIME is for example 15s, 300ms, 1m30s or 2h.

The first SIGINT or SIGTERM closes the session gracefully, the second closes it immediately. The
third ends the program even if its output is blocked. SIGUSR1 prints the status.
Exit code 0: closed by the user; 1: gave up, or failed; 2: wrong arguments.

JSON: one object per line, with t_ms (milliseconds since the start, never decreasing) and event:
  connecting     connection, attempt
  open           connection, attempt, outage_ms, subprotocol, peer_address, local_address
  message        connection, text or base64
  heartbeat      connection, rtt_ms: a heartbeat was answered
  write_blocked  connection, time_ms, heard: the server accepts no bytes
  lost           connection, opened, cause, code, detail, unproven, ever_answered, cutoff,
                 skipped_cycles; after a refused upgrade also status, retry_after_ms
  retry          attempt, delay_ms
  unsent         fate (unknown or dropped), connection, reason, text or base64: exactly one for each
                 line that was not written, before closed
  status         after SIGUSR1
  closed         reason, detail, unproven: always the last
";
