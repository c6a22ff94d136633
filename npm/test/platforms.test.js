// The sockets of each platform alone: what they report, and what they do with the platform.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { socketOpener } from '../src/platforms/index.js';
import { Clock } from './fakes/clock.js';
import { MemoryNetwork } from './fakes/network.js';
import { alipay, taro, uni, wechat } from './fakes/platforms.js';

const URL_ = 'ws://server/';
let clock;
let network;
beforeEach(() => {
  clock = new Clock().install();
  network = new MemoryNetwork();
});
afterEach(() => clock.uninstall());

/** A connection that keeps what is reported to it. */
function recorder() {
  const reports = [];
  return {
    reports,
    names: () => reports.map(([name]) => name),
    abandoned: false,
    opened(event) { reports.push(['opened', event]); },
    received(event) { reports.push(['received', event]); },
    failed(error) { reports.push(['failed', error]); },
    ended(event) { reports.push(['ended', event]); },
  };
}

const SHAPES = {
  SocketTask: () => wechat(network),
  promise: () => taro(network),
  'SocketTask for a callback': () => uni(network),
  'global events': () => alipay(network, { multiple: false }),
  'multiple sockets': () => alipay(network),
};

async function open(fake, connection, params = {}) {
  const tasks = [];
  const opener = socketOpener(fake.platform, task => tasks.push(task));
  const socket = Promise.resolve(opener({ url: URL_, ...params }, connection));
  socket.catch(() => {}); // The caller gets the error after the time has passed.
  await clock.advance(100);
  return { socket: await socket, tasks, opener };
}

for (const [shape, make] of Object.entries(SHAPES)) {
  describe(shape, () => {
    test('an open socket sends, receives and closes', async () => {
      const connection = recorder();
      const { socket, tasks } = await open(make(), connection);
      assert.deepEqual(connection.names(), ['opened']);
      assert.equal(tasks.length, 1);
      socket.send({ data: 'héllo' });
      await clock.advance(100);
      assert.equal(connection.reports[1][1].data, 'héllo');
      socket.close({ code: 4001, reason: 'bye' });
      await clock.advance(100);
      assert.deepEqual(connection.names(), ['opened', 'received', 'ended']);
      assert.equal(network.seen('close')[0].detail, 4001);
    });

    test('a refused attempt is reported, however late', async () => {
      network.attempts = 'refuse';
      network.latency = 300;
      const connection = recorder();
      await open(make(), connection);
      await clock.advance(1000);
      assert.ok(['failed', 'ended'].includes(connection.names()[0]), connection.names().join());
    });

    test('an abandoned socket is closed and has no listener of ours', async () => {
      const fake = make();
      const connection = recorder();
      const { socket } = await open(fake, connection);
      socket.abandon();
      await clock.advance(100);
      assert.equal(network.live().length, 0);
      const lists = [fake.listeners, fake.tasks[0].listeners].filter(Boolean);
      assert.deepEqual(lists.flatMap(list => Object.values(list).flat()), []);
    });

    test('a socket that the server closed is not closed again', async () => {
      const fake = make();
      const { socket, tasks } = await open(fake, recorder());
      network.closeAll(4000);
      await clock.advance(100);
      let closes = 0;
      if (fake.listeners) fake.platform.closeSocket = () => { closes++; };
      tasks[0].close = () => { closes++; };
      socket.abandon();
      assert.equal(closes, 0);
    });
  });
}

test('the fail of connectSocket ends the attempt and reaches the application', async () => {
  const connection = recorder();
  let error = null;
  const fake = taro(network, 0);
  await assert.rejects(open(fake, connection, { fail: e => { error = e; } }), { errMsg: /exceed/ });
  assert.match(connection.reports[0][1].errMsg, /exceed max task count/);
  assert.equal(error, connection.reports[0][1]);
});

test('a fail after the SocketTask is there ends the attempt', async () => {
  const connection = recorder();
  const fake = wechat(network);
  network.attempts = 'silence';
  const { connectSocket } = fake.platform;
  fake.platform.connectSocket = params => {
    setTimeout(() => params.fail({ errMsg: 'connectSocket:fail late' }), 50);
    return connectSocket({ ...params, fail: undefined });
  };
  await open(fake, connection);
  assert.deepEqual(connection.reports, [['failed', { errMsg: 'connectSocket:fail late' }]]);
});

test('a platform without a free socket fails the attempt at once', async () => {
  await assert.rejects(open(wechat(network, 0), recorder()), /returned no SocketTask/);
});

test('uni-app gets a callback, without which it returns no SocketTask', async () => {
  const connection = recorder();
  const { tasks } = await open(uni(network), connection);
  assert.equal(typeof tasks[0].onOpen, 'function');
});

test('a socket that opens after it was abandoned is closed', async () => {
  network.latency = 500;
  const connection = recorder();
  const fake = wechat(network);
  const { socket } = await open(fake, connection);
  socket.abandon();
  await clock.advance(2000);
  assert.equal(network.seen('open').length, 1);
  assert.equal(network.live().length, 0);
  assert.equal(fake.live, 0);
  assert.deepEqual(connection.names().filter(name => name !== 'ended'), []);
});

describe('a promise', () => {
  // A platform that hands its task over after `delay`, as Taro does after `success`.
  const late = delay => {
    const inner = wechat(network);
    return {
      inner,
      platform: {
        connectSocket: params => new Promise(resolve => {
          const task = inner.platform.connectSocket(params);
          setTimeout(() => resolve(task), delay);
        }),
      },
    };
  };

  test('a socket that opened before it was handed over is open', async () => {
    const connection = recorder();
    await open(late(80), connection);
    assert.deepEqual(connection.names(), ['opened']);
  });

  test('a socket that ended before it was handed over has failed', async () => {
    network.attempts = 'refuse';
    const connection = recorder();
    await open(late(80), connection);
    assert.deepEqual(connection.names(), ['failed']);
  });

  test('the session has the socket before the event', async () => {
    const connection = recorder();
    let socket = null;
    let hadSocket;
    connection.opened = () => { hadSocket = socket !== null; };
    const opening = socketOpener(late(80).platform, () => {})({ url: URL_ }, connection);
    opening.then(made => made).then(made => { socket = made; });
    await clock.advance(200);
    assert.equal(hadSocket, true);
  });

  test('the task of an abandoned attempt is not shown', async () => {
    const connection = recorder();
    connection.abandoned = true;
    const { tasks } = await open(late(80), connection);
    assert.equal(tasks.length, 0);
  });
});

describe('rejected promises', () => {
  test('a rejected send or close is not an unhandled rejection', async () => {
    const unhandled = [];
    const listener = reason => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    for (const multiple of [false, true]) {
      const { socket } = await open(alipay(network, { multiple }), recorder());
      network.kill();
      await clock.advance(100);
      socket.send({ data: 'to nobody' });
      socket.close({});
      socket.abandon();
      const other = await open(alipay(network, { multiple }), recorder());
      other.tasks[0].close = () => Promise.reject(new Error('not now'));
      other.socket.abandon();
      await clock.advance(100);
    }
    process.off('unhandledRejection', listener);
    assert.deepEqual(unhandled, []);
  });
});

describe('Alipay', () => {
  test('multiple is the default where the client can', async () => {
    const fake = alipay(network);
    await open(fake, recorder());
    assert.equal(fake.calls[0].multiple, true);
    const old = alipay(network, { multiple: false });
    await open(old, recorder());
    assert.equal(old.calls[0].multiple, false);
  });

  test('the application can choose the global form', async () => {
    const fake = alipay(network);
    await open(fake, recorder(), { multiple: false });
    assert.equal(fake.listeners.Message.length, 1);
  });

  test('both forms report a message in the global form', async () => {
    for (const multiple of [false, true]) {
      const connection = recorder();
      const { socket } = await open(alipay(network, { multiple }), connection);
      socket.send({ data: 'text' });
      await clock.advance(100);
      const [, event] = connection.reports[1];
      assert.equal(event.data, 'text');
      assert.equal(event.isBuffer, false);
    }
  });

  test('binary data is sent as Base64', async () => {
    for (const multiple of [false, true]) {
      const connection = recorder();
      const { socket } = await open(alipay(network, { multiple }), connection);
      socket.send({ data: new Uint8Array([1, 2, 3]).buffer });
      await clock.advance(100);
      const [, event] = connection.reports[1];
      assert.deepEqual([event.data, event.isBuffer], ['AQID', true]);
    }
  });

  test('only our own listeners are removed', async () => {
    const fake = alipay(network, { multiple: false });
    const other = () => {};
    fake.platform.onSocketMessage(other);
    const { socket } = await open(fake, recorder());
    socket.abandon();
    assert.deepEqual(fake.listeners.Message, [other]);

    const multiple = await open(alipay(network), recorder());
    multiple.tasks[0].onMessage(other);
    multiple.socket.abandon();
    assert.deepEqual(multiple.tasks[0].listeners.Message, [other]);
  });

  test('the close event of an earlier socket does not end the new one', async () => {
    const fake = alipay(network, { multiple: false });
    const { socket, opener } = await open(fake, recorder());
    const second = recorder();
    socket.abandon();
    opener({ url: URL_ }, second);
    await clock.advance(200);
    assert.deepEqual(second.names(), ['opened']);
    network.closeAll(1000);
    await clock.advance(200);
    assert.deepEqual(second.names(), ['opened', 'ended']);
  });

  test('a close event that never came swallows no later one', async () => {
    const fake = alipay(network, { multiple: false });
    const { socket, opener } = await open(fake, recorder());
    network.cut = true;
    socket.abandon();
    await clock.advance(100);
    network.sockets.clear();
    network.cut = false;
    const second = opener({ url: URL_ }, recorder());
    await clock.advance(100);
    network.closeAll(1000);
    await clock.advance(100);
    second.abandon();
    network.attempts = 'silence';
    const third = recorder();
    opener({ url: URL_ }, third);
    await clock.advance(100);
    network.sockets.forEach(made => made.end(1006, ''));
    await clock.advance(100);
    assert.deepEqual(third.names(), ['ended']);
  });

  test('a rejected connectSocket of the global form is a failed attempt', async () => {
    const fake = alipay(network, { multiple: false });
    fake.platform.connectSocket = () => Promise.reject(new Error('refused'));
    const connection = recorder();
    await open(fake, connection);
    assert.deepEqual(connection.reports, [['failed', new Error('refused')]]);
  });

  test('a connectSocket that throws leaves no listener', async () => {
    const fake = alipay(network, { multiple: false });
    fake.platform.connectSocket = () => { throw new Error('refused'); };
    await assert.rejects(open(fake, recorder()), /refused/);
    assert.deepEqual(Object.values(fake.listeners).flat(), []);
  });
});
