// One attempt of a session, as the socket sees it.
import { throwLater } from './errors.js';

/** A close frame without a code (RFC 6455 section 7.4.1). */
export const NO_CODE = 1005;
/** No close frame. */
const BROKEN = 1006;

/** One attempt, and the connection that it becomes. The socket reports to it. */
export class Connection {
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
