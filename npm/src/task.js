// The drop-in of websocket-heartbeat-miniprogram: a factory that returns a promise of a task.
import { nothing } from './calls.js';
import { HeldHooks } from './held-hooks.js';
import { watchProgram } from './lifecycle/miniprogram.js';
import { sessionSettings, withDefaults } from './options.js';
import { settleLater, withOneOutcome } from './outcome.js';
import { socketOpener } from './platforms/index.js';
import { sizeOf } from './size.js';
import { Supervision } from './supervision.js';

const HOOKS = {
  open: 'onOpen', message: 'onMessage', error: 'onError', close: 'onClose', reconnect: 'onReconnect',
  end: 'onEnd', silent: 'onSilent', unanswered: 'onUnanswered',
};

/**
 * @param {function} getRuntime returns the runtime of the core
 * @returns {function} the factory `WebsocketHeartbeat(options)`
 */
export function createFactory(getRuntime) {
  return function WebsocketHeartbeat(options) {
    // What is thrown here rejects the promise.
    return new Promise(resolve => new Task(getRuntime(), options, checkOptions(options), resolve));
  };
}

function checkOptions(options) {
  const { miniprogram, connectSocketParams: params } = options || {};
  if (!miniprogram || typeof miniprogram.connectSocket !== 'function') {
    throw new TypeError('miniprogram must be the object of the platform: wx, my, swan, tt, qq, Taro or uni');
  }
  if (typeof params !== 'function') checkParams(params);
  return sessionSettings(options);
}

function checkParams(params) {
  if (!params || typeof params !== 'object') {
    throw new TypeError('connectSocketParams must be an object, or a function that returns one');
  }
  if (typeof params.url !== 'string' || params.url === '') {
    throw new TypeError('connectSocketParams.url must be a text that is not empty');
  }
}

/** What the application sees. */
class Task {
  constructor(runtime, options, settings, resolve) {
    this.opts = withDefaults(options);
    this.socketTask = null;
    this.repeat = 0;
    this.lockReconnect = false;
    this.forbidReconnect = false;
    Object.keys(HOOKS).forEach(name => { this[HOOKS[name]] = nothing; });
    const session = new TaskSession(this, runtime, settings, resolve);
    Object.defineProperty(this, '_session', { value: session });
    session.start();
  }

  send(params) { return this._session.send(params); }
  close(params) { this._session.close(params); }
  reconnect() { this._session.supervision.session.command('reconnect'); }
}

class TaskSession {
  constructor(task, runtime, settings, resolve) {
    this.task = task;
    this.hooks = new HeldHooks(task, resolve);
    /** The parameters of each `close`. The socket closes by the first. */
    this.closings = [];
    this.open = socketOpener(task.opts.miniprogram, socketTask => {
      task.socketTask = socketTask;
      this.hooks.release();
    });
    this.supervision = new Supervision(runtime, settings, {
      task,
      names: HOOKS,
      call: (name, argument) => this.call(name, argument),
      dial: (reports, attempt) => this.dial(reports, attempt),
      errorEvent: cause => ({ errMsg: 'connectSocket:fail ' + cause }),
      closeEvent: reason => ({ code: 1006, reason }),
      unsent: (entry, fate) => settleLater(entry, 'fail', 'sendSocketMessage:fail ' + fate),
    });
  }

  start() {
    const { miniprogram, lifecycle } = this.task.opts;
    if (lifecycle !== false) this.supervision.follow(actions => watchProgram(miniprogram, actions));
    this.supervision.start();
  }

  call(name, argument) {
    this.hooks.call(name, argument);
    // An attempt may end without a SocketTask. The task can be used all the same.
    if (name === HOOKS.close || name === HOOKS.end) this.hooks.release();
    if (name === HOOKS.end) this.closings.forEach(params => settleLater(params, 'success', 'closeSocket:ok'));
  }

  dial(reports, attempt) {
    const { connectSocketParams: params } = this.task.opts;
    if (typeof params !== 'function') return this.closable(this.open(params, reports));
    return Promise.resolve(params(attempt)).then(made => {
      checkParams(made);
      return reports.abandoned ? NO_SOCKET : this.closable(this.open(made, reports));
    });
  }

  /** The callbacks of the application's `close` are then the platform's. */
  closable(socket) {
    if (typeof socket.then === 'function') return socket.then(made => this.closable(made));
    return {
      send: entry => socket.send(entry),
      close: (code, reason) => socket.close(this.closings[0] || { code, reason }),
      abandon: () => socket.abandon(),
    };
  }

  send(params) {
    if (!params || typeof params !== 'object') throw new TypeError('send needs an object with the field data');
    const entry = withOneOutcome(params);
    const refusal = this.supervision.session.send(entry, sizeOf(params.data));
    if (refusal) settleLater(entry, 'fail', 'sendSocketMessage:fail ' + refusal);
    return !refusal;
  }

  close(params) {
    const closing = withOneOutcome(params || {});
    this.task.forbidReconnect = true;
    if (this.supervision.phase === 'closed') {
      settleLater(closing, 'success', 'closeSocket:ok');
      return;
    }
    this.closings.push(closing);
    this.supervision.session.command('close');
  }
}

/** Of an attempt that was given up while its parameters were made. */
const NO_SOCKET = { send: nothing, close: nothing, abandon: nothing };
