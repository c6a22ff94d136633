// A WebSocket server by npm `ws`. The URL's path chooses how it behaves:
//
//   /echo                              sends every message back
//   /silent                            answers pings, but no message
//   /frozen                            stops reading after the handshake, so it sends no answer
//   /hang                              takes the TCP connection and never answers the upgrade
//   /refuse/STATUS?retry-after=S       answers the upgrade with that status
//   /close/CODE?reason=R&after=WHEN    closes with that code
//   /drop?how=HOW&after=WHEN           ends TCP without a close frame; HOW is `end` or `reset`
//   /first-frame-with-101              a message in the same write as the 101 response
//   /headers                           the request's header fields and the subprotocol, as JSON
//   /large?bytes=N                     one binary message of N bytes, byte i being i % 251
//   /fragmented?count=N                one text message in N fragments, with a ping between them
//   /ping?count=N                      N pings, each after the previous pong; then `pongs N`
//   /ticks?every=MS                    a text message with the count so far, every MS milliseconds
//   /ledger?every=MS                   reports the number with which each message begins; ticks, if
//                                      `every` is given
//
// WHEN is `open` or `message` (the first one, the default).
//
//   node node_ws.js --host 127.0.0.1 --port 0
//
// It reports on stdout, one JSON object per line, and exits when stdin closes.
'use strict';
const http = require('node:http');
const { WebSocketServer } = require('ws');

const LIFE_MS = 10 * 60 * 1000;

const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const report = (what, fields) => process.stdout.write(`${JSON.stringify({ report: what, ...fields })}\n`);

process.stdin.resume();
process.stdin.on('close', () => process.exit(0));
setTimeout(() => process.exit(0), LIFE_MS).unref();

const behaviours = {
  echo(ws) {
    ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
  },
  silent() {},
  frozen(ws) {
    ws.pause();
  },
  close(ws, url, code) {
    const close = () => ws.close(Number(code), url.searchParams.get('reason') ?? '');
    when(ws, url, close);
  },
  drop(ws, url) {
    const reset = url.searchParams.get('how') === 'reset';
    const drop = () => (reset ? ws._socket.resetAndDestroy() : ws.terminate());
    // Not before the response has left.
    when(ws, url, () => setImmediate(drop));
  },
  'first-frame-with-101'(ws) {
    ws.send('first');
  },
  headers(ws, url, argument, request) {
    ws.send(JSON.stringify({ subprotocol: ws.protocol || null, headers: request.headers }));
  },
  large(ws, url) {
    const bytes = Buffer.alloc(Number(url.searchParams.get('bytes')));
    for (let i = 0; i < bytes.length; i++) bytes[i] = i % 251;
    ws.send(bytes);
  },
  fragmented(ws, url) {
    const count = Number(url.searchParams.get('count'));
    for (let i = 0; i < count; i++) {
      if (i === count >> 1) ws.ping('between');
      ws.send(`${i} `, { fin: i === count - 1 });
    }
  },
  ping(ws, url) {
    const count = Number(url.searchParams.get('count'));
    let pongs = 0;
    ws.on('pong', () => (++pongs === count ? ws.send(`pongs ${count}`) : ws.ping(`ping ${pongs}`)));
    ws.ping('ping 0');
  },
  ticks(ws, url) {
    let count = 0;
    const timer = setInterval(() => ws.send(String(count++)), Number(url.searchParams.get('every')));
    ws.on('close', () => clearInterval(timer));
  },
  ledger(ws, url) {
    ws.on('message', (data) => report('received', { number: Number.parseInt(data, 10) }));
    if (url.searchParams.has('every')) behaviours.ticks(ws, url);
  },
};

function when(ws, url, act) {
  if (url.searchParams.get('after') === 'open') act();
  else ws.once('message', act);
}

function refuse(socket, url, status) {
  const body = `refused with ${status}`;
  const wait = url.searchParams.get('retry-after');
  socket.end(
    [
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
      'Content-Type: text/plain',
      `Content-Length: ${body.length}`,
      'Connection: close',
      'X-Refused-By: peer',
      ...(wait === null ? [] : [`Retry-After: ${wait}`]),
      '',
      body,
    ].join('\r\n'),
  );
}

const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 });
const server = http.createServer();
let connections = 0;

server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'ws://peer');
  const [name, argument] = url.pathname.slice(1).split('/');
  socket.on('error', () => {});
  if (name === 'hang') return;
  if (name === 'refuse') return refuse(socket, url, argument);
  const behave = behaviours[name];
  if (!behave) return refuse(socket, url, 404);
  // All bytes that are written while the socket is corked are sent in one write: the 101 response
  // and the first messages of the behaviour.
  socket.cork();
  sockets.handleUpgrade(request, socket, head, (ws) => {
    const connection = ++connections;
    ws.on('error', () => {});
    ws.on('ping', (payload) => report('ping', { connection, payload: payload.latin1Slice() }));
    ws.on('pong', (payload) => report('pong', { connection, payload: payload.latin1Slice() }));
    ws.on('close', (code, reason) => report('closed', { connection, code, reason: String(reason) }));
    report('open', { connection, path: url.pathname });
    behave(ws, url, argument, request);
  });
  if (!socket.destroyed) process.nextTick(() => socket.uncork());
});

server.listen({ host: option('host'), port: Number(option('port')) }, () =>
  report('listening', { port: server.address().port }),
);
