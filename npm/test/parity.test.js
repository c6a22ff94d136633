// On a scripted server, the original and this package cause the same trace: the times of attempts,
// heartbeats, messages and closes, as the server sees them, to the millisecond.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webSocketClass } from './fakes/browser.js';
import { original } from './fakes/originals.js';
import { Setup, URL_A } from './fakes/setup.js';

/** A platform without delays of its own. With them, both would need the same delay for each event. */
function platform(network) {
  return {
    connectSocket({ url }) {
      const on = {};
      const socket = network.open(url, [], {
        open: () => on.open({}),
        message: data => on.message({ data }),
        error: errMsg => on.error({ errMsg }),
        close: (code, reason) => on.close({ code, reason }),
      });
      return {
        onOpen: f => { on.open = f; },
        onMessage: f => { on.message = f; },
        onError: f => { on.error = f; },
        onClose: f => { on.close = f; },
        send: ({ data }) => socket.send(data),
        close: ({ code, reason } = {}) => socket.close(code, reason),
      };
    },
  };
}

const seconds = (clock, count) => clock.advance(1000 * count);

/** Each scenario is what the server and the user do. `session` has `send` and `close`. */
const SCENARIOS = {
  'an idle server that answers heartbeats': async ({ clock }) => seconds(clock, 100),
  'a server that falls silent': async ({ clock, network }) => {
    await seconds(clock, 20);
    network.answer = () => {};
    await seconds(clock, 100);
  },
  'a server that sends, then stops': async ({ clock, network }) => {
    for (let n = 0; n < 10; n++) {
      await seconds(clock, 4);
      network.live().forEach(socket => socket.push('news'));
    }
    network.answer = () => {};
    await seconds(clock, 60);
  },
  'a server that closes each connection': async ({ clock, network }) => {
    for (const code of [1000, 1001, 1011, 4401]) {
      await seconds(clock, 5);
      network.closeAll(code);
    }
    await seconds(clock, 10);
  },
  'a server that refuses, with a limit': {
    options: { repeatLimit: 4 },
    attempts: 'refuse',
    play: async ({ clock }) => seconds(clock, 60),
  },
  'an outage, after which the count begins again': {
    options: { repeatLimit: 5 },
    play: async ({ clock, network }) => {
      // Shorter than the time to a heartbeat: the original also sends heartbeats without a connection.
      for (let n = 0; n < 3; n++) {
        await seconds(clock, 5);
        network.attempts = 'refuse';
        network.kill();
        await seconds(clock, 7);
        network.attempts = 'accept';
      }
      await seconds(clock, 30);
    },
  },
  'a user that sends, and closes during a heartbeat': {
    options: { pingTimeout: 7000, pongTimeout: 3000, reconnectTimeout: 500, pingMsg: 'beat' },
    play: async ({ clock, network, session }) => {
      await seconds(clock, 3);
      session().send('one');
      network.answer = () => {};
      await seconds(clock, 6);
      session().send('two');
      await seconds(clock, 2);
      session().close();
      await seconds(clock, 60);
    },
  },
};

const BEGIN = {
  'mini-program': {
    original: () => original('websocket-heartbeat-miniprogram'),
    ours: setup => setup.WebsocketHeartbeat,
    begin(factory, setup, options) {
      let session;
      factory({
        miniprogram: platform(setup.network), connectSocketParams: { url: URL_A }, ...options,
      }).then(task => { session = { send: data => task.send({ data }), close: () => task.close({}) }; });
      return () => session;
    },
  },
  browser: {
    original: () => original('websocket-heartbeat-js'),
    ours: setup => setup.WebsocketHeartbeatJs,
    begin(Class, setup, options) {
      // The original reads the global.
      const { WebSocket } = globalThis;
      globalThis.WebSocket = webSocketClass(setup.network);
      setup.restore = () => { globalThis.WebSocket = WebSocket; };
      const session = new Class({ url: URL_A, ...options });
      return () => session;
    },
  },
};

async function trace(kind, whose, { options = {}, attempts = 'accept', play }) {
  const setup = new Setup();
  const { clock, network } = setup;
  Object.assign(network, { latency: 0, attempts });
  try {
    const session = kind.begin(kind[whose](setup), setup, options);
    await play({ clock, network, session });
    return network.log;
  } finally {
    if (setup.restore) setup.restore();
    assert.deepEqual(setup.stop(), [], whose);
  }
}

for (const [name, kind] of Object.entries(BEGIN)) {
  for (const [words, scenario] of Object.entries(SCENARIOS)) {
    test(`${name}: ${words}`, async () => {
      const script = typeof scenario === 'function' ? { play: scenario } : scenario;
      const expected = await trace(kind, 'original', script);
      assert.ok(expected.length > 3, 'the scenario shows nothing');
      assert.deepEqual(await trace(kind, 'ours', script), expected);
    });
  }
}
