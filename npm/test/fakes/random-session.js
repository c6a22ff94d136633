// A session with random events, and the rules that hold for each: for the tests of any length.
import assert from 'node:assert/strict';
import { Session } from '../../src/runtime.js';
import { Clock } from './clock.js';
import { loadRuntime } from './core.js';

const STEPS = 150;

/** The generator mulberry32: the same numbers for the same seed. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Plays a session and checks the rules. An assertion fails if one is broken. */
export async function playRandomSession(seed) {
  const random = generator(seed);
  const below = n => Math.floor(random() * n);
  const clock = new Clock().install();
  const { random: mathRandom } = Math;
  Math.random = random;
  try {
    const play = new Play(random, below);
    for (let step = 0; step < STEPS && !play.closed; step++) {
      play.act();
      await clock.advance(below(4) === 0 ? below(20000) : below(50));
    }
    play.session.command('close');
    await clock.advance(10000);
    play.checkEnd(clock);
    assert.deepEqual(clock.uncaught, []);
  } finally {
    Math.random = mathRandom;
    clock.uninstall();
  }
}

class Play {
  constructor(random, below) {
    Object.assign(this, { random, below, sockets: [], received: [], expected: [], entries: new Map(), closed: null });
    const options = {
      preset: below(2) ? 'resilient' : 'original', heartbeat: true, pingMsg: 'beat', keep: below(2) === 0, keepBytes: BYTES,
      pingTimeout: 5000, pongTimeout: 2000, reconnectTimeout: 1000, ...(below(3) === 0 && { maxAge: 30000 }),
    };
    this.session = new Session(loadRuntime(), options, connection => this.dial(connection), {
      open: ({ connection }) => assert.equal(connection, this.current().number),
      message: event => { this.received.push(event); this.maybeAct(); },
      lost: () => this.maybeAct(),
      retry: () => this.maybeAct(),
      unsent: (entry, fate) => this.settle(entry, fate),
      closed: end => {
        assert.equal(this.closed, null, 'closed is reported once');
        this.closed = end;
      },
    });
    this.session.start();
  }

  dial(connection) {
    assert.equal(this.closed, null, 'no attempt follows the end');
    assert.ok(this.sockets.every(({ abandoned }) => abandoned), 'there is one socket at a time');
    if (this.below(10) === 0) throw new Error('out of sockets');
    const socket = { number: connection.number, connection, abandoned: false, opened: false };
    this.sockets.push(socket);
    const made = {
      send: entry => {
        assert.ok(!socket.abandoned && socket.opened, 'entries go to the open connection');
        if (this.below(20) === 0) connection.failed(new Error('broken'));
        if (this.entries.has(entry)) this.entries.get(entry).written = true;
      },
      close: () => { if (this.below(2)) connection.ended({ code: 1000 }); },
      abandon: () => {
        assert.equal(socket.abandoned, false, 'a socket is abandoned once');
        socket.abandoned = true;
      },
    };
    return this.below(4) === 0 ? Promise.resolve(made) : made;
  }

  current() { return this.sockets[this.sockets.length - 1]; }

  maybeAct() { if (this.below(8) === 0) this.act(); }

  act() {
    const socket = this.current();
    const any = this.sockets[this.below(this.sockets.length)];
    switch (this.below(12)) {
      case 0: case 1: case 2:
        if (socket && !socket.abandoned) {
          socket.opened = true;
          socket.connection.opened();
        }
        break;
      case 3: case 4: case 5:
        if (any) any.connection.received(this.nextMessage(any));
        break;
      case 6: case 7: case 8: this.send(); break;
      case 9: if (any) any.connection.ended({ code: [1000, 1006, 4000][this.below(3)] }); break;
      case 10: this.session.command(['reconnect', 'probe', 'pause', 'resume', 'resume'][this.below(5)]); break;
      case 11: if (this.below(20) === 0) this.session.command(this.below(2) ? 'close' : 'abort'); break;
    }
  }

  nextMessage(socket) {
    const message = { socket: socket.number, index: this.expected.length };
    this.expected.push(message);
    return message;
  }

  send() {
    const entry = { size: this.below(BYTES) };
    this.entries.set(entry, { written: false, fate: null });
    const refusal = this.session.send(entry, entry.size);
    if (refusal) {
      assert.equal(this.entries.get(entry).fate, null, 'a refused entry has no fate');
      this.entries.delete(entry);
    }
    const kept = Array.from(this.session.entries.values());
    const bytes = kept.reduce((sum, { size }) => sum + size, 0);
    // The outbox has up to BYTES. In a hook, as many bytes may have a fate that is reported after it.
    assert.ok(bytes <= 2 * BYTES, `${bytes} bytes are kept`);
  }

  settle(entry, fate) {
    const record = this.entries.get(entry);
    assert.ok(record, 'only accepted entries have a fate');
    assert.equal(record.fate, null, 'an entry has one fate');
    if (fate === 'dropped') assert.equal(record.written, false, 'a dropped entry was not written');
    record.fate = fate;
  }

  checkEnd(clock) {
    assert.ok(this.closed, 'the session has ended');
    assert.notEqual(this.closed.reason, 'core failed');
    assert.ok(this.sockets.every(({ abandoned }) => abandoned), 'all sockets are abandoned');
    for (const { written, fate } of this.entries.values()) assert.ok(written || fate, 'each entry was written or has a fate');
    assert.equal(this.session.entries.size, 0);
    assert.equal(clock.timers.size, 0, 'no timer is left');
    const indexes = this.received.map(({ index }) => index);
    assert.deepEqual(indexes, [...indexes].sort((a, b) => a - b), 'messages keep their order');
    assert.equal(new Set(indexes).size, indexes.length, 'no message comes twice');
  }
}

const BYTES = 1000;
