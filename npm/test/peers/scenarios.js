// The scenarios that each layer must survive. They run in Node and in a page.

/** Only ends a test that waits for ever. */
const PATIENCE = 30000;

const HOOKS = ['onOpen', 'onMessage', 'onError', 'onClose', 'onReconnect', 'onEnd'];

/** The task of a session, and the calls of its hooks. `until` goes through them in their order. */
class Recorder {
  constructor(task) {
    this.task = task;
    this.calls = [];
    this.at = 0;
    this.wake = () => {};
    HOOKS.forEach(name => {
      task[name] = argument => {
        this.calls.push([name, argument]);
        this.wake();
      };
    });
  }

  /** Waits for the next call of this hook, and returns its argument. */
  until(hook, wanted = () => true) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${hook} was not called: ${JSON.stringify(this.calls.map(([name]) => name))}`));
      }, PATIENCE);
      this.wake = () => {
        while (this.at < this.calls.length) {
          const [name, argument] = this.calls[this.at++];
          if (name !== hook || !wanted(argument)) continue;
          clearTimeout(timer);
          this.wake = () => {};
          resolve(argument);
          return;
        }
      };
      this.wake();
    });
  }

  async echo(text) {
    this.task.send({ data: text });
    await this.until('onMessage', ({ data }) => data === text);
  }
}

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}

/** Alipay has Base64 text, and a page an ArrayBuffer or a Blob. */
async function bytesOf({ data, isBuffer }) {
  if (isBuffer) return Uint8Array.from(atob(data), character => character.charCodeAt(0));
  return new Uint8Array(typeof data.arrayBuffer === 'function' ? await data.arrayBuffer() : data);
}

/** Without heartbeats while the scenario runs. */
const QUIET = { pingTimeout: 60000, pongTimeout: 60000, reconnectTimeout: 20, minimumGap: 1 };

export const SCENARIOS = [
  {
    name: 'a message is echoed',
    async run({ start, server }) {
      const session = await start(QUIET);
      await session.until('onOpen');
      await session.echo('hello');
      equal(await server('count', 'attempt'), 1, 'attempts');
    },
  },
  {
    name: 'binary data is echoed',
    async run({ start }) {
      const session = await start(QUIET);
      await session.until('onOpen');
      session.task.send({ data: new Uint8Array([1, 2, 255]).buffer });
      equal(String(await bytesOf(await session.until('onMessage'))), '1,2,255', 'bytes');
    },
  },
  {
    name: 'an answered heartbeat keeps the connection',
    async run({ start, server }) {
      const session = await start({ ...QUIET, pingTimeout: 30 });
      await session.until('onMessage', ({ data }) => data === 'heartbeat');
      await session.until('onMessage', ({ data }) => data === 'heartbeat');
      equal(await server('count', 'attempt'), 1, 'attempts');
    },
  },
  {
    name: 'an unanswered heartbeat replaces the connection',
    async run({ start, server }) {
      const session = await start({ ...QUIET, pingTimeout: 30, pongTimeout: 200 });
      await session.until('onOpen');
      await server('mute', true);
      await session.until('onClose');
      equal((await session.until('onReconnect')).cause, 'heartbeat_timeout', 'cause');
      await server('mute', false);
      await session.until('onOpen');
    },
  },
  {
    name: 'a cut connection is replaced',
    async run({ start, server }) {
      const session = await start(QUIET);
      await session.until('onOpen');
      await server('cut');
      await session.until('onClose');
      await session.until('onReconnect');
      await session.until('onOpen');
      await session.echo('again');
    },
  },
  {
    name: 'refused attempts are followed by others',
    async run({ start, server }) {
      await server('refuse', true);
      const session = await start(QUIET);
      await server('seen', 'refused', 3);
      await server('refuse', false);
      await session.until('onError');
      await session.until('onOpen');
      await session.echo('at last');
    },
  },
  {
    name: 'a close of the server is reported, and the connection is replaced',
    async run({ start, layer }) {
      const session = await start(QUIET);
      await session.until('onOpen');
      session.task.send({ data: 'close me' });
      equal((await session.until('onClose')).code, layer.closeCode, 'code');
      await session.until('onOpen');
    },
  },
  {
    name: 'our close ends the session',
    async run({ start, server, layer }) {
      const session = await start(QUIET);
      await session.until('onOpen');
      session.task.close({ code: 4002, reason: 'done' });
      await session.until('onClose');
      equal((await session.until('onEnd')).reason, 'user', 'reason');
      equal(await server('left', 0), layer.sentCode, 'code');
      equal(await server('count', 'attempt'), 1, 'attempts');
    },
  },
  {
    name: 'a close between two attempts ends the session',
    async run({ start, server }) {
      await server('refuse', true);
      const session = await start(QUIET);
      await session.until('onReconnect');
      session.task.close();
      await session.until('onEnd');
    },
  },
];

/**
 * Runs one scenario.
 * @param {object} scenario
 * @param {object} parts
 * @param {object} parts.layer see layers.js
 * @param {object} parts.platform the object of the layer
 * @param {function} parts.WebsocketHeartbeat the factory
 * @param {string} parts.url
 * @param {function} parts.server calls the server: `(name, ...args) => promise`
 */
export async function runScenario(scenario, { layer, platform, WebsocketHeartbeat, url, server }) {
  const sessions = [];
  await server('reset');
  const start = async options => {
    const task = await WebsocketHeartbeat({ miniprogram: platform, connectSocketParams: { url }, ...options });
    sessions.push(new Recorder(task));
    return sessions[sessions.length - 1];
  };
  try {
    await scenario.run({ start, server, layer });
  } finally {
    sessions.forEach(({ task }) => task.close());
  }
  for (const session of sessions) {
    if (!session.calls.some(([name]) => name === 'onEnd')) await session.until('onEnd');
  }
  await server('left', 0);
}
