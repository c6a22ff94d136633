// The types of the package with the typings of the platforms, as a strict program sees them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CAUSES, CORE_FAILED, REASONS } from '../src/runtime.js';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const folder = fileURLToPath(new URL('..', import.meta.url));
const STRICT = [
  '--strict', '--exactOptionalPropertyTypes', '--noEmit', '--target', 'es2020', '--module', 'node16', '--types', '', '--lib', 'es2020,dom',
];

function tsc(...args) {
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  return run(process.execPath, [compiler, ...STRICT, ...args], { cwd: folder }).catch(error => {
    throw new Error(error.stdout || error.message);
  });
}

// The typings of the platforms have errors of their own, and each is alone: their names collide.
for (const [platform, typings] of Object.entries({
  wx: 'miniprogram-api-typings', my: '@mini-types/my', tt: '@douyin-microapp/typings', uni: '@dcloudio/types', taro: '@tarojs/taro',
})) {
  test(`the task has the types of ${typings}`, async t => {
    if (!isInstalled(typings)) {
      t.skip(`${typings} is not installed`);
      return;
    }
    await tsc('--skipLibCheck', `test/types/${platform}.ts`);
  });
}

test('the class and the loader have their types, and ours have no error', () => tsc('test/types/browser.ts', 'test/types/wasm.ts'));

test('the types name every cause and reason, and no other', async () => {
  const types = await readFile(path.join(folder, 'types/common.d.ts'), 'utf8');
  const names = (from, to) => types.slice(types.indexOf(from), types.indexOf(to, types.indexOf(from))).match(/'[^']+'/g).map(name => name.slice(1, -1));
  assert.deepEqual(names('export type Cause', ';'), CAUSES);
  assert.deepEqual(names('export interface End', ';'), [...REASONS, CORE_FAILED]);
});

function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch (error) {
    return error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
  }
}
