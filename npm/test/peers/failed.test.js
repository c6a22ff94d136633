// Attempts that fail at the times of phones, on a virtual clock: after `success`, before the layer has
// handed the task over, not at all, or too late.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { recordHooks } from '../fakes/hooks.js';
import { original } from '../fakes/originals.js';
import { Setup, URL_A } from '../fakes/setup.js';
import { LAYERS } from './layers.js';

let setup;
let clock;
let network;
beforeEach(() => {
  setup = new Setup();
  ({ clock, network } = setup);
  network.attempts = 'refuse';
});

/** The platform calls `success` so much later. */
const lateSuccess = millis => platform => ({
  ...platform,
  connectSocket: params => platform.connectSocket({
    ...params, success(result) { setTimeout(() => params.success && params.success(result), millis); },
  }),
});

async function start(platform, factory = setup.WebsocketHeartbeat) {
  const session = { task: null, hooks: null };
  factory({ miniprogram: platform, connectSocketParams: { url: URL_A } }).then(task => {
    session.task = task;
    session.hooks = recordHooks(task);
  }, () => {});
  await clock.advance(1000);
  return session;
}

async function assertRecovery({ task, hooks }) {
  assert.deepEqual(hooks.names(), ['onError', 'onClose', 'onReconnect']);
  network.attempts = 'accept';
  await clock.advance(5000);
  assert.equal(hooks.names().pop(), 'onOpen');
  task.send({ data: 'hello' });
  await clock.advance(1000);
  assert.equal(hooks.of('onMessage')[0].data, 'hello');
  task.close();
  await clock.advance(1000);
  assert.equal(hooks.names().pop(), 'onEnd');
  assert.equal(network.live().length, 0);
}

describe('the drop-in', () => {
  afterEach(() => assert.deepEqual(setup.stop(), []));
  for (const layer of LAYERS) {
    test(`${layer.name}: a refusal after success is followed by other attempts`, async () => {
      network.latency = 300;
      await assertRecovery(await start(layer.make(network)));
    });

    test(`${layer.name}: an attempt without an answer is given up`, async () => {
      network.attempts = 'silence';
      const session = await start(layer.make(network));
      await clock.advance(9500);
      await assertRecovery(session);
    });

    test(`${layer.name}: a socket that opens after its attempt was given up is closed`, async () => {
      network.attempts = 'accept';
      network.latency = 12000;
      const { task, hooks } = await start(layer.make(network));
      network.latency = 10;
      await clock.advance(15000);
      assert.deepEqual(hooks.names(), ['onError', 'onClose', 'onReconnect', 'onOpen']);
      assert.equal(network.live().length, 1);
      task.close();
      await clock.advance(1000);
      assert.equal(network.live().length, 0);
    });

    if (!layer.phone) continue;
    test(`${layer.name}: a refusal before success is followed by other attempts`, async () => {
      await assertRecovery(await start(layer.make(network, lateSuccess(200))));
    });
  }
});

describe('the original', () => {
  afterEach(() => setup.stop());
  test('Taro in WeChat: a refusal before success is the end', async () => {
    const { make } = LAYERS.find(({ name }) => name === 'Taro in WeChat');
    const { hooks } = await start(make(network, lateSuccess(200)), original('websocket-heartbeat-miniprogram'));
    network.attempts = 'accept';
    await clock.advance(3600000);
    assert.deepEqual(hooks.names(), []);
    assert.equal(network.seen('dial').length, 1);
  });
});
