// The package as its users get it: the built entries, their exports and their types.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { publint } from 'publint';
import { alipay, wechat } from './fakes/platforms.js';
import { recordHooks } from './fakes/hooks.js';
import { Setup, URL_A, URL_B } from './fakes/setup.js';

const require = createRequire(import.meta.url);
const run = promisify(execFile);
const folder = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));

test('publint has no message', async () => {
  const { messages } = await publint({ pkgDir: folder, level: 'suggestion' });
  assert.deepEqual(messages, []);
});

test('the types are found from ES modules, CommonJS and bundlers', async () => {
  const temporary = await mkdtemp(path.join(os.tmpdir(), 'pack-'));
  try {
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', temporary], { cwd: folder });
    const archive = path.join(temporary, JSON.parse(stdout)[0].filename);
    const attw = path.join(folder, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    // Before `exports`, node10 found no entry but the first.
    await run(process.execPath, [attw, archive, '--profile', 'node16', '--exclude-entrypoints', 'core.wasm'], { cwd: folder });
  } catch (error) {
    throw new Error(error.stdout || error.message);
  } finally {
    await rm(temporary, { recursive: true });
  }
});

test('both module formats of each entry have the same exports', async () => {
  for (const entry of ['websocket-heartbeat', 'websocket-heartbeat/browser', 'websocket-heartbeat/wasm']) {
    const names = Object.keys(await import(entry)).sort();
    assert.deepEqual(Object.keys(require(entry)).sort(), names, entry);
  }
  assert.equal(typeof require('websocket-heartbeat').default, 'function');
  assert.equal(typeof require('websocket-heartbeat/browser').default, 'function');
});

test('the package has no dependency', () => {
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
});

test('an import that is not used adds nothing to a bundle', async () => {
  const { outputFiles } = await build({
    stdin: { contents: "import A from 'websocket-heartbeat'; import B from 'websocket-heartbeat/browser'; console.log(1)", resolveDir: folder },
    bundle: true, minify: true, write: false, format: 'esm', platform: 'neutral',
  });
  assert.ok(outputFiles[0].text.length < 100, outputFiles[0].text.slice(0, 200));
});

test('the readme states the sizes', async () => {
  const readme = await readFile(path.join(folder, 'README.md'), 'utf8');
  const sizes = {
    '`websocket-heartbeat`': ['core.js', 'miniprogram.js'],
    '`websocket-heartbeat/browser`': ['core.js', 'browser.js'],
    '`websocket-heartbeat/wasm` and `core.wasm`': ['core.wasm', 'wasm.js'],
  };
  for (const [entry, files] of Object.entries(sizes)) {
    const stated = Number(readme.split(`| ${entry} | `)[1].match(/^(\d+) KB/)[1]);
    const parts = await Promise.all(files.map(file => readFile(path.join(folder, 'dist', file))));
    const actual = parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0) / 1000;
    assert.ok(stated >= actual && stated <= actual * 1.1, `${entry} has ${actual.toFixed(1)} KB`);
  }
});

test('two copies of the package on one page do not meet', async () => {
  const setup = new Setup();
  const { clock, network } = setup;
  try {
    const copies = [
      (await import('../dist/miniprogram.js?copy=1')).default,
      (await import('../dist/miniprogram.js?copy=2')).default,
      require('../dist/miniprogram.cjs').default,
    ];
    for (const platform of [wechat, alipay]) {
      const fake = platform(network);
      const sessions = [];
      for (const [at, factory] of copies.entries()) {
        factory({ miniprogram: fake.platform, connectSocketParams: { url: at === 0 ? URL_A : URL_B } })
          .then(task => sessions.push({ task, hooks: recordHooks(task) }));
      }
      await clock.advance(100);
      sessions[0].task.send({ data: 'mine' });
      sessions[1].task.close();
      await clock.advance(100);
      assert.deepEqual(sessions.map(({ hooks }) => hooks.names()), [
        ['onOpen', 'onMessage'], ['onOpen', 'onClose', 'onEnd'], ['onOpen'],
      ]);
      sessions.forEach(({ task }) => task.close());
      await clock.advance(100);
    }
  } finally {
    assert.deepEqual(setup.stop(), []);
  }
});
