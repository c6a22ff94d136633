// The drop-in of websocket-heartbeat-miniprogram: its options, and the course of a session.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alipay, wechat } from './fakes/platforms.js';
import { URL_A, URL_B, clock, network, setup, useSetup } from './fakes/setup.js';

useSetup();

describe('options', () => {
  const params = { url: URL_A };
  const wrong = [
    [undefined, TypeError, /miniprogram/],
    [{}, TypeError, /miniprogram/],
    [{ miniprogram: 'wx', connectSocketParams: params }, TypeError, /object of the platform/],
    [{ miniprogram: {}, connectSocketParams: params }, TypeError, /miniprogram/],
    [{ connectSocketParams: undefined }, TypeError, /connectSocketParams/],
    [{ connectSocketParams: {} }, TypeError, /url/],
    [{ connectSocketParams: { url: '' } }, TypeError, /url/],
    [{ pingTimeout: 'soon' }, TypeError, /pingTimeout/],
    [{ pongTimeout: -1 }, RangeError, /pongTimeout/],
    [{ reconnectTimeout: NaN }, RangeError, /reconnectTimeout/],
    [{ connectTimeout: Infinity }, RangeError, /connectTimeout/],
    [{ repeatLimit: -1 }, RangeError, /repeatLimit/],
    [{ repeatLimit: 1.5 }, RangeError, /repeatLimit/],
    [{ pingMsg: 7 }, TypeError, /pingMsg/],
    [{ backoff: 2 }, TypeError, /backoff/],
    [{ backoff: { jitter: 2 } }, RangeError, /jitter/],
    [{ keep: 'all' }, TypeError, /keep/],
    [{ preset: 'best' }, TypeError, /preset/],
    [{ lifecycle: 1 }, TypeError, /lifecycle/],
  ];
  for (const [options, type, text] of wrong) {
    test(`a wrong option rejects: ${JSON.stringify(options)}`, async () => {
      const whole = options && !('miniprogram' in options) && Object.keys(options).length > 0
        ? { miniprogram: wechat(network).platform, connectSocketParams: params, ...options }
        : options;
      await assert.rejects(setup.WebsocketHeartbeat(whole), error => error instanceof type && text.test(error.message));
      assert.equal(network.seen('dial').length, 0);
    });
  }

  test('an option of undefined has its default', async () => {
    const { task } = await setup.task({ pingTimeout: undefined, repeatLimit: undefined });
    assert.deepEqual(
      [task.opts.pingTimeout, task.opts.pongTimeout, task.opts.reconnectTimeout, task.opts.pingMsg, task.opts.repeatLimit],
      [15000, 10000, 2000, 'heartbeat', null],
    );
  });

  test('the parameters of connectSocket reach the platform', async () => {
    const header = { token: 'x' };
    let success = 0;
    const { fake } = await setup.task({
      connectSocketParams: { url: URL_A, header, protocols: ['chat'], tcpNoDelay: true, success: () => { success++; } },
    });
    assert.deepEqual([fake.calls[0].header, fake.calls[0].protocols, fake.calls[0].tcpNoDelay], [header, ['chat'], true]);
    assert.equal(success, 1);
  });
});

describe('the session', () => {
  test('the first attempt begins before the factory returns', () => {
    const fake = wechat(network);
    setup.WebsocketHeartbeat({ miniprogram: fake.platform, connectSocketParams: { url: URL_A } });
    assert.equal(fake.calls.length, 1);
  });

  test('the fields are those of the original', async () => {
    const { task, fake } = await setup.task();
    assert.equal(task.opts.miniprogram, fake.platform);
    assert.equal(task.socketTask, fake.tasks[0]);
    assert.deepEqual([task.repeat, task.lockReconnect, task.forbidReconnect], [0, false, false]);
    network.attempts = 'refuse';
    network.kill();
    await clock.advance(50);
    assert.deepEqual([task.repeat, task.lockReconnect, task.forbidReconnect], [1, true, false]);
    task.close();
    assert.deepEqual([task.lockReconnect, task.forbidReconnect], [false, true]);
  });

  test('a heartbeat follows 15 s of silence, and a loss 10 s later', async () => {
    const { hooks } = await setup.task();
    const opened = clock.now;
    network.answer = () => {};
    await clock.advance(14800);
    assert.equal(network.seen('receive').length, 0);
    await clock.advance(400);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['heartbeat']);
    await clock.advance(9500);
    assert.deepEqual(hooks.names(), ['onOpen']);
    await clock.advance(500);
    assert.deepEqual(hooks.names(), ['onOpen', 'onClose', 'onReconnect']);
    assert.deepEqual(hooks.of('onReconnect'), [{ attempt: 1, delay: 2000, cause: 'heartbeat_timeout' }]);
    await clock.advance(2200);
    assert.equal(hooks.names().at(-1), 'onOpen');
    assert.ok(clock.now - opened < 28000);
  });

  test('any message is an answer and ends a silence', async () => {
    const { hooks } = await setup.task();
    for (let i = 0; i < 6; i++) {
      await clock.advance(10000);
      network.live()[0].push('news');
    }
    assert.equal(network.seen('receive').length, 0);
    await clock.advance(60000);
    assert.ok(!hooks.names().includes('onClose'));
  });

  test('pingMsg is text, binary data, or made for each heartbeat', async () => {
    let made = 0;
    await setup.task({ pingMsg: () => `ping ${++made}` });
    await clock.advance(31000);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['ping 1', 'ping 2']);
    network.log.length = 0;
    const bytes = new Uint8Array([1, 2]).buffer;
    await setup.task({ pingMsg: bytes });
    await clock.advance(15300);
    assert.ok(network.seen('receive').some(entry => entry.detail === bytes));
  });

  test('a binary heartbeat is Base64 on Alipay', async () => {
    await setup.task({ pingMsg: new Uint8Array([1, 2, 3]).buffer }, alipay(network));
    await clock.advance(15300);
    assert.deepEqual([...new Uint8Array(network.seen('receive')[0].detail)], [1, 2, 3]);
  });

  test('a changed url and a replaced object of parameters count for the next attempt', async () => {
    const { task } = await setup.task();
    task.opts.connectSocketParams.url = URL_B;
    network.kill();
    await clock.advance(2200);
    task.opts.connectSocketParams = { url: 'ws://server/c' };
    network.kill();
    await clock.advance(2200);
    assert.deepEqual(network.seen('dial').map(entry => entry.detail), [URL_A, URL_B, 'ws://server/c']);
  });

  test('a function gives the parameters of each attempt, also by a promise', async () => {
    for (const wrap of [value => value, value => Promise.resolve(value)]) {
      network.log.length = 0;
      const numbers = [];
      const { task, hooks } = await setup.task({
        connectSocketParams: number => { numbers.push(number); return wrap({ url: `ws://server/${numbers.length}` }); },
      });
      network.kill();
      await clock.advance(2200);
      assert.deepEqual(network.seen('dial').map(entry => entry.detail), ['ws://server/1', 'ws://server/2']);
      assert.equal(hooks.of('onOpen').length, 2);
      task.close();
      await clock.advance(100);
    }
  });

  test('parameters that fail are a failed attempt', async () => {
    const bad = [() => { throw new Error('no token'); }, () => Promise.reject(new Error('no token')), () => ({}), () => undefined];
    for (const connectSocketParams of bad) {
      const { task, hooks } = await setup.task({ connectSocketParams, repeatLimit: 1 });
      assert.deepEqual(hooks.names(), ['onError', 'onClose', 'onReconnect']);
      assert.match(hooks.of('onError')[0].message, /no token|connectSocketParams/);
      await clock.advance(2200);
      assert.equal(hooks.names().at(-1), 'onEnd');
      assert.equal(task.forbidReconnect, true);
    }
    assert.equal(network.seen('dial').length, 0);
  });

  test('parameters that come after the time limit make no socket', async () => {
    let give;
    const { task } = await setup.task({
      connectTimeout: 50, connectSocketParams: () => new Promise(resolve => { give = resolve; }),
    });
    task.close();
    give({ url: URL_A });
    await clock.advance(1000);
    assert.equal(network.seen('dial').length, 0);
  });

  test('an attempt that never ends is given up after its time limit', async () => {
    network.attempts = 'silence';
    const { hooks } = await setup.task();
    await clock.advance(10000);
    assert.deepEqual(hooks.names(), ['onError', 'onClose', 'onReconnect']);
    assert.equal(hooks.of('onReconnect')[0].cause, 'connect_timeout');
  });

  test('repeatLimit counts reconnects, and its end is reported', async () => {
    network.attempts = 'refuse';
    const { task, hooks } = await setup.task({ repeatLimit: 4 });
    await clock.advance(60000);
    assert.equal(network.seen('dial').length, 5);
    assert.equal(task.repeat, 4);
    assert.deepEqual(hooks.of('onEnd'), [{ reason: 'attempts_exhausted', cause: 'connect' }]);
  });

  test('opening resets the count of repeatLimit', async () => {
    const { task } = await setup.task({ repeatLimit: 1 });
    for (let i = 0; i < 3; i++) {
      network.kill();
      await clock.advance(2200);
      assert.equal(task.repeat, 0);
    }
    assert.equal(network.seen('open').length, 4);
  });

  test('a repeatLimit of 0 means no reconnect', async () => {
    const { hooks } = await setup.task({ repeatLimit: 0 });
    network.kill();
    await clock.advance(60000);
    assert.equal(network.seen('dial').length, 1);
    assert.equal(hooks.names().at(-1), 'onEnd');
  });

  test('reconnect replaces an open connection, and ends a wait', async () => {
    const { task, hooks } = await setup.task();
    task.reconnect();
    await clock.advance(2200);
    assert.equal(network.seen('open').length, 2);
    assert.equal(network.live().length, 1);
    network.kill();
    await clock.advance(50);
    task.reconnect();
    await clock.advance(100);
    assert.equal(network.seen('open').length, 3);
    assert.ok(hooks.of('onReconnect').some(retry => retry.cause === 'replaced'));
  });
});

describe('more options', () => {
  test('delays grow at random with backoff, and differ between sessions', async () => {
    network.attempts = 'refuse';
    const delays = [];
    for (let i = 0; i < 2; i++) {
      const { task, hooks } = await setup.task({ backoff: { cap: 60000 } });
      await clock.advance(400000);
      delays.push(hooks.of('onReconnect').map(retry => retry.delay));
      task.close();
      await clock.advance(100);
    }
    assert.ok(Math.max(...delays[0]) > 8000, String(delays[0]));
    assert.ok(Math.max(...delays[0]) <= 60000);
    assert.notDeepEqual(delays[0].slice(0, 5), delays[1].slice(0, 5));
  });

  test('connectTimeout limits an attempt', async () => {
    network.attempts = 'silence';
    const { hooks } = await setup.task({ connectTimeout: 50 });
    assert.equal(hooks.of('onReconnect')[0].cause, 'connect_timeout');
  });

  test('stableAfter counts short connections against repeatLimit', async () => {
    const { hooks } = await setup.task({ repeatLimit: 2, stableAfter: 5000 });
    for (let i = 0; i < 3; i++) {
      network.kill();
      await clock.advance(2200);
    }
    assert.equal(hooks.of('onEnd')[0].reason, 'attempts_exhausted');
  });

  test('flapLimit ends a session of short connections', async () => {
    const { hooks } = await setup.task({ flapLimit: 2, stableAfter: 5000 });
    for (let i = 0; i < 3; i++) {
      network.kill();
      await clock.advance(2200);
    }
    assert.equal(hooks.of('onEnd')[0].reason, 'flap_limit');
  });

  test('outageLimit ends a session without a connection', async () => {
    network.attempts = 'refuse';
    const { hooks } = await setup.task({ outageLimit: 9000 });
    await clock.advance(20000);
    assert.equal(hooks.of('onEnd')[0].reason, 'outage_limit');
  });

  test('maxAge replaces an old connection', async () => {
    const { hooks } = await setup.task({ maxAge: 30000 });
    await clock.advance(60000);
    assert.ok(hooks.of('onReconnect').some(retry => retry.cause === 'max_age'));
  });

  test('maxMissed heartbeats may have no answer', async () => {
    network.answer = () => {};
    const { hooks } = await setup.task({ maxMissed: 1 });
    await clock.advance(26000);
    assert.deepEqual(hooks.names(), ['onOpen']);
    await clock.advance(30000);
    assert.ok(hooks.of('onReconnect').some(retry => retry.cause === 'heartbeat_timeout'));
  });

});

describe('the preset resilient', () => {
  test('no heartbeat is sent that nobody asked for', async () => {
    await setup.task({ preset: 'resilient' });
    await clock.advance(300000);
    assert.equal(network.seen('receive').length, 0);
    const { hooks } = await setup.task({ preset: 'resilient', pingMsg: 'ping' });
    await clock.advance(16000);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['ping']);
    assert.deepEqual(hooks.of('onMessage'), [{ data: 'ping' }]);
  });

  test('each silence of a minute is reported once, and the connection stays', async () => {
    const { hooks } = await setup.task({ preset: 'resilient' });
    await clock.advance(59000);
    assert.deepEqual(hooks.names(), ['onOpen']);
    await clock.advance(200000);
    network.live()[0].push('news');
    await clock.advance(200000);
    assert.deepEqual(hooks.names(), ['onOpen', 'onSilent', 'onMessage', 'onSilent']);
    assert.deepEqual(hooks.of('onSilent')[0], { connection: 1, time: 60000 });
  });

  test('a server that never answered is reported before it is judged', async () => {
    network.answer = () => {};
    const { hooks } = await setup.task({ preset: 'resilient', pingMsg: 'ping' });
    await clock.advance(26000);
    assert.deepEqual(hooks.names(), ['onOpen', 'onUnanswered']);
    await clock.advance(60000);
    assert.ok(hooks.names().includes('onReconnect'));
    assert.equal(hooks.of('onReconnect')[0].cause, 'heartbeat_timeout');
  });

  test('messages are kept while no connection is open', async () => {
    network.attempts = 'refuse';
    const { task } = await setup.task({ preset: 'resilient' });
    assert.equal(task.send({ data: 'kept' }), true);
    network.attempts = 'accept';
    await clock.advance(60000);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['kept']);
  });
});
