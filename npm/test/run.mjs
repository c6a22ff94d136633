// Builds the package, then runs its tests twice: over the core as JavaScript, and as WebAssembly.
//
//   node test/run.mjs            all of it
//   node test/run.mjs --deep     also the longer tests
//   node test/run.mjs --no-build on the package that is there
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPeers } from './peers/install.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);

function run(title, command, env) {
  const start = Date.now();
  console.log(`== ${title}`);
  const { status } = spawnSync(process.execPath, command, {
    cwd: path.dirname(folder), stdio: 'inherit', env: { ...process.env, ...env },
  });
  console.log(`-- ${title}: ${Math.round((Date.now() - start) / 1000)} s`);
  if (status !== 0) process.exit(1);
}

const testsIn = place => readdirSync(path.join(folder, place))
  .filter(name => name.endsWith('.test.js')).map(name => path.join('test', place, name));
const tests = testsIn('');
if (installPeers()) tests.push(...testsIn('peers'));
else if (process.env.CI === 'false') console.log('skipped: the tests of test/peers, because its packages could not be installed');
else throw new Error('the packages of test/peers could not be installed');

/** These do not use the core of the environment variable CORE, so they run once. */
const ONCE = ['browser-page', 'package', 'realm', 'sizes', 'types', 'wasm', 'peers/page', 'peers/example']
  .map(name => path.join('test', `${name}.test.js`));

if (!args.includes('--no-build')) run('Build', ['build.mjs']);
run('Tests with JavaScript', ['--test', '--test-reporter=dot', ...tests], { CORE: 'js' });
run('Tests with WebAssembly', ['--test', '--test-reporter=dot', ...tests.filter(file => !ONCE.includes(file))], { CORE: 'wasm' });
if (args.includes('--deep')) {
  for (const CORE of ['js', 'wasm']) {
    run(`Deep tests, ${CORE}`, ['--test', ...testsIn('deep'), 'test/random.test.js'], { CORE, RANDOM_COUNT: '10000' });
  }
  run('Times', ['bench/run.mjs']);
}
