// The one file for mini-programs in a realm like that of a phone: without globalThis, WebAssembly,
// BigInt, performance, TextDecoder, Intl, and also without a just-in-time compiler.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { test } from 'node:test';
import { Clock } from './fakes/clock.js';
import { MemoryNetwork } from './fakes/network.js';
import { wechat } from './fakes/platforms.js';

const MISSING = [
  'WebAssembly', 'BigInt', 'BigInt64Array', 'BigUint64Array', 'FinalizationRegistry', 'WeakRef',
  'SharedArrayBuffer', 'Atomics', 'Intl', 'escape', 'unescape', 'globalThis',
];
const NOT_OF_THE_LANGUAGE = ['performance', 'TextDecoder', 'TextEncoder', 'window', 'self', 'URL', 'queueMicrotask', 'crypto'];

/** Runs the file as a CommonJS module and returns its exports. */
function runInBareRealm(file) {
  const context = vm.createContext(Object.create(null));
  vm.runInContext(MISSING.map(name => `delete this.${name};`).join(''), context);
  for (const name of [...MISSING, ...NOT_OF_THE_LANGUAGE]) {
    assert.equal(vm.runInContext(`typeof ${name}`, context), 'undefined', name);
  }
  const module = { exports: {} };
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  // The timers and the clock of the test. Everything else is of the realm.
  vm.runInContext(`(function (module, exports, setTimeout, clearTimeout, Date) {${source}\n})`, context)(
    module, module.exports,
    (f, delay) => setTimeout(f, delay), id => clearTimeout(id), { now: () => Date.now() },
  );
  return module.exports;
}

test('a session opens, sends, beats, is lost, recovers and closes', async () => {
  const clock = new Clock().install();
  try {
    const network = new MemoryNetwork();
    const WebsocketHeartbeat = runInBareRealm('../miniprogram_dist/index.js').default;
    const calls = [];
    let task;
    WebsocketHeartbeat({
      miniprogram: wechat(network).platform, connectSocketParams: { url: 'ws://server/' },
      keep: true, backoff: true, pingTimeout: 1000, pongTimeout: 500,
    }).then(made => {
      task = made;
      task.onOpen = () => calls.push('open');
      task.onMessage = ({ data }) => calls.push(data);
      task.onClose = () => {
        calls.push('close');
        network.cut = false; // The delay of the next attempt is random, and may be short.
      };
      task.onEnd = ({ reason }) => calls.push(reason);
      task.send({ data: 'kept' });
    });
    await clock.advance(900);
    assert.deepEqual(calls, ['open', 'kept']);
    await clock.advance(300);
    assert.deepEqual(calls.splice(0), ['open', 'kept', 'heartbeat']);
    network.cut = true;
    await clock.advance(4600);
    assert.deepEqual(calls.splice(0, 2), ['close', 'open']);
    task.close();
    await clock.advance(1000);
    assert.deepEqual(calls.slice(-2), ['close', 'user']);
    assert.deepEqual(clock.uncaught, []);
    assert.equal(clock.timers.size, 0);
  } finally {
    clock.uninstall();
  }
});

test('the same without a just-in-time compiler', { skip: process.execArgv.includes('--jitless') }, async () => {
  const file = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, ['--jitless', '--test-reporter=tap', file], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  assert.match(stdout, /^ok 1 - a session opens/m);
});
