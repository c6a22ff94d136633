// Random faults and random calls, on a virtual clock. Rules that hold for every course of a session.
//
// CHAOS_SEEDS is the number of sessions, CHAOS_SEED runs one of them again and prints it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alipay, CALLBACK_DELAY, taro, uni, wechat } from './fakes/platforms.js';
import { recordHooks } from './fakes/hooks.js';
import { Setup, URL_A } from './fakes/setup.js';
import { webSocketClass } from './fakes/browser.js';

const one = process.env.CHAOS_SEED;
const seeds = one ? [Number(one)] : Array.from({ length: Number(process.env.CHAOS_SEEDS) || 40 }, (_, at) => at + 1);
const HEALING = 300000;

/** Numbers from 0 to 1, the same for a seed. */
function randomFrom(seed) {
  let state = seed * 2654435761 >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const PLATFORMS = {
  wechat, taro, uni, alipay,
  'alipay, one socket': network => alipay(network, { multiple: false }),
  browser: null,
};

/** The order of hooks: `onopen` is between the end of one connection and the end of the next. */
function checkOrder(names) {
  let open = false;
  let previous = '';
  for (const name of names) {
    assert.notEqual(previous, 'onend', 'nothing follows the end');
    if (name === 'onopen') {
      assert.ok(!open, 'two opens without an end between them');
      open = true;
    } else if (name === 'onmessage') assert.ok(open, 'a message without a connection');
    else if (name === 'onclose') open = false;
    else if (name === 'onreconnect') assert.equal(previous, 'onclose', 'a reconnect without an end');
    // A message that comes back may come at any time.
    if (name !== 'onunsent') previous = name;
  }
}

/** Closes the session in a hook. Returns an object whose `calls` is the number of hooks until then. */
function closeInHook(task, hooks, suffix, count) {
  const closing = { calls: Infinity };
  const name = Object.keys(task).find(key => key.toLowerCase() === `on${suffix}`);
  const record = task[name];
  task[name] = argument => {
    record(argument);
    if (hooks.of(name).length !== count) return;
    closing.calls = hooks.length;
    task.close();
  };
  return closing;
}

async function runSession(seed) {
  const setup = new Setup();
  const { clock, network } = setup;
  const random = randomFrom(seed);
  // The core draws its delays from it.
  const { random: real } = Math;
  Math.random = randomFrom(~seed);
  const below = count => Math.floor(random() * count);
  const pick = list => list[below(list.length)];
  const shape = pick(Object.keys(PLATFORMS));
  const options = {
    keep: pick([undefined, true, 3]), backoff: pick([undefined, true]), connectTimeout: pick([undefined, 500]),
    stableAfter: pick([undefined, 3000]), maxAge: pick([undefined, 90000]), maxMissed: pick([undefined, 1]),
  };
  const steps = [];
  const outcomes = new Map();
  let task;
  let hooks;
  let fake = null;
  let closing = { calls: Infinity };

  function check() {
    // An abandoned attempt may still open. It is closed when the platform reports that.
    const live = network.live().filter(socket => clock.now > socket.openedAt + CALLBACK_DELAY);
    assert.ok(live.length <= 1, 'two connections');
    const names = hooks ? hooks.names().map(name => name.toLowerCase()) : [];
    checkOrder(names);
    const later = names.slice(closing.calls).filter(name => name !== 'onmessage' && name !== 'onunsent');
    assert.ok(['', 'onclose', 'onend', 'onclose,onend'].includes(later.join()), `after close: ${later}`);
  }
  function send() {
    const number = outcomes.size;
    outcomes.set(number, []);
    const note = outcome => outcomes.get(number).push(outcome);
    if (fake) task.send({ data: `message ${number}`, success: () => note('success'), fail: () => note('fail') });
    else if (!task.send(`message ${number}`)) note('refused');
  }
  const STEPS = {
    send,
    kill: () => network.kill(),
    cut: () => { network.cut = true; },
    heal: () => { network.cut = false; network.attempts = 'accept'; network.answer = echo; },
    refuse: () => { network.attempts = 'refuse'; },
    silence: () => { network.attempts = 'silence'; },
    mute: () => { network.answer = () => {}; },
    close: () => network.closeAll(pick([1000, 1001, 4000])),
    push: () => network.live().forEach(socket => socket.push('news')),
    slow: () => { network.latency = pick([1, 10, 200, 3000]); },
    reconnect: () => task.reconnect(),
    suspend: () => clock.suspend(below(120000)),
    show: () => { if (fake) fake.life.emit('AppShow'); },
    network: () => { if (fake) fake.life.emit('NetworkStatusChange', { isConnected: random() < 0.5 }); },
  };
  const echo = network.answer;

  try {
    if (shape === 'browser') {
      task = new setup.WebsocketHeartbeatJs({ url: URL_A, WebSocket: webSocketClass(network), ...options });
      hooks = recordHooks(task);
    } else {
      fake = PLATFORMS[shape](network);
      setup.WebsocketHeartbeat({ miniprogram: fake.platform, connectSocketParams: { url: URL_A }, ...options })
        .then(made => { task = made; hooks = recordHooks(task); });
      if (random() < 0.3) network.attempts = pick(['refuse', 'silence']);
      await clock.advance(11000);
    }
    if (random() < 0.3) closing = closeInHook(task, hooks, pick(['open', 'message', 'error', 'close', 'reconnect']), 1 + below(3));
    for (let count = 0; count < 40; count++) {
      const step = pick(Object.keys(STEPS));
      steps.push(`${clock.now} ${step}`);
      STEPS[step]();
      check();
      await clock.advance(pick([0, 1, 15, 300, 2500, 16000, 40000]));
      check();
    }
    network.latency = 10;
    STEPS.heal();
    await clock.advance(HEALING);
    check();
    assert.equal(network.live().length, closing.calls < Infinity ? 0 : 1, 'the connection of a healthy network');
    const before = network.seen('dial').length;
    if (random() < 0.5) network.cut = true;
    steps.push(`${clock.now} end`);
    task.close();
    assert.equal(task.forbidReconnect, true);
    await clock.advance(HEALING);
    check();
    assert.equal(network.seen('dial').length, before, 'an attempt after close');
    assert.equal(hooks.names().at(-1).toLowerCase(), 'onend');
    assert.equal(clock.timers.size, 0, 'a timer after the end');
    assert.equal(network.cut ? 0 : network.live().length, 0, 'a connection after the end');
    if (fake) outcomes.forEach((all, number) => assert.equal(all.length, 1, `message ${number}: ${all}`));
    if (fake) assert.equal(fake.life.count(), 0, 'a listener after the end');
  } catch (error) {
    if (one) console.log(shape, options, steps.join('\n'), hooks);
    error.message = `seed ${seed}, ${shape}: ${error.message}`;
    throw error;
  } finally {
    Math.random = real;
    const uncaught = setup.stop();
    assert.deepEqual(uncaught, [], `seed ${seed}`);
  }
}

test(`${seeds.length} random sessions keep the rules`, async () => {
  for (const seed of seeds) await runSession(seed);
});
