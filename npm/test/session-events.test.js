// The border: events, attempts and heartbeats.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { begin, beginOpen, clock, useClockAndCore } from './fakes/session.js';

useClockAndCore();

describe('events', () => {
  test('an attempt begins before start returns', () => {
    assert.equal(begin().connections.length, 1);
  });

  test('open and message are called before the report returns', () => {
    const { connections: [connection], events } = begin();
    connection.opened('platform event');
    assert.deepEqual(events, [['open', { connection: 1, attempt: 0, outage: null, event: 'platform event' }]]);
    connection.received('first');
    assert.deepEqual(events[1], ['message', 'first']);
  });

  test('a message that comes before open is reported after it', () => {
    const made = begin();
    made.last().received('early');
    assert.deepEqual(made.names(), []);
    made.last().opened();
    assert.deepEqual(made.names(), ['open', 'message']);
  });

  test('a loss has its cause, code and last event, then a retry follows', async () => {
    const made = beginOpen({ reconnectTimeout: 500 });
    const event = { code: 4001 };
    made.last().ended(event);
    assert.deepEqual(made.events.slice(1), [
      ['lost', { connection: 1, opened: true, cause: 'closed_by_peer', code: 4001, event }],
      ['retry', { attempt: 1, delay: 500, cause: 'closed_by_peer' }],
    ]);
    await clock.advance(499);
    assert.equal(made.connections.length, 1);
    await clock.advance(1);
    assert.equal(made.connections.length, 2);
    made.last().opened();
    assert.equal(made.of('open')[1].outage, 500);
  });

  test('each code of an end has its cause', () => {
    const causes = [1000, 1005, 1006, 1012, 4999, 5000, 1004, undefined].map(code => {
      const made = beginOpen();
      made.last().ended({ code });
      return made.of('lost')[0].cause;
    });
    const [closed, broken] = ['closed_by_peer', 'broken'];
    assert.deepEqual(causes, [closed, closed, broken, closed, closed, broken, broken, closed]);
  });

  test('reports of an earlier connection have no effect', async () => {
    const made = beginOpen();
    const [old] = made.connections;
    old.ended({ code: 1000 });
    await clock.advance(2000);
    made.last().opened();
    const before = made.events.length;
    old.received('late');
    old.opened();
    old.failed(new Error('late'));
    old.ended({ code: 1006 });
    await clock.advance(1000);
    assert.equal(made.events.length, before);
    assert.equal(made.connections.length, 2);
  });

  test('a function that throws does not stop the session', async () => {
    const made = beginOpen({}, { events: { message: () => { throw new Error('of the application'); } } });
    made.last().received('one');
    made.last().received('two');
    assert.deepEqual(made.of('message'), ['one', 'two']);
    await clock.advance(0);
    assert.deepEqual(clock.uncaught.splice(0).map(String), Array(2).fill('Error: of the application'));
  });

  test('messages that arrive within a message hook keep their order', () => {
    const made = beginOpen({}, {
      events: {
        message: text => {
          if (text === 'a') ['b', 'c'].forEach(next => made.last().received(next));
        },
      },
    });
    made.last().received('a');
    made.last().received('d');
    assert.deepEqual(made.of('message'), ['a', 'b', 'c', 'd']);
  });

  test('close within any hook holds', async () => {
    for (const name of ['open', 'message', 'lost', 'retry']) {
      const made = begin({}, { events: { [name]: () => made.session.command('close') } });
      made.last().opened();
      made.last().received('x');
      made.last().ended({ code: 1000 });
      await clock.advance(60000);
      assert.equal(made.connections.length, 1, name);
      assert.equal(made.names().pop(), 'closed', name);
      assert.equal(made.of('closed')[0].reason, 'user', name);
    }
  });
});

describe('attempts', () => {
  test('a dial that throws is a failed attempt', async () => {
    const error = new Error('out of sockets');
    const made = begin({ repeatLimit: 1 }, { dial: () => { throw error; } });
    await clock.advance(2000);
    assert.deepEqual(made.names(), ['lost', 'retry', 'lost', 'closed']);
    assert.equal(made.of('lost')[0].event, error);
    assert.deepEqual(made.of('closed')[0], { reason: 'attempts_exhausted', cause: 'connect', event: error });
  });

  test('a dial that returns nothing is a failed attempt', () => {
    const made = begin({ repeatLimit: 0 }, { dial: () => undefined });
    assert.match(made.of('lost')[0].event.message, /no socket/);
  });

  test('a dial may return a promise, and a rejection is a failed attempt', async () => {
    const socket = { send() {}, close() {}, abandon() {} };
    const answers = [Promise.reject(new Error('no token')), Promise.resolve(socket)];
    const made = begin({}, { dial: () => answers.shift() });
    await clock.advance(2000);
    assert.equal(made.of('lost')[0].event.message, 'no token');
    made.last().opened();
    assert.deepEqual(made.names(), ['lost', 'retry', 'open']);
  });

  test('an open that comes before the socket waits for it', async () => {
    let resolve;
    const sent = [];
    const made = begin({}, { dial: () => new Promise(r => { resolve = r; }) });
    made.last().opened('early');
    assert.deepEqual(made.names(), []);
    resolve({ send: ({ data }) => sent.push(data), close() {}, abandon() {} });
    await clock.advance(0);
    assert.deepEqual(made.names(), ['open']);
    made.session.send({ data: 'x' }, 1);
    assert.deepEqual(sent, ['x']);
  });

  test('a socket that comes after its attempt was given up is abandoned', async () => {
    const resolves = [];
    const abandons = [];
    const made = begin({ connectTimeout: 1000 }, { dial: () => new Promise(r => { resolves.push(r); }) });
    assert.equal(made.last().abandoned, false);
    await clock.advance(1000);
    assert.equal(made.of('lost')[0].cause, 'connect_timeout');
    assert.equal(made.connections[0].abandoned, true);
    resolves[0]({ abandon: ended => abandons.push(ended) });
    await clock.advance(0);
    assert.deepEqual(abandons, [false]);
  });

  test('each socket is abandoned once, and knows whether it had ended', async () => {
    const made = beginOpen({ pingTimeout: 1000, pongTimeout: 500 });
    await clock.advance(1500);
    assert.deepEqual(made.abandons, [[1, false]]);
    await clock.advance(2000);
    made.last().opened();
    made.last().ended({ code: 1006 });
    assert.deepEqual(made.abandons, [[1, false], [2, true]]);
    made.session.command('abort');
    assert.equal(made.abandons.length, 2);
  });
});

describe('heartbeats', () => {
  test('a heartbeat follows silence, and a missing answer ends the connection', async () => {
    const made = beginOpen();
    await clock.advance(14999);
    assert.deepEqual(made.sent, []);
    await clock.advance(1);
    assert.deepEqual(made.sent, ['beat']);
    await clock.advance(9999);
    assert.equal(made.of('lost').length, 0);
    await clock.advance(1);
    assert.equal(made.of('lost')[0].cause, 'heartbeat_timeout');
  });

  test('any message is an answer and restarts the time', async () => {
    const made = beginOpen();
    await clock.advance(20000);
    made.last().received('anything');
    await clock.advance(14999);
    assert.equal(made.sent.length, 1);
    await clock.advance(1);
    assert.equal(made.sent.length, 2);
  });

  test('a pingMsg function is called for each heartbeat', async () => {
    let count = 0;
    const made = beginOpen({ pingMsg: () => `beat ${++count}` });
    for (let n = 0; n < 2; n++) {
      await clock.advance(15000);
      made.last().received('answer');
    }
    assert.deepEqual(made.sent, ['beat 1', 'beat 2']);
  });

  test('a pingMsg function that throws ends the connection with its error', async () => {
    const made = beginOpen({ pingMsg: () => { throw new Error('of the application'); } });
    await clock.advance(15000);
    const [{ cause, event }] = made.of('lost');
    assert.deepEqual([cause, event.message], ['broken', 'of the application']);
  });

  test('the resilient preset sends none unasked, and reports silence', async () => {
    const made = beginOpen({ preset: 'resilient', heartbeat: false });
    await clock.advance(60000);
    assert.deepEqual([made.sent, made.of('silent')], [[], [{ connection: 1, time: 60000 }]]);
    await clock.advance(600000);
    assert.deepEqual(made.names(), ['open', 'silent']);
  });

  test('the resilient preset first learns whether heartbeats are answered', async () => {
    const made = beginOpen({ preset: 'resilient' });
    await clock.advance(25000);
    assert.deepEqual([made.sent, made.of('unanswered')], [['beat'], [{ connection: 1, time: 25000 }]]);
    for (let n = 0; n < 3; n++) {
      const { length } = made.sent;
      while (made.sent.length === length) await clock.advance(1000);
      made.last().received('answer');
    }
    await clock.advance(25000);
    assert.equal(made.of('lost')[0].cause, 'heartbeat_timeout');
  });

  test('a long time does not make a timer fire at once', async () => {
    const delays = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (f, delay) => {
      delays.push(delay);
      return setTimeout(f, delay);
    };
    const made = beginOpen({ pingTimeout: 1e12 });
    // The timer of the attempt is used up first.
    await clock.advance(20000);
    globalThis.setTimeout = setTimeout;
    assert.deepEqual(delays, [10000, 0x7fffffff]);
    assert.deepEqual(made.names(), ['open']);
  });
});
