// What the two drop-ins share: the state that the originals show, and the order of the hooks.
import { callUser } from './calls.js';
import { Session } from './runtime.js';

/**
 * Supervises a session for `task`, the object that the application sees, and keeps its fields
 * `repeat`, `lockReconnect` and `forbidReconnect`.
 *
 * Hooks of one loss: error, then close, then reconnect. Of the end: close if a connection or an
 * attempt ends with it, then end.
 */
export class Supervision {
  /**
   * @param {object} parts
   * @param {object} parts.task has the hooks
   * @param {object} parts.names the names of the hooks: open, message, error, close, reconnect, end,
   *   silent, unanswered
   * @param {function} parts.dial `(reports, attempt) => socket`
   * @param {function} parts.errorEvent makes the event of a failure that the platform did not report
   * @param {function} parts.closeEvent the same for the end of a connection, with code 1006
   * @param {function} parts.unsent gets entries that were accepted and not written
   * @param {function} [parts.call] calls a hook: `(name, argument)`
   */
  constructor(runtime, settings, parts) {
    this.parts = parts;
    /** One of 'connecting', 'open', 'waiting' and 'closed'. */
    this.phase = 'waiting';
    /** The last events of the current connection. */
    this.ends = {};
    this.onClosed = [];
    this.session = new Session(runtime, settings, (connection, attempt) => this.dial(connection, attempt), {
      open: ({ event }) => {
        this.enter('open');
        parts.task.repeat = 0;
        this.hook('open', event);
      },
      message: event => this.hook('message', event),
      lost: loss => this.lost(loss),
      retry: retry => {
        // The attempt was scheduled before a hook of this loss closed the session.
        if (parts.task.forbidReconnect) return;
        parts.task.repeat = retry.attempt;
        this.hook('reconnect', retry);
      },
      unsent: parts.unsent,
      silent: silence => this.hook('silent', silence),
      unanswered: silence => this.hook('unanswered', silence),
      closed: end => this.closed(end),
    });
  }

  start() { this.session.start(); }

  /** Sends a heartbeat now, which must be answered soon. */
  check() { if (this.phase === 'open') this.session.command('probe'); }

  /** Checks the connection, or ends a wait: the program is shown again, or has a network again. */
  wake() {
    this.check();
    if (this.phase === 'waiting') this.session.command('reconnect');
  }

  /** Follows the life of the program until the session ends: `watch` gets the actions. */
  follow(watch) {
    const stop = watch({ wake: () => this.wake(), check: () => this.check() });
    this.onClosed.push(stop);
  }

  enter(phase) {
    this.phase = phase;
    this.parts.task.lockReconnect = phase === 'waiting';
  }

  hook(name, argument) {
    const { task, names, call } = this.parts;
    if (call) call(names[name], argument);
    else callUser(task[names[name]], argument, task);
  }

  dial(connection, attempt) {
    const ends = this.ends = {};
    this.enter('connecting');
    return this.parts.dial({
      opened: event => connection.opened(event),
      received: event => connection.received(event),
      /** Keeps the event of an error that a close event follows. */
      noteError(event) { ends.error = event; },
      failed(error) {
        ends.error = error;
        connection.failed(error);
      },
      ended(event) {
        ends.close = event;
        connection.ended(event);
      },
      get abandoned() { return connection.abandoned; },
    }, attempt);
  }

  lost({ opened, cause, event }) {
    const { errorEvent, closeEvent } = this.parts;
    const { error, close } = this.ends;
    this.enter('waiting');
    if (error || !opened) this.hook('error', error || event || errorEvent(cause));
    this.hook('close', close || closeEvent(cause));
  }

  closed({ reason, cause }) {
    const live = this.phase === 'connecting' || this.phase === 'open';
    this.enter('closed');
    this.parts.task.forbidReconnect = true;
    this.onClosed.forEach(f => f());
    if (live) this.hook('close', this.ends.close || this.parts.closeEvent(reason));
    this.hook('end', { reason, cause });
  }
}
