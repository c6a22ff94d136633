// The core and its sessions. The core is WebAssembly, or JavaScript made of it: the crate `border`.
// Only numbers cross between the two. A payload stays here, and a number stands for it there.
//
// The interface for the drop-ins:
//
//   const runtime = createRuntime();            // one for all sessions of a page
//   runtime.attach(instantiate(runtime.imports));
//   const session = new Session(runtime, options, dial, events);
//   session.start();                            // dials, so `dial` is called before it returns
//
// `options` are numbers, booleans and `pingMsg`, see OPTIONS. Session throws a RangeError for a value
// that the core refuses. `undefined` and `null` mean "not set".
//
// `dial(connection, attempt)` begins one attempt and returns a socket, or a promise of one:
//   { send(entry), close(code, reason), abandon(ended) }
//   A thrown error and a rejected promise are a failed attempt. `abandon` is called exactly once for
//   each socket; no event of the socket counts after it. `ended` says whether the platform has
//   already reported the end. While a promise is pending, `connection.abandoned` says whether the
//   attempt was given up meanwhile; its socket is then abandoned as soon as the promise resolves.
// The socket reports to the connection, and late reports have no effect:
//   connection.opened(event)      the connection is open
//   connection.received(event)    a message
//   connection.failed(error)      the attempt or the connection failed: there was no close frame
//   connection.ended(event)       closed. `event.code` is the close code; 1006 is a failure, no code
//                                 is a close frame without a code
//
// `events` are functions. Each may be absent, and is called synchronously from the report that
// caused it, unless another function of the application is running at that time:
//   open({ connection, attempt, outage, event })      outage in ms, null for the first connection
//   message(event)
//   lost({ connection, opened, cause, code, event })  event: the last one that the socket reported
//   retry({ attempt, delay, cause })                  delay in ms
//   unsent(entry, fate, error)   an accepted entry that was not written; fate: 'unknown', 'dropped',
//                                or 'refused' if `socket.send` threw `error`
//   silent({ connection, time })       nothing was heard for this time in ms, without heartbeats
//   unanswered({ connection, time })   a heartbeat was not answered, and the server is not known to
//                                      answer. Both: see `Event` of the core
//   closed({ reason, cause, event })                  the last event
// An error that such a function throws is thrown again from a timer: it is as visible as any other
// uncaught error, and the session goes on.
//
// `session.send(entry, size)` returns undefined if the entry is accepted, otherwise the reason:
//   'closed', 'full', 'offline' or 'too large'. `size` is the length of the payload in bytes.
// `session.command(name, code, reason)`: 'close', 'abort', 'reconnect', 'probe', 'pause', 'resume'.
//   Returns whether the core took it: false after the end, and for a close code that a client must
//   not send. `code` and `reason` belong to 'close'. The reason goes to the socket as it is.
//
// The core is never entered twice: its wishes are noted, and carried out after the call returned.
// If the core traps, all its sessions end: closed({ reason: 'core failed', cause: error }), and
// `runtime.failed` is the error. A new runtime is needed then.

/** The options of a session, in the order of `Options::set` in the crate. Times are in ms. */
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
const NO_CODE = 1005;
const BROKEN = 1006;
const MAX_U32 = 0xffffffff;

export function createRuntime() { return new Runtime(); }

class Runtime {
  constructor() {
    this.core = null;
    /** The error of the core's trap. */
    this.failed = null;
    this.sessions = new Map();
    /** The noted calls, six values each. */
    this.calls = [];
    /** The place of the next call, or -1 while none is carried out. */
    this.next = -1;
    this.spelt = '';
    const note = name => (session, a, b, c, d, e) => { this.calls.push(name, session, a, b, c, d, e); };
    this.imports = {
      js: {
        now: typeof performance === 'object' && performance && typeof performance.now === 'function'
          ? () => performance.now()
          : () => Date.now(),
        random: () => Math.random(),
        spell: byte => { this.spelt += String.fromCharCode(byte); },
        dial: note('dial'),
        write: note('write'),
        flush: note('flush'),
        close: note('close'),
        abandon: note('abandon'),
        set_alarm: note('setAlarm'),
        report: note('report'),
      },
    };
  }

  attach(exports) { this.core = exports; }

  /** Calls the core, then carries out what it noted. Returns undefined if the core has failed. */
  call(name, a, b, c) {
    if (this.failed) return undefined;
    let result;
    try {
      result = this.core[name](a, b, c);
    } catch (error) {
      this.fail(error);
    }
    this.carryOut();
    return result;
  }

  carryOut() {
    const { calls } = this;
    // A call that is carried out may call the core. What this notes follows in the same loop.
    if (this.next >= 0) return;
    this.next = 0;
    while (this.next < calls.length) {
      const at = this.next;
      this.next += CALL_LENGTH;
      const session = this.sessions.get(calls[at + 1]);
      if (!session) continue;
      try {
        session[calls[at]](calls[at + 2], calls[at + 3], calls[at + 4], calls[at + 5], calls[at + 6]);
      } catch (error) {
        throwLater(error);
      }
    }
    calls.length = 0;
    this.next = -1;
  }

  /** After a trap the state of the core is unknown, so all sessions end. */
  fail(error) {
    this.failed = error;
    this.calls.length = 0;
    if (this.next >= 0) this.next = 0;
    const sessions = Array.from(this.sessions.values());
    this.sessions.clear();
    sessions.forEach(session => session.fail(error));
  }
}

/** The values of a noted call: a name, a session, and five arguments. */
const CALL_LENGTH = 7;

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

/** One attempt, and the connection that it becomes. The socket reports to it. */
class Connection {
  constructor(session, number) {
    this.session = session;
    this.number = number;
    this.socket = null;
    /** The core gave it up. */
    this.abandoned = false;
    /** The socket has reported its end. */
    this.over = false;
    this.openEvent = undefined;
    this.lastEvent = undefined;
    /** An `opened` that came before the socket. */
    this.early = null;
    /** Messages that the core has not reported, and the number of the first of them. */
    this.inbox = [];
    this.first = 1;
    /** The entries that were passed to the socket since the last flush. */
    this.unflushed = [];
  }

  opened(event) {
    if (this.abandoned || this.over) return;
    if (!this.socket) {
      this.early = { event };
      return;
    }
    this.openEvent = event;
    this.session.call('opened', this.number);
  }

  received(event) {
    if (this.abandoned || this.over) return;
    this.inbox.push(event);
    this.session.call('received', this.number);
  }

  failed(error) { this.finish(error, BROKEN); }

  ended(event) { this.finish(event, event && event.code || NO_CODE); }

  finish(event, code) {
    if (this.over) return;
    this.over = true;
    this.lastEvent = event;
    if (!this.abandoned) this.session.call('ended', this.number, code);
  }

  adopt(socket) {
    if (!socket) {
      this.failed(new TypeError('dial returned no socket'));
      return;
    }
    this.socket = socket;
    if (this.abandoned) this.abandonSocket();
    else if (this.early) this.opened(this.early.event);
  }

  abandon() {
    if (this.abandoned) return;
    this.abandoned = true;
    this.inbox.length = 0;
    if (this.socket) this.abandonSocket();
  }

  abandonSocket() {
    try {
      this.socket.abandon(this.over);
    } catch (error) {
      throwLater(error);
    }
  }

  /** Returns the message with this number. Those before it were not reported. */
  take(number) {
    while (this.first < number) {
      this.inbox.shift();
      this.first += 1;
    }
    this.first += 1;
    return this.inbox.shift();
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

/** An error of the application does not stop the session, and is as visible as any uncaught one. */
function throwLater(error) { setTimeout(() => { throw error; }); }
