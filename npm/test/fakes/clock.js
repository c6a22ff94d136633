// A virtual clock in place of the timers and clocks of this process.
//
// A test installs it, and then moves time. Promises settle between two timers, as they do in reality.
import { setImmediate as nextTurn } from 'node:timers';

const LIMIT = 100000;

export class Clock {
  constructor() {
    this.now = 0;
    this.timers = new Map();
    this.last = 0;
    this.real = null;
    /** What timers threw: in a platform these are reported as uncaught errors. */
    this.uncaught = [];
  }

  install() {
    const { setTimeout, clearTimeout } = globalThis;
    this.real = { setTimeout, clearTimeout, performanceNow: performance.now, dateNow: Date.now };
    globalThis.setTimeout = (f, millis, ...args) => this.set(() => f(...args), millis);
    globalThis.clearTimeout = id => { this.timers.delete(id); };
    performance.now = () => this.now;
    Date.now = () => this.now;
    return this;
  }

  uninstall() {
    Object.assign(globalThis, { setTimeout: this.real.setTimeout, clearTimeout: this.real.clearTimeout });
    performance.now = this.real.performanceNow;
    Date.now = this.real.dateNow;
  }

  set(f, millis) {
    const delay = millis > 0 ? Number(millis) : 0;
    this.timers.set(++this.last, { at: this.now + delay, f });
    return this.last;
  }

  /** Runs all timers of this time span, in their order. */
  async advance(millis) {
    const end = this.now + millis;
    await settle();
    for (let count = 0; ; count++) {
      if (count > LIMIT) throw new Error('the timers never come to rest');
      const next = this.next();
      if (!next || next[1].at > end) break;
      this.timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].at);
      try { next[1].f(); } catch (error) { this.uncaught.push(error); }
      await settle();
    }
    this.now = end;
  }

  /** Moves time without running a timer, as when a platform suspends the program. */
  suspend(millis) { this.now += millis; }

  next() {
    let first = null;
    for (const entry of this.timers) if (!first || entry[1].at < first[1].at) first = entry;
    return first;
  }
}

/** Waits until all promises that can settle now have settled. */
export function settle() { return new Promise(done => nextTurn(done)); }
