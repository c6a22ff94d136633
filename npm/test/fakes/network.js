// Sockets for the fakes of platforms: in memory, or of the npm package `ws`.
//
// `open(url, protocols, on)` returns `{ state, send(data), close(code, reason), destroy() }` and calls
// `on.open()`, `on.message(data)`, `on.error(text)` and `on.close(code, reason)`.

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSING = 2;
export const CLOSED = 3;

/** After this time, the system gives up an attempt that nobody answers. */
const SYSTEM_TIMEOUT = 60000;

/** A network in memory, with one scripted server. All its delays are timers. */
export class MemoryNetwork {
  constructor(latency = 10) {
    this.latency = latency;
    this.sockets = new Set();
    this.log = [];
    /** How the server treats attempts: `accept`, `refuse`, or `silence`. */
    this.attempts = 'accept';
    /** Whether anything still reaches the server, or comes from it. */
    this.cut = false;
    /** Called with each message that the server gets. */
    this.answer = (socket, data) => socket.push(data);
  }

  note(what, detail) { this.log.push({ at: Date.now(), what, detail }); }
  seen(what) { return this.log.filter(entry => entry.what === what); }
  live() { return [...this.sockets].filter(socket => socket.state === OPEN); }

  open(url, protocols, on) {
    const socket = new MemorySocket(this, url, protocols, on);
    this.sockets.add(socket);
    this.note('dial', url);
    const { attempts } = this;
    socket.later(() => {
      if (socket.state !== CONNECTING) return;
      if (this.cut || attempts === 'silence') setTimeout(() => socket.end(1006, '', 'timeout'), SYSTEM_TIMEOUT);
      else if (attempts === 'refuse') socket.end(1006, '', 'connection refused');
      else {
        socket.state = OPEN;
        socket.openedAt = Date.now();
        this.note('open', url);
        on.open();
      }
    });
    return socket;
  }

  /** Ends all sockets without a close frame. */
  kill() { for (const socket of [...this.sockets]) socket.end(1006, '', 'connection reset'); }

  /** The server closes all sockets with this code. */
  closeAll(code, reason = '') {
    for (const socket of this.live()) socket.later(() => socket.end(code, reason));
  }
}

class MemorySocket {
  constructor(network, url, protocols, on) {
    Object.assign(this, { network, url, protocols, on, state: CONNECTING });
  }

  later(f) { setTimeout(f, this.network.latency); }

  /** A message of the server. */
  push(data) {
    this.later(() => { if (this.state === OPEN && !this.network.cut) this.on.message(data); });
  }

  send(data) {
    if (this.state !== OPEN) throw new Error('the socket is not open');
    this.later(() => {
      if (this.network.cut || this.state === CLOSED) return;
      this.network.note('receive', data);
      this.network.answer(this, data);
    });
  }

  close(code = 1000, reason = '') {
    if (this.state === CLOSED || this.state === CLOSING) return;
    if (this.state === CONNECTING) {
      this.later(() => this.end(1006, ''));
      return;
    }
    this.state = CLOSING;
    this.later(() => {
      if (this.network.cut || this.state === CLOSED) return;
      this.network.note('close', code);
      this.end(code, reason);
    });
  }

  destroy() { this.end(1006, ''); }

  end(code, reason, error) {
    if (this.state === CLOSED) return;
    this.state = CLOSED;
    this.network.sockets.delete(this);
    if (error) this.on.error(error);
    this.on.close(code, reason);
  }
}

/** A network of real sockets, by the class of the npm package `ws`. */
export class WsNetwork {
  constructor(WebSocket) { this.WebSocket = WebSocket; }

  open(url, protocols, on) {
    const ws = new this.WebSocket(url, protocols);
    ws.binaryType = 'arraybuffer';
    ws.on('open', () => on.open());
    ws.on('message', (data, binary) => on.message(binary ? data : new TextDecoder().decode(data)));
    ws.on('error', error => on.error(error.message));
    ws.on('close', (code, reason) => on.close(code, String(reason)));
    return {
      get state() { return ws.readyState; },
      send(data) { ws.send(data); },
      close(code, reason) { if (ws.readyState === CONNECTING) ws.terminate(); else ws.close(code, reason); },
      destroy() { ws.terminate(); },
    };
  }
}
