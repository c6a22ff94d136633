//! The texts of `--help`.

use crate::args::Topic;

pub(crate) const VERSION: &str = concat!("wsbeat ", env!("CARGO_PKG_VERSION"));

pub(crate) fn text(topic: Topic) -> &'static str {
    match topic {
        Topic::All => ALL,
        Topic::Demo => DEMO,
        Topic::Connect => CONNECT,
    }
}

const ALL: &str = "\
wsbeat: a WebSocket connection that never silently dies

  wsbeat demo           watch a client survive a server that goes silent, dies and comes back
  wsbeat connect URL    keep a connection to URL alive; see wsbeat connect --help

  -h, --help            this text
  -V, --version         the version
";

const DEMO: &str = "\
wsbeat demo: a story of about 15 seconds

It needs no network: a server on the loopback interface of this machine goes silent while its TCP
connection stays up, dies, refuses, and comes back; a client notices and recovers, and everything
is shown as it happens. Exit code 0 if the story came out as told, else 1.
";

const CONNECT: &str = "\
wsbeat connect URL: keep a WebSocket connection alive

Lines of standard input are sent as text messages; messages from the server go to standard output,
and news of the connection to standard error. When the connection is lost, however silently, it is
made again. The end of standard input does not end the session unless --close-on-eof is given.

Messages go to a file or a pipe as they are, a line each. On a terminal, control characters in them
are shown as escapes (\\u{1b}, \\n), so that a server cannot steer the terminal.

  wsbeat connect ws://127.0.0.1:8080/feed --heartbeat ping
  wsbeat connect wss://example.org/feed --preset resilient -H 'Authorization: Bearer ...' --json

Heartbeat
  --ping-timeout TIME     silence before a heartbeat is sent (15s)
  --pong-timeout TIME     wait for an answer before the connection is given up (10s)
  --heartbeat KIND        message: a text message, which the server has to answer with any message
                          (original); ping: a ping frame, which every server answers by itself
                          (resilient); off: none, so that a silent death goes unnoticed
  --ping-msg TEXT         the text of a heartbeat by message (heartbeat)

Reconnecting
  --reconnect-timeout TIME  the same delay before each attempt (original: 2s)
  --backoff MIN..MAX        delays drawn at random below a bound that doubles from MIN up to MAX
                            (resilient: 1s..30s)
  --repeat-limit N          attempts after the first, counted anew once connected (resilient: for
                            5s); 0: none (no limit)
  --connect-timeout TIME    how long an attempt may take (original: 10s; resilient: 10s, doubling
                            to 60s)
  --stop-on STATUS,..       HTTP statuses of a refused upgrade that end the session, besides the
                            preset's (original: none; resilient: 410, and 401 twice in a row)
  --max-dials-per-minute N  attempts in any 60 s (no limit; they are always 100ms apart)

Request
  -H, --header 'Name: value'  a header field; may be given several times
  --subprotocol NAME          offer a subprotocol; may be given several times

Sending
  --keep-offline COUNT    lines kept while there is no connection; when so many wait, standard input
                          has to (original: 0, each is reported as unsent at once; resilient: 1024)
  --outbox-bytes BYTES    how much may wait to be sent, and the longest line (67108864)
  --max-age TIME          how old a line may become before it is dropped (no limit)
  --resend N              lines that were being sent when the connection was lost are sent again, up
                          to N times each; the server may then see a line twice (0)

Session
  --preset original       the defaults marked original above, and all unmarked ones (the default)
  --preset resilient      the defaults marked resilient above; recommended
  --json                  report everything as JSON on standard output, see below
  --duration TIME         close after this time (never)
  --close-on-eof          close when standard input has ended and all of it is sent
  -h, --help              this text

TIME is written 15s, 300ms, 1m30s or 2h.

SIGINT and SIGTERM close the session gracefully, a second one at once, and a third one ends the
program even if its output is stuck. SIGUSR1 prints the status.
Exit code 0: closed by you; 1: gave up; 2: wrong arguments.

JSON: one object per line, with t_ms (milliseconds since the start, never going back) and event:
  connecting  connection, attempt
  open        connection, attempt, outage_ms, subprotocol
  message     connection, text or base64
  heartbeat   connection, rtt_ms: a heartbeat was answered
  lost        connection, opened, cause, code, detail, unproven, ever_answered, skipped_cycles;
              after a refused upgrade also status, retry_after_ms
  retry       attempt, delay_ms
  unsent      fate (unknown or dropped), connection, reason, text or base64: exactly one for each
              line that was not written, at the latest before closed
  status      on SIGUSR1
  closed      reason, detail, unproven: always the last
";
