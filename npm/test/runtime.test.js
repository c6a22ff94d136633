// The border: Session over the core, on a virtual clock and with sockets that only record.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CORE_FAILED, Session } from '../src/runtime.js';
import { Clock } from './fakes/clock.js';
import { loadRuntime } from './fakes/core.js';

const NAMES = ['open', 'message', 'lost', 'retry', 'unsent', 'closed', 'silent', 'unanswered'];

let clock;
let runtime;
beforeEach(() => {
  clock = new Clock().install();
  runtime = loadRuntime();
});
afterEach(() => {
  clock.uninstall();
  assert.deepEqual(clock.uncaught, []);
});

/** A session whose sockets record what they are asked for. `connections` holds each attempt. */
function begin(options = {}, { socket = {}, events = {}, dial } = {}) {
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

function beginOpen(options, parts) {
  const made = begin(options, parts);
  made.last().opened('opened');
  return made;
}

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

describe('sending', () => {
  test('an entry reaches the socket before send returns', () => {
    const made = beginOpen();
    assert.equal(made.session.send({ data: 'x' }, 1), undefined);
    assert.deepEqual(made.sent, ['x']);
  });

  test('the original refuses while offline', () => {
    const made = begin();
    assert.equal(made.session.send({ data: 'x' }, 1), 'offline');
    made.last().opened();
    made.last().ended({ code: 1006 });
    assert.equal(made.session.send({ data: 'x' }, 1), 'offline');
    assert.deepEqual(made.of('unsent'), []);
  });

  test('kept entries are sent in order when the connection opens', () => {
    const made = begin({ keep: true });
    for (let n = 0; n < 600; n++) assert.equal(made.session.send({ data: n }, 10), undefined);
    made.last().opened();
    assert.deepEqual(made.sent, [...Array(600).keys()]);
  });

  test('kept entries beyond the count are refused', () => {
    const made = begin({ keep: true, keepCount: 2 });
    const answers = [1, 2, 3].map(data => made.session.send({ data }, 1));
    assert.deepEqual(answers, [undefined, undefined, 'full']);
  });

  test('the bytes of kept entries are bounded exactly', async () => {
    const made = begin({ keep: true, keepBytes: 1000 });
    const send = size => made.session.send({ data: size }, size);
    assert.deepEqual([send(1001), send(600), send(401), send(400), send(1)], ['too large', undefined, 'full', undefined, 'full']);
    assert.equal(send(0), undefined);
    // What is written no longer counts.
    made.last().opened();
    assert.deepEqual(made.sent, [600, 400, 0]);
    made.last().ended({ code: 1006 });
    assert.deepEqual([send(1000), send(1)], [undefined, 'full']);
    // What comes back no longer counts.
    await clock.advance(2000);
    made.last().opened();
    assert.equal(send(1000), undefined);
    assert.deepEqual(made.sent, [600, 400, 0, 1000, 1000]);
  });

  test('bytes of entries with an unknown fate no longer count', async () => {
    const made = begin({ keep: true, keepBytes: 1000 }, {
      socket: { send() { made.last().ended({ code: 1006 }); } },
    });
    const send = size => made.session.send({ data: size }, size);
    assert.deepEqual([send(500), send(500)], [undefined, undefined]);
    made.last().opened();
    assert.deepEqual(made.events.filter(([name]) => name === 'unsent').map(([, entry, fate]) => [entry.data, fate]), [
      [500, 'unknown'], [500, 'unknown'],
    ]);
    assert.deepEqual([send(1000), send(1)], [undefined, 'full']);
  });

  test('kept entries come back when the session ends', () => {
    const made = begin({ keep: true });
    ['a', 'b'].forEach(data => made.session.send({ data }, 1));
    made.session.command('abort');
    assert.deepEqual(made.names(), ['unsent', 'unsent', 'closed']);
    assert.deepEqual(made.events[0].slice(1), [{ data: 'a' }, 'dropped']);
  });

  test('a payload that the socket refuses does not end the connection', () => {
    const error = new TypeError('not a payload');
    const made = beginOpen({}, {
      socket: { send({ data }) { if (data === 'bad') throw error; } },
    });
    made.session.send({ data: 'bad' }, 3);
    assert.deepEqual(made.events[1], ['unsent', { data: 'bad' }, 'refused', error]);
    assert.equal(made.session.send({ data: 'good' }, 4), undefined);
    assert.deepEqual(made.names(), ['open', 'unsent']);
  });

  test('no entry is held after its fate', async () => {
    const made = beginOpen({ keep: true });
    for (let n = 0; n < 10; n++) made.session.send({ data: n }, 1);
    assert.equal(made.session.entries.size, 0);
    made.last().ended({ code: 1006 });
    made.session.send({ data: 'kept' }, 1);
    assert.equal(made.session.entries.size, 1);
    made.session.command('close');
    assert.equal(made.session.entries.size, 0);
  });
});

describe('commands', () => {
  test('close sends its code and reason, and waits for the close event', async () => {
    const made = beginOpen();
    assert.equal(made.session.command('close', 3000, 'bye'), true);
    assert.deepEqual(made.closes, [[3000, 'bye']]);
    assert.equal(made.of('closed').length, 0);
    made.last().ended({ code: 3000 });
    assert.deepEqual(made.of('closed'), [{ reason: 'user', cause: null, event: { code: 3000 } }]);
    assert.equal(clock.timers.size, 0);
    assert.equal(made.session.send({}, 0), 'closed');
    assert.equal(made.session.command('reconnect'), false);
  });

  test('close without an answer ends after the close timeout', async () => {
    const made = beginOpen({ closeTimeout: 700 });
    made.session.command('close');
    await clock.advance(700);
    assert.deepEqual(made.names(), ['open', 'closed']);
    assert.deepEqual(made.abandons, [[1, false]]);
  });

  test('a code that a client must not send is refused', () => {
    const made = beginOpen();
    for (const code of [999, 1005, 1006, 5000, 70000]) assert.equal(made.session.command('close', code, 'x'), false);
    assert.deepEqual(made.closes, []);
    assert.equal(made.session.command('close', 1000), true);
    assert.deepEqual(made.closes, [[1000, undefined]]);
  });

  test('reconnect replaces the connection', async () => {
    const made = beginOpen();
    await clock.advance(1000);
    made.session.command('reconnect');
    // The old connection is closed in order first.
    made.last().ended({ code: 1000 });
    await clock.advance(100);
    assert.equal(made.of('lost')[0].cause, 'replaced');
    assert.equal(made.connections.length, 2);
  });

  test('probe sends a heartbeat with a short timeout', async () => {
    const made = beginOpen({ recheckTimeout: 300 });
    made.session.command('probe');
    assert.deepEqual(made.sent, ['beat']);
    await clock.advance(300);
    assert.equal(made.of('lost')[0].cause, 'heartbeat_timeout');
  });

  test('pause keeps the session still until resume', async () => {
    const made = begin();
    made.session.command('pause');
    await clock.advance(100000);
    assert.deepEqual([made.connections.length, made.of('lost')[0].cause], [1, 'paused']);
    made.session.command('resume');
    await clock.advance(1000);
    assert.equal(made.connections.length, 2);
  });

  test('an unknown command is an error', () => {
    assert.throws(() => begin().session.command('stop'), TypeError);
  });
});

describe('options', () => {
  const refused = (options, words) => assert.throws(
    () => new Session(runtime, { heartbeat: true, ...options }, () => {}, {}),
    error => error instanceof RangeError && words.test(error.message),
    JSON.stringify(options),
  );

  test('values that are no numbers are refused by name', () => {
    for (const value of ['1', NaN, -1, {}]) refused({ pingTimeout: value }, /pingTimeout/);
  });

  test('the core refuses by the name of its setting', () => {
    refused({ pingTimeout: 0 }, /^heartbeat interval must be longer than zero$/);
    refused({ pongTimeout: 0 }, /heartbeat timeout/);
    refused({ recheckTimeout: 0 }, /recheck timeout/);
    refused({ connectTimeout: 0 }, /^connect timeout must/);
    refused({ connectTimeout: 20, connectTimeoutCap: 10 }, /connect timeout cap/);
    refused({ closeTimeout: 0 }, /close timeout/);
    refused({ exponential: true, factor: 0.5 }, /factor/);
    refused({ exponential: true, jitter: 2 }, /jitter/);
    refused({ exponential: true, reconnectTimeout: 100, cap: 10 }, /cap/);
    refused({ flapLimit: 1 }, /flap limit/);
    refused({ outageLimit: 0 }, /outage limit/);
    refused({ maxAge: 0 }, /maximum connection age/);
    refused({ minimumGap: 0 }, /minimum gap/);
    refused({ keepCount: 0 }, /outbox count/);
  });

  test('an unknown option is an error', () => {
    assert.throws(() => begin({ pingTimeOut: 1 }), /no option pingTimeOut/);
  });

  test('a refused session leaves nothing behind', () => {
    refused({ connectTimeout: 0 }, /./);
    assert.equal(runtime.sessions.size, 0);
    assert.equal(begin().connections.length, 1);
  });

  test('options of one session do not reach the next', async () => {
    begin({ reconnectTimeout: 50, repeatLimit: 1 }).session.command('abort');
    const made = begin();
    made.last().failed(new Error('refused'));
    assert.equal(made.of('retry')[0].delay, 2000);
  });

  test('delays grow to their cap', async () => {
    const made = begin({ exponential: true, reconnectTimeout: 1000, cap: 3000, factor: 2, jitter: 0 });
    for (let n = 0; n < 4; n++) {
      made.last().failed(new Error('refused'));
      await clock.advance(3000);
    }
    assert.deepEqual(made.of('retry').map(({ delay }) => delay), [1000, 2000, 3000, 3000]);
  });

  test('the first delay can be spread more widely', () => {
    const delays = Array.from({ length: 50 }, () => {
      const made = begin({ exponential: true, reconnectTimeout: 1000, cap: 60000, first: 60000 });
      made.last().failed(new Error('refused'));
      return made.of('retry')[0].delay;
    });
    assert.ok(Math.max(...delays) > 10000, String(delays));
  });

  test('maxAge replaces the connection, at 90 to 100 percent of it', async () => {
    const made = beginOpen({ maxAge: 10000 });
    await clock.advance(8999);
    assert.equal(made.closes.length, 0);
    await clock.advance(1001);
    assert.equal(made.closes.length, 1);
    made.last().ended({ code: 1000 });
    await clock.advance(100);
    assert.deepEqual([made.of('lost')[0].cause, made.connections.length], ['max_age', 2]);
  });

  test('stableAfter, flapLimit and outageLimit end a session', async () => {
    const flapping = beginOpen({ stableAfter: 5000, flapLimit: 1, reconnectTimeout: 100 });
    flapping.last().ended({ code: 1000 });
    await clock.advance(100);
    flapping.last().opened();
    flapping.last().ended({ code: 1000 });
    assert.equal(flapping.of('closed')[0].reason, 'flap_limit');

    const out = begin({ outageLimit: 1000 });
    out.last().failed(new Error('refused'));
    assert.equal(out.of('closed')[0].reason, 'outage_limit');
  });

  test('maxMissed allows missed heartbeats', async () => {
    const made = beginOpen({ pingTimeout: 1000, pongTimeout: 500, maxMissed: 1 });
    await clock.advance(1500);
    assert.equal(made.of('lost').length, 0);
    await clock.advance(3000);
    assert.equal(made.of('lost')[0].cause, 'heartbeat_timeout');
  });

  test('minimumGap spaces attempts', async () => {
    const made = begin({ reconnectTimeout: 0, minimumGap: 400 });
    made.last().failed(new Error('refused'));
    await clock.advance(399);
    assert.equal(made.connections.length, 1);
    await clock.advance(1);
    assert.equal(made.connections.length, 2);
  });

  test('the resilient preset keeps entries and spreads its delays', () => {
    const delays = Array.from({ length: 20 }, () => {
      const made = begin({ preset: 'resilient' });
      assert.equal(made.session.send({ data: 'kept' }, 4), undefined);
      made.last().failed(new Error('refused'));
      return made.of('retry')[0].delay;
    });
    assert.ok(delays.every(delay => delay <= 1000) && new Set(delays).size > 10, String(delays));
  });
});

describe('a trap of the core', () => {
  const breakCore = () => {
    const core = runtime.core;
    runtime.attach(new Proxy({}, { get: (_, name) => () => { throw new Error('trap in ' + String(name)); } }));
    return core;
  };

  test('ends all its sessions aloud, and nothing goes on', async () => {
    const [one, two] = [beginOpen({ keep: true }), begin({ keep: true })];
    two.session.send({ data: 'kept' }, 4);
    breakCore();
    one.last().received('x');
    const closed = [{ reason: CORE_FAILED, cause: runtime.failed, event: undefined }];
    assert.deepEqual([one.of('closed'), two.of('closed')], [closed, closed]);
    assert.match(runtime.failed.message, /trap in received/);
    assert.deepEqual(two.names(), ['unsent', 'closed']);
    assert.deepEqual([one.abandons, two.abandons], [[[1, false]], [[1, false]]]);
    assert.equal(clock.timers.size, 0);
    one.last().ended({ code: 1000 });
    assert.deepEqual([one.session.send({}, 0), one.session.command('close')], ['closed', false]);
    assert.throws(() => begin(), /the core has failed/);
  });

  test('in send, the entry has one outcome', () => {
    const made = beginOpen();
    breakCore();
    assert.equal(made.session.send({ data: 'x' }, 1), undefined);
    assert.deepEqual(made.names(), ['open', 'unsent', 'closed']);
  });

  test('in an alarm, ends the session', async () => {
    const made = beginOpen();
    breakCore();
    await clock.advance(15000);
    assert.equal(made.of('closed')[0].reason, CORE_FAILED);
  });
});

test('two runtimes and many sessions do not meet', async () => {
  const first = beginOpen();
  runtime = loadRuntime();
  const others = Array.from({ length: 100 }, () => beginOpen());
  others[7].last().received('x');
  first.last().received('y');
  others[8].session.command('abort');
  assert.equal(others.filter(made => made.of('message').length > 0).length, 1);
  assert.deepEqual(first.of('message'), ['y']);
  others[99].session.send({ data: 'z' }, 1);
  assert.deepEqual(others[99].sent, ['z']);
});
