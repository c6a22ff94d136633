// The task of websocket-heartbeat-miniprogram: send, close, hooks, and the life of the program.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { alipay, taro, uni, wechat } from './fakes/platforms.js';
import { URL_B, clock, network, setup, useSetup } from './fakes/setup.js';

useSetup();

describe('messages', () => {
  const outcome = () => {
    const calls = [];
    const callback = name => result => calls.push([name, result.errMsg]);
    return { calls, callbacks: { success: callback('success'), fail: callback('fail'), complete: callback('complete') } };
  };

  test('a message on an open connection succeeds by the platform', async () => {
    const { task, hooks } = await setup.task();
    const { calls, callbacks } = outcome();
    assert.equal(task.send({ data: 'hello', ...callbacks }), true);
    await clock.advance(100);
    assert.deepEqual(calls, [['success', 'sendSocketMessage:ok'], ['complete', 'sendSocketMessage:ok']]);
    assert.deepEqual(hooks.of('onMessage'), [{ data: 'hello' }]);
  });

  test('a message without a connection fails after the call', async () => {
    const { task } = await setup.task();
    network.attempts = 'refuse';
    network.kill();
    await clock.advance(50);
    const { calls, callbacks } = outcome();
    assert.equal(task.send({ data: 'hello', ...callbacks }), false);
    assert.deepEqual(calls, []);
    await clock.advance(1);
    assert.deepEqual(calls.map(([name]) => name), ['fail', 'complete']);
    assert.match(calls[0][1], /^sendSocketMessage:fail offline/);
  });

  test('a kept message is sent on the next connection', async () => {
    const { task } = await setup.task({ keep: true });
    network.kill();
    await clock.advance(50);
    const { calls, callbacks } = outcome();
    assert.equal(task.send({ data: 'later', ...callbacks }), true);
    await clock.advance(2500);
    assert.deepEqual(calls.map(([name]) => name), ['success', 'complete']);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['later']);
  });

  test('a kept message that is not sent fails once', async () => {
    network.attempts = 'refuse';
    const { task } = await setup.task({ keep: true, repeatLimit: 1 });
    const { calls, callbacks } = outcome();
    task.send({ data: 'never', ...callbacks });
    await clock.advance(10000);
    assert.deepEqual(calls.map(([name]) => name), ['fail', 'complete']);
    assert.match(calls[0][1], /dropped/);
  });

  test('keep is bounded in messages and in bytes', async () => {
    network.attempts = 'refuse';
    const { task } = await setup.task({ keep: 2 });
    assert.deepEqual([1, 2, 3].map(() => task.send({ data: 'x' })), [true, true, false]);
    const other = await setup.task({ keep: { bytes: 6 } });
    assert.deepEqual(['1234', '12', '1'].map(data => other.task.send({ data })), [true, true, false]);
  });

  test('a send without an object is an error of the caller', async () => {
    const { task } = await setup.task();
    assert.throws(() => task.send('hello'), TypeError);
    assert.throws(() => task.send(), TypeError);
  });

  test('binary messages arrive as they are', async () => {
    const { task, hooks } = await setup.task();
    const data = new Uint8Array([1, 2, 3]).buffer;
    task.send({ data });
    await clock.advance(100);
    assert.equal(hooks.of('onMessage')[0].data, data);
  });
});

describe('close', () => {
  test('the code and the callbacks reach the platform', async () => {
    const { task, hooks } = await setup.task();
    const calls = [];
    task.close({
      code: 4001, reason: 'bye', success: result => calls.push(result.errMsg), fail: () => calls.push('fail'), complete: () => calls.push('complete'),
    });
    await clock.advance(200);
    assert.equal(network.seen('close')[0].detail, 4001);
    assert.deepEqual(calls, ['closeSocket:ok', 'complete']);
    assert.deepEqual(hooks.names(), ['onOpen', 'onClose', 'onEnd']);
    assert.deepEqual(hooks.of('onClose'), [{ code: 4001, reason: 'bye' }]);
    assert.deepEqual(hooks.of('onEnd'), [{ reason: 'user', cause: null }]);
  });

  test('close without a connection succeeds, also the second time', async () => {
    network.attempts = 'refuse';
    const { task, hooks } = await setup.task();
    const calls = [];
    task.close({ success: () => calls.push(1) });
    await clock.advance(10);
    task.close({ success: () => calls.push(2), complete: () => calls.push(3) });
    await clock.advance(10000);
    assert.deepEqual(calls, [1, 2, 3]);
    assert.equal(hooks.of('onEnd').length, 1);
    assert.equal(network.seen('dial').length, 1);
  });

  for (const name of ['onOpen', 'onMessage', 'onClose', 'onError', 'onReconnect']) {
    test(`close in ${name} is followed by no attempt`, async () => {
      const { task, hooks } = await setup.task();
      const ends = [];
      const attempts = [];
      task.onEnd = end => ends.push(end);
      const hooked = task[name];
      let reconnects = 0;
      task[name] = event => {
        hooked(event);
        attempts.push(network.seen('dial').length);
        reconnects = hooks.of('onReconnect').length;
        task.close();
      };
      if (name === 'onOpen') { network.kill(); await clock.advance(3000); }
      if (name === 'onMessage') network.live()[0].push('x');
      if (['onClose', 'onReconnect'].includes(name)) network.closeAll(4000);
      if (name === 'onError') network.kill();
      await clock.advance(60000);
      assert.equal(network.seen('dial').length, attempts[0]);
      assert.equal(hooks.of('onReconnect').length, reconnects);
      assert.equal(ends.length, 1);
      assert.equal(network.live().length, 0);
      assert.equal(hooks.of('onClose').length, hooks.of('onOpen').length);
    });
  }

  test('close in onEnd changes nothing', async () => {
    const { task } = await setup.task({ repeatLimit: 0 });
    let ends = 0;
    task.onEnd = () => { ends++; task.close(); };
    network.kill();
    await clock.advance(1000);
    assert.equal(ends, 1);
  });
});

describe('hooks', () => {
  test('a hook that throws stops nothing, and its error is visible', async () => {
    const { task } = await setup.task();
    const names = ['onMessage', 'onClose', 'onError', 'onReconnect', 'onOpen'];
    const order = [];
    names.forEach(name => { task[name] = () => { order.push(name); throw new Error(name); }; });
    network.live()[0].push('x');
    await clock.advance(50);
    network.kill();
    await clock.advance(2200);
    assert.deepEqual(order, ['onMessage', 'onError', 'onClose', 'onReconnect', 'onOpen']);
    assert.equal(network.live().length, 1);
    setup.expected = order;
    await clock.advance(16000);
    assert.equal(network.seen('receive').length, 1);
    setup.expected = [...order.slice(0, 5), 'onMessage'];
  });

  test('a hook is called with the task as this', async () => {
    const { task } = await setup.task();
    let self;
    task.onMessage = function onMessage() { self = this; };
    network.live()[0].push('x');
    await clock.advance(50);
    assert.equal(self, task);
  });

  test('events before the promise are held until its functions have run', async () => {
    network.attempts = 'refuse';
    for (const make of [wechat, taro, uni, alipay]) {
      const { task, hooks } = await setup.task({}, make(network));
      assert.deepEqual(hooks.names().slice(0, 2), ['onError', 'onClose'], make.name);
      task.close();
      await clock.advance(100);
    }
  });

  test('a first attempt without a SocketTask gives a task that goes on', async () => {
    const fake = wechat(network, 0);
    const { task, hooks } = await setup.task({ repeatLimit: 2 }, fake);
    assert.equal(task.socketTask, null);
    assert.equal(task.send({ data: 'x' }), false);
    await clock.advance(10000);
    assert.equal(fake.calls.length, 3);
    assert.deepEqual(hooks.of('onEnd').map(end => end.reason), ['attempts_exhausted']);
  });

  test('a connectSocket that throws is a failed attempt', async () => {
    const fake = wechat(network);
    fake.platform.connectSocket = () => { fake.calls.push(1); throw new Error('too many sockets'); };
    const { hooks } = await setup.task({ repeatLimit: 1 }, fake);
    await clock.advance(3000);
    assert.equal(fake.calls.length, 2);
    assert.match(hooks.of('onError')[0].message, /too many/);
  });
});

describe('two connections', () => {
  test('the late close of an old connection does not touch the new one', async () => {
    const { hooks, fake } = await setup.task();
    network.cut = true;
    await clock.advance(25500);
    network.cut = false;
    await clock.advance(2200);
    assert.equal(hooks.of('onOpen').length, 2);
    fake.tasks[0].socket.end(1006, 'late');
    await clock.advance(1000);
    assert.equal(network.seen('dial').length, 2);
    assert.equal(hooks.of('onClose').length, 1);
  });

  test('two sessions on one page do not meet', async () => {
    const one = await setup.task();
    const two = await setup.task({ connectSocketParams: { url: URL_B } });
    one.task.close();
    await clock.advance(100);
    two.task.send({ data: 'still here' });
    await clock.advance(100);
    assert.deepEqual(two.hooks.names(), ['onOpen', 'onMessage']);
  });
});

describe('the life of the program', () => {
  test('a dead connection is found soon after the program is shown', async () => {
    const { hooks, fake } = await setup.task();
    network.cut = true;
    clock.suspend(60000);
    fake.life.emit('AppShow');
    await clock.advance(12000);
    assert.ok(hooks.of('onReconnect').length >= 1);
  });

  test('a healthy connection stays when the program is shown', async () => {
    const { hooks, fake } = await setup.task();
    fake.life.emit('AppShow');
    await clock.advance(14000);
    assert.deepEqual(hooks.names(), ['onOpen', 'onMessage']);
  });

  test('a wait ends when the network is back', async () => {
    network.attempts = 'refuse';
    const { hooks, fake } = await setup.task({ reconnectTimeout: 60000 });
    network.attempts = 'accept';
    fake.life.emit('NetworkStatusChange', { isConnected: false });
    await clock.advance(100);
    assert.equal(network.seen('dial').length, 1);
    fake.life.emit('NetworkStatusChange', { isConnected: true });
    await clock.advance(100);
    assert.equal(hooks.names().at(-1), 'onOpen');
  });

  test('our listeners are removed at the end, and no other', async () => {
    const { task, fake } = await setup.task();
    fake.platform.onAppShow(() => {});
    assert.equal(fake.life.count(), 3);
    task.close();
    await clock.advance(100);
    assert.equal(fake.life.count(), 1);
  });

  test('lifecycle: false listens to nothing', async () => {
    const { fake } = await setup.task({ lifecycle: false });
    assert.equal(fake.life.count(), 0);
  });
});
