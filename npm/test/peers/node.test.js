// The mini-program drop-in over the layers of Taro and uni-app in Node, with a real server.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { createFactory } from '../../src/task.js';
import { loadRuntime } from '../fakes/core.js';
import { WsNetwork } from '../fakes/network.js';
import { LAYERS } from './layers.js';
import { SCENARIOS, runScenario } from './scenarios.js';
import { startServer } from './server.js';

const runtime = loadRuntime();
const WebsocketHeartbeat = createFactory(() => runtime);
const network = new WsNetwork(WebSocket);
const unhandled = [];
process.on('unhandledRejection', reason => unhandled.push(reason));

for (const layer of LAYERS) {
  describe(layer.name, () => {
    const platform = layer.make(network);
    let server;
    before(async () => { server = await startServer(); });
    after(() => server.stop());
    for (const scenario of SCENARIOS) {
      test(scenario.name, { timeout: 60000 }, async () => {
        await runScenario(scenario, {
          layer, platform, WebsocketHeartbeat, url: server.url, server: async (name, ...args) => server[name](...args),
        });
        assert.deepEqual(unhandled.splice(0), []);
      });
    }
  });
}
