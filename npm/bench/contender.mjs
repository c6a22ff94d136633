// Measures one library and prints its figures as JSON: `node bench/contender.mjs NAME`.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const COUNT = process.execArgv.includes('--jitless') ? 2000 : 100000;
const PAYLOAD = 'x'.repeat(128);

/** The WebSocket of a browser without a network. */
class MemorySocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  static last = null;

  constructor(url) {
    super();
    Object.assign(this, { url, readyState: 0, bufferedAmount: 0, sent: 0, binaryType: 'blob', protocol: '', extensions: '' });
    this.listeners = {};
    MemorySocket.last = this;
  }

  // Cheaper than an EventTarget, so that the socket is a small part of each figure.
  addEventListener(name, f) { (this.listeners[name] = this.listeners[name] || []).push(f); }
  removeEventListener(name, f) { this.listeners[name] = (this.listeners[name] || []).filter(other => other !== f); }

  emit(name, event) {
    if (this['on' + name]) this['on' + name](event);
    const listeners = this.listeners[name];
    if (listeners) for (let i = 0; i < listeners.length; i++) listeners[i].call(this, event);
  }

  open() {
    this.readyState = 1;
    this.emit('open', new Event('open'));
  }

  send() { this.sent++; }
  close() { this.readyState = 3; }
}

/** The SocketTask of a mini-program over the same socket. */
const miniprogram = {
  connectSocket() {
    const socket = new MemorySocket('');
    return {
      onOpen: f => { socket.onopen = f; },
      onMessage: f => { socket.onmessage = f; },
      onError: f => { socket.onerror = f; },
      onClose: f => { socket.onclose = f; },
      send: () => socket.send(),
      close: () => socket.close(),
    };
  },
};

['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'].forEach((name, value) => { MemorySocket.prototype[name] = value; });
globalThis.WebSocket = MemorySocket;
let received = 0;
const count = () => { received++; };

/** Each makes a session and returns its function `send`, or a promise of it. */
const MAKE = {
  'ours-wasm': async () => {
    const { load } = await import('websocket-heartbeat/wasm');
    const { WebsocketHeartbeatJs } = await load(readFileSync(new URL('../dist/core.wasm', import.meta.url)));
    return ofClass(WebsocketHeartbeatJs);
  },
  'ours-js': async () => ofClass((await import('websocket-heartbeat/browser')).default),
  'original-js': () => ofClass(original('websocket-heartbeat-js')),
  'original-miniprogram': async () => {
    const task = await original('websocket-heartbeat-miniprogram')({ miniprogram, connectSocketParams: { url: 'ws://x' } });
    task.onMessage = count;
    return () => task.send({ data: PAYLOAD });
  },
  partysocket: async () => {
    const { WebSocket: Class } = await import('partysocket');
    const socket = new Class('ws://x', [], { WebSocket: MemorySocket, minReconnectionDelay: 1 });
    socket.addEventListener('message', count);
    await new Promise(done => setTimeout(done, 50));
    return () => socket.send(PAYLOAD);
  },
  'websocket-ts': async () => {
    const { WebsocketBuilder, WebsocketEvent } = await import('websocket-ts');
    const socket = new WebsocketBuilder('ws://x').build();
    socket.addEventListener(WebsocketEvent.message, count);
    return () => socket.send(PAYLOAD);
  },
};

function ofClass(Class) {
  const session = new Class({ url: 'ws://x' });
  session.onmessage = count;
  return () => session.send(PAYLOAD);
}

/** The originals are bundles for a page: they put their names on `window`. */
function original(name) {
  globalThis.window = globalThis;
  return require(name).default;
}

/** Of processor time, so that other programs on the machine count less. */
function nanosecondsOfEach(f) {
  const round = () => {
    const start = process.cpuUsage();
    for (let n = 0; n < COUNT; n++) f();
    return process.cpuUsage(start).user * 1000 / COUNT;
  };
  return Math.min(round(), round(), round());
}

const start = performance.now();
const send = await MAKE[process.argv[2]]();
const ready = performance.now() - start;
const socket = MemorySocket.last;
socket.open();
const message = new MessageEvent('message', { data: PAYLOAD });
const receive = nanosecondsOfEach(() => socket.emit('message', message));
const sending = nanosecondsOfEach(send);
if (received !== 3 * COUNT) throw new Error(`${received} messages were received`);
if (socket.sent < 3 * COUNT) throw new Error(`${socket.sent} messages were sent`);
console.log(JSON.stringify({ ready, receive, send: sending }));
process.exit(0);
