// One run of a client with websocket-heartbeat-js over `ws`. The cases are those of the Rust clients.
'use strict';

const fs = require('fs');
const WebSocket = require('ws');
globalThis.WebSocket = WebSocket;
const exported = require('websocket-heartbeat-js');
const Heartbeat = exported.default ?? exported;

process.on('uncaughtException', fail);

const [case_, countText, url] = process.argv.slice(2);
const count = Number(countText);
const SIZE = 128;
const BATCH = 64;

setTimeout(() => {
  console.error('out of time');
  process.exit(1);
}, 90_000).unref();

function fail(error) {
  console.error(String(error));
  process.exit(1);
}

function start() {
  return { cpu: process.cpuUsage(), wall: process.hrtime.bigint() };
}

function sample(begin, units) {
  const cpu = process.cpuUsage(begin.cpu);
  const wall = Number(process.hrtime.bigint() - begin.wall);
  return {
    cpu_ns: ((cpu.user + cpu.system) * 1000) / units,
    per_second: (units * 1e9) / wall,
  };
}

function finish(result) {
  console.log(JSON.stringify(result));
  process.exit(0);
}

function resident() {
  return Number(fs.readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4096;
}

function connect(options = {}) {
  return new Heartbeat({ url, pingTimeout: 15000, pongTimeout: 10000, ...options });
}

function receive() {
  const socket = connect();
  let left = count;
  let begin;
  socket.onopen = () => {
    begin = start();
    socket.send('go');
  };
  socket.onmessage = (event) => {
    const length = typeof event.data === 'string' ? event.data.length : event.data.byteLength ?? event.data.length;
    if (length !== SIZE) fail(`a message of ${length} bytes`);
    if (--left === 0) finish(sample(begin, count));
  };
}

function pingPong() {
  const socket = connect();
  const ball = 'a ball of sixty-four bytes, as in a subscription or an order....';
  const latencies = [];
  let begin;
  let sent;
  const serve = () => {
    sent = process.hrtime.bigint();
    socket.send(ball);
  };
  socket.onopen = () => {
    begin = start();
    serve();
  };
  socket.onmessage = () => {
    latencies.push(Number(process.hrtime.bigint() - sent));
    if (latencies.length < count) return serve();
    const result = sample(begin, count);
    latencies.sort((a, b) => a - b);
    result.p50_ns = latencies[Math.floor((latencies.length - 1) * 0.5)];
    result.p99_ns = latencies[Math.floor((latencies.length - 1) * 0.99)];
    finish(result);
  };
}

// Batch 1: each message is sent when the socket has accepted the previous one.
// Batch 64: 64 messages are in flight, as with `send` in a loop.
function send(batch) {
  const socket = connect();
  const message = Buffer.alloc(SIZE, 'x');
  let sent = 0;
  let begin;
  const more = () => {
    for (let i = 0; i < batch && sent < count; i += 1) {
      sent += 1;
      socket.ws.send(message, i === batch - 1 ? more : undefined);
    }
  };
  socket.onopen = () => {
    begin = start();
    more();
  };
  socket.onmessage = () => finish(sample(begin, count));
}

function framesReceived() {
  const address = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = require('net').connect(Number(address.port), address.hostname, () => {
      socket.write('GET /frames HTTP/1.1\r\n\r\n');
    });
    let answer = '';
    socket.on('data', (data) => (answer += data));
    socket.on('end', () => resolve(Number(answer.trim().split('\n').pop())));
    socket.on('error', reject);
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function idle() {
  const before = resident();
  const sockets = [];
  for (let i = 0; i < count; i += 1) {
    const socket = connect({ pingTimeout: 1000, pongTimeout: 10000 });
    sockets.push(socket);
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.onmessage = () => {};
  }
  const [settle, window] = count < 1000 ? [1200, 2000] : [1500, 4000];
  await sleep(settle);
  const earlier = await framesReceived();
  const begin = start();
  await sleep(window);
  const cpu = process.cpuUsage(begin.cpu);
  const wall = Number(process.hrtime.bigint() - begin.wall);
  const beats = (await framesReceived()) - earlier;
  if (beats < (count * window) / 2000) fail(`${beats} beats only`);
  finish({
    cpu_ns: ((cpu.user + cpu.system) * 1000) / beats,
    per_second: (beats * 1e9) / wall,
    resident_bytes: (resident() - before) / count,
  });
}

const cases = {
  'receive-binary': receive,
  'receive-text': receive,
  'ping-pong': pingPong,
  'send-flush': () => send(1),
  'send-queue': () => send(BATCH),
  idle: () => idle().catch(fail),
};
(cases[case_] ?? (() => fail(`this client does not support ${case_}`)))();
