// A server of the npm package `ws`, with faults that scenarios can ask for.
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { WebSocketServer } from 'ws';

/**
 * A server that echoes. Scenarios call it by name, in Node directly and from a page by HTTP:
 *
 * - `refuse(on)` whether it refuses attempts
 * - `mute(on)` whether it answers no message
 * - `cut()` ends all connections without a close frame
 * - `seen(what, count)` waits until it has counted so many of `attempt`, `open`, `refused`, `message`
 * - `left(count)` waits until so many connections are left, and returns the last close code
 * - `reset()` begins a new scenario
 */
export async function startServer() {
  const server = new EchoServer();
  await server.listen();
  return server;
}

class EchoServer {
  constructor() {
    this.sockets = new Set();
    this.changes = new EventEmitter().setMaxListeners(0);
    this.wss = new WebSocketServer({ noServer: true });
    this.http = http.createServer((request, response) => this.answer(request, response));
    this.http.on('upgrade', (...args) => this.attempt(...args));
    /** The files for a page by their paths: `[type, content]`. */
    this.files = new Map();
    this.reset();
  }

  async listen() {
    this.http.listen(0, '127.0.0.1');
    await once(this.http, 'listening');
    const { port } = this.http.address();
    this.url = `ws://127.0.0.1:${port}/`;
    this.address = `http://127.0.0.1:${port}/`;
  }

  stop() {
    this.cut();
    this.http.closeAllConnections();
    return new Promise(done => this.http.close(done));
  }

  reset() {
    this.refusing = false;
    this.muted = false;
    this.counts = { attempt: 0, open: 0, refused: 0, message: 0 };
    this.closeCode = null;
  }

  refuse(on) { this.refusing = on; }
  mute(on) { this.muted = on; }
  cut() { this.sockets.forEach(socket => socket.destroy()); }
  seen(what, count) { return this.until(() => this.counts[what] >= count); }
  count(what) { return this.counts[what]; }

  async left(count) {
    await this.until(() => this.sockets.size === count);
    return this.closeCode;
  }

  async until(condition) { while (!condition()) await once(this.changes, 'change'); }

  note(what) {
    this.counts[what]++;
    this.changes.emit('change');
  }

  attempt(request, socket, head) {
    this.note('attempt');
    this.sockets.add(socket);
    const end = () => {
      this.sockets.delete(socket);
      this.changes.emit('change');
    };
    socket.on('error', () => {});
    socket.on('close', end);
    if (this.refusing) {
      socket.destroy();
      this.note('refused');
      return;
    }
    this.wss.handleUpgrade(request, socket, head, ws => {
      // The end is noted with its close code.
      socket.off('close', end);
      ws.on('close', code => {
        this.closeCode = code;
        end();
      });
      this.serve(ws);
    });
  }

  serve(ws) {
    this.note('open');
    ws.on('error', () => {});
    ws.on('message', (data, binary) => {
      this.note('message');
      if (String(data) === 'close me') ws.close(4001, 'as asked');
      else if (!this.muted) ws.send(data, { binary });
    });
  }

  /** Serves the files, and the calls of a page: `/call?[name, ...arguments]`. */
  async answer({ url }, response) {
    const [path, query] = url.split('?');
    if (path === '/call') {
      const [name, ...args] = JSON.parse(decodeURIComponent(query));
      response.end(JSON.stringify((await this[name](...args)) ?? null));
      return;
    }
    const [type, content] = this.files.get(path) || [];
    if (content === undefined) response.statusCode = 404;
    else response.setHeader('content-type', type);
    response.end(content);
  }
}
