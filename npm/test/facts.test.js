// Facts on which programs with the originals rely. The originals pass the same tests.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { webSocketClass } from './fakes/browser.js';
import { recordHooks } from './fakes/hooks.js';
import { original } from './fakes/originals.js';
import { taro, uni, wechat } from './fakes/platforms.js';
import { URL_A, clock, network, setup, useSetup } from './fakes/setup.js';

useSetup();

const FACTORIES = {
  'this package': () => setup.WebsocketHeartbeat,
  'the original': () => original('websocket-heartbeat-miniprogram'),
};
for (const [whose, factory] of Object.entries(FACTORIES)) {
  for (const platform of [wechat, taro, uni]) {
    describe(`mini-program, ${whose}, ${platform.name}`, () => {
      async function begin(options = {}) {
        let made;
        factory()({
          miniprogram: platform(network).platform, connectSocketParams: { url: URL_A }, ...options,
        }).then(task => { made = { task, hooks: recordHooks(task) }; });
        await clock.advance(100);
        return made;
      }

      test('a missing platform rejects with an error', async () => {
        await assert.rejects(factory()({ connectSocketParams: { url: URL_A } }), Error);
      });

      test('a missing url rejects with an error', async () => {
        const { platform: miniprogram } = platform(network);
        await assert.rejects(factory()({ miniprogram }), Error);
        await assert.rejects(factory()({ miniprogram, connectSocketParams: {} }), Error);
      });

      test('a message is sent after onOpen and its echo arrives', async () => {
        const { task, hooks } = await begin();
        task.send({ data: 'hello' });
        await clock.advance(100);
        assert.deepEqual(hooks.names(), ['onOpen', 'onMessage']);
        assert.equal(hooks.of('onMessage')[0].data, 'hello');
      });

      test('after a close by the server, onReconnect precedes the next onOpen', async () => {
        const { hooks } = await begin();
        network.closeAll(1000);
        await clock.advance(2200);
        assert.deepEqual(hooks.names(), ['onOpen', 'onClose', 'onReconnect', 'onOpen']);
      });

      test('after a close by the client there is no reconnect', async () => {
        const { task, hooks } = await begin();
        task.close();
        assert.equal(task.forbidReconnect, true);
        await clock.advance(60000);
        assert.deepEqual(hooks.names().filter(name => name !== 'onEnd'), ['onOpen', 'onClose']);
      });

      test('repeatLimit 4 ends after four reconnects', async () => {
        network.attempts = 'refuse';
        const { task } = await begin({ repeatLimit: 4 });
        await clock.advance(60000);
        assert.equal(task.repeat, 4);
        assert.equal(network.seen('dial').length, 5);
      });

      test('without a repeatLimit there is no end', async () => {
        network.attempts = 'refuse';
        const { task } = await begin();
        await clock.advance(60000);
        assert.ok(task.repeat > 5);
        assert.ok(network.seen('dial').length > 20);
        task.close();
        await clock.advance(3000);
        assert.ok(task.repeat > 5);
      });

      test('an answered heartbeat keeps the connection', async () => {
        const { hooks } = await begin({ pingTimeout: 2000, pongTimeout: 1000 });
        await clock.advance(10000);
        const messages = hooks.of('onMessage');
        assert.ok(messages.length >= 4);
        assert.ok(messages.every(message => message.data === 'heartbeat'));
        assert.ok(!hooks.names().includes('onClose'));
      });

      test('a heartbeat without an answer leads to a reconnect', async () => {
        network.answer = () => {};
        const { hooks } = await begin({ pingTimeout: 2000, pongTimeout: 1000 });
        await clock.advance(3500);
        assert.ok(hooks.names().includes('onReconnect'));
        assert.ok(!hooks.names().includes('onMessage'));
      });
    });
  }
}

const CLASSES = {
  'this package': () => setup.WebsocketHeartbeatJs,
  'the original': () => original('websocket-heartbeat-js'),
};
for (const [whose, load] of Object.entries(CLASSES)) {
  describe(`browser, ${whose}`, () => {
    let real;
    beforeEach(() => { real = globalThis.WebSocket; globalThis.WebSocket = webSocketClass(network); });
    afterEach(() => { if (real) globalThis.WebSocket = real; else delete globalThis.WebSocket; });

    async function begin(options = {}) {
      const Class = load();
      const heartbeat = new Class({ url: URL_A, ...options });
      const hooks = recordHooks(heartbeat);
      await clock.advance(100);
      return { heartbeat, hooks };
    }

    test('onopen is called', async () => {
      const { hooks } = await begin();
      assert.deepEqual(hooks.names(), ['onopen']);
    });

    test('the subprotocols are passed on', async () => {
      const { heartbeat } = await begin({ protocols: 'chat' });
      assert.equal(heartbeat.ws.protocols, 'chat');
    });

    test('pingMsg can be a function', async () => {
      const { hooks } = await begin({ pingTimeout: 1000, pingMsg: () => 'made' });
      await clock.advance(1200);
      assert.deepEqual(hooks.of('onmessage').map(event => event.data), ['made']);
    });

    test('a message is sent and its echo arrives', async () => {
      const { heartbeat, hooks } = await begin();
      heartbeat.send('hello');
      await clock.advance(100);
      assert.deepEqual(hooks.of('onmessage').map(event => event.data), ['hello']);
    });

    test('a call of ws.onclose calls onclose and onreconnect at once', async () => {
      const { heartbeat, hooks } = await begin();
      heartbeat.ws.onclose();
      assert.deepEqual(hooks.names(), ['onopen', 'onclose', 'onreconnect']);
    });

    test('close calls onclose, and there is no reconnect', async () => {
      const { heartbeat, hooks } = await begin();
      heartbeat.close();
      assert.equal(heartbeat.forbidReconnect, true);
      await clock.advance(60000);
      assert.deepEqual(hooks.names().filter(name => name !== 'onend'), ['onopen', 'onclose']);
    });

    test('repeatLimit 4 ends after four reconnects', async () => {
      network.attempts = 'refuse';
      const { heartbeat } = await begin({ repeatLimit: 4 });
      await clock.advance(60000);
      assert.equal(heartbeat.repeat, 4);
      assert.equal(network.seen('dial').length, 5);
    });

    test('without a repeatLimit there is no end', async () => {
      network.attempts = 'refuse';
      const { heartbeat } = await begin();
      await clock.advance(60000);
      assert.ok(heartbeat.repeat > 5);
      heartbeat.close();
      await clock.advance(3000);
    });

    test('repeatLimit 0 never reconnects', async () => {
      const { hooks } = await begin({ repeatLimit: 0 });
      network.kill();
      await clock.advance(60000);
      assert.ok(!hooks.names().includes('onreconnect'));
      assert.equal(network.seen('dial').length, 1);
    });
  });
}
