// The entry `./wasm`: every kind of source, both shapes of results, and clear errors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { load } from 'websocket-heartbeat/wasm';
import { webSocketClass } from './fakes/browser.js';
import { Clock } from './fakes/clock.js';
import { recordHooks } from './fakes/hooks.js';
import { MemoryNetwork } from './fakes/network.js';
import { wechat } from './fakes/platforms.js';

const bytes = readFileSync(new URL('../dist/core.wasm', import.meta.url));
const PATH = '/miniprogram_npm/websocket-heartbeat/core.wasm.br';

let clock;
let network;
beforeEach(() => {
  clock = new Clock().install();
  network = new MemoryNetwork();
});
afterEach(() => {
  clock.uninstall();
  assert.deepEqual(clock.uncaught, []);
});

/** Opens a connection by each of the drop-ins. */
async function works({ WebsocketHeartbeat, WebsocketHeartbeatJs }) {
  const heartbeat = new WebsocketHeartbeatJs({ url: 'ws://server/', WebSocket: webSocketClass(network) });
  const hooks = [recordHooks(heartbeat)];
  WebsocketHeartbeat({ miniprogram: wechat(network).platform, connectSocketParams: { url: 'ws://server/' } })
    .then(task => hooks.push(recordHooks(task)));
  await clock.advance(200);
  assert.deepEqual(hooks.map(calls => calls.names()), [['onopen'], ['onOpen']]);
}

const array = () => new Uint8Array(bytes).buffer;
const SOURCES = {
  'a Buffer': () => bytes,
  'an ArrayBuffer': array,
  'a module': () => new WebAssembly.Module(bytes),
  'a Response': () => new Response(array()),
};
for (const [name, source] of Object.entries(SOURCES)) {
  test(`loads ${name}`, async () => works(await load(source())));
}

test('loads a url by fetch', async () => {
  const { fetch } = globalThis;
  const urls = [];
  globalThis.fetch = async url => {
    urls.push(url);
    return new Response(array());
  };
  try {
    await works(await load('/core.wasm'));
    await works(await load(new URL('http://localhost/core.wasm')));
  } finally {
    globalThis.fetch = fetch;
  }
  assert.deepEqual(urls, ['/core.wasm', 'http://localhost/core.wasm']);
});

test('an engine that takes a path may resolve to either shape', async () => {
  const paths = [];
  const compiled = imports => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  const shapes = [imports => compiled(imports), imports => ({ instance: compiled(imports) })];
  for (const shape of shapes) {
    await works(await load(PATH, {
      instantiate: async (path, imports) => {
        paths.push(path);
        return shape(imports);
      },
    }));
  }
  assert.deepEqual(paths, [PATH, PATH]);
});

test('a status other than success is an error', async () => {
  await assert.rejects(load(new Response('gone', { status: 404 })), /status 404/);
});

test('a source of another kind is an error', async () => {
  for (const source of [undefined, null, 7, {}]) await assert.rejects(load(source), TypeError);
  await assert.rejects(load(bytes, { instantiate() {} }), /path/);
  await assert.rejects(load(PATH, {}), /instantiate/);
});

test('WebAssembly that is not the core is an error', async () => {
  await assert.rejects(load(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), /not the core/);
  await assert.rejects(load(new Uint8Array(8)), WebAssembly.CompileError);
});

test('a realm without WebAssembly needs an engine', async () => {
  const { WebAssembly } = globalThis;
  delete globalThis.WebAssembly;
  try {
    await assert.rejects(load(bytes), /no WebAssembly here/);
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
});
