// Both drop-ins in Node, over real sockets of the npm package `ws`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { createClass } from '../src/browser-class.js';
import { createFactory } from '../src/task.js';
import { loadRuntime } from './fakes/core.js';
import { WsNetwork } from './fakes/network.js';
import { alipay, taro, wechat } from './fakes/platforms.js';

/** A server that echoes, until it is told to be silent. */
async function serve(port = 0) {
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  server.silent = false;
  server.on('connection', ws => {
    ws.on('error', () => {});
    ws.on('message', (data, binary) => {
      if (String(data) === 'close me') ws.close(4001, 'as asked');
      else if (!server.silent) ws.send(data, { binary });
    });
  });
  await once(server, 'listening');
  return server;
}

function stop(server) {
  server.clients.forEach(ws => ws.terminate());
  return new Promise(done => server.close(done));
}

/** Waits for the next call of a hook. */
const next = (target, name) => new Promise(done => {
  target[name] = event => { target[name] = () => {}; done(event); };
});

const runtime = loadRuntime();
const FAST = { pingTimeout: 100, pongTimeout: 200, reconnectTimeout: 50 };
let server;
let url;
before(async () => {
  server = await serve();
  url = `ws://127.0.0.1:${server.address().port}/`;
});
after(() => stop(server));

test('the class survives a cut, silence, a close and a restart of the server', async () => {
  const Heartbeat = createClass(() => runtime);
  const heartbeat = new Heartbeat({ url, WebSocket, binaryType: 'arraybuffer', ...FAST });
  const opened = () => next(heartbeat, 'onopen');
  await opened();

  const message = next(heartbeat, 'onmessage');
  heartbeat.send(new Uint8Array([1, 2, 3]));
  assert.deepEqual([...new Uint8Array((await message).data)], [1, 2, 3]);
  assert.equal((await next(heartbeat, 'onmessage')).data, 'heartbeat');

  server.clients.forEach(ws => ws.terminate());
  await opened();

  server.silent = true;
  assert.equal((await next(heartbeat, 'onreconnect')).cause, 'heartbeat_timeout');
  server.silent = false;
  await opened();

  heartbeat.send('close me');
  assert.equal((await next(heartbeat, 'onclose')).code, 4001);
  await opened();

  const { port } = server.address();
  const lost = next(heartbeat, 'onclose');
  await stop(server);
  await lost;
  await next(heartbeat, 'onerror');
  server = await serve(port);
  await opened();

  const [ws] = server.clients;
  const closed = once(ws, 'close');
  const ended = next(heartbeat, 'onend');
  heartbeat.close(4002, 'done');
  assert.deepEqual(await ended, { reason: 'user', cause: null });
  assert.equal((await closed)[0], 4002);
});

describe('the task survives a cut and silence', () => {
  for (const platform of [wechat, taro, alipay]) {
    test(platform.name, async () => {
      const fake = platform(new WsNetwork(WebSocket));
      const task = await createFactory(() => runtime)({
        miniprogram: fake.platform, connectSocketParams: { url }, ...FAST,
      });
      const opened = () => next(task, 'onOpen');
      await opened();
      assert.equal((await next(task, 'onMessage')).data, 'heartbeat');
      server.clients.forEach(ws => ws.terminate());
      await opened();
      server.silent = true;
      assert.equal((await next(task, 'onReconnect')).cause, 'heartbeat_timeout');
      server.silent = false;
      await opened();
      const ended = next(task, 'onEnd');
      task.close();
      await ended;
    });
  }
});
