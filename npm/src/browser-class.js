// The drop-in of websocket-heartbeat-js: a class over the WebSocket of browsers, workers and Node.
import { attempt, callUser, nothing } from './calls.js';
import { watchPage } from './lifecycle/browser.js';
import { sessionSettings, withDefaults } from './options.js';
import { sizeOf } from './size.js';
import { Supervision } from './supervision.js';

const HOOKS = {
  open: 'onopen', message: 'onmessage', error: 'onerror', close: 'onclose', reconnect: 'onreconnect',
  end: 'onend', silent: 'onsilent', unanswered: 'onunanswered',
};
const MAX_REASON = 123;

/**
 * @param {function} getRuntime returns the runtime of the core
 * @returns {function} the class `WebsocketHeartbeatJs`
 */
export function createClass(getRuntime) {
  return class WebsocketHeartbeatJs {
    constructor(options) {
      const settings = checkOptions(options);
      this.opts = withDefaults(options);
      this.ws = null;
      this.repeat = 0;
      this.lockReconnect = false;
      this.forbidReconnect = false;
      Object.keys(HOOKS).forEach(name => { this[HOOKS[name]] = nothing; });
      this.onunsent = nothing;
      const session = new ClassSession(this, getRuntime(), settings);
      Object.defineProperty(this, '_session', { value: session });
      session.start();
    }

    send(data) { return this._session.send(data); }

    close(code, reason) {
      checkClose(code, reason);
      this.forbidReconnect = true;
      this._session.supervision.session.command('close', code, reason);
    }

    reconnect() { this._session.supervision.session.command('reconnect'); }
  };
}

function checkOptions(options) {
  const { url, protocols, WebSocket: given, binaryType } = options || {};
  if (typeof url !== 'function') checkUrl(url);
  if (given !== undefined && typeof given !== 'function') throw new TypeError('WebSocket must be a class');
  if (given === undefined && typeof WebSocket !== 'function') {
    throw new TypeError('there is no WebSocket here: set the option WebSocket, or in a mini-program use the main entry');
  }
  if (binaryType !== undefined && binaryType !== 'blob' && binaryType !== 'arraybuffer') {
    throw new TypeError("binaryType must be 'blob' or 'arraybuffer'");
  }
  if (protocols && typeof protocols !== 'string' && typeof protocols !== 'function' && !Array.isArray(protocols)) {
    throw new TypeError('protocols must be a text, an array, or a function that returns one of these');
  }
  return sessionSettings(options);
}

function checkUrl(url) {
  const text = url && typeof url.href === 'string' ? url.href : url;
  if (typeof text !== 'string' || text === '') {
    throw new TypeError('url must be a text that is not empty, a URL, or a function that returns one of these');
  }
  return text;
}

/** The rules of `WebSocket.close`. */
function checkClose(code, reason) {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new RangeError('the close code must be 1000, or from 3000 to 4999');
  }
  if (reason !== undefined && sizeOf(String(reason)) > MAX_REASON) {
    throw new RangeError(`the reason must have at most ${MAX_REASON} bytes`);
  }
}

class ClassSession {
  constructor(owner, runtime, settings) {
    this.owner = owner;
    /** What the constructor of the first WebSocket threw, while `start` runs. */
    this.refused = null;
    this.starting = false;
    this.supervision = new Supervision(runtime, settings, {
      task: owner,
      names: HOOKS,
      dial: (reports, number) => this.dial(reports, number),
      errorEvent: cause => ({ type: 'error', message: cause }),
      closeEvent,
      unsent: ({ data }, fate) => callUser(owner.onunsent, { data, fate }, owner),
    });
  }

  /** Throws what the WebSocket constructor throws for the first url. Then there is no session. */
  start() {
    this.starting = true;
    this.supervision.start();
    this.starting = false;
    if (this.refused) {
      this.supervision.session.command('abort');
      throw this.refused;
    }
    if (this.owner.opts.lifecycle !== false) {
      this.supervision.follow(actions => watchPage(globalScope(), actions));
    }
  }

  dial(reports, number) {
    const { url, protocols } = this.owner.opts;
    if (typeof url !== 'function' && typeof protocols !== 'function') return this.open(url, protocols, reports);
    const valueOf = option => (typeof option === 'function' ? option(number) : option);
    return Promise.all([valueOf(url), valueOf(protocols)]).then(([madeUrl, madeProtocols]) => (
      reports.abandoned ? NO_SOCKET : this.open(madeUrl, madeProtocols, reports)
    ));
  }

  open(url, protocols, reports) {
    const { opts } = this.owner;
    const Class = opts.WebSocket || WebSocket;
    let ws;
    try {
      ws = protocols && protocols.length > 0 ? new Class(checkUrl(url), protocols) : new Class(checkUrl(url));
    } catch (error) {
      if (this.starting) this.refused = error;
      throw error;
    }
    if (opts.binaryType) ws.binaryType = opts.binaryType;
    this.owner.ws = ws;
    ws.onopen = event => reports.opened(event);
    ws.onmessage = event => reports.received(event);
    ws.onerror = event => reports.noteError(event);
    ws.onclose = event => reports.ended(event);
    return {
      send: ({ data }) => ws.send(data),
      close: (code, reason) => ws.close(code, reason),
      // The end of a dead connection is reported late, or never. Reports of this one have no effect now.
      abandon: () => attempt(() => ws.close()),
    };
  }

  send(data) { return !this.supervision.session.send({ data }, sizeOf(data)); }
}

/** A real CloseEvent where there is one: Node has only the form. */
function closeEvent(reason) {
  const fields = { code: 1006, reason, wasClean: false };
  return typeof CloseEvent === 'function' ? new CloseEvent('close', fields) : Object.assign({ type: 'close' }, fields);
}

function globalScope() {
  if (typeof self === 'object' && self) return self;
  return typeof window === 'object' && window ? window : {};
}

const NO_SOCKET = { send: nothing, close: nothing, abandon: nothing };
