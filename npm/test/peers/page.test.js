// The mini-program drop-in over the layers of Taro and uni-app for pages, in Chromium.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { hasChromium, openPage } from '../chromium.js';
import { bundlePage } from './bundle.js';
import { SCENARIOS } from './scenarios.js';
import { startServer } from './server.js';

const LAYERS = [
  { name: 'Taro H5', closeCode: 1006, sentCode: 1005 },
  { name: 'uni-app H5', closeCode: 4001, sentCode: 4002 },
];
const CORES = { js: 'JavaScript', wasm: 'WebAssembly' };

// Outside of CI, a missing browser is no failure.
const skip = !hasChromium() && process.env.CI === 'false' && 'Chromium is not installed';
let server;
let page;
before(async () => {
  if (skip) return;
  server = await startServer();
  const { files } = server;
  files.set('/', ['text/html', '<!doctype html><title>peers</title><script src="page.js"></script>']);
  files.set('/page.js', ['text/javascript', await bundlePage()]);
  files.set('/core.wasm', ['application/wasm', await readFile(new URL('../../dist/core.wasm', import.meta.url))]);
  page = await openPage();
  await page.navigate(server.address);
});
after(async () => {
  if (skip) return;
  await page.close();
  await server.stop();
});

for (const layer of LAYERS) {
  for (const [core, title] of Object.entries(CORES)) {
    describe(`${layer.name}, ${title}`, { skip }, () => {
      for (const { name } of SCENARIOS) {
        test(name, { timeout: 60000 }, async () => {
          await page.evaluate(`run(${JSON.stringify(layer)}, ${JSON.stringify(name)}, '${core}')`);
          // Rejections that nothing handled are among these.
          assert.deepEqual(page.uncaught.splice(0), []);
        });
      }
    });
  }
}
