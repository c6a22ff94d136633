// One session of the core: its options, events and entries. `runtime.js` describes the interface.
import { Connection, NO_CODE } from './connection.js';
import { throwLater } from './errors.js';

/** The options of a session, in the order of `Key` in the crate's `options.rs`. Times are in ms. */
const OPTIONS = [
  'pingTimeout', 'pongTimeout', 'reconnectTimeout', 'repeatLimit', 'heartbeat', 'recheckTimeout', 'maxMissed',
  'exponential', 'cap', 'factor', 'jitter', 'first', 'connectTimeout', 'connectTimeoutCap', 'closeTimeout',
  'stableAfter', 'flapLimit', 'outageLimit', 'maxAge', 'minimumGap', 'keep', 'keepCount', 'keepBytes',
];
const OTHER_OPTIONS = ['preset', 'pingMsg'];
const EVENTS = ['open', 'message', 'lost', 'retry', 'unsent', 'closed', 'silent', 'unanswered'];
const REFUSALS = [undefined, 'closed', 'full', 'offline', 'too large'];
const FATES = ['unknown', 'dropped'];
const COMMANDS = ['close', 'abort', 'reconnect', 'probe', 'pause', 'resume'];
export const CAUSES = [
  'connect', 'connect_timeout', 'heartbeat_timeout', 'write_stalled', 'closed_by_peer', 'broken', 'replaced',
  'max_age', 'paused', 'other',
];
export const REASONS = [
  'user', 'aborted', 'attempts_exhausted', 'backoff_ended', 'stopped', 'flap_limit', 'outage_limit', 'other',
];

/** The reason of `closed` after the core has trapped. */
export const CORE_FAILED = 'core failed';

/** The number of a heartbeat among the entries. */
const HEARTBEAT = 0;
const ACCEPTED = 0;
const MAX_U32 = 0xffffffff;

export class Session {
  /** @throws {RangeError} if an option is invalid */
  constructor(runtime, options, dial, events) {
    if (runtime.failed) throw new Error('the core has failed: ' + runtime.failed);
    this.runtime = runtime;
    this.makeSocket = dial;
    this.events = events;
    this.pingMsg = options.pingMsg;
    /** The current attempt or connection, and after its end the last one. */
    this.connection = null;
    /** The entries without a fate, by their numbers. */
    this.entries = new Map();
    this.lastEntry = HEARTBEAT;
    this.timer = undefined;
    this.closeReason = undefined;
    this.number = create(runtime, options);
    runtime.sessions.set(this.number, this);
  }

  start() { this.call('poll'); }

  send(entry, size) {
    const number = this.lastEntry = this.lastEntry === MAX_U32 ? HEARTBEAT + 1 : this.lastEntry + 1;
    this.entries.set(number, entry);
    const answer = this.call('send', number, Math.min(size, MAX_U32));
    if (answer === ACCEPTED) return undefined;
    // After a trap in this call the entry was accepted, and has been reported as unsent.
    return this.entries.delete(number) ? REFUSALS[answer] || 'closed' : undefined;
  }

  command(name, code, reason) {
    const place = COMMANDS.indexOf(name);
    if (place < 0) throw new TypeError('there is no command ' + name);
    const before = this.closeReason;
    if (name === 'close' && before === undefined) this.closeReason = reason;
    const done = this.call('command', place, code || 0) === 1;
    if (!done) this.closeReason = before;
    return done;
  }

  call(name, a, b) { return this.runtime.call(name, this.number, a, b); }

  /** Calls a function of the application. */
  emit(name, ...values) {
    try {
      if (this.events[name]) this.events[name](...values);
    } catch (error) {
      throwLater(error);
    }
  }

  /** Returns the current connection if it has this number and its end is not reported. */
  live(number) {
    const { connection } = this;
    return connection && connection.number === number && !connection.over ? connection : null;
  }

  fail(error) {
    const entries = Array.from(this.entries.values());
    this.entries.clear();
    this.end();
    entries.forEach(entry => this.emit('unsent', entry, FATES[0]));
    this.emit('closed', { reason: CORE_FAILED, cause: error, event: this.lastEvent() });
  }

  end() {
    clearTimeout(this.timer);
    this.runtime.sessions.delete(this.number);
    if (this.connection) this.connection.abandon();
  }

  lastEvent() { return this.connection ? this.connection.lastEvent : undefined; }

  // The calls of the core, see `crates/border/src/imports.rs`.

  dial(number, attempt) {
    const connection = this.connection = new Connection(this, number);
    let made;
    try {
      made = this.makeSocket(connection, attempt);
    } catch (error) {
      connection.failed(error);
      return;
    }
    if (made && typeof made.then === 'function') {
      made.then(socket => connection.adopt(socket), error => connection.failed(error));
    } else {
      connection.adopt(made);
    }
  }

  write(number, entry) {
    const connection = this.live(number);
    if (!connection) return;
    if (entry === HEARTBEAT) {
      try {
        connection.socket.send({ data: typeof this.pingMsg === 'function' ? this.pingMsg() : this.pingMsg });
      } catch (error) {
        connection.failed(error);
      }
      return;
    }
    connection.unflushed.push(entry);
    const given = this.entries.get(entry);
    try {
      connection.socket.send(given);
    } catch (error) {
      // The platform refuses this payload. The connection is not to blame.
      this.entries.delete(entry);
      this.emit('unsent', given, 'refused', error);
    }
  }

  flush(number) {
    const connection = this.live(number);
    if (!connection) return;
    connection.unflushed.forEach(entry => this.entries.delete(entry));
    connection.unflushed.length = 0;
    this.call('written', number);
  }

  close(number, code) {
    const connection = this.live(number);
    if (!connection) return;
    try {
      connection.socket.close(code === NO_CODE ? undefined : code, this.closeReason);
    } catch (error) {
      connection.failed(error);
    }
  }

  abandon(number) {
    if (this.connection && this.connection.number === number) this.connection.abandon();
  }

  setAlarm(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.call('alarm'), delay);
  }

  report(event, a, b, c, d) {
    switch (EVENTS[event]) {
      case 'open':
        this.emit('open', { connection: a, attempt: b, outage: c < 0 ? null : c, event: this.connection.openEvent });
        break;
      case 'message':
        this.emit('message', this.connection.take(a));
        break;
      case 'lost':
        this.emit('lost', { connection: a, opened: b === 1, cause: CAUSES[c], code: d, event: this.lastEvent() });
        break;
      case 'retry':
        this.emit('retry', { attempt: a, delay: b, cause: CAUSES[c] });
        break;
      case 'unsent': {
        const entry = this.entries.get(a);
        if (this.entries.delete(a)) this.emit('unsent', entry, FATES[b]);
        break;
      }
      case 'silent':
      case 'unanswered':
        this.emit(EVENTS[event], { connection: a, time: b });
        break;
      case 'closed':
        this.end();
        this.emit('closed', { reason: REASONS[a], cause: b < 0 ? null : CAUSES[b], event: this.lastEvent() });
        break;
    }
  }
}

/** Makes a session in the core and returns its number. */
function create(runtime, options) {
  Object.keys(options).forEach(name => {
    if (OTHER_OPTIONS.indexOf(name) < 0 && OPTIONS.indexOf(name) < 0) throw new TypeError('there is no option ' + name);
  });
  runtime.call('begin', options.preset === 'resilient' ? 1 : 0);
  OPTIONS.forEach((name, key) => {
    const value = options[name];
    if (value === undefined || value === null) return;
    if (typeof value !== 'boolean' && !(typeof value === 'number' && value >= 0)) {
      throw new RangeError(`${name} must be a number of at least 0`);
    }
    runtime.call('set_option', key, Number(value));
  });
  runtime.spelt = '';
  const number = runtime.call('create');
  if (runtime.failed) throw new Error('the core has failed: ' + runtime.failed);
  if (number === 0) throw new RangeError(runtime.spelt);
  return number;
}
