// Sessions on a virtual clock, with sockets that only record.
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import { Session } from '../../src/runtime.js';
import { Clock } from './clock.js';
import { loadRuntime } from './core.js';

const NAMES = ['open', 'message', 'lost', 'retry', 'unsent', 'closed', 'silent', 'unanswered'];

export let clock;
export let runtime;

/** Another core. Sessions that begin later use it. */
export function renewRuntime() { runtime = loadRuntime(); }

/** Each test of the calling file has a clock and a core of its own. */
export function useClockAndCore() {
  beforeEach(() => {
    clock = new Clock().install();
    renewRuntime();
  });
  afterEach(() => {
    clock.uninstall();
    assert.deepEqual(clock.uncaught, []);
  });
}

/** A session whose sockets record what they are asked for. `connections` holds each attempt. */
export function begin(options = {}, { socket = {}, events = {}, dial } = {}) {
  const made = { connections: [], sent: [], closes: [], abandons: [], events: [] };
  made.names = () => made.events.map(([name]) => name);
  made.of = name => made.events.filter(event => event[0] === name).map(event => event[1]);
  made.last = () => made.connections[made.connections.length - 1];
  const record = name => (...args) => {
    made.events.push([name, ...args]);
    if (events[name]) events[name](...args);
  };
  made.session = new Session(runtime, { heartbeat: true, pingMsg: 'beat', ...options }, (connection, attempt) => {
    made.connections.push(connection);
    if (dial) return dial(connection, attempt);
    return {
      send: entry => made.sent.push(entry.data),
      close: (code, reason) => made.closes.push([code, reason]),
      abandon: ended => made.abandons.push([connection.number, ended]),
      ...socket,
    };
  }, Object.fromEntries(NAMES.map(name => [name, record(name)])));
  made.session.start();
  return made;
}

export function beginOpen(options, parts) {
  const made = begin(options, parts);
  made.last().opened('opened');
  return made;
}
