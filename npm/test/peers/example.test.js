// The example project with the package, as WeChat's own tool packs it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import { Setup, URL_A } from '../fakes/setup.js';
import { wechat } from '../fakes/platforms.js';

const require = createRequire(import.meta.url);
const npm = fileURLToPath(new URL('../..', import.meta.url));
let project;
let packed;

/** Copies the example, installs the package there as npm does, and builds its npm packages. */
before(async () => {
  project = mkdtempSync(path.join(os.tmpdir(), 'example-'));
  cpSync(path.join(npm, 'example'), project, { recursive: true });
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', project], { cwd: npm }));
  const installed = path.join(project, 'node_modules/websocket-heartbeat');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(project, filename), '-C', installed, '--strip-components', '1']);
  packed = path.join(project, 'miniprogram_npm/websocket-heartbeat');

  const ci = require('miniprogram-ci');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateKeyPath = path.join(project, 'key.pem');
  writeFileSync(privateKeyPath, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  const settings = JSON.parse(readFileSync(path.join(project, 'project.config.json')));
  const warnings = await ci.packNpm(new ci.Project({
    appid: settings.appid, type: 'miniProgram', projectPath: project, privateKeyPath, ignores: ['node_modules/**/*'],
  }));
  assert.deepEqual(warnings, []);
});
after(() => rmSync(project, { recursive: true }));

test('the package is packed with its WebAssembly', () => {
  assert.deepEqual(readdirSync(packed).sort(), ['core.wasm', 'core.wasm.br', 'index.js', 'wasm.js']);
  for (const name of ['index.js', 'wasm.js', 'core.wasm']) {
    assert.deepEqual(readFileSync(path.join(packed, name)), readFileSync(path.join(npm, 'miniprogram_dist', name)));
  }
  const core = readFileSync(path.join(packed, 'core.wasm'));
  assert.deepEqual(brotliDecompressSync(readFileSync(path.join(packed, 'core.wasm.br'))), core);
});

/** Runs a CommonJS script with the globals of a mini-program. */
function runScript(file, globals) {
  const { code } = transformSync(readFileSync(file, 'utf8'), { format: 'cjs' });
  const module = { exports: {} };
  const requirePacked = name => runScript(path.join(project, 'miniprogram_npm', name, 'index.js'), globals);
  new Function('module', 'exports', 'require', ...Object.keys(globals), code)(
    module, module.exports, requirePacked, ...Object.values(globals),
  );
  return module.exports;
}

/** Opens the page of the example over the fake of WeChat. */
function openPage(fake) {
  let page;
  const connectSocket = params => fake.platform.connectSocket({ ...params, url: URL_A });
  runScript(path.join(project, 'pages/feed/feed.js'), {
    wx: { ...fake.platform, connectSocket },
    Page(definition) {
      page = Object.assign({}, definition, {
        data: { ...definition.data },
        setData(changes) { Object.assign(page.data, changes); },
      });
    },
  });
  page.onLoad();
  return page;
}

test('the page shows the session, which survives a lost connection', async () => {
  const setup = new Setup();
  const { clock, network } = setup;
  try {
    const page = openPage(wechat(network));
    assert.equal(page.data.state, 'connecting');
    await clock.advance(100);
    assert.equal(page.data.state, 'open');

    network.attempts = 'refuse';
    network.kill();
    await clock.advance(100);
    assert.equal(page.data.state, 'waiting');
    assert.match(page.data.detail, /^attempt \d+ in \d+ ms: /);
    page.send();

    network.attempts = 'accept';
    await clock.advance(60000);
    assert.equal(page.data.state, 'open');
    const texts = page.data.messages.map(({ text }) => text);
    assert.match(texts[texts.length - 1], /^\d{4}-\d\d-\d\dT/);

    page.onUnload();
    await clock.advance(1000);
    assert.equal(network.live().length, 0);
  } finally {
    assert.deepEqual(setup.stop(), []);
  }
});

test('a page that is left at once leaves no session', async () => {
  const setup = new Setup();
  const { clock, network } = setup;
  try {
    const page = openPage(wechat(network));
    page.onUnload();
    await clock.advance(60000);
    assert.equal(network.live().length, 0);
    assert.equal(network.seen('dial').length, 1);
  } finally {
    assert.deepEqual(setup.stop(), []);
  }
});

test('the packed WebAssembly is loaded by its path in the code package', async () => {
  // In the form of WXWebAssembly: only a path of the code package, and compressed files by their name.
  const engine = {
    async instantiate(file, imports) {
      assert.match(file, /^\/.*\.wasm(\.br)?$/);
      const bytes = readFileSync(path.join(project, file));
      return WebAssembly.instantiate(file.endsWith('.br') ? brotliDecompressSync(bytes) : bytes, imports);
    },
  };
  const { load } = runScript(path.join(packed, 'wasm.js'), {});
  const { WebsocketHeartbeat } = await load('/miniprogram_npm/websocket-heartbeat/core.wasm.br', engine);
  const setup = new Setup();
  setup.WebsocketHeartbeat = WebsocketHeartbeat;
  try {
    const { task, hooks } = await setup.task();
    task.close();
    await setup.clock.advance(1000);
    assert.deepEqual(hooks.names(), ['onOpen', 'onClose', 'onEnd']);
  } finally {
    assert.deepEqual(setup.stop(), []);
  }
});
