// All that a page needs to run the scenarios: `run(layer, scenario, core)`.
import { connectSocket as taro } from '@tarojs/taro-h5/dist/api/network/websocket/index.js';
import { connectSocket as uni } from '@dcloudio/uni-h5/dist/uni-h5.es.js';
import WebsocketHeartbeat from '../../../dist/miniprogram.js';
import { load } from '../../../dist/wasm.js';
import { SCENARIOS, runScenario } from '../scenarios.js';

const PLATFORMS = { 'Taro H5': { connectSocket: taro }, 'uni-app H5': { connectSocket: uni } };
const FACTORIES = {
  js: Promise.resolve(WebsocketHeartbeat),
  wasm: load('/core.wasm').then(made => made.WebsocketHeartbeat),
};

async function server(...call) {
  const answer = await fetch(`/call?${encodeURIComponent(JSON.stringify(call))}`);
  return answer.json();
}

globalThis.run = async (layer, scenario, core) => runScenario(SCENARIOS.find(({ name }) => name === scenario), {
  layer,
  platform: PLATFORMS[layer.name],
  WebsocketHeartbeat: await FACTORIES[core],
  url: location.href.replace('http', 'ws'),
  server,
});
