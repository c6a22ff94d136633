// A WebSocket server by Bun, whose server is uWebSockets. It ends a connection on which it has heard
// nothing for the time `idle` of the URL's query, in seconds, and sends no pings itself. As for /ledger
// of node_ws.js, it reports the number with which each message begins. uWebSockets has at least 8 s, and
// looks every 4 s.
//
//   bun bun.js --host 127.0.0.1 --port 0
//
// It reports on stdout, one JSON object per line, and exits when stdin closes.
'use strict';
const LIFE_MS = 10 * 60 * 1000;

const option = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const report = (what, fields) => process.stdout.write(`${JSON.stringify({ report: what, ...fields })}\n`);

process.stdin.resume();
process.stdin.on('close', () => process.exit(0));
setTimeout(() => process.exit(0), LIFE_MS).unref();

let connections = 0;
const server = Bun.serve({
  hostname: option('host'),
  port: Number(option('port')),
  fetch(request, server) {
    const data = { connection: ++connections, path: new URL(request.url).pathname };
    if (!server.upgrade(request, { data })) return new Response('no upgrade', { status: 400 });
  },
  websocket: {
    idleTimeout: 8,
    sendPings: false,
    open: (ws) => report('open', ws.data),
    message: (ws, data) => report('received', { number: Number.parseInt(data, 10) }),
    ping: (ws) => report('ping', ws.data),
    close: (ws, code, reason) => report('closed', { ...ws.data, code, reason }),
  },
});
report('listening', { port: server.port });
