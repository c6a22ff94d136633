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
// The core is never entered twice: what it asks for is noted, and carried out after the call returned.
// If the core traps, all its sessions end: closed({ reason: 'core failed', cause: error }), and
// `runtime.failed` is the error. A new runtime is needed then.
import { throwLater } from './errors.js';

export { CAUSES, CORE_FAILED, REASONS, Session } from './session.js';

export function createRuntime() { return new Runtime(); }

class Runtime {
  constructor() {
    this.core = null;
    /** The error of the core's trap. */
    this.failed = null;
    this.sessions = new Map();
    /** The noted calls, CALL_LENGTH values each. */
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
