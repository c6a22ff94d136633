// The border: options, and traps of the core.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CORE_FAILED, Session } from '../src/runtime.js';
import { begin, beginOpen, clock, renewRuntime, runtime, useClockAndCore } from './fakes/session.js';

useClockAndCore();

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
  renewRuntime();
  const others = Array.from({ length: 100 }, () => beginOpen());
  others[7].last().received('x');
  first.last().received('y');
  others[8].session.command('abort');
  assert.equal(others.filter(made => made.of('message').length > 0).length, 1);
  assert.deepEqual(first.of('message'), ['y']);
  others[99].session.send({ data: 'z' }, 1);
  assert.deepEqual(others[99].sent, ['z']);
});
