// The delays of each page load are other ones. Otherwise all clients of a server would return to it
// at the same moments.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { test } from 'node:test';

const PAGE = `
import { loadRuntime } from './fakes/core.js';
import { Session } from '../src/runtime.js';

const delays = [];
for (let n = 0; n < 4; n++) {
  let connection;
  const session = new Session(loadRuntime(), { exponential: true, cap: 30000 }, made => {
    connection = made;
    return { abandon() {} };
  }, { retry: ({ delay }) => delays.push(delay) });
  session.start();
  connection.failed(new Error('refused'));
  session.command('abort');
}
console.log(JSON.stringify(delays));
`;

/** The delays that a new process draws. */
async function loadPage() {
  const args = ['--input-type=module', '--eval', PAGE];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname });
  return JSON.parse(stdout);
}

test('two page loads and their sessions draw different delays', async () => {
  const delays = (await Promise.all([loadPage(), loadPage()])).flat();
  assert.equal(delays.length, 8);
  assert.equal(new Set(delays).size, 8, String(delays));
  assert.ok(delays.every(delay => delay >= 0 && delay <= 2000), String(delays));
});
