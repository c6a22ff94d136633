// The types of the package with the typings of the platforms, as a strict program sees them.
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

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

function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch (error) {
    return error.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
  }
}
