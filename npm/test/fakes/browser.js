// A fake of the browser's WebSocket, and of the events of a page.
import { CLOSED, CLOSING, CONNECTING, OPEN } from './network.js';

/** The class WebSocket over a network. Its events follow the order of the HTML standard. */
export function webSocketClass(network) {
  return class FakeWebSocket {
    static made = [];

    constructor(url, protocols) {
      if (!/^wss?:/.test(url)) throw new SyntaxError('the url is invalid');
      Object.assign(this, { url, protocols, binaryType: 'blob', bufferedAmount: 0 });
      this.onopen = this.onmessage = this.onerror = this.onclose = null;
      FakeWebSocket.made.push(this);
      const emit = (name, event) => { if (this['on' + name]) this['on' + name](Object.assign({ type: name }, event)); };
      this.socket = network.open(url, protocols, {
        open: () => emit('open'),
        message: data => emit('message', { data }),
        error: () => emit('error'),
        close: (code, reason) => {
          if (this.dialling) emit('error');
          emit('close', { code, reason, wasClean: code !== 1006 });
        },
      });
    }

    get readyState() { return this.socket.state; }
    get dialling() { return this.socket.state === CONNECTING; }

    send(data) {
      if (this.readyState === CONNECTING) throw new Error('InvalidStateError');
      if (this.readyState === OPEN) this.socket.send(data);
    }

    close(code, reason) {
      if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error('InvalidAccessError');
      if (this.readyState !== CLOSING && this.readyState !== CLOSED) this.socket.close(code, reason);
    }
  };
}

/** A page in place of the global `self`: `emit(name)` is an event of the window or the document. */
export class FakePage extends EventTarget {
  constructor() {
    super();
    this.document = new EventTarget();
    this.document.visibilityState = 'visible';
    this.listeners = 0;
    for (const target of [this, this.document]) {
      const { addEventListener, removeEventListener } = target;
      target.addEventListener = (...args) => { this.listeners++; addEventListener.apply(target, args); };
      target.removeEventListener = (...args) => { this.listeners--; removeEventListener.apply(target, args); };
    }
  }

  emit(name) {
    const target = name === 'visibilitychange' || name === 'resume' ? this.document : this;
    target.dispatchEvent(new Event(name));
  }

  install() { globalThis.self = this; }
  uninstall() { delete globalThis.self; }
}
