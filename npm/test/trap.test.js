// A trap in the core ends the session aloud. It should never happen, and must not be silent.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Setup } from './fakes/setup.js';

let setup;
beforeEach(() => { setup = new Setup(); });
afterEach(() => assert.deepEqual(setup.stop(), []));

/** From now on each call of the core traps. */
function breakCore() {
  const { runtime } = setup;
  const failing = () => { throw new Error('unreachable'); };
  runtime.attach(new Proxy({}, { get: () => failing }));
}

test('the task ends with the error, and its socket is closed', async () => {
  const { task, hooks } = await setup.task();
  breakCore();
  setup.network.live()[0].push('x');
  await setup.clock.advance(200);
  assert.deepEqual(hooks.names(), ['onOpen', 'onClose', 'onEnd']);
  const [end] = hooks.of('onEnd');
  assert.equal(end.reason, 'core failed');
  assert.match(end.cause.message, /unreachable/);
  assert.equal(setup.network.live().length, 0);
  assert.equal(setup.clock.timers.size, 0);

  const outcomes = [];
  assert.equal(task.send({ data: 'y', fail: () => outcomes.push('fail') }), false);
  task.close({ success: () => outcomes.push('closed') });
  task.reconnect();
  await setup.clock.advance(60000);
  assert.deepEqual(outcomes, ['fail', 'closed']);
});

test('the class ends with the error', async () => {
  const { heartbeat, hooks } = await setup.browser();
  breakCore();
  heartbeat.send('x');
  await setup.clock.advance(200);
  assert.deepEqual(hooks.names(), ['onopen', 'onunsent', 'onclose', 'onend']);
  assert.deepEqual(hooks.of('onunsent'), [{ data: 'x', fate: 'unknown' }]);
  assert.equal(hooks.of('onend')[0].reason, 'core failed');
  assert.equal(heartbeat.send('y'), false);
  heartbeat.close();
});
