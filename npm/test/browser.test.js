// The drop-in of websocket-heartbeat-js: its options, hooks and fields.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakePage, webSocketClass } from './fakes/browser.js';
import { URL_A, URL_B, clock, network, setup, useSetup } from './fakes/setup.js';

useSetup();

describe('options', () => {
  const wrong = [
    [undefined, TypeError, /url/],
    [{}, TypeError, /url/],
    [{ url: '' }, TypeError, /url/],
    [{ url: 7 }, TypeError, /url/],
    [{ url: 'no url' }, SyntaxError, /url/],
    [{ url: URL_A, WebSocket: 'ws' }, TypeError, /WebSocket/],
    [{ url: URL_A, binaryType: 'text' }, TypeError, /binaryType/],
    [{ url: URL_A, protocols: 7 }, TypeError, /protocols/],
    [{ url: URL_A, pingTimeout: '1' }, TypeError, /pingTimeout/],
    [{ url: URL_A, pongTimeout: -1 }, RangeError, /pongTimeout/],
    [{ url: URL_A, pingTimeout: 0 }, RangeError, /heartbeat/],
  ];
  for (const [options, type, text] of wrong) {
    test(`a wrong option throws, and nothing is left: ${JSON.stringify(options)}`, async () => {
      const Class = webSocketClass(network);
      const given = options && { WebSocket: Class, ...options };
      assert.throws(() => new setup.WebsocketHeartbeatJs(given), error => error instanceof type && text.test(error.message));
      await clock.advance(60000);
      assert.equal(Class.made.length, 0);
      assert.equal(setup.runtime.sessions.size, 0);
    });
  }

  test('without a WebSocket the error names the other entry', () => {
    const real = globalThis.WebSocket;
    delete globalThis.WebSocket;
    try {
      assert.throws(() => new setup.WebsocketHeartbeatJs({ url: URL_A }), /mini-program/);
    } finally {
      if (real) globalThis.WebSocket = real;
    }
  });

  test('a global WebSocket is used where there is one', async () => {
    const real = globalThis.WebSocket;
    globalThis.WebSocket = webSocketClass(network);
    try {
      const heartbeat = new setup.WebsocketHeartbeatJs({ url: new URL(URL_A) });
      assert.ok(heartbeat.ws instanceof globalThis.WebSocket);
      assert.equal(heartbeat.ws.url, URL_A);
      heartbeat.close();
    } finally {
      if (real) globalThis.WebSocket = real; else delete globalThis.WebSocket;
    }
  });

  test('subprotocols and binaryType are set on every WebSocket', async () => {
    const { Class } = await setup.browser({ protocols: ['a', 'b'], binaryType: 'arraybuffer' });
    network.kill();
    await clock.advance(2200);
    assert.deepEqual(Class.made.map(ws => [ws.protocols, ws.binaryType]), [[['a', 'b'], 'arraybuffer'], [['a', 'b'], 'arraybuffer']]);
  });

  test('no subprotocols are passed if there are none', async () => {
    for (const protocols of [undefined, '', []]) {
      const { Class, heartbeat } = await setup.browser({ protocols });
      assert.equal(Class.made[0].protocols, undefined);
      heartbeat.close();
    }
  });
});

describe('the session', () => {
  test('the WebSocket and the fields exist when the constructor returns', async () => {
    const Class = webSocketClass(network);
    const heartbeat = new setup.WebsocketHeartbeatJs({ url: URL_A, WebSocket: Class });
    assert.equal(heartbeat.ws, Class.made[0]);
    assert.deepEqual(
      [heartbeat.opts.url, heartbeat.opts.pingTimeout, heartbeat.opts.pongTimeout, heartbeat.opts.reconnectTimeout, heartbeat.opts.pingMsg, heartbeat.opts.repeatLimit],
      [URL_A, 15000, 10000, 2000, 'heartbeat', null],
    );
    assert.deepEqual([heartbeat.repeat, heartbeat.lockReconnect, heartbeat.forbidReconnect], [0, false, false]);
    heartbeat.close();
  });

  test('open, message, heartbeat, loss and recovery', async () => {
    const { heartbeat, hooks } = await setup.browser();
    heartbeat.send('hello');
    await clock.advance(50);
    assert.deepEqual(hooks.of('onmessage').map(event => event.data), ['hello']);
    await clock.advance(15100);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['hello', 'heartbeat']);
    network.cut = true;
    await clock.advance(25100);
    assert.deepEqual(hooks.names().slice(-2), ['onclose', 'onreconnect']);
    assert.equal(hooks.of('onclose')[0].code, 1006);
    network.cut = false;
    await clock.advance(2200);
    assert.equal(hooks.names().at(-1), 'onopen');
  });

  test('a failed attempt calls onerror, onclose and onreconnect once', async () => {
    network.attempts = 'refuse';
    const { hooks } = await setup.browser();
    assert.deepEqual(hooks.names(), ['onerror', 'onclose', 'onreconnect']);
    assert.equal(hooks.of('onerror')[0].type, 'error');
    assert.deepEqual(hooks.of('onreconnect'), [{ attempt: 1, delay: 2000, cause: 'connect' }]);
  });

  test('the close event of the server reaches onclose', async () => {
    const { hooks } = await setup.browser();
    network.closeAll(4123, 'so');
    await clock.advance(50);
    assert.deepEqual([hooks.of('onclose')[0].code, hooks.of('onclose')[0].reason], [4123, 'so']);
    assert.equal(hooks.of('onreconnect')[0].cause, 'closed_by_peer');
  });

  test('url and protocols are asked for each attempt, also by a promise', async () => {
    for (const wrap of [value => value, value => Promise.resolve(value)]) {
      const numbers = [];
      const { Class, heartbeat, hooks } = await setup.browser({
        url: number => { numbers.push(number); return wrap(`${URL_A}${numbers.length}`); },
        protocols: () => wrap(['token']),
      });
      network.kill();
      await clock.advance(2200);
      assert.deepEqual(Class.made.map(ws => [ws.url, ws.protocols[0]]), [[`${URL_A}1`, 'token'], [`${URL_A}2`, 'token']]);
      assert.equal(hooks.of('onopen').length, 2);
      heartbeat.close();
      await clock.advance(100);
    }
  });

  test('a url that cannot be had is a failed attempt', async () => {
    let calls = 0;
    const { hooks } = await setup.browser({ url: () => { calls++; return Promise.reject(new Error('no token')); }, repeatLimit: 1 });
    await clock.advance(2200);
    assert.equal(calls, 2);
    assert.equal(hooks.of('onerror')[0].message, 'no token');
    assert.equal(hooks.names().at(-1), 'onend');
  });

  test('a url that comes after the end makes no WebSocket', async () => {
    let give;
    const { heartbeat, Class } = await setup.browser({ url: () => new Promise(resolve => { give = resolve; }) });
    heartbeat.close();
    give(URL_A);
    await clock.advance(1000);
    assert.equal(Class.made.length, 0);
  });

  test('a changed url counts for the next attempt', async () => {
    const { Class, heartbeat } = await setup.browser();
    heartbeat.opts.url = URL_B;
    network.kill();
    await clock.advance(2200);
    assert.equal(Class.made[1].url, URL_B);
    assert.equal(heartbeat.ws, Class.made[1]);
  });

  test('a url that the constructor refuses later is a failed attempt', async () => {
    const { heartbeat, hooks } = await setup.browser();
    heartbeat.opts.url = 'no url';
    network.kill();
    await clock.advance(2200);
    heartbeat.opts.url = URL_A;
    await clock.advance(2200);
    assert.equal(hooks.of('onopen').length, 2);
  });

  test('reconnect replaces the connection', async () => {
    const { heartbeat, hooks, Class } = await setup.browser();
    heartbeat.reconnect();
    await clock.advance(2200);
    assert.equal(Class.made.length, 2);
    assert.equal(network.live().length, 1);
    assert.equal(hooks.of('onopen').length, 2);
  });

  test('the late events of an old WebSocket are not heard', async () => {
    const { hooks, Class } = await setup.browser();
    network.cut = true;
    await clock.advance(25200);
    network.cut = false;
    await clock.advance(2200);
    Class.made[0].socket.end(1006, 'late');
    await clock.advance(1000);
    assert.equal(Class.made.length, 2);
    assert.equal(hooks.of('onclose').length, 1);
  });
});

describe('messages', () => {
  test('send returns whether the message was accepted', async () => {
    const { heartbeat } = await setup.browser();
    assert.equal(heartbeat.send('a'), true);
    network.attempts = 'refuse';
    network.kill();
    await clock.advance(50);
    assert.equal(heartbeat.send('b'), false);
    heartbeat.close();
    assert.equal(heartbeat.send('c'), false);
  });

  test('kept messages are sent in their order on the next connection', async () => {
    const { heartbeat } = await setup.browser({ keep: true });
    network.kill();
    await clock.advance(50);
    ['a', 'b', 'c'].forEach(data => heartbeat.send(data));
    await clock.advance(2200);
    assert.deepEqual(network.seen('receive').map(entry => entry.detail), ['a', 'b', 'c']);
  });

  test('kept messages that are never sent come back by onunsent', async () => {
    network.attempts = 'refuse';
    const { heartbeat, hooks } = await setup.browser({ keep: true, repeatLimit: 1 });
    heartbeat.send('a');
    await clock.advance(5000);
    assert.deepEqual(hooks.of('onunsent'), [{ data: 'a', fate: 'dropped' }]);
  });

  test('a payload that the WebSocket refuses comes back, and the connection stays', async () => {
    const { heartbeat, hooks, Class } = await setup.browser();
    const { send } = Class.made[0];
    Class.made[0].send = () => { throw new TypeError('not this'); };
    heartbeat.send('a');
    Class.made[0].send = send;
    heartbeat.send('b');
    await clock.advance(50);
    assert.deepEqual(hooks.of('onunsent'), [{ data: 'a', fate: 'refused' }]);
    assert.deepEqual(hooks.of('onmessage').map(event => event.data), ['b']);
  });

  test('Blob and ArrayBuffer pass in both directions', async () => {
    const { heartbeat, hooks } = await setup.browser();
    const payloads = [new Blob(['abc']), new Uint8Array([1]).buffer, new Uint8Array([2])];
    payloads.forEach(data => heartbeat.send(data));
    await clock.advance(50);
    assert.deepEqual(hooks.of('onmessage').map(event => event.data), payloads);
  });

  test('keep counts the bytes of each kind of payload', async () => {
    network.attempts = 'refuse';
    const { heartbeat } = await setup.browser({ keep: { bytes: 9 } });
    const accepted = ['é', new Blob(['12']), new Uint8Array(2).buffer, new Uint8Array(3), 'x'].map(data => heartbeat.send(data));
    assert.deepEqual(accepted, [true, true, true, true, false]);
  });
});

describe('close', () => {
  test('the code and reason are sent, and onend follows onclose', async () => {
    const { heartbeat, hooks } = await setup.browser();
    heartbeat.close(4001, 'bye');
    await clock.advance(100);
    assert.deepEqual(network.seen('close').map(entry => entry.detail), [4001]);
    assert.deepEqual(hooks.names(), ['onopen', 'onclose', 'onend']);
    assert.deepEqual([hooks.of('onclose')[0].code, hooks.of('onclose')[0].reason], [4001, 'bye']);
  });

  test('a close that the server never answers ends after its time limit', async () => {
    const { heartbeat, hooks } = await setup.browser({ closeTimeout: 1000 });
    network.cut = true;
    heartbeat.close();
    assert.equal(heartbeat.forbidReconnect, true);
    await clock.advance(1100);
    assert.deepEqual(hooks.of('onclose'), [{ type: 'close', code: 1006, reason: 'user', wasClean: false }]);
    assert.equal(hooks.names().at(-1), 'onend');
  });

  test('a code that a browser refuses throws, and the session goes on', async () => {
    const { heartbeat } = await setup.browser();
    for (const code of [1001, 2999, 5000, 'x']) assert.throws(() => heartbeat.close(code), RangeError);
    assert.throws(() => heartbeat.close(1000, 'x'.repeat(124)), RangeError);
    assert.equal(heartbeat.forbidReconnect, false);
    assert.equal(network.live().length, 1);
  });

  for (const name of ['onopen', 'onmessage', 'onclose', 'onerror', 'onreconnect']) {
    test(`close in ${name} is followed by no attempt`, async () => {
      const { heartbeat, hooks, Class } = await setup.browser();
      const hooked = heartbeat[name];
      let made = null;
      heartbeat[name] = event => { hooked(event); if (made === null) made = Class.made.length; heartbeat.close(); };
      if (name === 'onmessage') network.live()[0].push('x');
      else if (name === 'onerror') { network.attempts = 'refuse'; network.kill(); } else network.kill();
      await clock.advance(60000);
      assert.equal(Class.made.length, made);
      assert.equal(hooks.of('onend').length, 1);
    });
  }
});

describe('hooks', () => {
  test('a hook that throws stops nothing, and its error is visible', async () => {
    const { heartbeat } = await setup.browser();
    heartbeat.onmessage = () => { throw new Error('mine'); };
    heartbeat.onclose = () => { throw new Error('mine too'); };
    network.live()[0].push('x');
    await clock.advance(50);
    network.kill();
    await clock.advance(2200);
    assert.equal(network.live().length, 1);
    setup.expected = ['mine', 'mine too'];
  });
});

describe('the life of the page', () => {
  let page;
  beforeEach(() => { page = new FakePage(); page.install(); });
  afterEach(() => page.uninstall());

  for (const name of ['online', 'pageshow', 'resume', 'visibilitychange']) {
    test(`${name} ends a wait`, async () => {
      network.attempts = 'refuse';
      const { hooks } = await setup.browser({ reconnectTimeout: 60000 });
      network.attempts = 'accept';
      page.emit(name);
      await clock.advance(100);
      assert.equal(hooks.names().at(-1), 'onopen');
    });

    test(`${name} finds a dead connection`, async () => {
      const { hooks } = await setup.browser();
      network.cut = true;
      page.emit(name);
      await clock.advance(12000);
      assert.equal(hooks.of('onreconnect')[0].cause, 'heartbeat_timeout');
    });
  }

  test('offline checks a connection, and begins no attempt', async () => {
    const { hooks } = await setup.browser({ reconnectTimeout: 60000 });
    network.cut = true;
    page.emit('offline');
    await clock.advance(12000);
    assert.equal(hooks.names().at(-1), 'onreconnect');
    page.emit('offline');
    await clock.advance(1000);
    assert.equal(network.seen('dial').length, 1);
  });

  test('a page that is hidden sends nothing', async () => {
    await setup.browser();
    page.document.visibilityState = 'hidden';
    page.emit('visibilitychange');
    await clock.advance(1000);
    assert.equal(network.seen('receive').length, 0);
  });

  test('the listeners are removed at the end', async () => {
    const { heartbeat } = await setup.browser();
    assert.equal(page.listeners, 5);
    heartbeat.close();
    await clock.advance(100);
    assert.equal(page.listeners, 0);
  });

  test('lifecycle: false listens to nothing', async () => {
    await setup.browser({ lifecycle: false });
    assert.equal(page.listeners, 0);
  });
});
